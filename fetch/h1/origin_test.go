package h1_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/internal/origin"
)

// get makes a request and reads its response to the end.
func get(t *testing.T, tr http.RoundTripper, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	resp.Body.Close()
	return resp, string(body)
}

func startOrigin(t *testing.T, o origin.Options) *origin.Server {
	t.Helper()
	s, err := origin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// As many connections as callers, and each used for all of its caller's
// requests.
func TestConnectionsAreKept(t *testing.T) {
	s := startOrigin(t, origin.Options{})
	tr := h1.New(h1.Options{})
	defer tr.CloseIdleConnections()
	const callers, each = 10, 200
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for k := range each {
				n := i*each + k
				if _, body := get(t, tr, fmt.Sprintf("%s/item/%d", s.URL(), n)); body != string(origin.AppendItem(nil, uint64(n))) {
					t.Errorf("item %d: %s", n, body)
				}
			}
		})
	}
	wg.Wait()
	got := s.Audit().Total
	if got.Requests != callers*each || got.Opened > callers || got.MaxInFlight > callers {
		t.Errorf("%d requests over %d connections, %d at once", got.Requests, got.Opened, got.MaxInFlight)
	}
}

// What the origin answers well comes as net/http has it.
func TestPlainPaths(t *testing.T) {
	s := startOrigin(t, origin.Options{})
	tr := h1.New(h1.Options{})
	defer tr.CloseIdleConnections()
	for path, want := range map[string]int{
		"/big/1000000": 1_000_000, "/chunked/10/100": 1000, "/nolength/5000": 5000, "/gzip/10000": 10_000,
		"/204": 0, "/304": 0, "/bye": -1, "/drip/100/10": 100, "/status/103": -1,
	} {
		resp, body := get(t, tr, s.URL()+path)
		if resp.ProtoMajor != 1 || want >= 0 && len(body) != want {
			t.Errorf("%s: %s, %d bytes", path, resp.Proto, len(body))
		}
		if strings.HasPrefix(path, "/gzip") != resp.Uncompressed {
			t.Errorf("%s: uncompressed %v", path, resp.Uncompressed)
		}
	}
}
