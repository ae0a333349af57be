package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

// serverEnv makes this program the server, and says what it is to do.
const serverEnv = "BENCH_FETCH_SERVER"

// A server is a process that all commands of a scenario ask.
type server struct {
	cmd    *exec.Cmd
	scheme string
	port   string
	ours   bool
}

// startServer returns when the server answers.
func startServer(ctx context.Context, s scenario, dir string) (*server, error) {
	srv := &server{scheme: "http", ours: s.server != "nginx"}
	if s.tls {
		srv.scheme = "https"
	}
	if srv.ours {
		err := srv.startOurs(ctx, s.server)
		return srv, err
	}
	err := srv.startNginx(ctx, dir, s.tls)
	return srv, err
}

func (srv *server) startOurs(ctx context.Context, what string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	srv.cmd = exec.CommandContext(ctx, self)
	srv.cmd.Env = append(os.Environ(), serverEnv+"="+what)
	srv.cmd.Stderr, srv.cmd.SysProcAttr = os.Stderr, dieWithParent()
	out, err := srv.cmd.StdoutPipe()
	if err == nil {
		err = srv.cmd.Start()
	}
	if err != nil {
		return err
	}
	srv.port, err = bufio.NewReader(out).ReadString('\n')
	srv.port = strings.TrimSpace(srv.port)
	return err
}

const nginxConf = `daemon off;
master_process off;
worker_rlimit_nofile 65536;
error_log stderr crit;
pid nginx.pid;
events { worker_connections 16384; }
http {
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	default_type application/json;
	client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
	server {
		listen 0.0.0.0:PORT TLS backlog=8192;
		CERT
		location /item/ {
			return 200 '{"id":"$uri;","name":"an item as good as any other","tags":["one","two","three"],"price":12.5,"text":"0123456789012345678901234567890123456789"}\n';
		}
	}
}
`

func (srv *server) startNginx(ctx context.Context, dir string, tls bool) error {
	path, err := exec.LookPath("nginx")
	if err != nil {
		return fmt.Errorf("%w; bench/fetch/setup.sh installs it on Debian", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, srv.port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	conf := strings.Replace(nginxConf, "PORT", srv.port, 1)
	if tls {
		if _, _, err := redistest.WriteCert(dir); err != nil { // no command looks who has signed it
			return err
		}
		conf = strings.Replace(strings.Replace(conf, "TLS", "ssl", 1), "CERT", "ssl_certificate cert.pem; ssl_certificate_key key.pem;", 1)
	} else {
		conf = strings.Replace(strings.Replace(conf, "TLS", "", 1), "CERT", "", 1)
	}
	name := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
		return err
	}
	srv.cmd = exec.CommandContext(ctx, path, "-p", dir, "-c", name)
	srv.cmd.Stderr, srv.cmd.SysProcAttr = os.Stderr, dieWithParent()
	if err := srv.cmd.Start(); err != nil {
		return err
	}
	for range 1000 {
		c, err := net.Dial("tcp", "127.0.0.1:"+srv.port) //nolint:noctx // loopback
		if err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	srv.stop()
	return fmt.Errorf("nginx does not come up")
}

func (srv *server) stop() {
	_ = srv.cmd.Process.Kill()
	_ = srv.cmd.Wait()
}

// url is that of a host: 127.0.0.1, .2, ...
func (srv *server) url(host int) string {
	return fmt.Sprintf("%s://127.0.0.%d:%s", srv.scheme, host+1, srv.port)
}

// reset begins the counting anew.
func (srv *server) reset() error {
	if !srv.ours {
		return nil
	}
	_, err := srv.control("reset")
	return err
}

// othersTook is from the first request to the last answer of a host that is not
// the slow one.
func (srv *server) othersTook() (time.Duration, error) { return srv.duration("others") }

// delayed is how long an answer was delayed on average: no timer is on time, and the
// server has its client beside it.
func (srv *server) delayed() (time.Duration, error) { return srv.duration("delayed") }

func (srv *server) duration(what string) (time.Duration, error) {
	b, err := srv.control(what)
	if err != nil {
		return 0, err
	}
	var d time.Duration
	err = json.Unmarshal(b, &d)
	return d, err
}

func (srv *server) control(what string) ([]byte, error) {
	resp, err := http.Get(srv.url(0) + "/control/" + what) //nolint:noctx // loopback
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
