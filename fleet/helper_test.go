package fleet_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/redis/rueidis"
)

func TestMain(m *testing.M) {
	os.Exit(redistest.Run(m))
}

// patience is for what happens at once on an idle machine.
const patience = time.Minute

func connect(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	var c rueidis.Client
	var err error
	redistest.Eventually(t, patience, "connecting", func() bool {
		c, err = rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{addr}, DisableCache: true, PipelineMultiplex: -1, ConnWriteTimeout: 2 * time.Second,
		})
		return err == nil
	})
	t.Cleanup(c.Close)
	return c
}

// A list is a source of n items.
type list struct {
	n, at int64
	fault int64 // an item that cannot be used; 0 for none
}

func (l *list) Next(context.Context) (fetch.Item, error) {
	if l.at == l.n {
		return fetch.Item{}, io.EOF
	}
	it := fetch.Item{Index: l.at, Line: l.at + 1, Source: "list", URL: fmt.Sprintf("http://h/%d", l.at)}
	it.Raw = []byte(it.URL)
	if l.fault != 0 && l.at == l.fault {
		it.Raw, it.Err = []byte("\xff{"), errors.New("list:9: no URL")
	}
	l.at++
	return it, nil
}

// A disk is an output of a worker that tells what is safe.
type disk struct {
	mu            sync.Mutex
	written, safe map[int64]int
	broken        error
}

func newDisk() *disk { return &disk{written: map[int64]int{}, safe: map[int64]int{}} }

func (d *disk) Write(r *fetch.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written[r.Index]++
	return d.broken
}

func (d *disk) Commit() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken == nil {
		for i, n := range d.written {
			d.safe[i] += n
			delete(d.written, i)
		}
	}
	return d.broken
}

// Done says what is safe: as a File that goes on does of its earlier run.
func (d *disk) Done(index int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.safe[index] > 0
}

func (d *disk) Close() error { return nil }

func load(t testing.TB, c rueidis.Client, name string, n int64, o fleet.LoadOptions) {
	t.Helper()
	l, err := fleet.NewLoader(t.Context(), c, name, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Load(t.Context(), &list{n: n}); err != nil {
		t.Fatal(err)
	}
}

func join(t testing.TB, c rueidis.Client, name string, out *disk, o fleet.WorkerOptions) *fleet.Worker {
	t.Helper()
	w, err := fleet.Join(t.Context(), c, name, o)
	if err != nil {
		t.Fatal(err)
	}
	w.Start(out)
	t.Cleanup(func() { w.Close() })
	return w
}

// work does n items, or all where n is negative, and returns how many it has done.
func work(ctx context.Context, w *fleet.Worker, n int) (done int, err error) {
	src := w.Source()
	for done != n {
		it, err := src.Next(ctx)
		if err != nil {
			return done, err
		}
		if err := w.Write(&fetch.Record{Index: it.Index, URL: it.URL, OK: it.Err == nil, Raw: it.Raw}); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// every wants each of n items to be safe in one of the outputs, and returns how
// many are there more than once.
func every(t testing.TB, n int64, outs ...*disk) (twice int) {
	t.Helper()
	for i := range n {
		count := 0
		for _, d := range outs {
			d.mu.Lock()
			count += d.safe[i]
			d.mu.Unlock()
		}
		if count == 0 {
			t.Fatalf("item %d has no record", i)
		}
		twice += count - 1
	}
	return twice
}

func look(t testing.TB, c rueidis.Client, name string) *fleet.Status {
	t.Helper()
	s, err := fleet.Look(t.Context(), c, name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nameOf is a name for a fleet that nothing else has: also where the test is run
// more than once.
func nameOf(t testing.TB) string { return t.Name() + "-" + rand.Text() }
