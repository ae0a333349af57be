package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/bodies"
	"github.com/penstock-go/penstock/internal/origin"
)

// The file of a body that was cut is gone with its record, not when its worker has
// something to do again.
func TestTornBodyLeavesAtOnce(t *testing.T) {
	dir := t.TempDir()
	store, err := bodies.Open(dir, bodies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply {
			return reply{body: strings.Repeat("x", 100_000), bodyErr: syscall.ECONNRESET}
		})
		more, done := make(chan struct{}), make(chan error)
		src := from(func(_ context.Context, i int64) (fetch.Item, error) {
			if i == 0 {
				return fetch.Item{URL: "http://a/"}, nil
			}
			<-more
			return fetch.Item{}, io.EOF
		})
		go func() {
			_, err := fetch.Run(t.Context(), src, newShelf(), fetch.Options{Transport: n, KeepBody: true, Bodies: store})
			done <- err
		}()
		synctest.Wait()
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				t.Errorf("%s is there while nothing is under way", path)
			}
			return err
		})
		close(more)
		if err := errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
	})
}

// Bodies of all sizes go where they belong, in pieces or whole, over either
// transport; one that is cut, or over the limit, leaves no file.
func TestBodiesAsTheyCome(t *testing.T) {
	s, err := origin.Start(origin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	urls := []string{
		"/big/1", "/big/4096", "/big/32767", "/big/32768", "/big/32769", "/big/1000000", "/truncate/1000000", "/chunked/10/10000",
		"/big/3000000", "/item/5",
	}
	for i := range urls {
		urls[i] = s.URL() + urls[i]
	}
	o := fetch.TransportOptions{}
	for name, transport := range map[string]fetch.Options{"std": {Transport: fetch.NewTransport(o)}, "fast": {Transport: fetch.NewFastTransport(o)}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store, err := bodies.Open(dir, bodies.Options{})
			if err != nil {
				t.Fatal(err)
			}
			opts := transport
			opts.KeepBody, opts.Bodies, opts.MaxBody = true, store, 2_000_000
			var out bytes.Buffer
			sink := fetch.NewJSONL(&out, fetch.JSONLOptions{Bodies: store, BodyPath: "here/"})
			sum, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urls)), sink, opts)
			if err = errors.Join(err, sink.Close()); err != nil || sum.Failed != 2 || sum.Classes[fetch.TooLarge] != 1 || sum.Classes[fetch.Reset] != 1 {
				t.Fatalf("%+v, %v", sum, err)
			}
			if n := strings.Count(out.String(), `"body_ref":"here/`); n != len(urls)-2 {
				t.Errorf("%d names in\n%s", n, out.String())
			}
			files := map[int64]int{}
			err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				body, err := os.ReadFile(path)
				files[int64(len(body))]++
				if rel, _ := filepath.Rel(dir, path); filepath.ToSlash(rel) != bodies.Ref(body) {
					t.Errorf("%s holds %s", rel, bodies.Ref(body))
				}
				return err
			})
			if err != nil || files[1_000_000] != 1 || files[32768] != 1 || files[32769] != 1 || len(files) != len(urls)-2 {
				t.Errorf("%v, %v", files, err)
			}
		})
	}
}
