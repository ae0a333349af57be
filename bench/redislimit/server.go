package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

type server struct {
	addr, port string
	dir        string
	cmd        *exec.Cmd
}

// startServer starts a redis-server, and returns once it has been up for longer
// than the workers' lease.
func startServer() *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s := &server{addr: l.Addr().String()}
	l.Close()
	_, s.port, _ = net.SplitHostPort(s.addr)
	s.dir, err = os.MkdirTemp("", "bench-redislimit-")
	check(err)
	s.cmd = exec.CommandContext(context.Background(), "redis-server", "--port", s.port, "--bind", "127.0.0.1", "--save", "", "--dir", s.dir)
	redistest.DieWithParent(s.cmd) // it is not to outlive a benchmark that is cut short
	check(s.cmd.Start())
	for {
		info := s.info("server")
		if strings.Contains(info, "uptime_in_seconds:") && !strings.Contains(info, "uptime_in_seconds:0") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return s
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	os.RemoveAll(s.dir)
}

func (s *server) info(section string) string {
	out, err := exec.CommandContext(context.Background(), "redis-cli", "-p", s.port, "INFO", section).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// commands returns how many commands the server has done, those in scripts
// included.
func (s *server) commands() int {
	_, rest, _ := strings.Cut(s.info("stats"), "total_commands_processed:")
	text, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

// cpu returns what the server has used.
func (s *server) cpu() time.Duration { return cpuOf(s.cmd.Process.Pid) }

// cpuOf returns what a process has used, in user and system time.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	check(err)
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		check(err)
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}
