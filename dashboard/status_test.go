package dashboard_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// asked is a page's answer to a reader over loopback who leaves at once.
func asked(t *testing.T, p *dashboard.Page, path string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), http.LocalAddrContextKey, loopback))
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Body.String()
}

func TestRunStatus(t *testing.T) {
	steps := func(step float64, ok ...int64) report.Timeline {
		t := report.Timeline{Step: step}
		for i, n := range ok {
			if n >= 0 { // else nothing was measured
				t.T, t.OK, t.Failed = append(t.T, float64(i)*step), append(t.OK, n), append(t.Failed, 0)
			}
		}
		return t
	}
	for name, test := range map[string]struct {
		data  report.Data
		stats fetch.Stats
		state string
		rate  float64
		eta   float64
	}{
		"just begun": {state: "running"},
		"goes on": {
			data:  report.Data{Seconds: 10, Timeline: steps(1, 50, 50, 50, 50, 50, 10, 10, 10, 10, 10)},
			stats: fetch.Stats{ReadAll: true, Summary: fetch.Summary{Items: 600, Records: 300}}, state: "running", rate: 10, eta: 10,
		},
		"not all read": {data: report.Data{Seconds: 2, Timeline: steps(1, 50, 50)}, stats: fetch.Stats{Summary: fetch.Summary{Items: 600}}, state: "running", rate: 50},
		"long steps":   {data: report.Data{Seconds: 200, Timeline: steps(50, 100, 100, 100, 100)}, state: "running", rate: 2},
		"nothing of late": {
			data: report.Data{Seconds: 60, Timeline: steps(1, 50, 50)}, stats: fetch.Stats{Wait: fetch.Wait{Reason: fetch.Input}}, state: "running",
		},
		"paused": {stats: fetch.Stats{Wait: fetch.Wait{Reason: fetch.Paused}}, state: "paused"},
		"ending": {stats: fetch.Stats{Wait: fetch.Wait{Reason: fetch.Last}}, state: "ending"},
		"ended":  {data: report.Data{Ended: report.Stopped}, stats: fetch.Stats{Wait: fetch.Wait{Reason: fetch.Last}}, state: "stopped"},
	} {
		r := &told{data: test.data, stats: test.stats}
		page, err := dashboard.Handler(dashboard.Options{Run: r.run()})
		if err != nil {
			t.Fatal(err)
		}
		var s dashboard.Status
		if err := json.Unmarshal([]byte(asked(t, page, "/status")), &s); err != nil {
			t.Fatal(err)
		}
		if s.Run.State != test.state || math.Abs(s.Run.Rate-test.rate) > 0.01 || math.Abs(s.Run.ETA-test.eta) > 0.01 {
			t.Errorf("%s: %s, %g/s, %g s left; want %s, %g/s, %g s", name, s.Run.State, s.Run.Rate, s.Run.ETA, test.state, test.rate, test.eta)
		}
		page.Close()
	}
}

// charts are those of the page.
func charts(t *testing.T, p *dashboard.Page) (list []report.Chart) {
	t.Helper()
	for part := range strings.SplitSeq(asked(t, p, "/events"), "\n\n") {
		if data, ok := strings.CutPrefix(part, "event: charts\ndata: "); ok {
			if err := json.Unmarshal([]byte(data), &list); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list
}

// A limiter's charts show all that was, in at most 600 points, however long it
// was.
func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sem := penstock.NewSemaphore(10)
		page, err := dashboard.Handler(dashboard.Options{Limiters: []dashboard.Limiter{dashboard.Semaphore("s", sem)}})
		if err != nil {
			t.Fatal(err)
		}
		defer page.Close()
		time.Sleep(250 * time.Millisecond) // beside the samples, which are at 0, 0.5, 1, ...
		for range 4 * 3600 {               // two of ten are out for half of each second, one acquire a second
			if err := sem.Acquire(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			sem.Release(2)
			time.Sleep(500 * time.Millisecond)
		}
		list := charts(t, page)
		if len(list) != 2 || list[0].Title != "s" {
			t.Fatalf("%+v", list)
		}
		use, pace := list[0], list[1]
		n := len(use.X)
		if n < 300 || n > 600 || use.X[n-1] < 4*3600-100 || use.X[n-1] > 4*3600 {
			t.Errorf("%d points up to %g s", n, use.X[n-1])
		}
		for _, s := range append(use.Series, pace.Series...) {
			want := map[string]float64{"in use": 1, "limit": 10, "waiting": 0, "acquired": 1}[s.Name]
			if got := s.Y[n/2]; math.Abs(got-want) > 0.05 {
				t.Errorf("%s: %g, want %g", s.Name, got, want)
			}
		}
	})
}

// Profiles are those of net/http/pprof, but for the command line.
func TestProfiles(t *testing.T) {
	page, base := serve(t, dashboard.Options{Run: fakeRun()})
	for path, want := range map[string]int{
		"/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/goroutine?debug=2": 200, "/debug/pprof/trace?seconds=0.05": 200,
		"/debug/pprof/profile?seconds=0.05": 200, "/debug/pprof/profile?seconds=x": 400, "/debug/pprof/profile?seconds=1e9": 400,
		"/debug/pprof/profile?seconds=NaN": 400, "/debug/pprof/cmdline": 404, "/debug/pprof/nothing": 404,
	} {
		if status, body := get(t, base+path); status != want || body == "" {
			t.Errorf("%s: %d, %d bytes", path, status, len(body))
		}
	}
	if w := httptest.NewRecorder(); true {
		http.DefaultServeMux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/", nil))
		if w.Code != 404 {
			t.Error("the profiles are on http.DefaultServeMux")
		}
	}
	if body := asked(t, page, "/debug/pprof/goroutine?debug=2"); !strings.Contains(body, "TestProfiles") {
		t.Error("no stack of this test")
	}
}
