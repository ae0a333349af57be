package dashboard_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/report"
)

// What may be asked of a run and of limits, and what is answered.
func TestControl(t *testing.T) {
	r := many(1)
	sem := penstock.NewBoundedSemaphore(8)
	auto, err := adaptive.New(adaptive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, base := serve(t, dashboard.Options{Run: r.run(), Limiters: []dashboard.Limiter{
		dashboard.Semaphore("downloads", sem), dashboard.Adaptive("found", auto),
	}})
	for _, step := range []struct {
		path, form string
		want       int
		says       string // in the answer
		limit      int    // of downloads, afterwards
	}{
		{"/pause", "", 200, `"type":"status"`, 8},
		{"/resume", "", 200, "", 8},
		{"/limit", "limit=20", 200, "", 8},
		{"/limit", "limit=0", 400, "write a number from 1", 8},
		{"/limit", "limit=-3", 400, "write a number from 1", 8},
		{"/limit", "limit=1e3", 400, "write a number from 1", 8},
		{"/limit", "limit=99999999999999999999", 400, "write a number from 1", 8},
		{"/limit", "", 400, "write a number from 1", 8},
		{"/limit", "limit=2000", 400, "1000 would do", 8},
		{"/limit", "limit=%zz", 400, "no form", 8},
		{"/limit", "limit=2&pad=" + strings.Repeat("x", 5000), 400, "no form", 8},
		{"/limit", "limiter=downloads&limit=5", 200, `"limit":5`, 5},
		{"/pause", "limiter=downloads", 200, `"paused":true`, 0},
		{"/pause", "limiter=downloads", 200, `"paused":true`, 0},
		{"/limit", "limiter=downloads&limit=6", 200, `"paused":true`, 0},
		{"/resume", "limiter=downloads", 200, `"paused":false`, 6},
		{"/resume", "limiter=downloads", 200, `"paused":false`, 6},
		{"/limit", "limiter=uploads&limit=6", 404, `no limiter "uploads"`, 6},
		{"/limit", "limiter=found&limit=6", 409, "cannot be changed", 6},
		{"/pause", "limiter=found", 409, "cannot be changed", 6},
	} {
		form, err := url.ParseQuery(step.form)
		if err != nil {
			form = nil
		}
		status, body := post(t, base+step.path, form)
		if err != nil {
			status, body = postRaw(t, base+step.path, step.form)
		}
		if status != step.want || !strings.Contains(body, step.says) || sem.Limit() != step.limit {
			t.Errorf("%s %.60s: %d %.200s; the limit is %d", step.path, step.form, status, body, sem.Limit())
		}
	}
	if !slices.Equal(r.limits, []int{20}) || r.paused {
		t.Errorf("limits %v, paused %v", r.limits, r.paused)
	}
}

// A limit that somebody else has set while it was paused stays so.
func TestResumeOfWhatWasSet(t *testing.T) {
	sem := penstock.NewSemaphore(8)
	_, base := serve(t, dashboard.Options{Limiters: []dashboard.Limiter{dashboard.Semaphore("s", sem)}})
	post(t, base+"/pause", url.Values{"limiter": {"s"}})
	if err := sem.SetLimit(3); err != nil {
		t.Fatal(err)
	}
	if post(t, base+"/resume", url.Values{"limiter": {"s"}}); sem.Limit() != 3 {
		t.Errorf("the limit is %d", sem.Limit())
	}
	if status, body := post(t, base+"/pause", nil); status != 404 || !strings.Contains(body, "limiter=s") {
		t.Errorf("%d %s", status, body)
	}
}

// What cannot be done is said.
func TestRunThatCannotBeChanged(t *testing.T) {
	run := fakeRun()
	run.Pause, run.Resume, run.SetLimit = nil, nil, nil
	_, base := serve(t, dashboard.Options{Run: run})
	for _, path := range []string{"/pause", "/resume", "/limit"} {
		if status, _ := post(t, base+path, url.Values{"limit": {"3"}}); status != 409 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if s := statusOf(t, base); s.Run.CanPause || s.Run.CanLimit {
		t.Errorf("%+v", s.Run)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	l := dashboard.Semaphore("s", penstock.NewSemaphore(1))
	for _, o := range []dashboard.Options{
		{},
		{Run: &dashboard.Run{}},
		{Limiters: []dashboard.Limiter{l, l}},
		{Limiters: []dashboard.Limiter{{Stats: l.Stats}}},
		{Limiters: []dashboard.Limiter{{Name: "s"}}},
	} {
		if _, err := dashboard.Handler(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	a, err1 := dashboard.Handler(dashboard.Options{Limiters: []dashboard.Limiter{l}})
	b, err2 := dashboard.Handler(dashboard.Options{Limiters: []dashboard.Limiter{l}})
	if err1 != nil || err2 != nil || len(a.Token()) < 20 || a.Token() == b.Token() {
		t.Errorf("tokens %q and %q", a.Token(), b.Token())
	}
	a.Close()
	b.Close()
	b.Close()
}

// An engine is paused, its limit changed, and all of it is noted.
func TestEngineIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urls := make([]string, 100)
		for i := range urls {
			urls[i] = "http://a/"
		}
		e, err := fetch.New(fetch.Options{Concurrency: 2, Transport: slow(100 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		rec := report.NewRecorder(report.Options{Stats: e.Stats})
		run := dashboard.Engine(e, rec)
		done := make(chan error)
		rec.Start()
		go func() {
			_, err := e.Run(t.Context(), fetch.URLs(slices.Values(urls)), rec)
			done <- err
		}()
		time.Sleep(time.Second + 50*time.Millisecond)
		run.Pause()
		run.Pause()
		time.Sleep(10 * time.Second)
		run.Resume()
		run.Resume()
		if err := run.SetLimit(0); err == nil {
			t.Error("0 was taken")
		}
		if err := run.SetLimit(5); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		rec.Stop(report.Finished)
		d := rec.Data()
		var kinds []string
		for _, c := range d.Changes {
			kinds = append(kinds, c.Kind)
		}
		if got := strings.Join(kinds, " "); got != "paused paused concurrency" {
			t.Errorf("changes: %+v", d.Changes)
		}
		paused := 0.0
		for _, s := range d.Shares {
			if s.Reason == fetch.Paused {
				paused = s.Seconds
			}
		}
		if paused < 9.9 || paused > 10.1 {
			t.Errorf("paused for %g s", paused)
		}
		if d.Finding.Cause != report.OnPause || !strings.Contains(d.Finding.Sentence, "paused") {
			t.Errorf("%+v", d.Finding)
		}
	})
}

// Any limit can be watched.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace, err := rate.New(rate.Rate{Count: 1, Per: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		sem := penstock.NewSemaphore(3)
		l, shown := dashboard.Watch("both", penstock.All(sem, pace))
		first, err := l.AcquirePermit(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := first.(penstock.Settler); !ok {
			t.Error("a permit with a rate in it cannot be settled")
		}
		got := make(chan penstock.Permit)
		go func() {
			p, err := l.AcquirePermit(t.Context(), 1)
			if err != nil {
				t.Error(err)
			}
			got <- p
		}()
		synctest.Wait()
		if f := shown.Stats(); f.InUse != 2 || f.Waiting != 1 || f.Acquired != 1 {
			t.Errorf("%+v", f)
		}
		second := <-got
		if f := shown.Stats(); f.InUse != 3 || f.Waiting != 0 || f.Acquired != 2 || f.TotalWait < time.Second {
			t.Errorf("%+v", f)
		}
		if _, ok := l.TryAcquirePermit(1); ok {
			t.Error("a fourth")
		}
		if _, err := l.AcquirePermit(t.Context(), 4); err == nil {
			t.Error("four of three")
		}
		first.Release(penstock.Success)
		second.Release(penstock.Success)
		if f := shown.Stats(); f.InUse != 0 || f.Cancelled != 1 {
			t.Errorf("%+v", f)
		}
		plain, _ := dashboard.Watch("one", sem)
		p, ok := plain.TryAcquirePermit(1)
		if _, settles := p.(penstock.Settler); !ok || settles {
			t.Errorf("a semaphore's permit: %v, settles: %v", ok, settles)
		}
	})
}

func TestKeyed(t *testing.T) {
	l := keyed.New(func(string) *penstock.Semaphore { return penstock.NewSemaphore(2) }, keyed.Options{})
	shown := dashboard.Keyed("hosts", l)
	p, err := l.AcquirePermit(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release(penstock.Success)
	if f := shown.Stats(); f.InUse != 1 {
		t.Errorf("%+v", f)
	}
}
