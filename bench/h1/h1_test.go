// Package h1 measures what a small response over a kept connection costs its
// client: by fetch/h1, by net/http and by fasthttp. The server is a process of
// its own, so that the processor time is the client's. Run it by
//
//	scripts/compare.sh bench/h1 5 1s
package h1

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/internal/origin"
	"github.com/valyala/fasthttp"
)

// server says to this program that it is the server, and with which kind of
// certificate.
const server = "PENSTOCK_BENCH_SERVER"

func TestMain(m *testing.M) {
	if kind := os.Getenv(server); kind != "" {
		serve(kind)
		return
	}
	os.Exit(m.Run())
}

// serve runs the server until its standard input ends.
func serve(kind string) {
	cert, err := origin.ParseCert(kind)
	if err != nil {
		panic(err)
	}
	s, err := origin.Start(origin.Options{TLS: cert, HTTP1: true})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.URL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Close()
}

// start starts a server and returns its URL.
func start(b *testing.B, kind string) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), server+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// A client makes GET requests, as one of many goroutines.
type client struct {
	name string
	// anew returns what makes one request into buf and returns the body.
	anew func(url string) func(buf []byte) ([]byte, error)
}

func roundTrips(tr http.RoundTripper, timeout time.Duration) func(url string) func(buf []byte) ([]byte, error) {
	return func(url string) func([]byte) ([]byte, error) {
		all, cancel := context.WithCancel(context.Background())
		_ = cancel // it can end, but does not
		req, err := http.NewRequestWithContext(all, http.MethodGet, url, http.NoBody)
		if err != nil {
			panic(err)
		}
		return func(buf []byte) ([]byte, error) {
			r := req
			if timeout > 0 {
				ctx, cancel := context.WithTimeout(all, timeout)
				defer cancel()
				r = req.WithContext(ctx)
			}
			resp, err := tr.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			defer resp.Body.Close()
			n, err := io.ReadFull(resp.Body, buf)
			if err != io.ErrUnexpectedEOF {
				return nil, fmt.Errorf("%d bytes: %w", n, err)
			}
			return buf[:n], nil
		}
	}
}

func clients() []client {
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a server of our own
	lean := h1.New(h1.Options{TLSConfig: insecure, MaxIdle: 10_000})
	std := &http.Transport{TLSClientConfig: insecure, MaxIdleConnsPerHost: math.MaxInt, ReadBufferSize: 8 << 10}
	fast := &fasthttp.Client{
		MaxConnsPerHost: 10_000, TLSConfig: insecure,
		DisablePathNormalizing: true, NoDefaultUserAgentHeader: true,
	}
	return []client{
		{"h1", roundTrips(lean, 0)},
		{"h1-timeout", roundTrips(lean, time.Minute)},
		{"net-http", roundTrips(std, 0)},
		{"net-http-timeout", roundTrips(std, time.Minute)},
		{"fasthttp", func(url string) func([]byte) ([]byte, error) {
			return func(buf []byte) ([]byte, error) {
				_, body, err := fast.Get(buf[:0], url)
				return body, err
			}
		}},
	}
}

// Small responses over kept connections, each used by one goroutine.
func BenchmarkSmall(b *testing.B)    { small(b, "plain") }
func BenchmarkSmallTLS(b *testing.B) { small(b, "self-signed") }

func small(b *testing.B, kind string) {
	url := start(b, kind) + "/item/1"
	want := string(origin.AppendItem(nil, 1))
	for _, conns := range []int{10, 100, 1000} {
		for _, c := range clients() {
			b.Run(fmt.Sprintf("%d/%s", conns, c.name), func(b *testing.B) {
				one := c.anew(url)
				run(b, conns, conns, one, want) // connects
				b.ReportAllocs()
				b.ResetTimer()
				before := processor()
				run(b, conns, b.N, one, want)
				b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

func run(b *testing.B, goroutines, requests int, one func([]byte) ([]byte, error), want string) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			buf := make([]byte, 4096)
			for next.Add(1) <= int64(requests) {
				if body, err := one(buf); err != nil || string(body) != want {
					b.Errorf("%q: %v", body, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// processor is the processor time of this process.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
