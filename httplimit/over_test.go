package httplimit_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
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
// network is real: only there does the server know at once that a client has
// gone.
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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := origin.Start(origin.Options{Hosts: 3})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			o.Retry.Base = time.Millisecond
			client, err := httplimit.NewClient(o)
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			seed := rand.Uint64()
			t.Log("seed", seed)
			abuse(t, client, server.URLs(), rand.New(rand.NewPCG(seed, 0)))
			s := client.Transport.(*httplimit.Transport).Stats()
			if s.InFlight != 0 || s.Waiting != 0 {
				t.Errorf("at the end %+v", s)
			}
			a := server.Audit()
			t.Logf("%d requests, statuses %v", a.Total.Requests, a.Total.Statuses)
			// On a busy machine the server may never meet them all at once.
			if m := a.Total.MaxInFlight; m > 7 || m < 4 || s.MostInFlight != 7 {
				t.Errorf("%d in flight in total, by the client's count %d", m, s.MostInFlight)
			}
			for _, h := range a.Hosts {
				if h.MaxInFlight > 3 {
					t.Errorf("%d in flight at a host", h.MaxInFlight)
				}
			}
		})
	}
}

// abuse makes a thousand requests as badly as it gets.
func abuse(t *testing.T, client *http.Client, hosts []string, r *rand.Rand) {
	paths := []string{
		"/delay/2/%d", "/drip/500/3/%d", "/flaky/1/%d", "/redirect/2/%d", "/reset/%d", "/reset-body/%d",
		"/truncate/100/%d", "/hang/%d", "/hang-body/%d", "/429/1/%d", "/chunked/5/%d", "/close/%d", "/204?%d", "/item/%d",
	}
	var wg sync.WaitGroup
	for i := range 1200 {
		url := hosts[i%3] + fmt.Sprintf(paths[r.IntN(len(paths))], i)
		if i%10 == 0 {
			url = hosts[i%3] + "/redirect-to?url=" + hosts[(i+1)%3] + "/delay/3"
		}
		after, how := time.Duration(r.IntN(3000))*time.Microsecond, r.IntN(7)
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
