package keyed_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := semaphores(3, 0)
		var permits []penstock.Permit
		for key, n := range map[string]int{"three": 3, "two": 2, "one": 1, "none": 0, "many": 3} {
			l.Allow(key, 1)
			for range n {
				permits = append(permits, take(t, l.For(key), 1))
			}
		}
		var wg sync.WaitGroup
		all := penstock.All(l.For("two"), penstock.NewSemaphore(9))
		for i := range 6 {
			wg.Go(func() {
				from := all // two wait for the second unit of three, together
				if i < 4 {
					from = l.For("three")
				}
				n := 2
				if p, err := from.AcquirePermit(t.Context(), n); err != nil {
					t.Error(err)
				} else {
					p.Release(penstock.Success)
				}
			})
		}
		synctest.Wait()
		type top = []keyed.KeyStats[string]
		three := keyed.KeyStats[string]{Key: "three", Waiting: 4, InUse: 3}
		two := keyed.KeyStats[string]{Key: "two", Waiting: 2, InUse: 2}
		one := keyed.KeyStats[string]{Key: "one", InUse: 1}
		many := keyed.KeyStats[string]{Key: "many", InUse: 3}
		for n, want := range map[int]top{
			-1: nil, 0: nil, 1: {three}, 2: {three, two}, 3: {three, two, many}, 4: {three, two, many, one}, 9: {three, two, many, one},
		} {
			st := l.Stats(n)
			want := keyed.Stats[string]{Keys: 5, Made: 5, Waiting: 6, InUse: 9, Top: want}
			if !reflect.DeepEqual(st, want) {
				t.Errorf("Stats(%d):\n got %+v\nwant %+v", n, st, want)
			}
		}
		text, err := json.Marshal(l.Stats(1))
		want := `{"keys":5,"made":5,"dropped":0,"waiting":6,"in_use":9,"top":[{"key":"three","waiting":4,"in_use":3}]}`
		if string(text) != want || err != nil {
			t.Errorf("%s, %v, want %s", text, err, want)
		}
		for _, p := range permits {
			p.Release(penstock.Success)
		}
		wg.Wait()
	})
}

func TestRange(t *testing.T) {
	l := semaphores(1, 0)
	want := map[string]bool{}
	for i := range 500 {
		want[fmt.Sprint(i)] = true
		l.Allow(fmt.Sprint(i), 1)
	}
	got := map[string]bool{}
	for k, s := range l.Range() {
		if got[k] || s.Limit() != 1 {
			t.Errorf("%s twice, or of limit %d", k, s.Limit())
		}
		got[k] = true
		if l.DropIdle(); !l.Allow(k, 1) || l.Stats(2).Top[0].Key != k {
			t.Errorf("the loop is not at %s", k)
		}
	}
	if len(got) == 0 || len(got) > len(want) {
		t.Errorf("%d keys", len(got))
	}
	for range l.Range() {
		break
	}
	l.DropIdle()
	has(t, l, 0)
	for k := range want {
		l.Allow(k, 1)
	}
	got = map[string]bool{}
	for k := range l.Range() {
		got[k] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}

// The keys of a Limiter are those of a map, whatever comes and goes in whatever
// numbers.
func TestKeysModel(t *testing.T) {
	seeds(t, 5, func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 9))
		made := map[int]int{}
		l := keyed.New(func(k int) *penstock.Semaphore {
			made[k]++
			return penstock.NewSemaphore(1)
		}, keyed.Options{MaxIdle: 1 << 30})
		model, dropped := map[int]penstock.Permit{}, map[int]int{}
		for range 30 {
			most := []int{10, 300, 2000}[r.IntN(3)]
			for range r.IntN(2 * most) { // take, or give back
				k := r.IntN(most)
				if p, ok := model[k]; ok && r.IntN(3) > 0 {
					p.Release(penstock.Success)
					delete(model, k)
				} else if p, free := l.TryAcquirePermit(k, 1); free == ok {
					t.Fatalf("key %d: free is %v", k, free)
				} else if free {
					model[k] = p
				}
			}
			if r.IntN(2) == 0 {
				l.DropIdle()
				has(t, l, len(model))
				for k := range made {
					if _, ok := model[k]; !ok {
						dropped[k] = made[k]
					} else if made[k] > dropped[k]+1 {
						t.Fatalf("key %d was made anew while it was in use", k)
					}
				}
			}
			keys := map[int]bool{}
			for k, s := range l.Range() {
				if _, ok := model[k]; keys[k] || ok != (s.Stats().InUse == 1) {
					t.Fatalf("key %d twice, or %d of it are in use", k, s.Stats().InUse)
				}
				keys[k] = true
			}
			for k := range model {
				if !keys[k] {
					t.Fatalf("key %d is missing", k)
				}
			}
		}
	})
}

// Keys of any comparable type.
func TestKeyTypes(t *testing.T) {
	type pair struct {
		host string
		port int
	}
	pairs := keyed.New(func(pair) *penstock.Semaphore { return penstock.NewSemaphore(1) }, keyed.Options{})
	anys := keyed.New(func(any) *penstock.Semaphore { return penstock.NewSemaphore(1) }, keyed.Options{})
	for range 2 {
		for i := range 100 {
			pairs.Allow(pair{"a", i}, 1)
			anys.Allow(pair{"a", i}, 1)
			anys.Allow(i, 1)
			anys.Allow(fmt.Sprint(i), 1)
		}
	}
	has(t, pairs, 100)
	has(t, anys, 300)

	// What never equals itself is always new, and dropped all the same.
	nans := keyed.New(func(float64) *penstock.Semaphore { return penstock.NewSemaphore(1) }, keyed.Options{MaxIdle: 10})
	before := heap()
	for range 20_000 {
		nans.Allow(math.NaN(), 1)
	}
	if used := heap() - before; nans.Len() > 100 || used > 1<<20 {
		t.Errorf("%d keys in %d bytes", nans.Len(), used)
	}
}
