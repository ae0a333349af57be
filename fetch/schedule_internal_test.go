package fetch

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A run that ends while a host is on hold, or that is stopped while something
// waits for its retry, leaves no timer behind, which would start a worker for
// nobody.
func TestNoTimerIsLeft(t *testing.T) {
	for name, drain := range map[string]bool{"to its end": false, "drained": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, err := New(Options{
					Retry: Retry{Max: 1, MaxRetryAfter: time.Hour},
					Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
						status, wait := http.StatusServiceUnavailable, "60"
						switch r.URL.Host {
						case "slow": // so that somebody is idle meanwhile
							time.Sleep(time.Second)
							status = http.StatusOK
						case "gone":
							wait = "7200" // for longer than it may
						}
						return &http.Response{
							StatusCode: status, Header: http.Header{"Retry-After": {wait}},
							Body: io.NopCloser(bytes.NewReader(nil)),
						}, nil
					}),
				})
				if err != nil {
					t.Fatal(err)
				}
				urls := []string{"http://gone/", "http://slow/"}
				if drain {
					urls = append(urls, "http://held/")
					time.AfterFunc(500*time.Millisecond, e.Drain)
				}
				_, err = e.Run(t.Context(), URLs(slices.Values(urls)), SinkFunc(func(*Record) error { return nil }))
				if drain != errors.Is(err, ErrDrained) {
					t.Fatal(err)
				}
				synctest.Wait()
				switch timer := e.sched.timer; {
				case timer == nil:
					t.Error("there was no timer at all: this test proves nothing")
				case timer.Stop():
					t.Error("a timer was left running")
				}
			})
		})
	}
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
