package httplimit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
)

// The numbers are those of the behaviours of aiohttp's TCPConnector.

// doors is a Base whose requests are under way until the test lets them go.
type doors struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
	entered []string
}

func (d *doors) RoundTrip(r *http.Request) (*http.Response, error) {
	name := r.URL.Host + strings.TrimPrefix(r.URL.Path, "/")
	open := make(chan struct{})
	d.mu.Lock()
	if d.waiting == nil {
		d.waiting = map[string]chan struct{}{}
	}
	d.waiting[name] = open
	d.entered = append(d.entered, name)
	d.mu.Unlock()
	select {
	case <-open:
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// let lets the requests go, one after the other, and returns what then entered.
func (d *doors) let(names ...string) string {
	d.mu.Lock()
	before := len(d.entered)
	d.mu.Unlock()
	for _, name := range names {
		d.mu.Lock()
		open := d.waiting[name]
		delete(d.waiting, name)
		d.mu.Unlock()
		close(open)
		synctest.Wait()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.entered[before:], " ")
}

// visit is a bubble with doors. come sends requests such as a1, the first host's
// second, in this order.
func visit(t *testing.T, o httplimit.Options, f func(b *bench, d *doors, come func(ctx context.Context, names ...string) *sync.WaitGroup)) {
	t.Helper()
	d := &doors{}
	o.Base = d
	bubble(t, 0, o, func(b *bench) {
		f(b, d, func(ctx context.Context, names ...string) *sync.WaitGroup {
			var wg sync.WaitGroup
			for _, name := range names {
				wg.Go(func() { _, _ = b.get(ctx, "http://"+name[:1]+"/"+name[1:]) })
				synctest.Wait()
			}
			return &wg
		})
	})
}

// numbers are so many requests of a host.
func numbers(host string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint(host, i))
	}
	return names
}

// aiohttp's limit=0, none, is NoLimit here: 0 is what is not said, and so 100.
func TestTransport41DefaultsAreAHundredInTotalAndNonePerHost(t *testing.T) {
	for _, c := range []struct{ total, perHost, want int }{
		{0, 0, 100},
		{httplimit.NoLimit, 0, 130},
		{httplimit.NoLimit, httplimit.NoLimit, 130},
		{httplimit.NoLimit, 7, 7},
		{110, 0, 110},
		{110, httplimit.NoLimit, 110},
	} {
		visit(t, httplimit.Options{Total: c.total, PerHost: c.perHost}, func(b *bench, d *doors, come func(context.Context, ...string) *sync.WaitGroup) {
			ctx, cancel := context.WithCancel(b.Context())
			come(ctx, numbers("a", 130)...)
			if s := b.t.Stats(); s.InFlight != c.want || s.Waiting != 130-c.want || len(d.entered) != c.want {
				b.Errorf("Total %d, PerHost %d: %d at once, want %d", c.total, c.perHost, s.InFlight, c.want)
			}
			cancel()
		})
	}
}

func TestTransport41RoomOfAHostIsTheLesserOfTheTotalsAndItsOwn(t *testing.T) {
	visit(t, httplimit.Options{Total: 5, PerHost: 3}, func(b *bench, d *doors, come func(context.Context, ...string) *sync.WaitGroup) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		come(ctx, numbers("a", 5)...) // its own room: 3 of 5
		come(ctx, numbers("b", 5)...) // what is left of the total: 2 of 3
		if got, want := strings.Join(d.entered, " "), "a0 a1 a2 b0 b1"; got != want {
			b.Errorf("%s, want %s", got, want)
		}
		for _, h := range b.t.HostStats() {
			if want := map[string]int{"a:80": 3, "b:80": 2}[h.Host]; h.InFlight != want {
				b.Errorf("%s: %d at once, want %d", h.Host, h.InFlight, want)
			}
		}
	})
}

// brokenNet makes connections that are broken in a way of its own.
func brokenNet(dial func(ctx context.Context) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}
}

// saying returns a connection whose other side reads what comes, says so much of
// an answer and then hangs up, or stays if it is told to hang.
func saying(answer string, hang bool) net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Read(make([]byte, 4096))
		_, _ = io.WriteString(theirs, answer)
		if hang {
			_, _ = io.Copy(io.Discard, theirs) // until the client has gone
		}
		theirs.Close()
	}()
	return ours
}

func TestTransport42TheSlotIsTakenBeforeDiallingAndGivenBackOnAnyFailure(t *testing.T) {
	refused := errors.New("connection refused")
	const half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
	for _, c := range []struct {
		name   string
		scheme string
		dial   func(ctx context.Context) (net.Conn, error)
		body   bool // the answer comes, and breaks while it is read
	}{
		{"the dial fails", "http", func(context.Context) (net.Conn, error) { return nil, refused }, false},
		{"the dial hangs", "http", func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }, false},
		{"the handshake fails", "https", func(context.Context) (net.Conn, error) { return saying("no TLS here", false), nil }, false},
		{"the handshake hangs", "https", func(context.Context) (net.Conn, error) { return saying("", true), nil }, false},
		{"the request fails", "http", func(context.Context) (net.Conn, error) { return saying("", false), nil }, false},
		{"the request hangs", "http", func(context.Context) (net.Conn, error) { return saying("", true), nil }, false},
		{"the body breaks", "http", func(context.Context) (net.Conn, error) { return saying(half, false), nil }, true},
		{"the body hangs", "http", func(context.Context) (net.Conn, error) { return saying(half, true), nil }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b *bench
			dials := 0
			base := brokenNet(func(ctx context.Context) (net.Conn, error) {
				dials++
				if s := b.t.Stats(); s.InFlight != 1 {
					b.Errorf("%d in flight while it dials", s.InFlight)
				}
				return c.dial(ctx)
			})
			o := httplimit.Options{Total: 1, Base: base, Retry: httplimit.Retry{Max: -1}}
			bubble(t, 0, o, func(made *bench) {
				b = made
				for n := 1; n <= 3; n++ {
					ctx, cancel := context.WithTimeout(b.Context(), time.Second)
					resp, err := b.t.RoundTrip(request(ctx, b, c.scheme+"://x.test/"))
					if got := err == nil; got != c.body {
						b.Fatalf("answered: %v, %v", got, err)
					}
					if c.body {
						b.inFlight(1, "while the body is read")
						if _, err := io.ReadAll(resp.Body); err == nil {
							b.Error("the body did not break")
						}
						b.inFlight(0, "after the body broke")
						resp.Body.Close()
					}
					b.inFlight(0, "after "+c.name)
					cancel()
					if dials != n {
						b.Fatalf("%d dials, want %d", dials, n)
					}
				}
			})
		})
	}
}

func TestTransport43OneReleaseWakesOneInOrderPerHostAndHostsInTurn(t *testing.T) {
	visit(t, httplimit.Options{Total: 1}, func(b *bench, d *doors, come func(context.Context, ...string) *sync.WaitGroup) {
		cancelled, cancel := context.WithCancel(b.Context())
		come(b.Context(), "a0", "a1")
		come(cancelled, "a2")
		come(b.Context(), "a3", "b0")
		come(cancelled, "b1", "c0")
		come(b.Context(), "b2", "d0")
		cancel()
		synctest.Wait()
		order := []string{"a0", "a1", "b0", "d0", "a3", "b2"}
		for i, name := range order {
			want := ""
			if i+1 < len(order) {
				want = order[i+1]
			}
			if got := d.let(name); got != want {
				b.Errorf("after %s went: %q, want %q", name, got, want)
			}
		}
	})
}

func TestTransport43AReleaseGoesToAWaiterThatCanUseIt(t *testing.T) {
	visit(t, httplimit.Options{Total: 2, PerHost: 1}, func(b *bench, d *doors, come func(context.Context, ...string) *sync.WaitGroup) {
		come(b.Context(), "a0", "b0", "a1", "c0")
		// a1 came before c0, but its host is full.
		for _, step := range []struct{ let, want string }{{"b0", "c0"}, {"a0", "a1"}, {"c0", ""}, {"a1", ""}} {
			if got := d.let(step.let); got != step.want {
				b.Errorf("after %s went: %q, want %q", step.let, got, step.want)
			}
		}
	})
}

func TestTransport44AHostsEntryIsDroppedOnceNothingIsThere(t *testing.T) {
	visit(t, httplimit.Options{Total: 1}, func(b *bench, d *doors, come func(context.Context, ...string) *sync.WaitGroup) {
		hosts := func(when string, want int) {
			b.Helper()
			if n := b.t.Stats().Hosts; n != want {
				b.Errorf("%s: %d hosts, want %d", when, n, want)
			}
		}
		ctx, cancel := context.WithCancel(b.Context())
		come(b.Context(), "a0")
		come(ctx, "b0")
		time.Sleep(time.Hour)
		hosts("one at work, one waits", 2)
		cancel()
		synctest.Wait()
		time.Sleep(time.Minute)
		hosts("one at work", 1)
		d.let("a0")
		time.Sleep(time.Minute)
		hosts("nothing", 0)
	})
}

func TestTransport44CloseFailsAllWaitersWithAnErrorThatSaysSo(t *testing.T) {
	for name, o := range map[string]httplimit.Options{
		"full total": {Total: 1},
		"full host":  {PerHost: 1},
		"rate":       {PerHostRate: rate.List{{Count: 1, Per: time.Hour}}},
		"composed":   {Limiter: penstock.NewSemaphore(1)},
	} {
		t.Run(name, func(t *testing.T) {
			visit(t, o, func(b *bench, d *doors, come func(context.Context, ...string) *sync.WaitGroup) {
				come(b.Context(), "a0")
				var wg sync.WaitGroup
				for i := range 9 {
					wg.Go(func() {
						if _, err := b.get(b.Context(), fmt.Sprintf("http://a/%d", i+1)); !errors.Is(err, httplimit.ErrClosed) {
							b.Errorf("%v, want ErrClosed", err)
						}
					})
				}
				synctest.Wait()
				b.t.Close()
				wg.Wait()
				b.took(0)
				b.inFlight(1, "what was under way goes on")
				if got := d.let("a0"); got != "" {
					b.Errorf("%s entered after Close", got)
				}
			})
		})
	}
}

func TestTransport45AWaiterOfAFullHostHoldsNoSlotOfTheTotal(t *testing.T) {
	perHour := rate.List{{Count: 1, Per: time.Hour}}
	for name, o := range map[string]httplimit.Options{
		"full": {Total: 2, PerHost: 1},
		"full, composed": {Total: 2, HostLimits: func(string) httplimit.HostLimits {
			return httplimit.HostLimits{Limiter: penstock.NewSemaphore(1)}
		}},
		"out of its rate": {Total: 2, PerHostRate: perHour},
	} {
		t.Run(name, func(t *testing.T) {
			visit(t, o, func(b *bench, d *doors, come func(context.Context, ...string) *sync.WaitGroup) {
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				come(ctx, "a0")
				come(ctx, numbers("a", 50)[1:]...)
				come(ctx, "b0", "c0")
				if got, want := strings.Join(d.entered, " "), "a0 b0"; got != want {
					b.Errorf("%s, want %s: the total's other slot", got, want)
				}
				if got := d.let("b0"); got != "c0" {
					b.Errorf("after b0 went: %q, want c0", got)
				}
			})
		})
	}
}
