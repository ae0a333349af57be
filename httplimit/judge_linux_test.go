package httplimit_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
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
		location /req/ {
			limit_req zone=reqs burst=20 nodelay;
			proxy_pass http://slow/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
		location /told/ {
			limit_req zone=reqs burst=20 nodelay;
			error_page 503 = @told;
			proxy_pass http://slow/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
		location @told {
			add_header Retry-After 1 always;
			return 429;
		}
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

func nginx(t *testing.T) string {
	return judge(t, "nginx", nginxConf, slowServer(t), "-e", "stderr", "-p", ".", "-c", "conf")
}

// haproxy checks itself that HAProxy lets no more through than it says.
func haproxy(t *testing.T) string {
	slow := slowServer(t)
	t.Cleanup(func() {
		if m := slow.Audit().Total.MaxInFlight; m > 37 {
			t.Errorf("HAProxy let %d through", m)
		}
	})
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
