package fetch

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A run that ends while a host is on hold leaves no timer behind, which would
// start a worker for nobody.
func TestNoTimerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New(Options{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"60"}},
				Body: io.NopCloser(bytes.NewReader(nil)),
			}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		urls := func(yield func(string) bool) { _ = yield("http://a/") && yield("http://b/") }
		if _, err := e.Run(t.Context(), URLs(urls), SinkFunc(func(*Record) error { return nil })); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if timer := e.sched.timer; timer != nil && timer.Stop() {
			t.Error("a timer was left running")
		}
		time.Sleep(2 * time.Minute)
	})
}

// A timer may fire when the last worker has just left, and Run may be about
// to return: nobody is started then. (A WaitGroup that is added to while Wait
// returns panics.)
func TestNoWorkerForRunThatIsOver(t *testing.T) {
	for name, end := range map[string]func(*scheduler){
		"all done": func(s *scheduler) { s.end(true) },
		"stopped":  func(s *scheduler) { s.stop() },
	} {
		o := Options{}
		if err := o.setDefaults(); err != nil {
			t.Fatal(err)
		}
		s := newScheduler(o)
		started := 0
		s.spawn = func() { started++ }
		end(s)
		s.tick()
		if started != 0 {
			t.Errorf("%s: %d workers were started", name, started)
		}
	}
}
