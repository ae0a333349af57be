package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/penstock-go/penstock/fetch/journal"
	"github.com/penstock-go/penstock/internal/origin"
)

// A crashSink is a way to write records: a name for -o, and --bodies. With dedup
// every other item is a duplicate of the one before.
type crashSink struct {
	name, bodies string
	dedup        bool
}

// A run that is killed at random moments and resumed leaves exactly one record
// an item, in order where that was asked for, and asks the server again for
// little more than what was under way at each kill. So it is with bodies that
// are elsewhere: what a record names is there, whole, after each kill.
func TestLongCrash(t *testing.T) {
	long(t)
	kills := 0
	for _, order := range []string{"input", "completion"} {
		for _, sink := range []crashSink{
			{"out.jsonl", "inline", false},
			{"out.jsonl.gz", "inline", false},
			{"out.jsonl.zst", "inline", false},
			{"out.jsonl", "files:bodies", false},
			{"out.jsonl", "warc:.", false},
			{"out.jsonl.gz", "inline", true},
		} {
			for _, fsync := range []string{"1s", "always"} {
				t.Run(fmt.Sprintf("%s %s %s dedup %t fsync %s", order, sink.name, sink.bodies, sink.dedup, fsync), func(t *testing.T) {
					c := crash{sink: sink, order: order, fsync: fsync, items: 8000, soonest: 700 * time.Millisecond, latest: 1500 * time.Millisecond}
					if fsync == "always" {
						c.items, c.soonest, c.latest = 2500, 5*time.Millisecond, 100*time.Millisecond
					}
					kills += c.run(t)
				})
			}
		}
	}
	t.Logf("%d kills in all", kills)
	if kills < 200 {
		t.Errorf("%d kills are too few to say anything, want 200", kills)
	}
}

// A crash is a run that is killed, and resumed, until there is no more to do.
type crash struct {
	sink            crashSink
	order, fsync    string
	items           int
	soonest, latest time.Duration // after which it is killed

	dir     string
	checked int64 // bytes of the output
}

// run returns how often the process was killed.
func (c *crash) run(t *testing.T) (kills int) {
	const limit = 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	srv := startOrigin(t, origin.Options{})
	c.dir = t.TempDir()
	times := 1
	if c.sink.dedup {
		times = 2
	}
	if err := writeURLs(filepath.Join(c.dir, "urls"), c.items/times, strings.TrimSpace(strings.Repeat(srv.URL()+"/jitter/1-9/{i}\n", times))); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"fetch", "-c", strconv.Itoa(limit), "--order", c.order, "--fsync", c.fsync, "--progress", "none",
		"-o", c.sink.name, "--bodies", c.sink.bodies,
		"--dedup=" + strconv.FormatBool(c.sink.dedup),
	}
	run := slices.Concat(args, []string{"urls"})
	for {
		cmd := command(t.Context(), c.dir, run...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		life := c.soonest + time.Duration(r.Int64N(int64(c.latest-c.soonest)))
		life += life * time.Duration(kills) / 100 // longer, where a machine gets little done in one
		kill := time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
		switch code := cmd.ProcessState.ExitCode(); {
		case code == 0:
			c.checkEnd(t, srv.URL())
			repeats := srv.Audit().Total.Repeats
			t.Logf("%d kills, %d requests repeated", kills, repeats)
			if c.fsync == "always" && repeats > uint64(kills*limit) {
				t.Errorf("%d requests repeated, more than the %d that were in flight at each of %d kills", repeats, limit, kills)
			}
			return kills
		case code != -1:
			t.Fatalf("exit %d after %d kills\n%s", code, kills, stderr.String())
		}
		kills++
		if _, err := os.Stat(filepath.Join(c.dir, c.sink.name+".journal")); err == nil {
			c.checkKilled(t)
			run = slices.Concat(args, []string{"urls", "--resume"})
		}
		if kills > 300 {
			t.Fatal("no end after 300 kills")
		}
	}
}

// checkKilled looks at what the journal of a killed run calls safe: each record
// names a body that is there. Nothing else will be there after resuming.
func (c *crash) checkKilled(t *testing.T) {
	t.Helper()
	if c.sink.bodies == "inline" {
		return
	}
	file, err := os.Open(filepath.Join(c.dir, c.sink.name+".journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	st, _, err := journal.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, c.sink.name))
	if safe := st.Sizes[journal.Output]; err != nil || int64(len(text)) < safe {
		t.Fatalf("%d bytes, the journal says %d; %v", len(text), safe, err)
	}
	recs, err := parseRecords(text[c.checked:st.Sizes[journal.Output]])
	if err != nil {
		t.Fatal(err)
	}
	c.checkBodies(t, recs, st.Sizes[journal.Bodies])
	c.checked = st.Sizes[journal.Output]
}

// checkBodies wants the body of each record where its body_ref says, and in an
// archive before its end.
func (c *crash) checkBodies(t *testing.T, recs []record, archive int64) {
	t.Helper()
	for _, r := range recs {
		body, end, err := readRef(c.dir, r.BodyRef)
		if err != nil || end > archive {
			t.Fatalf("item %d: %q ends at %d of %d: %v", r.Index, r.BodyRef, end, archive, err)
		}
		if want := fmt.Sprintf("{%q:%q}\n", "path", "/jitter/1-9/"+strconv.Itoa(r.Index)); string(body) != want {
			t.Fatalf("item %d: %q holds %q", r.Index, r.BodyRef, body)
		}
	}
}

// checkEnd wants each of the items once, with its body, and an archive that
// holds each of them once and nothing else.
func (c *crash) checkEnd(t *testing.T, base string) {
	t.Helper()
	path := filepath.Join(c.dir, c.sink.name)
	checkCrashed(t, path, c.items, c.order == "input", c.sink.dedup)
	if c.sink.bodies == "inline" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := parseRecords(text)
	if err != nil {
		t.Fatal(err)
	}
	c.checkBodies(t, recs, math.MaxInt64)
	if !strings.HasPrefix(c.sink.bodies, "warc:") {
		return
	}
	counts, err := responses(filepath.Join(c.dir, "out.warc.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.items {
		if n := counts[base+"/jitter/1-9/"+strconv.Itoa(i)]; n != 1 {
			t.Fatalf("the archive has item %d %d times", i, n)
		}
	}
	if len(counts) != c.items {
		t.Errorf("the archive has %d URLs, want %d", len(counts), c.items)
	}
}

// checkCrashed wants each of the items once, in order if ordered, every other a
// duplicate if dedup.
func checkCrashed(t *testing.T, path string, items int, ordered, dedup bool) {
	t.Helper()
	seen := make([]int, items)
	in := bufio.NewReader(unpack(t, path))
	for line := 0; ; line++ {
		text, err := in.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 {
			break
		}
		var rec struct {
			Index  int  `json:"index"`
			OK     bool `json:"ok"`
			Status int  `json:"status"`
			Of     *int `json:"duplicate_of"`
		}
		if err != nil || json.Unmarshal(text, &rec) != nil {
			t.Fatalf("line %d: %q, %v", line, text, err)
		}
		if rec.Index < 0 || rec.Index >= items || !rec.OK || rec.Status != 200 {
			t.Fatalf("line %d: %s", line, text)
		}
		if odd := dedup && rec.Index%2 == 1; odd != (rec.Of != nil) || odd && *rec.Of != rec.Index-1 {
			t.Fatalf("line %d: %s", line, text)
		}
		if ordered && rec.Index != line {
			t.Fatalf("line %d is item %d", line, rec.Index)
		}
		seen[rec.Index]++
	}
	for i, n := range seen {
		if n != 1 {
			t.Fatalf("item %d has %d records", i, n)
		}
	}
}

func unpack(t *testing.T, path string) io.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	switch filepath.Ext(path) {
	case ".gz":
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case ".zst":
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(z.Close)
		return z
	}
	return f
}

// On a filesystem that fills up, the run fails in one line with a hint, and
// goes on from there when there is room again.
func TestLongDiskFull(t *testing.T) {
	long(t)
	for _, order := range []string{"input", "completion"} {
		t.Run(order, func(t *testing.T) { diskFull(t, order) })
	}
}

func diskFull(t *testing.T, order string) {
	const items = 3000
	dir := t.TempDir()
	if out, err := mount("-t", "tmpfs", "-o", "size=300k", "tmpfs", dir); err != nil {
		t.Skipf("no tmpfs of our own to fill: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	srv := startOrigin(t, origin.Options{})
	urls := filepath.Join(t.TempDir(), "urls")
	if err := writeURLs(urls, items, srv.URL()+"/item/{i}"); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "out.jsonl")
	args := []string{"fetch", "-c", "20", "--order", order, "--progress", "none", "-o", name, urls}
	r := penstock(t, t.TempDir(), args...)
	text := r.stderr.String()
	if r.code != 1 || !strings.Contains(text, "disk is full") || !strings.Contains(text, "hint:") || !strings.Contains(text, "--resume") {
		t.Fatalf("exit %d\n%s", r.code, text)
	}
	if out, err := mount("-o", "remount,size=20m", dir); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r := penstock(t, t.TempDir(), append(args, "--resume")...); r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.stderr.String())
	}
	checkCrashed(t, name, items, order == "input", false)
}

func mount(args ...string) ([]byte, error) {
	return exec.Command("mount", args...).CombinedOutput()
}
