package origin_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
)

func TestCodings(t *testing.T) {
	through := map[string]func(io.Reader) (io.Reader, error){
		"gzip":        func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"deflate":     func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
		"deflate-raw": func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil },
		"gzipbomb":    func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	}
	for name, open := range through {
		sizes := []int{0, 1, 70_000}
		if name == "gzipbomb" {
			sizes = []int{0, 1, 1 << 20, 3<<20 + 5} // its pieces are of 1 MiB
		}
		for _, n := range sizes {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
					resp, body := mustGet(t, c, fmt.Sprintf("%s/%s/%d", s.URL(), name, n), 200)
					if coding := resp.Header.Get("Content-Encoding"); !strings.HasPrefix(name, coding) {
						t.Errorf("Content-Encoding: %s", coding)
					}
					r, err := open(strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					plain, err := io.ReadAll(r)
					want := pattern(n)
					if name == "gzipbomb" {
						want = string(make([]byte, n))
					}
					if err != nil || !bytes.Equal(plain, []byte(want)) {
						t.Errorf("%d bytes came out, %v; want %d", len(plain), err, n)
					}
					if name == "gzipbomb" && len(body) > 100+n/900 {
						t.Errorf("%d bytes on the wire for %d", len(body), n)
					}
				})
			})
		}
	}
}

func TestBadGzip(t *testing.T) {
	tests := []struct {
		path string
		want error
	}{
		{"/badgzip", gzip.ErrHeader},
		{"/badgzip/plain", gzip.ErrHeader},
		{"/badgzip/crc", gzip.ErrChecksum},
		{"/badgzip/cut", io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
			resp, body := mustGet(t, c, s.URL()+tt.path, 200)
			r, err := gzip.NewReader(strings.NewReader(body))
			if err == nil {
				_, err = io.ReadAll(r)
			}
			if !errors.Is(err, tt.want) || resp.Header.Get("Content-Encoding") != "gzip" {
				t.Errorf("%s: %v, want %v", tt.path, err, tt.want)
			}
		})
	}
}
