package keyed_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/penstock-go/penstock"
)

// heap returns how many bytes are in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million hosts, none of which may be dropped because its rate says something,
// take less than 120 MB, the bytes of their names included; a fifth of them a fifth,
// unless PENSTOCK_LONG is set.
func TestMemoryOfAMillionKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	keys := 200_000
	if os.Getenv("PENSTOCK_LONG") != "" {
		keys = 1_000_000
	}
	l := rates(t, "1/d", 1<<30)
	before := heap()
	for i := range keys {
		if !l.Allow(fmt.Sprintf("www.host%07d.example", i), 1) {
			t.Fatal("refused")
		}
	}
	l.DropIdle()
	has(t, l, keys)
	used := heap() - before
	each := float64(used) / float64(keys)
	t.Logf("%d keys of 23 bytes with a rate each: %.1f MB in use, %.0f bytes a key", keys, float64(used)/1e6, each)
	if each > 120 {
		t.Errorf("%d bytes", used)
	}
	runtime.KeepAlive(l)
}

// At no number of keys are the tables emptier than documented: 10 to 15 bytes a key.
func TestMemoryOfTables(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s := penstock.NewSemaphore(1)
	l := semaphoresAre(s)
	before := heap()
	for i := range 300_000 {
		l.Allow(i, 1)
		if n := i + 1; n >= 100_000 && n%25_000 == 0 {
			used := float64(heap()-before)/float64(n) - 24 // an entry with an int
			t.Logf("%d keys: %.1f bytes for the place of one", n, used)
			if used < 10 || used > 15.5 {
				t.Errorf("%d keys: %.1f bytes for the place of one", n, used)
			}
		}
	}
	runtime.KeepAlive(l)
}

// Keys that come and go leave nothing: neither those in number under MaxIdle nor
// the table that held them.
func TestMemoryIsFlat(t *testing.T) {
	l := semaphores(1, 1000)
	before := heap()
	var permits []penstock.Permit
	for i := range 60_000 {
		key := fmt.Sprintf("www.host%07d.example", i)
		if i < 10_000 {
			permits = append(permits, take(t, l.For(key), 1))
		} else {
			l.Allow(key, 1)
		}
		if i == 30_000 {
			for _, p := range permits {
				p.Release(penstock.Success)
			}
			permits = nil
		}
	}
	has(t, l, 1000)
	if used := heap() - before; used > 1000*600 {
		t.Errorf("%d bytes for 1000 keys", used)
	}
	l.DropIdle()
	has(t, l, 0)
	if used := heap() - before; used > 64*1024 {
		t.Errorf("%d bytes for none", used)
	}
	runtime.KeepAlive(l)
}
