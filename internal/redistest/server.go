package redistest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Server is a redis-server. It can be killed and started again, with the same
// address and folder. One test at a time does so.
type Server struct {
	Addr string   // HOST:PORT
	Dir  string   // its folder; what it logs is in the file log
	Args []string // further arguments, from the next start on
	Env  []string // further environment, from the next start on

	t    testing.TB
	proc *process
}

// Start starts a redis-server that ends with the test, and returns when it
// answers.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := New(t, args...)
	s.Start()
	return s
}

// New returns a server that is not running yet. What Start starts of it ends
// with the test.
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	Require(t)
	addr, err := FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: addr, Dir: t.TempDir(), Args: args, t: t}
	t.Cleanup(s.Kill)
	return s
}

// URL returns redis://HOST:PORT.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Start starts it, and returns when it answers; that it is loading its data is
// an answer too.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.Launch(); err != nil {
		s.t.Fatal(err)
	}
}

// Launch is Start for those who have no test: a Server with Addr and Dir is
// enough.
func (s *Server) Launch() error {
	var err error
	for range 3 { // somebody may be trying that port
		if err = s.launch(); err == nil {
			return nil
		}
		s.Kill()
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (s *Server) launch() error {
	args := append([]string{
		"--port", Port(s.Addr), "--bind", "127.0.0.1", "--save", "", "--dir", s.Dir, "--loglevel", "warning",
	}, s.Args...)
	proc, err := spawn(s.Dir, s.Env, args...)
	if err != nil {
		return err
	}
	s.proc = proc
	ended := false
	ok := within(patience, func() bool {
		out, _ := s.ask("PING")
		ended = proc.ended()
		return ended || strings.Contains(out, "PONG") || strings.Contains(out, "NOAUTH") || strings.Contains(out, "LOADING")
	})
	if !ok || ended {
		log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
		return fmt.Errorf("redistest: redis-server %v does not answer: %s", args, log)
	}
	return nil
}

// Kill ends it at once, as kill -9 does. That of a server that is not running
// does nothing.
func (s *Server) Kill() {
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

// Signal sends it a signal, such as SIGSTOP.
func (s *Server) Signal(sig os.Signal) error { return s.proc.cmd.Process.Signal(sig) }

// Must is Ask, and fails the test where there is an error.
func (s *Server) Must(args ...string) string {
	s.t.Helper()
	out, err := s.Ask(args...)
	if err == nil && strings.HasPrefix(out, "ERR") {
		err = errors.New("refused")
	}
	if err != nil {
		s.t.Fatalf("redis %q: %v: %s", args, err, out)
	}
	return out
}

// Age waits until the server has been up for d, in whole seconds as Redis counts
// them: a limit that is new on a younger one has to wait for its first permit.
func (s *Server) Age(d time.Duration) {
	s.t.Helper()
	Eventually(s.t, d+patience, "the server is old enough", func() bool {
		_, rest, _ := strings.Cut(s.Must("INFO", "server"), "uptime_in_seconds:")
		text, _, _ := strings.Cut(rest, "\r")
		up, err := strconv.Atoi(text)
		return err == nil && time.Duration(up)*time.Second >= d
	})
}

var common struct {
	sync.Mutex

	srv *Server
}

// Shared returns a server that has been up for three seconds and that all tests of
// this process share which do it no harm, each by names of its own.
// [Run] ends it.
func Shared(t testing.TB) *Server {
	t.Helper()
	Require(t)
	common.Lock()
	defer common.Unlock()
	if common.srv == nil {
		addr, err := FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.MkdirTemp("", "redistest-") //nolint:usetesting // it outlives the test
		if err != nil {
			t.Fatal(err)
		}
		s := &Server{Addr: addr, Dir: dir, t: t}
		s.Start()
		s.Age(3 * time.Second)
		common.srv = s
	}
	s := *common.srv
	s.t = t
	return &s
}

// Run runs the tests of a package, for TestMain, twelve at a time unless -parallel is
// given: they wait more than they work. It ends what Shared has started.
func Run(m *testing.M) int {
	defer closeShared()
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "12")
	}
	return m.Run()
}

func closeShared() {
	common.Lock()
	defer common.Unlock()
	if common.srv != nil {
		common.srv.Kill()
		os.RemoveAll(common.srv.Dir)
		common.srv = nil
	}
}
