package merge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/penstock-go/penstock/fleet/merge"
)

// A rec is a record as the tests make them.
type rec struct {
	index   int64
	ok      bool
	started int // seconds
	pad     int
}

func (r rec) String() string {
	return fmt.Sprintf(`{"index":%d,"url":"http://h/%d","status":200,"ok":%t,"attempts":1,"started":"2026-01-01T00:00:%02d.000000Z","body":"%s"}`+"\n",
		r.index, r.index, r.ok, r.started, strings.Repeat("x", r.pad))
}

func text(recs ...rec) string {
	var b strings.Builder
	for _, r := range recs {
		b.WriteString(r.String())
	}
	return b.String()
}

func input(name, text string) merge.Input {
	return merge.Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func run(t *testing.T, o merge.Options, inputs ...merge.Input) (string, merge.Result, []string) {
	t.Helper()
	o.TempDir = t.TempDir()
	var missing []string
	o.Missing = func(from, to int64) { missing = append(missing, fmt.Sprintf("%d-%d", from, to)) }
	var out bytes.Buffer
	res, err := merge.Merge(t.Context(), &out, inputs, o)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(o.TempDir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return out.String(), res, missing
}

func TestMerge(t *testing.T) {
	a, b, c := rec{index: 0, ok: true}, rec{index: 1, ok: true}, rec{index: 2, ok: true}
	for _, c := range []struct {
		name    string
		items   int64
		inputs  []string
		want    string
		missing string
		dup     int64
	}{
		{"nothing at all", 0, []string{""}, "", "", 0},
		{"in order", 3, []string{text(a, c), text(b)}, text(a, b, c), "", 0},
		{"in no order", 3, []string{text(c, a), text(b)}, text(a, b, c), "", 0},
		{"a gap at the front", 3, []string{text(c, b)}, text(b, c), "0-0", 0},
		{"a gap within", 3, []string{text(a), text(c)}, text(a, c), "1-1", 0},
		{"a gap at the end", 6, []string{text(a, b, c)}, text(a, b, c), "3-5", 0},
		{"a gap at the end, unknown", 0, []string{text(a, b, c)}, text(a, b, c), "", 0},
		{"nothing of all", 4, []string{"", ""}, "", "0-3", 0},
		{"twice the same", 3, []string{text(a, b, c), text(a, b, c)}, text(a, b, c), "", 3},
		{"accepted before failed", 1, []string{text(rec{index: 0}), text(rec{index: 0, ok: true, started: 9})}, text(rec{index: 0, ok: true, started: 9}), "", 1},
		{"the earlier one", 1, []string{text(rec{index: 0, ok: true, started: 7}), text(rec{index: 0, ok: true, started: 3})}, text(rec{index: 0, ok: true, started: 3}), "", 1},
		{"no newline at the end", 1, []string{strings.TrimSuffix(text(a), "\n")}, text(a), "", 0},
		{"blank lines", 1, []string{"\n" + text(a) + "\r\n"}, text(a), "", 0},
		{"another writer's", 1, []string{`{"url": "x", "index": 0, "ok": true}` + "\n"}, `{"url": "x", "index": 0, "ok": true}` + "\n", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var there, back []merge.Input
			for i, text := range c.inputs {
				there = append(there, input(fmt.Sprint(i), text))
				back = append([]merge.Input{input(fmt.Sprint(i), text)}, back...)
			}
			for _, inputs := range [][]merge.Input{there, back} {
				out, res, missing := run(t, merge.Options{Items: c.items}, inputs...)
				if out != c.want {
					t.Errorf("got\n%swant\n%s", out, c.want)
				}
				if got := strings.Join(missing, " "); got != c.missing {
					t.Errorf("missing %q, want %q", got, c.missing)
				}
				if res.Duplicates != c.dup {
					t.Errorf("%d duplicates, want %d", res.Duplicates, c.dup)
				}
			}
		})
	}
}

// Whatever is merged, in whatever order and with however little memory, is what a
// map would have made of it.
func TestMergeModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 80 {
		items := 1 + r.Int64N(400)
		best := map[int64]rec{}
		var inputs []merge.Input
		total := int64(0)
		for i := range 1 + r.IntN(6) {
			var recs []rec
			jump := r.Int64N(items + 1)
			for k := range r.Int64N(items) {
				index := (jump + k + r.Int64N(8)) % items // nearly in order, as a worker's
				if r.IntN(3) == 0 {
					index = r.Int64N(items)
				}
				x := rec{index, r.IntN(3) > 0, r.IntN(60), r.IntN(300)}
				recs = append(recs, x)
				total++
				y, have := best[index]
				if !have || x.ok && !y.ok || x.ok == y.ok && (x.started < y.started || x.started == y.started && x.String() < y.String()) {
					best[index] = x
				}
			}
			inputs = append(inputs, input(fmt.Sprint(i), text(recs...)))
		}
		var want strings.Builder
		missed := int64(0)
		for i := range items {
			if x, ok := best[i]; ok {
				want.WriteString(x.String())
			} else {
				missed++
			}
		}
		out, res, _ := run(t, merge.Options{Items: items, Memory: 1 + r.IntN(20_000)}, inputs...)
		if out != want.String() {
			t.Fatalf("seed %d: got\n%swant\n%s", seed, out, want.String())
		}
		if res.Missing != missed || res.Records != int64(len(best)) || res.Duplicates != total-int64(len(best)) || res.Beyond != 0 {
			t.Fatalf("seed %d: %+v, want %d missing of %d, %d records", seed, res, missed, items, len(best))
		}
	}
}

// More runs than may be merged at once.
func TestMergeManyRuns(t *testing.T) {
	var backwards []rec
	for i := range int64(2000) {
		backwards = append(backwards, rec{index: 1999 - i, ok: true, pad: 100})
	}
	out, res, _ := run(t, merge.Options{Items: 2000, Memory: 1000}, input("a", text(backwards...)), input("b", text(backwards...)))
	if res.Records != 2000 || res.Duplicates != 2000 || res.Missing != 0 {
		t.Errorf("%+v", res)
	}
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if want := fmt.Sprintf(`{"index":%d,`, i); !strings.HasPrefix(line, want) {
			t.Fatalf("line %d is %s", i, line)
		}
	}
}

func TestMergeFaults(t *testing.T) {
	a, b := rec{index: 0, ok: true}, rec{index: 1, ok: true}
	torn := input("torn", text(a)+text(b)[:20])
	torn.Cut = true
	out, res, missing := run(t, merge.Options{Items: 2}, torn)
	if out != text(a) || len(res.Torn) != 1 || len(missing) != 1 {
		t.Errorf("%q, %+v, missing %v", out, res, missing)
	}
	out, res, _ = run(t, merge.Options{Items: 1}, input("a", text(a, b)))
	if out != text(a, b) || res.Beyond != 1 {
		t.Errorf("%q, %+v", out, res)
	}
	for _, c := range []struct{ name, text, want string }{
		{"no record", text(a) + "https://example.com/\n", "no record:2:"},
		{"no index", `{"url":"x"}` + "\n", "no index:1:"},
		{"negative", `{"index":-4}` + "\n", "negative:1:"},
		{"torn within", text(a)[:10] + "\n" + text(b), "torn within:1:"},
	} {
		_, err := merge.Merge(t.Context(), io.Discard, []merge.Input{input(c.name, c.text)}, merge.Options{})
		var bad *merge.LineError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	full := errors.New("full")
	if _, err := merge.Merge(t.Context(), failing{full}, []merge.Input{input("a", text(a))}, merge.Options{}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	gone := errors.New("gone")
	bad := merge.Input{Name: "x", Open: func() (io.ReadCloser, error) { return nil, gone }}
	if _, err := merge.Merge(t.Context(), io.Discard, []merge.Input{bad}, merge.Options{}); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := merge.Merge(ctx, io.Discard, []merge.Input{input("a", text(a))}, merge.Options{}); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A compressed output that is cut off may end just where a record is whole.
func TestCutBehindARecord(t *testing.T) {
	a, b := rec{index: 0, ok: true}, rec{index: 1, ok: true}
	whole := text(a, b)
	cut := merge.Input{Name: "cut", Cut: true, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(whole[:len(whole)-1]), iotest.ErrReader(io.ErrUnexpectedEOF))), nil
	}}
	out, res, _ := run(t, merge.Options{Items: 2}, cut)
	if out != whole || len(res.Torn) != 1 || res.Missing != 0 {
		t.Errorf("%q, %+v", out, res)
	}
}
