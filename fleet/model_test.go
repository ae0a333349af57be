package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/redis/rueidis"
)

// crash forgets what was not safe.
func (d *disk) crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.written)
}

// Whatever dies, stalls, leaves and comes back, Redis included: when the fleet is
// finished, every item is safe on some disk. Leases are much shorter here than
// stalls, so that chunks change hands all the time.
func TestModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	srv := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "no") // what was answered outlives the process
	m := &model{t: t, srv: srv, name: "model", items: 2000}
	m.admin = connect(t, srv.Addr)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	m.begin(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { m.loads(ctx, rand.New(rand.NewPCG(seed, 1))) })
	for i := range uint64(4) {
		wg.Go(func() { m.works(ctx, rand.New(rand.NewPCG(seed, 2+i))) })
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		pauseFor(ctx, time.Duration(200+r.IntN(500))*time.Millisecond)
		srv.Kill()
		pauseFor(ctx, time.Duration(r.IntN(200))*time.Millisecond)
		srv.Start()
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	redistest.Eventually(t, patience, "redis answers", func() bool {
		s, err := fleet.Look(ctx, m.admin, m.name)
		return err == nil && s.Finished()
	})
	twice := every(t, m.items, m.disks...)
	t.Logf("%d workers' outputs, %d records too many", len(m.disks), twice)
}

type model struct {
	t     *testing.T
	srv   *redistest.Server
	name  string
	items int64
	admin rueidis.Client

	mu    sync.Mutex
	disks []*disk
}

func (m *model) options() fleet.LoadOptions {
	return fleet.LoadOptions{Chunk: 20, Pending: 8, Input: json.RawMessage(`"model"`), Patience: patience}
}

// begin makes the fleet and shortens its lease.
func (m *model) begin(ctx context.Context) {
	if _, err := fleet.NewLoader(ctx, m.admin, m.name, m.options()); err != nil {
		m.t.Fatal(err)
	}
	m.srv.Must("HSET", "penstock:fleet:{model}", "lease", "150")
}

// loads loads the list, in as many lives as it takes.
func (m *model) loads(ctx context.Context, r *rand.Rand) {
	client := connect(m.t, m.srv.Addr)
	for ctx.Err() == nil {
		life, end := context.WithTimeout(ctx, time.Duration(50+r.IntN(400))*time.Millisecond)
		l, err := fleet.NewLoader(life, client, m.name, m.options())
		if err == nil {
			err = l.Load(life, &list{n: m.items})
		}
		end()
		if err == nil {
			return
		}
		pauseFor(ctx, 10*time.Millisecond)
	}
}

// works leads one life of a worker after another until all is done.
func (m *model) works(ctx context.Context, r *rand.Rand) {
	proxy := redistest.StartProxy(m.t, m.srv.Addr)
	client := connect(m.t, proxy.Addr)
	id, out := "", m.disk()
	for ctx.Err() == nil {
		w, err := fleet.Join(ctx, client, m.name, fleet.WorkerOptions{ID: id, Patience: -1, Hold: 1 + r.IntN(3)})
		if err != nil {
			pauseFor(ctx, 10*time.Millisecond)
			continue
		}
		w.Start(out)
		if m.live(ctx, r, w, proxy) {
			return
		}
		switch r.IntN(3) {
		case 0: // goes on with its output under its name
			id = w.ID()
		case 1: // goes on with its output under another
			id = ""
		case 2: // on another machine
			id, out = "", m.disk()
		}
	}
}

// live is one life; it reports whether all is done.
func (m *model) live(ctx context.Context, r *rand.Rand, w *fleet.Worker, proxy *redistest.Proxy) bool {
	for ctx.Err() == nil {
		_, err := work(ctx, w, 1+r.IntN(60))
		switch {
		case errors.Is(err, io.EOF):
			if err := w.Close(); err != nil {
				m.t.Error(err)
			}
			return true
		case err != nil:
			if ctx.Err() == nil {
				m.t.Error(err)
			}
			w.Close()
			return true
		}
		switch r.IntN(8) {
		case 0: // a stall of the machine, or of the network
			proxy.Cut.Store(true)
			pauseFor(ctx, time.Duration(r.IntN(400))*time.Millisecond)
			proxy.Cut.Store(false)
			proxy.HangUp()
		case 1: // a slow time
			pauseFor(ctx, time.Duration(r.IntN(300))*time.Millisecond)
		case 2:
			w.Kill()
			w.Output().(*disk).crash()
			return false
		case 3:
			if err := w.Close(); err != nil {
				m.t.Error(err)
			}
			return false
		}
	}
	w.Close()
	return true
}

func (m *model) disk() *disk {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := newDisk()
	m.disks = append(m.disks, d)
	return d
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
