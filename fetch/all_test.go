package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/origin"
)

// serve starts a server for the test.
func serve(t *testing.T, o origin.Options) *origin.Server {
	t.Helper()
	s, err := origin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAll(t *testing.T) {
	s := serve(t, origin.Options{Hosts: 2})
	const limit = 7
	var urls []string
	for i := range 200 {
		urls = append(urls, fmt.Sprintf("%s/item/%d?delay=%d", s.URLs()[i%2], i, i%5))
	}
	urls[50] = "not a URL"
	urls[51] = s.URL() + "/status/404"
	urls[52] = s.URL() + "/redirect/3"
	urls[53] = s.URL() + "/429/1/x"
	urls[54] = s.URL() + "/redirect-loop"
	recs, err := fetch.All(t.Context(), urls, limit)
	if err != nil || len(recs) != len(urls) {
		t.Fatalf("%d records: %v", len(recs), err)
	}
	for i, r := range recs {
		if r.Index != int64(i) || r.URL != urls[i] {
			t.Fatalf("record %d is of item %d, %s", i, r.Index, r.URL)
		}
		if i < 50 || i > 54 {
			if want := string(origin.AppendItem(nil, uint64(i))); !r.OK || string(r.Body) != want || r.Header.Get("Content-Type") == "" {
				t.Errorf("item %d: %v, body %q, want %q", i, r.Error, r.Body, want)
			}
		}
	}
	for i, want := range map[int]fetch.Class{50: fetch.InvalidInput, 51: fetch.Status, 52: "", 53: "", 54: fetch.Protocol} {
		if got := classOf(recs[i]); got != want {
			t.Errorf("item %d: class %q, want %q", i, got, want)
		}
	}
	if recs[53].Attempts != 2 {
		t.Errorf("the one that was refused once: %d attempts", recs[53].Attempts)
	}
	audit := s.Audit().Total
	if audit.MaxInFlight > limit || audit.MaxOpen > 2*limit {
		t.Errorf("the server saw %d at once on up to %d connections", audit.MaxInFlight, audit.MaxOpen)
	}
}

func TestAllOfNothing(t *testing.T) {
	if recs, err := fetch.All(t.Context(), nil, 1); err != nil || len(recs) != 0 {
		t.Errorf("%v, %v", recs, err)
	}
}

func TestAllLimit(t *testing.T) {
	for _, limit := range []int{0, -1} {
		if recs, err := fetch.All(t.Context(), []string{"http://a/"}, limit); err == nil || len(recs) != 0 || !strings.Contains(err.Error(), fmt.Sprint(limit)) {
			t.Errorf("limit %d: %v, %v", limit, recs, err)
		}
	}
}

// When the context ends, what is done is there, and what is not says so.
func TestAllCanceled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	var hanging atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/hang") {
			fmt.Fprint(w, "done")
			return
		}
		if hanging.Add(1) == 2 {
			cancel(why)
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	urls := []string{
		server.URL + "/0", server.URL + "/1", server.URL + "/2",
		server.URL + "/hang", "http://user:" + secret + "@" + strings.TrimPrefix(server.URL, "http://") + "/hang", server.URL + "/5",
	}
	recs, err := fetch.All(ctx, urls, 2)
	if !errors.Is(err, why) || len(recs) != len(urls) {
		t.Fatalf("%d records: %v", len(recs), err)
	}
	for i, r := range recs {
		done := i < 3
		if r.OK != done || (string(r.Body) == "done") != done || (classOf(r) == fetch.Canceled) == done || r.Index != int64(i) {
			t.Errorf("item %d: %+v, %v", i, r, r.Error)
		}
		if strings.Contains(r.URL, secret) || !done && r.URL == "" {
			t.Errorf("item %d has the URL %q", i, r.URL)
		}
	}
}
