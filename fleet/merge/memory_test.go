package merge_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/penstock-go/penstock/fleet/merge"
)

// generated is an output of n records in chunks of a thousand, each in no order,
// the chunks backwards.
type generated struct {
	n, at int64
	rest  []byte
}

func (g *generated) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		if g.at == g.n {
			return 0, io.EOF
		}
		chunk := g.n/1000 - 1 - g.at/1000
		index := chunk*1000 + g.at%1000*7%1000
		g.rest = fmt.Appendf(g.rest[:0], `{"index":%d,"url":"http://h/%d","status":200,"ok":true,"attempts":1}`+"\n", index, index)
		g.at++
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

func (g *generated) Close() error { return nil }

// heapWatch counts lines and looks at the heap now and then.
type heapWatch struct {
	lines int
	most  uint64
}

func (w *heapWatch) Write(p []byte) (int, error) {
	if w.lines++; w.lines%50_000 == 1 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapAlloc)
	}
	return len(p), nil
}

// What is merged is never in memory as a whole.
func TestMergeMemory(t *testing.T) {
	const items = 300_000 // 21 MB, in the order that makes the most runs
	in := merge.Input{Name: "a", Open: func() (io.ReadCloser, error) { return &generated{n: items}, nil }}
	var w heapWatch
	res, err := merge.Merge(t.Context(), &w, []merge.Input{in}, merge.Options{Items: items, Memory: 256 << 10, TempDir: t.TempDir()})
	if err != nil || res.Records != items || res.Missing != 0 || w.lines != items {
		t.Fatalf("%+v, %d lines, %v", res, w.lines, err)
	}
	t.Logf("%.1f MiB at the most", float64(w.most)/(1<<20))
	if w.most > 12<<20 {
		t.Errorf("%d bytes are in memory", w.most)
	}
}
