package httplimit_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

var sharing = httplimit.Options{Share: httplimit.Share{On: true, MaxBody: 5000}}

// body gets a URL, with header fields, and returns the body.
func (b *bench) body(ctx context.Context, url string, header ...string) (string, error) {
	req := request(ctx, b, url)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.Request != req {
		b.Errorf("the response is to %p, not to %p", resp.Request, req)
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestShare(t *testing.T) {
	bubble(t, 1, sharing, func(b *bench) {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if body, err := b.body(b.Context(), b.url(0, "/big/3000/x?delay=100")); len(body) != 3000 || err != nil {
					b.Errorf("%d bytes, %v", len(body), err)
				}
			})
			wg.Go(func() {
				if _, err := b.body(b.Context(), b.url(0, "/big/3000/x?delay=100"), "Authorization", "other", "Accept", "x", "X-A", "1", "X-B", "2", "X-C", "3"); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		if n := b.server.Audit().Total.Requests; n != 2 {
			b.Errorf("%d requests, want one for each header", n)
		}
		if n := b.t.Stats().Shared; n != 98 {
			b.Errorf("%d shared", n)
		}
		// One that comes afterwards makes its own.
		_, _ = b.body(b.Context(), b.url(0, "/big/3000/x?delay=100"))
		if n := b.server.Audit().Total.Requests; n != 3 {
			b.Errorf("%d requests", n)
		}
	})
}

func TestNotShared(t *testing.T) {
	bubble(t, 1, sharing, func(b *bench) {
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				resp, err := b.client.Post(b.url(0, "/echo/x?delay=100"), "text/plain", strings.NewReader("x"))
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			})
		}
		wg.Wait()
		if n := b.server.Audit().Total.Requests; n != 5 {
			b.Errorf("%d POSTs", n)
		}
	})
}

// A body over the bound is streamed to the one who asked first, with its permit,
// and the others get their own.
func TestShareOfALongBody(t *testing.T) {
	bubble(t, 1, sharing, func(b *bench) {
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if body, err := b.body(b.Context(), b.url(0, "/big/20000/x?delay=100")); len(body) != 20000 || err != nil {
					b.Errorf("%d bytes, %v", len(body), err)
				}
			})
		}
		wg.Wait()
		if n := b.server.Audit().Total.Requests; n != 5 {
			b.Errorf("%d requests", n)
		}
	})
}

func TestCancelledLeaderDoesNotFailTheOthers(t *testing.T) {
	for _, path := range []string{"/delay/1000/x", "/drip/1000/1000/x"} {
		bubble(t, 1, sharing, func(b *bench) {
			ctx, cancel := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := b.body(ctx, b.url(0, "%s", path)); !errors.Is(err, context.Canceled) {
					b.Errorf("the leader: %v", err)
				}
			})
			synctest.Wait()
			for range 5 {
				wg.Go(func() {
					if body, err := b.body(b.Context(), b.url(0, "%s", path)); body == "" || err != nil {
						b.Errorf("a follower: %q, %v", body, err)
					}
				})
			}
			time.Sleep(500 * time.Millisecond)
			cancel()
			wg.Wait()
			b.took(1500 * time.Millisecond)
			if n := b.server.Audit().Total.Requests; n != 2 {
				b.Errorf("%d requests", n)
			}
		})
	}
}

func TestCancelledFollower(t *testing.T) {
	bubble(t, 1, sharing, func(b *bench) {
		var wg sync.WaitGroup
		wg.Go(func() { b.mustGet(b.url(0, "/delay/1000/x"), 200) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(b.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := b.get(ctx, b.url(0, "/delay/1000/x")); !errors.Is(err, context.DeadlineExceeded) {
			b.Error(err)
		}
		b.took(100 * time.Millisecond)
		wg.Wait()
	})
}

// What reading ends with is everybody's, and a panic of the Base nobody's but
// whose goroutine it was.
func TestShareOfFailures(t *testing.T) {
	bubble(t, 1, sharing, func(b *bench) {
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := b.body(b.Context(), b.url(0, "/truncate/1000/x?delay=100")); !errors.Is(err, io.ErrUnexpectedEOF) {
					b.Errorf("cut: %v", err)
				}
			})
		}
		wg.Wait()
		if n := b.server.Audit().Total.Requests; n != 1 {
			b.Errorf("%d requests", n)
		}
	})
	var calls atomic.Int32
	o := sharing
	o.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
		time.Sleep(time.Second)
		if calls.Add(1) == 1 {
			panic("once")
		}
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok")), Request: r}, nil
	})
	bubble(t, 0, o, func(b *bench) {
		var wg sync.WaitGroup
		var recovered atomic.Int32
		for range 5 {
			wg.Go(func() {
				defer func() {
					if recover() != nil {
						recovered.Add(1)
					}
				}()
				b.mustGet("http://x.test/", 200)
			})
		}
		wg.Wait()
		if calls.Load() != 2 || recovered.Load() != 1 {
			b.Errorf("%d calls, %d panics", calls.Load(), recovered.Load())
		}
	})
}
