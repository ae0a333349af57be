package httplimit_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/internal/origin"
)

// Never over, whatever happens: cancelled, broken, redirected, repeated, with
// callers that panic, some that close early and some that read to the end. The
// network is real.
//
// Where a client goes away in the middle, a server on a busy machine may see the
// next request first, and count one too many: there the count is exact only at
// the Base, and where nobody goes away at the server.
func TestNeverOver(t *testing.T) {
	semaphores := map[string]*penstock.Semaphore{}
	var mu sync.Mutex
	for name, o := range map[string]httplimit.Options{
		"numbers": {Total: 7, PerHost: 3},
		"limiters": {
			Total: httplimit.NoLimit, Limiter: penstock.NewSemaphore(7),
			HostLimits: func(host string) httplimit.HostLimits {
				mu.Lock()
				defer mu.Unlock()
				if semaphores[host] == nil {
					semaphores[host] = penstock.NewSemaphore(3)
				}
				return httplimit.HostLimits{Limiter: semaphores[host]}
			},
		},
	} {
		for _, rude := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/rude=%v", name, rude), func(t *testing.T) { neverOver(t, o, rude) })
		}
	}
}

func neverOver(t *testing.T, o httplimit.Options, rude bool) {
	server, err := origin.Start(origin.Options{Hosts: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var g gauge
	o.Retry.Base = time.Millisecond
	o.Base = g.around(http.DefaultTransport.(*http.Transport).Clone())
	client, err := httplimit.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	seed := rand.Uint64()
	t.Log("seed", seed)
	abuse(t, client, server.URLs(), rand.New(rand.NewPCG(seed, 0)), rude)
	s := client.Transport.(*httplimit.Transport).Stats()
	if s.InFlight != 0 || s.Waiting != 0 {
		t.Errorf("at the end %+v", s)
	}
	a := server.Audit()
	t.Logf("%d requests, statuses %v", a.Total.Requests, a.Total.Statuses)
	if g.most != 7 || s.MostInFlight != 7 || g.now != 0 {
		t.Errorf("%d at once, by the Transport's count %d; %d at the end", g.most, s.MostInFlight, g.now)
	}
	late := 0
	if rude {
		late = 7
	}
	if m := a.Total.MaxInFlight; m > 7+late {
		t.Errorf("%d in flight in total at the server", m)
	}
	for _, h := range a.Hosts {
		if h.MaxInFlight > 3+late {
			t.Errorf("%d in flight at a host", h.MaxInFlight)
		}
	}
}

// A gauge counts what is under way in a Base: until the body is closed or at its
// end.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
}

func (g *gauge) around(base http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		g.add(1)
		resp, err := base.RoundTrip(r)
		if err != nil || resp.Body == http.NoBody {
			g.add(-1)
			return resp, err
		}
		resp.Body = &gauged{ReadCloser: resp.Body, g: g}
		return resp, nil
	})
}

type gauged struct {
	io.ReadCloser
	g    *gauge
	once sync.Once
}

func (b *gauged) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.once.Do(func() { b.g.add(-1) })
	}
	return n, err
}

func (b *gauged) Close() error {
	b.once.Do(func() { b.g.add(-1) })
	return b.ReadCloser.Close()
}

// abuse makes a thousand requests as badly as it gets, or without going away in
// the middle.
func abuse(t *testing.T, client *http.Client, hosts []string, r *rand.Rand, rude bool) {
	paths := []string{
		"/delay/2/%d", "/drip/500/3/%d", "/flaky/1/%d", "/redirect/2/%d", "/reset/%d", "/reset-body/%d",
		"/truncate/100/%d", "/hang/%d", "/hang-body/%d", "/429/1/%d", "/chunked/5/%d", "/close/%d", "/204?%d", "/item/%d",
	}
	if !rude {
		paths = slices.DeleteFunc(paths, func(p string) bool { return strings.Contains(p, "hang") })
	}
	var wg sync.WaitGroup
	for i := range 1200 {
		url := hosts[i%3] + fmt.Sprintf(paths[r.IntN(len(paths))], i)
		if i%10 == 0 {
			url = hosts[i%3] + "/redirect-to?url=" + hosts[(i+1)%3] + "/delay/3"
		}
		after, how := time.Duration(r.IntN(3000))*time.Microsecond, r.IntN(7)
		if !rude {
			how = 6
		}
		wg.Go(func() {
			defer func() { _ = recover() }()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			req := request(ctx, t, url)
			if strings.Contains(url, "hang") || how == 2 {
				// Cancelled at some time after it was sent.
				time.AfterFunc(time.Duration(i/7)*time.Millisecond+after, cancel)
			}
			resp, err := client.Do(req)
			if err != nil {
				return
			}
			defer resp.Body.Close()
			switch how {
			case 0:
				panic("a caller")
			case 1: // closed early
			default:
				_, _ = io.Copy(io.Discard, resp.Body)
			}
		})
	}
	wg.Wait()
}
