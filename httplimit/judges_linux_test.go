package httplimit_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/internal/origin"
	"github.com/penstock-go/penstock/rate"
)

// The judges are nginx and HAProxy as Debian has them: servers that we have not
// written, and whose limits are not our idea of a limit.

const nginxConf = `
daemon off;
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
user root;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path tmp/body;
	proxy_temp_path tmp/proxy;
	fastcgi_temp_path tmp/fastcgi;
	uwsgi_temp_path tmp/uwsgi;
	scgi_temp_path tmp/scgi;
	keepalive_requests 1000000;
	limit_conn_zone $server_name zone=conns:1m;
	limit_req_zone $server_name zone=reqs:1m rate=100r/s;
	upstream slow { server SLOW; keepalive 64; }
	server {
		listen LISTEN backlog=511;
		server_name judge;
		location /conn/ {
			limit_conn conns 37;
			proxy_pass http://slow/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
		root .;
		# Not return, which comes before limit_req.
		location /req/ { limit_req zone=reqs burst=20 nodelay; try_files /conf =404; }
	}
}
`

const haproxyConf = `
global
	maxconn 2000
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout queue 60s
	http-reuse always
frontend judge
	bind fd@3
	default_backend slow
backend slow
	server slow SLOW maxconn 37
`

// judge starts a program with its configuration and a listening socket as file 3,
// so that nobody has to wait for it, and returns its URL. The test ends it.
func judge(t *testing.T, program, conf string, slow *origin.Server, args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the judges take seconds")
	}
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program) // not on a user's PATH
	}
	if err != nil {
		if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), program) {
			t.Fatalf("no %s, but PENSTOCK_REQUIRE asks for it", program)
		}
		t.Skipf("no %s; on Debian: sudo apt-get install %s", program, program)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		conf = strings.Replace(conf, "user root;", "", 1)
	}
	conf = strings.NewReplacer("LISTEN", ln.Addr().String(), "SLOW", strings.TrimPrefix(slow.URL(), "http://")).Replace(conf)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = []string{"NGINX=3;"}
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // should the tests be killed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("%s ended by itself: %v", program, err)
		}
		_ = cmd.Wait() // it was ended by a signal
		if t.Failed() {
			t.Logf("%s said:\n%s", program, &stderr)
		}
	})
	return "http://" + ln.Addr().String()
}

func nginx(t *testing.T, slow *origin.Server) string {
	return judge(t, "nginx", nginxConf, slow, "-e", "stderr", "-p", ".", "-c", "conf")
}

func haproxy(t *testing.T, slow *origin.Server) string {
	return judge(t, "haproxy", haproxyConf, slow, "-q", "-f", "conf")
}

func slowServer(t *testing.T) *origin.Server {
	t.Helper()
	s, err := origin.Start(origin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A verdict is what a judge has said of a client.
type verdict struct {
	good, refused, other int
	took                 time.Duration
}

func (v verdict) String() string {
	return fmt.Sprintf("%d good, %d refused, %d other in %v: %.0f/s", v.good, v.refused, v.other, v.took.Round(time.Millisecond), float64(v.good)/v.took.Seconds())
}

// ask sends n requests from workers goroutines.
func ask(t *testing.T, o httplimit.Options, workers, n int, url string) (v verdict) {
	t.Helper()
	if o.Base == nil {
		base := &http.Transport{MaxIdleConnsPerHost: 200}
		defer base.CloseIdleConnections()
		o.Base = base
	}
	client, err := httplimit.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	start := time.Now()
	next := 0
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				mu.Lock()
				next++
				i := next
				mu.Unlock()
				if i > n {
					return
				}
				status := 0
				if resp, err := client.Get(fmt.Sprintf("%s?id=%d", url, i)); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					status = resp.StatusCode
				}
				mu.Lock()
				switch status {
				case 200, 204:
					v.good++
				case 503, 429:
					v.refused++
				default:
					v.other++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	v.took = time.Since(start)
	t.Log(v)
	return v
}

var noRetries = httplimit.Retry{Max: -1}

func adaptiveHosts(t *testing.T) (*adaptive.Limiter, func(string) httplimit.HostLimits) {
	t.Helper()
	l, err := adaptive.New(adaptive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l, func(string) httplimit.HostLimits { return httplimit.HostLimits{Limiter: l} }
}

func TestNginxJudgesConcurrency(t *testing.T) {
	slow := slowServer(t)
	url := nginx(t, slow) + "/conn/delay/20"
	t.Run("37", func(t *testing.T) {
		if v := ask(t, httplimit.Options{PerHost: 37, Retry: noRetries}, 100, 3000, url); v.good != 3000 {
			t.Error("some were refused")
		}
	})
	t.Run("50, which the judge sees", func(t *testing.T) {
		if v := ask(t, httplimit.Options{PerHost: 50, Retry: noRetries}, 100, 1000, url); v.refused == 0 {
			t.Error("none was refused")
		}
	})
	t.Run("found by itself", func(t *testing.T) {
		l, hosts := adaptiveHosts(t)
		v := ask(t, httplimit.Options{HostLimits: hosts, Retry: noRetries}, 100, 6000, url)
		t.Logf("limit %d, found to refuse by %s", l.Limit(), l.Stats().Refuses)
		if v.other > 0 || v.refused > 6000/20 {
			t.Error("more than 5 % were refused")
		}
	})
}

func TestNginxJudgesRate(t *testing.T) {
	slow := slowServer(t)
	for _, test := range []struct {
		rate int64
		kept bool
	}{{100, true}, {200, false}} {
		t.Run(fmt.Sprint(test.rate), func(t *testing.T) {
			url := nginx(t, slow) + "/req/"
			o := httplimit.Options{PerHostRate: rate.List{{Count: test.rate, Per: time.Second, Slack: 5 * time.Millisecond}}, Retry: noRetries}
			if v := ask(t, o, 20, 400, url); v.other > 0 || test.kept != (v.refused == 0) {
				t.Errorf("kept: %v, want %v", v.refused == 0, test.kept)
			}
		})
	}
	// What is refused is repeated, under a budget, until it is served.
	t.Run("150, with retries", func(t *testing.T) {
		url := nginx(t, slow) + "/req/"
		o := httplimit.Options{
			PerHostRate: rate.List{{Count: 150, Per: time.Second}},
			Retry:       httplimit.Retry{Max: 10, Base: 100 * time.Millisecond, Budget: -1},
		}
		if v := ask(t, o, 20, 300, url); v.good != 300 {
			t.Error("some were not served")
		}
	})
}

func TestHAProxyJudgesAQueue(t *testing.T) {
	slow := slowServer(t)
	url := haproxy(t, slow) + "/delay/20"
	t.Run("37", func(t *testing.T) {
		if v := ask(t, httplimit.Options{PerHost: 37, Retry: noRetries}, 100, 3000, url); v.good != 3000 {
			t.Error("not all were good")
		}
	})
	t.Run("found by itself", func(t *testing.T) {
		l, hosts := adaptiveHosts(t)
		if v := ask(t, httplimit.Options{HostLimits: hosts, Retry: noRetries}, 200, 6000, url); v.good != 6000 {
			t.Error("not all were good")
		}
		t.Logf("limit %d, latency %v", l.Limit(), l.Stats().Latency)
	})
	if m := slow.Audit().Total.MaxInFlight; m > 37 {
		t.Errorf("HAProxy let %d through", m)
	}
}
