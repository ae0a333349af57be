package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/internal/redistest"
)

func TestFleet(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	const items = 5_500
	name := nameOf(t)
	l, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{Pending: 3, Request: json.RawMessage(`{"a":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Load(t.Context(), &list{n: items}); err != nil {
			t.Error(err)
		}
	})
	a, b := newDisk(), newDisk()
	for _, out := range []*disk{a, b} {
		w := join(t, c, name, out, fleet.WorkerOptions{Host: "here"})
		if string(w.Request()) != `{"a":1}` {
			t.Errorf("the worker was told %s", w.Request())
		}
		wg.Go(func() {
			if n, err := work(t.Context(), w, -1); err != io.EOF {
				t.Errorf("%v after %d items", err, n)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if twice := every(t, items, a, b); twice > 0 {
		t.Errorf("%d items were done twice", twice)
	}
	s := look(t, c, name)
	if !s.Finished() || s.Loaded != items || s.Done != items || s.Failed != 0 || s.Chunks != 0 || len(s.Workers) != 2 {
		t.Errorf("at the end: %+v", s)
	}
	if eta, ok := s.ETA(); !ok || eta != 0 {
		t.Errorf("it takes %v more, %t", eta, ok)
	}
}

// What does not fit into Redis waits in the loader.
func TestBounded(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	full := make(chan struct{})
	var once sync.Once
	l, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{Chunk: 10, Pending: 4, Progress: func(p fleet.Loaded) {
		if p.Full {
			once.Do(func() { close(full) })
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Load(ctx, &list{n: 1000}) }()
	<-full
	if s := look(t, c, name); s.Chunks != 4 || s.Loaded != 40 {
		t.Errorf("%d chunks, %d items are loaded; want 4 and 40", s.Chunks, s.Loaded)
	}
	out := newDisk()
	w := join(t, c, name, out, fleet.WorkerOptions{})
	if _, err := work(t.Context(), w, 20); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, patience, "two more chunks come", func() bool { return look(t, c, name).Loaded == 60 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A loader that was killed is followed by one that goes on exactly there; with
// another list it is refused.
func TestLoaderAgain(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	o := fleet.LoadOptions{Chunk: 7, Input: json.RawMessage(`"a list"`)}
	const items = 100
	broken := errors.New("killed")
	for n := int64(5); ; n += 5 {
		l, err := fleet.NewLoader(t.Context(), c, name, o)
		if err != nil {
			t.Fatal(err)
		}
		err = l.Load(t.Context(), &dying{list{n: items}, n, broken})
		if err == nil {
			break
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	out := newDisk()
	w := join(t, c, name, out, fleet.WorkerOptions{})
	if n, err := work(t.Context(), w, -1); err != io.EOF || n != items {
		t.Errorf("%d items, %v", n, err)
	}
	w.Close()
	if twice := every(t, items, out); twice > 0 {
		t.Errorf("%d items came twice", twice)
	}
	// Once more: all is there already.
	l, err := fleet.NewLoader(t.Context(), c, name, o)
	if err != nil {
		t.Fatal(err)
	}
	if at, ended := l.Loaded(); at.Items != items || !ended {
		t.Errorf("%+v, %t", at, ended)
	}
	other := o
	other.Input = json.RawMessage(`"another"`)
	if _, err := fleet.NewLoader(t.Context(), c, name, other); !errors.Is(err, fleet.ErrOtherInput) {
		t.Errorf("another input: %v", err)
	}
	other = o
	other.Request = json.RawMessage(`{}`)
	if _, err := fleet.NewLoader(t.Context(), c, name, other); !errors.Is(err, fleet.ErrOtherRequest) {
		t.Errorf("another request: %v", err)
	}
}

// A dying source ends before item at.
type dying struct {
	list

	end int64
	err error
}

func (d *dying) Next(ctx context.Context) (fetch.Item, error) {
	if d.at == d.end {
		return fetch.Item{}, d.err
	}
	return d.list.Next(ctx)
}

// silence is a source that gives nothing.
type silence struct{}

func (silence) Next(ctx context.Context) (fetch.Item, error) {
	<-ctx.Done()
	return fetch.Item{}, ctx.Err()
}

// TestSilentLoader: a loader whose source gives nothing is heard of all the same, and
// hears that another has taken over.
func TestSilentLoader(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	c := connect(t, srv.Addr)
	name := nameOf(t)
	o := fleet.LoadOptions{Lease: time.Second}
	first, err := fleet.NewLoader(t.Context(), c, name, o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- first.Load(t.Context(), silence{}) }()
	last := ""
	for range 3 {
		redistest.Eventually(t, patience, "the loader is heard of again", func() bool {
			seen := srv.Must("HGET", "penstock:fleet:{"+name+"}", "seen")
			news := seen != last
			last = seen
			return news && seen != ""
		})
	}
	if s := look(t, c, name); s.LoaderSeen < 0 || s.Loaded != 0 {
		t.Errorf("heard of %v ago, %d loaded", s.LoaderSeen, s.Loaded)
	}
	if _, err := fleet.NewLoader(t.Context(), c, name, o); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, fleet.ErrReplaced) {
		t.Errorf("%v, want ErrReplaced", err)
	}
}

// Of two loaders at once the later goes on, and the earlier says so.
func TestLoaderReplaced(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	first, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{Chunk: 10})
	if err != nil {
		t.Fatal(err)
	}
	load(t, c, name, 50, fleet.LoadOptions{Chunk: 10})
	if err := first.Load(t.Context(), &list{n: 50}); !errors.Is(err, fleet.ErrReplaced) {
		t.Errorf("got %v", err)
	}
	if s := look(t, c, name); s.Loaded != 50 || s.Chunks != 5 {
		t.Errorf("%+v", s)
	}
}

// Redis that has lost its latest writes gets them again.
func TestLoaderBehind(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	c := connect(t, srv.Addr)
	name := nameOf(t)
	src := &lossy{list: list{n: 100}, at: 60, lose: func() {
		key := "penstock:fleet:{" + name + "}"
		for range 3 { // the last three of the chunks
			id := srv.Must("EVAL", "return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]", "1", key+":chunks")
			srv.Must("XDEL", key+":chunks", id)
		}
		srv.Must("HSET", key, "chunks", "3", "items", "30")
	}}
	l, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{Chunk: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Load(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	out := newDisk()
	w := join(t, c, name, out, fleet.WorkerOptions{})
	if n, err := work(t.Context(), w, -1); err != io.EOF || n != 100 {
		t.Errorf("%d items, %v", n, err)
	}
	w.Close()
	every(t, 100, out)
}

// A lossy source calls lose before an item.
type lossy struct {
	list

	at   int64
	lose func()
}

func (l *lossy) Next(ctx context.Context) (fetch.Item, error) {
	if l.list.at == l.at {
		l.lose()
	}
	return l.list.Next(ctx)
}

// Items that cannot be used travel with what is wrong with them.
func TestBadItems(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	l, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Load(t.Context(), &list{n: 3, fault: 1}); err != nil {
		t.Fatal(err)
	}
	w := join(t, c, name, newDisk(), fleet.WorkerOptions{})
	for i := range 3 {
		it, err := w.Source().Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 && (it.Err == nil || it.Err.Error() != "list:9: no URL" || string(it.Raw) != "\xff{") {
			t.Errorf("got %+v", it)
		}
		if i != 1 && (it.Err != nil || it.URL != fmt.Sprintf("http://h/%d", i) || it.Line != int64(i)+1 || it.Source != "list") {
			t.Errorf("got %+v", it)
		}
		if err := w.Write(&fetch.Record{Index: it.Index, OK: it.Err == nil}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if s := look(t, c, name); s.Done != 3 || s.Failed != 1 {
		t.Errorf("%+v", s)
	}
}

// Names that are none, and fleets that are not there.
func TestNoFleet(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	for _, name := range []string{"", "a b", "a{b", string(make([]byte, 201))} {
		_, err1 := fleet.Join(t.Context(), c, name, fleet.WorkerOptions{})
		_, err2 := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{})
		_, err3 := fleet.Look(t.Context(), c, name)
		err4 := fleet.Remove(t.Context(), c, name)
		for _, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, fleet.ErrName) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	_, err1 := fleet.Join(t.Context(), c, "nobody", fleet.WorkerOptions{})
	_, err2 := fleet.Look(t.Context(), c, "nobody")
	err3 := fleet.Remove(t.Context(), c, "nobody")
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, fleet.ErrNone) {
			t.Error(err)
		}
	}
	if _, err := fleet.NewLoader(t.Context(), c, "x", fleet.LoadOptions{Lease: time.Millisecond}); err == nil {
		t.Error("a lease of a millisecond is taken")
	}
}

// A fleet that is removed ends its workers and its loader.
func TestRemoved(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	l, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{Chunk: 1, Pending: 2})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- l.Load(t.Context(), &list{n: 1000}) }()
	w := join(t, c, name, newDisk(), fleet.WorkerOptions{})
	if _, err := work(t.Context(), w, 10); err != nil {
		t.Fatal(err)
	}
	names, err := fleet.List(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, n := range names {
		found = found || n == name
	}
	if !found {
		t.Errorf("it is not among %q", names)
	}
	if err := fleet.Remove(t.Context(), c, name); err != nil {
		t.Fatal(err)
	}
	if _, err := work(t.Context(), w, -1); !errors.Is(err, fleet.ErrGone) {
		t.Errorf("the worker: %v", err)
	}
	if err := <-done; !errors.Is(err, fleet.ErrGone) {
		t.Errorf("the loader: %v", err)
	}
}

// All of a fleet is in one slot of a Cluster.
func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t, 3)
	c := connect(t, nodes[0].Addr)
	for _, name := range []string{"one", "two", "three"} {
		load(t, c, name, 30, fleet.LoadOptions{Chunk: 10})
		out := newDisk()
		w := join(t, c, name, out, fleet.WorkerOptions{})
		if n, err := work(t.Context(), w, -1); n != 30 || err != io.EOF {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
		w.Close()
		every(t, 30, out)
	}
	names, err := fleet.List(t.Context(), c)
	if err != nil || fmt.Sprint(names) != "[one three two]" {
		t.Errorf("%q, %v", names, err)
	}
}

// An item with an empty body is not one without a body of its own, which
// gets the run's.
func TestBodiesTravel(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Shared(t).Addr)
	name := nameOf(t)
	l, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bodies := [][]byte{nil, {}, []byte("x")}
	if err := l.Load(t.Context(), &withBodies{bodies: bodies}); err != nil {
		t.Fatal(err)
	}
	w := join(t, c, name, newDisk(), fleet.WorkerOptions{})
	for i, want := range bodies {
		it, err := w.Source().Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if string(it.Body) != string(want) || (it.Body == nil) != (want == nil) {
			t.Errorf("item %d has the body %#v, want %#v", i, it.Body, want)
		}
	}
}

// A withBodies source is of items with these bodies.
type withBodies struct {
	at     int64
	bodies [][]byte
}

func (l *withBodies) Next(context.Context) (fetch.Item, error) {
	if l.at == int64(len(l.bodies)) {
		return fetch.Item{}, io.EOF
	}
	it := fetch.Item{Index: l.at, URL: "http://h/", Body: l.bodies[l.at]}
	l.at++
	return it, nil
}

// A Redis that throws away keys may keep the state of a fleet without its chunks.
// All who are at it hear so, and it can be begun anew.
func TestChunksEvicted(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	c := connect(t, srv.Addr)
	name := nameOf(t)
	l, err := fleet.NewLoader(t.Context(), c, name, fleet.LoadOptions{Chunk: 10})
	if err != nil {
		t.Fatal(err)
	}
	evict := func() { srv.Must("DEL", "penstock:fleet:{"+name+"}:chunks") }
	w := join(t, c, name, newDisk(), fleet.WorkerOptions{Patience: -1}) // with nothing in hand its heartbeats succeed
	evict()
	if _, err := fleet.Look(t.Context(), c, name); !errors.Is(err, fleet.ErrGone) {
		t.Errorf("the status: %v", err)
	}
	if _, err := work(t.Context(), w, -1); !errors.Is(err, fleet.ErrGone) {
		t.Errorf("the worker: %v", err)
	}
	w.Close()
	if err := l.Load(t.Context(), &list{n: 30}); !errors.Is(err, fleet.ErrGone) {
		t.Errorf("the loader: %v", err)
	}
	load(t, c, name, 30, fleet.LoadOptions{Chunk: 10})
	out := newDisk()
	again := join(t, c, name, out, fleet.WorkerOptions{})
	if n, err := work(t.Context(), again, -1); n != 30 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	again.Close()
	every(t, 30, out)
}
