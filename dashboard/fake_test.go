package dashboard_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// fakeRun is a run of which nothing is known.
func fakeRun() *dashboard.Run {
	return &dashboard.Run{
		Data: func() report.Data { return report.Data{} }, Stats: func() fetch.Stats { return fetch.Stats{} },
		Pause: func() {}, Resume: func() {}, SetLimit: func(int) error { return nil },
	}
}

// A told is a run that stands as it is told to.
type told struct {
	mu     sync.Mutex
	data   report.Data
	stats  fetch.Stats
	hosts  []fetch.BucketStats
	limits []int
	paused bool
}

func (r *told) run() *dashboard.Run {
	return &dashboard.Run{
		Data:  func() report.Data { r.mu.Lock(); defer r.mu.Unlock(); return r.data },
		Stats: func() fetch.Stats { r.mu.Lock(); defer r.mu.Unlock(); return r.stats },
		Buckets: func(n int) []fetch.BucketStats {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.hosts[:min(n, len(r.hosts))]
		},
		Pause:  func() { r.mu.Lock(); defer r.mu.Unlock(); r.paused = true },
		Resume: func() { r.mu.Lock(); defer r.mu.Unlock(); r.paused = false },
		SetLimit: func(n int) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if n > 1000 {
				return errors.New("1000 would do")
			}
			r.limits = append(r.limits, n)
			return nil
		},
	}
}

// serve is a page on a loopback address, until the test ends.
func serve(t *testing.T, o dashboard.Options) (*dashboard.Page, string) {
	t.Helper()
	o.Token = token
	page, err := dashboard.Handler(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(page)
	t.Cleanup(func() {
		page.Close()
		s.Close()
	})
	return page, s.URL
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return readAll(t, resp)
}

// post sends a form, with the token.
func post(t *testing.T, url string, form url.Values) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return readAll(t, resp)
}

func readAll(t *testing.T, resp *http.Response) (int, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func statusOf(t *testing.T, url string) (s dashboard.Status) {
	t.Helper()
	_, body := get(t, url+"/status")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return s
}

// postRaw sends a form that is none.
func postRaw(t *testing.T, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return readAll(t, resp)
}

// slow answers everything, after a time.
type slow time.Duration

func (d slow) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Duration(d))
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}
