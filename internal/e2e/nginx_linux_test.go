package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nginxConf is all that a judge needs, with no path outside its own folder.
//
// That there is one worker matters for the verdict: it writes a response's last
// byte and takes the request off its count in one step of its event loop, so
// that a client that has seen the end of a response cannot meet its own ghost.
const nginxConf = `
daemon off;
worker_processes 1;
%s
error_log stderr error;
pid nginx.pid;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path tmp/body;
	proxy_temp_path tmp/proxy;
	fastcgi_temp_path tmp/fastcgi;
	uwsgi_temp_path tmp/uwsgi;
	scgi_temp_path tmp/scgi;
	keepalive_requests 1000000;
	%s
}
`

// nginx starts Debian's nginx with the directives of its http block, in which
// LISTEN stands for its own address, and returns its URL. The test ends it.
func nginx(t *testing.T, directives string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // not on a user's PATH
	}
	if err != nil {
		if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "nginx") {
			t.Fatal("no nginx, but PENSTOCK_REQUIRE asks for it")
		}
		t.Skip("no nginx; on Debian: sudo apt-get install nginx")
	}

	// nginx takes over a listening socket that it is handed as at an upgrade of
	// its binary. So the port is surely free, and the first request waits in
	// the socket's queue until nginx is up.
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
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the worker may look into this test's folder
	}
	conf := fmt.Sprintf(nginxConf, user, strings.ReplaceAll(directives, "LISTEN", ln.Addr().String()))
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}

	var stderr bytes.Buffer
	cmd := exec.Command(program, "-e", "stderr", "-p", dir, "-c", "nginx.conf")
	cmd.Env = []string{"NGINX=3;"}
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // should the tests be killed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		select {
		case err := <-ended:
			t.Errorf("nginx ended by itself: %v\n%s", err, &stderr)
			return
		default:
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Errorf("nginx did not end: %v", cmd.Process.Kill())
			<-ended
		}
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("nginx said (its end):\n%s", stderr.Bytes()[max(0, stderr.Len()-2000):])
		}
	})
	return "http://" + ln.Addr().String()
}
