package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A stage is three hosts that go on when the test says so, so that what is to
// be seen stays until it was seen.
type stage struct {
	addrs [3]string     // 127.0.0.1, .2, .3 with a port each
	open  chan struct{} // closed by begin: before, nothing is answered
	once  sync.Once
	pace  atomic.Int64 // how long an answer of the first host takes
}

// The acts of a stage, by path: /item is answered, /missing is a 404, /busy
// always a 503, and /held a 429 that wants ten minutes of peace.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{open: make(chan struct{})}
	s.pace.Store(int64(150 * time.Millisecond))
	for i := range s.addrs {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", i+1))
		if err != nil {
			t.Fatal(err)
		}
		s.addrs[i] = l.Addr().String()
		srv := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
		go func() { _ = srv.Serve(l) }()
		t.Cleanup(func() { _ = srv.Close() })
	}
	t.Cleanup(s.begin) // let go of who still waits
	return s
}

func (s *stage) begin() { s.once.Do(func() { close(s.open) }) }
func (s *stage) hurry() { s.pace.Store(0) }

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.open:
	case <-r.Context().Done():
		return
	}
	time.Sleep(time.Duration(s.pace.Load())) // the slow server itself
	switch act, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); act {
	case "item":
		fmt.Fprintf(w, "%2000d", 0)
	case "missing":
		http.NotFound(w, r)
	case "busy":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "held":
		w.Header().Set("Retry-After", "590")
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// stageItems is how many lines write writes.
const stageItems = 1294

// write writes the input and the policy of a run that has something of
// everything to show.
func (s *stage) write(t *testing.T, dir string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprint(&b, "nonsense\nftp://example.com/\n")
	line := func(host int, act string, i int) { fmt.Fprintf(&b, "http://%s/%s/%d\n", s.addrs[host], act, i) }
	for i := range 30 {
		line(0, "missing", i)
		line(1, "held", i)
		line(2, "busy", i)
	}
	for i := range stageItems - 92 {
		line(0, "item", i)
	}
	policy := "[default]\nconcurrency = 3\nretry = { max = 30, cap = \"20s\" }\n"
	for name, text := range map[string]string{"urls.txt": b.String(), "policy.toml": policy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
