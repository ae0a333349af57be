package fleet_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/internal/redistest"
)

// short is a lease that a slow machine's stalls do not reach, where it matters
// that it is not lost.
const short = time.Second

// A worker that is cut off for longer than a lease loses what it has in hand. When
// it is back it may not acknowledge it: the other has no records yet.
func TestTooLate(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	c, proxy := connect(t, srv.Addr), redistest.StartProxy(t, srv.Addr)
	name := nameOf(t)
	load(t, c, name, 10, fleet.LoadOptions{Lease: short})
	late, taker := newDisk(), newDisk()
	a := join(t, connect(t, proxy.Addr), name, late, fleet.WorkerOptions{Patience: -1})
	if n, err := work(t.Context(), a, 9); err != nil {
		t.Fatal(n, err)
	}
	last, err := a.Source().Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	proxy.Cut.Store(true)
	b := join(t, c, name, taker, fleet.WorkerOptions{})
	taken, err := b.Source().Next(t.Context()) // waits for the lease to end
	if err != nil {
		t.Fatal(err)
	}
	// a does not know, and finishes.
	if err := a.Write(&fetch.Record{Index: last.Index, OK: true}); err != nil {
		t.Fatal(err)
	}
	proxy.Cut.Store(false)
	proxy.HangUp()
	redistest.Eventually(t, patience, "the first knows what it lost, or has acknowledged it all the same", func() bool {
		return a.Lost() == 1 || look(t, c, name).Chunks == 0
	})
	if s := look(t, c, name); s.Chunks != 1 || s.Done != 0 {
		t.Fatalf("%d chunks, %d items done: one that is another's was acknowledged", s.Chunks, s.Done)
	}
	if err := b.Write(&fetch.Record{Index: taken.Index, OK: true}); err != nil {
		t.Fatal(err)
	}
	if n, err := work(t.Context(), b, -1); n != 9 || err != io.EOF {
		t.Errorf("%d items, %v", n, err)
	}
	a.Close()
	b.Close()
	if twice := every(t, 10, taker); twice != 0 {
		t.Errorf("%d twice", twice)
	}
	if twice := every(t, 10, late); twice != 0 {
		t.Errorf("%d twice", twice)
	}
}

// What a worker has in hand for longer than a lease stays its own as long as it
// is alive.
func TestSlowButAlive(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	load(t, c, name, 20, fleet.LoadOptions{Lease: 4 * time.Second, Chunk: 10})
	a, b := newDisk(), newDisk()
	slow := join(t, c, name, a, fleet.WorkerOptions{})
	if _, err := work(t.Context(), slow, 1); err != nil {
		t.Fatal(err)
	}
	quick := join(t, c, name, b, fleet.WorkerOptions{})
	if _, err := work(t.Context(), quick, 10); err != nil {
		t.Fatal(err)
	}
	end := time.After(6 * time.Second) // the lease and a half
	done := make(chan error, 1)
	go func() {
		_, err := quick.Source().Next(t.Context())
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the other got an item, or %v, while the first was alive", err)
	case <-end:
	}
	if n, err := work(t.Context(), slow, -1); n != 9 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	if err := <-done; err != io.EOF {
		t.Error(err)
	}
	slow.Close()
	quick.Close()
	if twice := every(t, 20, a, b); twice != 0 || slow.Lost() != 0 {
		t.Errorf("%d twice, %d lost", twice, slow.Lost())
	}
}

// A worker that leaves gives back the items that it has not done, and no others.
func TestLeave(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	load(t, c, name, 100, fleet.LoadOptions{Chunk: 50})
	a, b := newDisk(), newDisk()
	first := join(t, c, name, a, fleet.WorkerOptions{})
	if _, err := work(t.Context(), first, 33); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if s := look(t, c, name); s.Done != 33 || s.Pending != 0 || s.Chunks != 2 {
		t.Errorf("%+v", s)
	}
	second := join(t, c, name, b, fleet.WorkerOptions{})
	if n, err := work(t.Context(), second, -1); n != 67 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	second.Close()
	if twice := every(t, 100, a, b); twice != 0 {
		t.Errorf("%d twice", twice)
	}
	s := look(t, c, name)
	if s.Done != 100 || !s.Finished() {
		t.Errorf("%+v", s)
	}
	for _, w := range s.Workers {
		if w.State != "left" || s.Alive(&w) {
			t.Errorf("%+v", w)
		}
	}
}

// One whose disk is broken acknowledges nothing and gives everything back.
func TestBrokenDisk(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	load(t, c, name, 10, fleet.LoadOptions{})
	full := errors.New("disk full")
	a, b := newDisk(), newDisk()
	first := join(t, c, name, a, fleet.WorkerOptions{})
	if _, err := work(t.Context(), first, 9); err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	a.broken = full
	a.mu.Unlock()
	if _, err := work(t.Context(), first, 1); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := first.Close(); !errors.Is(err, full) {
		t.Error(err)
	}
	second := join(t, c, name, b, fleet.WorkerOptions{})
	if n, err := work(t.Context(), second, -1); n != 10 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	second.Close()
	every(t, 10, b)
}

// One that was killed and goes on with its output has its chunks at once, long
// before the lease is over, and does not again what it has.
func TestKilledAndResumed(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	load(t, c, name, 40, fleet.LoadOptions{Chunk: 10, Lease: time.Hour})
	out := newDisk()
	first, err := fleet.Join(t.Context(), c, name, fleet.WorkerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first.Start(out)
	if _, err := work(t.Context(), first, 15); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, patience, "the first chunk is settled", func() bool { return look(t, c, name).Done == 10 })
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	first.Kill()
	if s := look(t, c, name); s.Done != 10 || s.Pending != 1 {
		t.Fatalf("%+v", s)
	}
	again := join(t, c, name, out, fleet.WorkerOptions{ID: first.ID()})
	if n, err := work(t.Context(), again, -1); n != 25 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	again.Close()
	if twice := every(t, 40, out); twice != 0 {
		t.Errorf("%d twice", twice)
	}
}

// A chunk that was finished, and settled, longer than a lease ago is no reason to
// wait for anything.
func TestFinishedLongAgo(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	load(t, c, name, 20, fleet.LoadOptions{Chunk: 10, Lease: short})
	out := newDisk()
	w := join(t, c, name, out, fleet.WorkerOptions{})
	if _, err := work(t.Context(), w, 10); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, patience, "it is settled", func() bool { return look(t, c, name).Done == 10 })
	<-time.After(short) // which nothing can make shorter: the lease is Redis'
	if n, err := work(t.Context(), w, -1); n != 10 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	w.Close()
	every(t, 20, out)
}

// What was lost again and again does not pile up in memory.
func TestLostIsBounded(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	c := connect(t, srv.Addr)
	name := nameOf(t)
	load(t, c, name, 40, fleet.LoadOptions{Chunk: 10})
	out := newDisk()
	w := join(t, c, name, out, fleet.WorkerOptions{Hold: 1})
	src := w.Source()
	for i := range int64(4) {
		if _, err := src.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Another takes it, whom nobody hears of again.
		key := "penstock:fleet:{" + name + "}:chunks"
		srv.Must("EVAL", `local p = redis.call('XPENDING', KEYS[1], 'workers', '-', '+', 1, ARGV[1])
			return redis.call('XCLAIM', KEYS[1], 'workers', 'another', 0, p[1][1], 'JUSTID')`, "1", key, w.ID())
		redistest.Eventually(t, patience, "it knows", func() bool { return w.Lost() == i+1 })
	}
	if n := w.Remembered(); n != 1 {
		t.Errorf("%d chunks are remembered, want 1", n)
	}
}
