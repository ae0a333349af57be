package fetch_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/origin"
)

// connects fetches four URLs that take 50 ms each, and returns how long each
// waited for its connection, the longest first, and the records as JSON.
func connects(t *testing.T, concurrency, conns int) ([]time.Duration, string) {
	t.Helper()
	srv, err := origin.Start(origin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	var urls []string
	for i := range 4 {
		urls = append(urls, fmt.Sprintf("%s/delay/50/%d", srv.URL(), i))
	}
	transport := fetch.NewTransport(fetch.TransportOptions{MaxConnsPerHost: conns})
	defer transport.CloseIdleConnections()
	var mu sync.Mutex
	var took []time.Duration
	var text []byte
	sink := fetch.SinkFunc(func(r *fetch.Record) error {
		mu.Lock()
		defer mu.Unlock()
		if r.Connect > r.TTFB || !r.OK {
			t.Errorf("%v of %v until the header, ok %v", r.Connect, r.TTFB, r.OK)
		}
		took = append(took, r.Connect)
		text = append(r.AppendJSON(text), '\n')
		return nil
	})
	o := fetch.Options{Concurrency: concurrency, Transport: transport}
	if _, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urls)), sink, o); err != nil {
		t.Fatal(err)
	}
	slices.Sort(took)
	slices.Reverse(took)
	return took, string(bytes.TrimSpace(text))
}

// A record says how long its request waited for a connection: to be opened, or
// to be free. One that was at hand took no time.
func TestConnect(t *testing.T) {
	took, text := connects(t, 1, 1)
	if took[0] <= 0 || took[1] != 0 || strings.Count(text, `"connect_ms":`) != 1 {
		t.Errorf("one connection, one at a time: %v\n%s", took, text)
	}
	took, _ = connects(t, 4, 4)
	if took[3] <= 0 {
		t.Errorf("four new connections: %v", took)
	}
	took, _ = connects(t, 2, 1)
	if took[2] < 30*time.Millisecond {
		t.Errorf("two at a time on one connection: %v", took)
	}
}
