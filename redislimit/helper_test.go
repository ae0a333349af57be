package redislimit_test

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// inUse returns how many units of a limit are in use, as Redis has it.
func inUse(t testing.TB, srv *redistest.Server, name string) int {
	t.Helper()
	n, err := strconv.Atoi(srv.Must("EVAL", "local m = redis.call('HGET', KEYS[1], 'm') if not m then return -1 end local _, _, u = struct.unpack('<ddd', m) return u", "1", "penstock:{"+name+"}"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits until ok.
func eventually(t testing.TB, most time.Duration, what string, ok func() bool) {
	t.Helper()
	redistest.Eventually(t, most, what, ok)
}

// open opens a store, which is a process of its own as far as Redis can tell.
func open(t testing.TB, url string, o redislimit.Options) *redislimit.Store {
	t.Helper()
	s, err := redislimit.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func semaphore(t testing.TB, s *redislimit.Store, name string, limit int) *redislimit.Semaphore {
	t.Helper()
	sem, err := s.Semaphore(name, limit)
	if err != nil {
		t.Fatal(err)
	}
	return sem
}

// aged starts a server that has been up for longer than the quick lease, so
// that the first permit of a new name is had at once.
func aged(t testing.TB, args ...string) *redistest.Server {
	t.Helper()
	srv := redistest.Start(t, args...)
	srv.Age(quick.Lease)
	return srv
}

// begun has a limit begin under the quick lease: those who come with a longer one
// need not wait until the server is as old as that.
func begun(t testing.TB, srv *redistest.Server, name string, limit int) {
	t.Helper()
	p, err := semaphore(t, open(t, srv.URL(), quick), name, limit).Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p.Release(penstock.Success)
}

// acquiring acquires n aside, and gives what came of it, nil after an error.
func acquiring(t testing.TB, s *redislimit.Semaphore, n int) <-chan *redislimit.Permit {
	got := make(chan *redislimit.Permit)
	go func() {
		p, err := s.Acquire(t.Context(), n)
		if err != nil {
			t.Error(err)
		}
		got <- p
	}()
	return got
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logged) count(what string) int { return strings.Count(l.String(), what) }

func contextIn(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}
