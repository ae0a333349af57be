package fetch_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

const ms = time.Millisecond

// With enough to do exactly the limit is in flight, so that the time of the
// whole run is exact too.
func TestConcurrencyIsReachedAndKept(t *testing.T) {
	for _, limit := range []int{1, 2, 10, 64} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(hit) reply { return reply{wait: 30 * ms, read: 70 * ms} })
				out := mustRun(t, n, gets(many(10*limit+1, "host")...), fetch.Options{Concurrency: limit})
				if n.most != limit || out.sum.MaxInFlight != limit {
					t.Errorf("most in flight: %d (the summary says %d), want %d", n.most, out.sum.MaxInFlight, limit)
				}
				wantTime(t, "all of it", out.took, 1100*ms)
			})
		})
	}
}

func TestConcurrencyDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(always(time.Second))
		mustRun(t, n, gets(many(50, "host")...), fetch.Options{})
		if n.most != fetch.DefaultConcurrency {
			t.Errorf("%d in flight, want %d", n.most, fetch.DefaultConcurrency)
		}
	})
}

// The limit holds through redirects, which are requests to another host, and
// retries; and it is used up to its last slot by them.
func TestConcurrencyThroughRedirectsAndRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, items = 8, 200
		answer := func(h hit) reply {
			switch {
			case h.host == "a:80":
				return reply{status: 302, wait: 10 * ms, read: 10 * ms, header: http.Header{"Location": {"http://b" + h.url[len("http://a"):]}}}
			case h.nth == 0:
				return reply{status: 503, wait: 10 * ms, read: 10 * ms}
			}
			return reply{wait: 10 * ms, read: 10 * ms}
		}
		n := newNetwork(answer)
		out := mustRun(t, n, gets(many(items, "a")...), fetch.Options{
			Concurrency: limit, PerHost: 5, Redirects: 1, Retry: fetch.Retry{Max: 1, Base: ms},
		})
		if n.most != limit || n.hostMost["a:80"] != 5 || n.hostMost["b:80"] != 5 {
			t.Errorf("most in flight %d, by host %v; want %d and 5 each", n.most, n.hostMost, limit)
		}
		if out.sum.OK != items || out.sum.Redirects != items || out.sum.Retries != items {
			t.Errorf("summary %+v", out.sum)
		}
	})
}

func TestPerHostIsReachedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hosts, each, perHost = 5, 40, 3
		var urls []string
		for h := range hosts {
			urls = append(urls, many(each, fmt.Sprint("host", h))...)
		}
		rand.Shuffle(len(urls), func(i, k int) { urls[i], urls[k] = urls[k], urls[i] })
		n := newNetwork(always(100 * ms))
		out := mustRun(t, n, gets(urls...), fetch.Options{Concurrency: hosts * perHost, PerHost: perHost})
		for host, most := range n.hostMost {
			if most != perHost {
				t.Errorf("%s: %d in flight, want %d", host, most, perHost)
			}
		}
		if n.most != hosts*perHost {
			t.Errorf("%d in flight, want %d", n.most, hosts*perHost)
		}
		wantTime(t, "all of it", out.took, 14*100*ms) // 40 in threes
	})
}

// A host is its name and port, in whatever spelling.
func TestPerHostNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(always(time.Second))
		out := mustRun(t, n, gets(
			"http://host/", "http://HOST/", "http://host:80/", "http://Host:/", "http://u:p@host/", "HTTP://host/", // one
			"http://host:81/",  // another
			"https://host/",    // another
			"https://host:443", // the same
			"http://[::1]/", "http://[::1]:80/",
		), fetch.Options{Concurrency: 100, PerHost: 1})
		if n.most != 4 {
			t.Errorf("%d at once, want one for each of 4 hosts", n.most)
		}
		wantTime(t, "all of it", out.took, 6*time.Second)
	})
}

// Hosts take turns, however the input is sorted.
func TestHostsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 10
		urls := slices.Concat(many(each, "a"), many(each, "b"), many(each, "c"))
		n := newNetwork(always(10 * ms))
		mustRun(t, n, gets(urls...), fetch.Options{Concurrency: 1})
		hits := n.log()[1:] // the first was the only one there
		if hits[0].host == hits[1].host || hits[1].host == hits[2].host || hits[0].host == hits[2].host {
			t.Errorf("first came %s, %s, %s", hits[0].host, hits[1].host, hits[2].host)
		}
		for i := range 3 * (each - 2) {
			if hits[i].host != hits[i+3].host {
				t.Errorf("request %d went to %s, the third after it to %s", i, hits[i].host, hits[i+3].host)
			}
		}
		// Within its host each item keeps its place.
		at := map[string]int{}
		for _, h := range n.log() {
			if want := fmt.Sprintf("http://%s/%d", h.host[:1], at[h.host]); h.url != want {
				t.Errorf("%s came where %s was due", h.url, want)
			}
			at[h.host]++
		}
	})
}

// The others are done as fast as without the slow host.
func TestSlowHostCostsOthersNothing(t *testing.T) {
	const others, each, perHost = 9, 50, 2
	lastOfOthers := func(t *testing.T, slow int) (last time.Duration) {
		urls := many(slow, "slow")
		for i := range each {
			for h := range others {
				urls = append(urls, fmt.Sprintf("http://host%d/%d", h, i))
			}
		}
		n := newNetwork(func(h hit) reply {
			if h.host == "slow:80" {
				return reply{wait: 10 * time.Second, read: 10 * time.Second}
			}
			return reply{wait: 100 * ms}
		})
		out := mustRun(t, n, gets(urls...), fetch.Options{Concurrency: perHost * (others + 1), PerHost: perHost})
		for i := slow; i < len(urls); i++ {
			last = max(last, out.doneAt(int64(i)))
		}
		return last
	}
	synctest.Test(t, func(t *testing.T) { wantTime(t, "without", lastOfOthers(t, 0), 2500*ms) })
	synctest.Test(t, func(t *testing.T) { wantTime(t, "with", lastOfOthers(t, 20), 2500*ms) })
}

// A host on hold by its Retry-After costs the others nothing either, also
// where no limit per host is set.
func TestHeldHostCostsOthersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const held, others = 20, 40
		n := newNetwork(func(h hit) reply {
			if h.host == "held:80" && h.at < time.Minute {
				return retryAfter("60")
			}
			return reply{wait: 100 * ms}
		})
		urls := append(many(held, "held"), many(others, "other")...)
		out := mustRun(t, n, gets(urls...), fetch.Options{Concurrency: 4, Retry: fetch.Retry{Max: 1}})
		var last time.Duration
		for i := held; i < held+others; i++ {
			last = max(last, out.doneAt(int64(i)))
		}
		wantTime(t, "others", last, others/4*100*ms)
		if out.sum.OK != held+others {
			t.Errorf("summary %+v", out.sum)
		}
	})
}

// Items that come all at once after a pause use all slots: it is not the
// number that waited before the pause that counts.
func TestBurstAfterPauseUsesAllSlots(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(always(time.Second))
			src := from(func(_ context.Context, i int64) (fetch.Item, error) {
				switch i {
				case 1:
					time.Sleep(5 * time.Second)
				case 11:
					return fetch.Item{}, io.EOF
				}
				return fetch.Item{URL: "http://host/"}, nil
			})
			out := mustRun(t, n, src, fetch.Options{Concurrency: 10})
			wantTime(t, "1 s, a pause to 5 s, and ten at once", out.took, 6*time.Second)
		})
		if t.Failed() {
			return
		}
	}
}

// A retry that is due finds a slot as long as there is one, though the only
// request so far is slow.
func TestRetryDoesNotWaitForSlowItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			switch {
			case h.host == "slow:80":
				return reply{wait: time.Hour}
			case h.nth == 0:
				return retryAfter("10")
			}
			return reply{}
		})
		src := from(func(_ context.Context, i int64) (fetch.Item, error) {
			switch i {
			case 0:
				return fetch.Item{URL: "http://busy/"}, nil
			case 1:
				time.Sleep(time.Second)
				return fetch.Item{URL: "http://slow/"}, nil
			}
			return fetch.Item{}, io.EOF
		})
		out := mustRun(t, n, src, fetch.Options{Concurrency: 10, Timeout: -1, Retry: fetch.Retry{Max: 1}})
		if at := out.doneAt(0); at < 10*time.Second || at > 11*time.Second {
			t.Errorf("the retry that was due after 10 s was done after %v", at)
		}
	})
}

// An item that is told to go to another host takes its turn there, under
// that host's limit, and waits for it without a slot.
func TestRedirectWaitsForItsHostWithoutSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			if h.host == "a:80" {
				return reply{status: 307, wait: time.Second, header: http.Header{"Location": {"http://b/"}}}
			}
			return reply{wait: 10 * time.Second}
		})
		out := mustRun(t, n, gets("http://b/0", "http://a/1", "http://c/2", "http://c/3"),
			fetch.Options{Concurrency: 2, PerHost: 1, Redirects: 1})
		// b is busy to 10 s; the redirect came at 1 s and left its slot to c.
		wantTime(t, "c", out.doneAt(2), 11*time.Second)
		wantTime(t, "the redirected", out.doneAt(1), 20*time.Second)
	})
}

// Memory for hosts is given back: a million hosts are as one.
func TestHostsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(always(ms))
		e, err := fetch.New(fetch.Options{Concurrency: 4, LookAhead: 8, Transport: n})
		if err != nil {
			t.Fatal(err)
		}
		const hosts = 1000
		var urls []string
		for i := range hosts {
			urls = append(urls, fmt.Sprintf("http://host%d/", i))
		}
		sink := fetch.SinkFunc(func(*fetch.Record) error {
			if hosts := e.Stats().Hosts; hosts > 8 {
				t.Errorf("%d hosts known, with a look-ahead of 8", hosts)
			}
			return nil
		})
		if _, err := e.Run(t.Context(), gets(urls...), sink); err != nil {
			t.Fatal(err)
		}
		if known := e.Stats().Hosts; known != 0 {
			t.Errorf("%d hosts known after the run", known)
		}
	})
}
