package fetch_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// Snapshots at given moments of a run whose times are exact.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			switch {
			case h.url == "http://a/0" && h.nth == 0:
				return retryAfter("60")
			case h.url == "http://b/0":
				return reply{status: 302, wait: time.Second, header: http.Header{"Location": {"http://c/"}}}
			case h.url == "http://b/1":
				return reply{status: 404, wait: time.Second}
			}
			return reply{wait: 10 * time.Second, body: "12345"}
		})
		src := gets("http://a/0", "http://a/1", "bad", "http://b/0", "http://b/1", "http://b/2", "http://b/3")
		s := start(t.Context(), t, n, src, fetch.Options{Concurrency: 3, PerHost: 2, Redirects: 1, Retry: fetch.Retry{Max: 1}})

		// a is on hold, its first item waits for its retry and its second for
		// the host (or came through before the first was refused).
		time.Sleep(500 * ms)
		st := s.Stats()
		early := len(n.hitsOn("a:80")) - 1
		want := fetch.Stats{InFlight: 2 + early, Queued: 3 - early, Backoff: 1, Hosts: 2, Held: 1, ReadAll: true}
		if got := state(st); got != state(want) {
			t.Errorf("after 0.5 s: %s, want %s", got, state(want))
		}
		if st.Items != 7 || st.Records != 1 || st.Failed != 1 || st.Retries != 1 || st.Classes[fetch.InvalidInput] != 1 || st.Elapsed != 500*ms {
			t.Errorf("after 0.5 s: %+v", st.Summary)
		}

		// b's first has gone to c, its second is done, two more are in flight.
		time.Sleep(time.Second)
		st = s.Stats()
		want = fetch.Stats{InFlight: 3, Queued: 1, Backoff: 1, Hosts: 3, Held: 1, ReadAll: true}
		if early > 0 {
			want.Queued, want.Hosts = 1, 3
		}
		if got := state(st); got != state(want) {
			t.Errorf("after 1.5 s: %s, want %s", got, state(want))
		}
		if st.Redirects != 1 || st.Statuses[404] != 1 || st.Examples[fetch.Status] != "http://b/1" || st.MaxInFlight != 3 {
			t.Errorf("after 1.5 s: %+v", st.Summary)
		}

		s.end(t)
		st = s.Stats()
		if got, want := state(st), state(fetch.Stats{ReadAll: true}); got != want {
			t.Errorf("at the end: %s, want %s", got, want)
		}
		if s.err != nil || st.OK != 5 || st.Failed != 2 || st.Bytes != 25 || st.Records != 7 || st.Statuses[200] != 5 {
			t.Errorf("at the end: %+v, %v", st.Summary, s.err)
		}
	})
}

// state is what Stats has and a Summary has not.
func state(s fetch.Stats) string {
	return fmt.Sprintf("in flight %d, queued %d, backoff %d, hosts %d, held %d, read %v", s.InFlight, s.Queued, s.Backoff, s.Hosts, s.Held, s.ReadAll)
}

// Each snapshot is consistent, and they only ever go forward, whoever asks.
func TestStatsWhileRunning(t *testing.T) {
	seeded(t, 5, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			o := chaoticOptions(r)
			o.SpillMax = -1 // or more may be in memory for a while
			s := start(t.Context(), t, newNetwork(chaos(r.Uint64())), list(chaotic(r, 300)...), o)
			for range 2 {
				go func() {
					var last fetch.Stats
					for {
						select {
						case <-s.done:
							return
						case <-time.After(7 * ms):
						}
						st := s.Stats()
						checkStats(t, st, last, o)
						st.Statuses[0], st.Classes["x"], st.Examples["x"] = 1, 1, "x" // it is the caller's
						last = st
					}
				}()
			}
			s.end(t)
			if s.err != nil {
				t.Error(s.err)
			}
			if st := s.Stats(); st.Statuses[0] != 0 || st.Classes["x"] != 0 || st.Examples["x"] != "" {
				t.Error("a snapshot shares its maps with the engine")
			}
		})
	})
}

func checkStats(t *testing.T, st, last fetch.Stats, o fetch.Options) {
	t.Helper()
	waiting := st.InFlight + st.Queued + st.Backoff
	switch {
	case st.InFlight < 0 || st.Queued < 0 || st.Backoff < 0 || st.Held < 0:
		t.Errorf("negative: %+v", st)
	case st.InFlight > o.Concurrency || st.MaxInFlight > o.Concurrency || st.InFlight > st.MaxInFlight:
		t.Errorf("in flight %d, most %d, limit %d", st.InFlight, st.MaxInFlight, o.Concurrency)
	case waiting > o.LookAhead:
		t.Errorf("%s with a look-ahead of %d", state(st), o.LookAhead)
	case st.Held > st.Hosts:
		t.Errorf("more on hold than known: %s", state(st))
	case st.Records > st.Items || st.OK+st.Failed != st.Records:
		t.Errorf("items %d, records %d, ok %d, failed %d", st.Items, st.Records, st.OK, st.Failed)
	case st.Items < last.Items || st.Records < last.Records || st.Retries < last.Retries ||
		st.Redirects < last.Redirects || st.Bytes < last.Bytes || st.Elapsed < last.Elapsed || last.ReadAll && !st.ReadAll:
		t.Errorf("went back from %+v to %+v", last, st)
	}
}

// Elapsed is the run's time, also when it is asked for later.
func TestStatsAfterTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t.Context(), t, newNetwork(always(time.Second)), gets("http://a/"), fetch.Options{})
		s.end(t)
		time.Sleep(time.Hour)
		wantTime(t, "elapsed", s.Stats().Elapsed, time.Second)
	})
}
