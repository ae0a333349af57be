package fetch_test

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// slowHost answers for the host slow after a second, for all others after 10 ms.
func slowHost(h hit) reply {
	if strings.HasPrefix(h.url, "http://slow/") {
		return reply{wait: time.Second}
	}
	return reply{wait: 10 * ms}
}

// fastDone runs urls and tells when the last item that is not of the slow host
// was done.
func fastDone(t *testing.T, urls []string, o fetch.Options) (done time.Duration, sum fetch.Summary) {
	t.Helper()
	start := time.Now()
	o.Transport = newNetwork(slowHost)
	var mu sync.Mutex
	sink := fetch.SinkFunc(func(r *fetch.Record) error {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(r.URL, "http://slow/") {
			done = max(done, time.Since(start))
		}
		return nil
	})
	sum, err := fetch.Run(t.Context(), gets(urls...), sink, o)
	if err != nil || sum.OK != int64(len(urls)) {
		t.Errorf("summary %+v, error %v", sum, err)
	}
	return done, sum
}

func tenHosts(slow int) []string {
	urls := many(slow, "slow")
	for range 500 {
		for _, host := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
			urls = append(urls, "http://"+host+"/")
		}
	}
	return urls
}

// A slow host at the head of the list costs the others nothing, whether its
// items fit into the look-ahead or not.
func TestSlowHostAtTheHeadCostsNothing(t *testing.T) {
	o := fetch.Options{Concurrency: 100, PerHost: 10}
	for _, slow := range []int{200, 1500} {
		synctest.Test(t, func(t *testing.T) {
			alone, _ := fastDone(t, tenHosts(0), o)
			beside, sum := fastDone(t, tenHosts(slow), o)
			t.Logf("%d slow items: the others took %v alone, %v beside; %d items spilled, %d bytes", slow, alone, beside, sum.Spilled, sum.SpillBytes)
			if beside > alone+alone/20 {
				t.Errorf("%d slow items: the others took %v, and %v alone", slow, beside, alone)
			}
		})
	}
}

// Without room to spill the reader waits, and everything is done all the same.
func TestNoSpillBlocksTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, sum := fastDone(t, tenHosts(1500), fetch.Options{Concurrency: 100, PerHost: 10, SpillMax: -1})
		if sum.Spilled != 0 {
			t.Errorf("%d items spilled", sum.Spilled)
		}
	})
}

// What was spilled comes back in order, and with all that it is made of; what
// is over the bound is not spilled; no file is left.
func TestSpilledItemsComeBackWhole(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply { return reply{wait: 10 * ms} })
		urls := many(3000, "a")
		items := make([]fetch.Item, 3000)
		for i := range items {
			items[i] = fetch.Item{
				URL: urls[i], ID: "id", Method: "PUT", Body: []byte("body"),
				Header: map[string][]string{"X-A": {"1"}}, Raw: []byte{0, 255, 'r'},
			}
		}
		var order []int64
		sum, err := fetch.Run(t.Context(), list(items...), fetch.SinkFunc(func(r *fetch.Record) error {
			order = append(order, r.Index)
			if r.ID != "id" || string(r.Raw) != "\x00\xffr" || !r.OK {
				t.Errorf("record %+v", r)
			}
			return nil
		}), fetch.Options{Concurrency: 10, PerHost: 1, Transport: n, TempDir: dir, SpillMax: 50_000, LookAhead: 100})
		if err != nil || sum.OK != 3000 || sum.Spilled == 0 || sum.SpillBytes > 100_000 {
			t.Errorf("summary %+v, error %v", sum, err)
		}
		if !slices.IsSorted(order) {
			t.Error("not in order")
		}
		for _, h := range n.log() {
			if h.method != "PUT" || h.header.Get("X-A") != "1" || h.body != "body" {
				t.Fatalf("sent %+v", h)
			}
		}
	})
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A run that is stopped while items are spilled ends at once.
func TestStopWhileSpilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := fetch.New(fetch.Options{Concurrency: 10, PerHost: 1, LookAhead: 10, Transport: newNetwork(slowHost)})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(1500*ms, e.Drain)
		start := time.Now()
		sum, err := e.Run(t.Context(), gets(many(1000, "slow")...), newShelf())
		if err == nil || sum.Records != 2 || time.Since(start) != 2*time.Second || sum.Spilled == 0 {
			t.Errorf("summary %+v after %v, error %v", sum, time.Since(start), err)
		}
	})
}

// The only worker looks after items that were put aside when a hold on their host
// ends: nobody else would.
func TestSpilledBehindAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			if h.url == "http://a/0" || h.url == "http://a/2" {
				return retryAfter("5")
			}
			return reply{wait: ms}
		})
		out := mustRun(t, n, gets(many(6, "a")...), fetch.Options{Concurrency: 1, PerHost: 1, LookAhead: 2})
		if out.sum.OK != 4 || out.sum.Spilled == 0 {
			t.Errorf("%d ok, %d put aside", out.sum.OK, out.sum.Spilled)
		}
	})
}
