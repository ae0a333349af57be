package display_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
)

// A terminal is what the display's escape sequences make of a screen.
type terminal struct {
	rows     []string
	row, col int
	writes   int
	most     int // bytes of a write
}

func (t *terminal) Write(b []byte) (int, error) {
	t.writes++
	t.most = max(t.most, len(b))
	for i := 0; i < len(b); {
		for t.row >= len(t.rows) {
			t.rows = append(t.rows, "")
		}
		switch {
		case b[i] == '\r':
			t.col = 0
		case b[i] == '\n':
			t.row, t.col = t.row+1, 0
		case bytes.HasPrefix(b[i:], []byte("\x1b[K")):
			t.rows[t.row] = t.rows[t.row][:min(t.col, len(t.rows[t.row]))]
			i += 2
		case bytes.HasPrefix(b[i:], []byte("\x1b[J")):
			t.rows[t.row] = t.rows[t.row][:min(t.col, len(t.rows[t.row]))]
			t.rows = t.rows[:t.row+1]
			i += 2
		case bytes.HasPrefix(b[i:], []byte("\x1b[?7")): // wrapping, off and on: nothing here is too wide
			i += 4
		case bytes.HasPrefix(b[i:], []byte("\x1b[C")):
			t.col++
			i += 2
		case b[i] == 0x1b:
			up := 0
			if n, err := fmt.Sscanf(string(b[i:]), "\x1b[%dA", &up); n != 1 || err != nil {
				panic(fmt.Sprintf("unknown sequence %q", b[i:]))
			}
			i += bytes.IndexByte(b[i:], 'A')
			t.row -= up
		default:
			line := t.rows[t.row] + strings.Repeat(" ", max(0, t.col-len(t.rows[t.row])))
			t.rows[t.row] = line[:t.col] + string(b[i]) + line[min(t.col+1, len(line)):]
			t.col++
		}
		i++
	}
	return len(b), nil
}

func (t *terminal) screen() string { return strings.TrimRight(strings.Join(t.rows, "\n"), "\n") }

// engine is one that does 100 records a second.
func engine() (stats func() fetch.Stats) {
	began := time.Now()
	return func() fetch.Stats {
		took := time.Since(began)
		return fetch.Stats{
			Summary:  fetch.Summary{Records: int64(100 * took.Seconds()), Items: 1000, OK: 1, Elapsed: took, Started: began},
			InFlight: 3, Limit: 10, ReadAll: true, Wait: fetch.Wait{Reason: fetch.Concurrency, Limit: 10},
		}
	}
}

// TestLive is a whole run on a terminal that gets narrower.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var term terminal
		var width atomic.Int64
		width.Store(80)
		d := display.Start(display.Options{
			Stats: engine(), Mode: display.Live, Out: &term, Limits: display.Limits{Concurrency: 10, From: "-c"},
			Size: func() (int, int) { return int(width.Load()), 24 },
		})
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		block := func(first string) string {
			return first + `
rate        100/s now     100/s average     0 B        0 B/s        2 s so far
in flight   3 of 10 (-c)
waiting     for -c 10
statuses    none yet`
		}
		done := "done        ======------------------------     200 of 1,000   20 %     8 s left"
		if got := term.screen(); got != block(done) {
			t.Errorf("after 2 s\n%s\nwant\n%s", got, block(done))
		}
		if term.writes > 8 {
			t.Errorf("%d writes in 8 frames", term.writes)
		}
		d.Say("a line\x1b[2J")
		d.Say("another")
		d.Status() // so that what was said is written
		synctest.Wait()
		got := term.screen()
		if said := "a line?[2J\nanother\n" + block(done) + "\n" + block(done); got != said {
			t.Errorf("with what was said\n%s\nwant\n%s", got, said)
		}
		width.Store(40)
		time.Sleep(250 * time.Millisecond)
		synctest.Wait()
		if got := term.screen(); !strings.HasSuffix(got, "left\nrate      100/s now  2 s so far\nin flight 3 of 10 (-c)\nwaiting   for -c 10\nstatuses  none yet") {
			t.Errorf("at 40 columns\n%s", got)
		}
		d.Stop()
		d.Say("the end")
		if got := term.screen(); got != "a line?[2J\nanother\n"+block(done)+"\nthe end" {
			t.Errorf("something is left:\n%s", got)
		}
	})
}

// TestPlainTimes says when a plain line comes.
func TestPlainTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		began := time.Now()
		d := display.Start(display.Options{Stats: engine(), Out: &out})
		for _, step := range []struct {
			at    time.Duration
			lines int
		}{{9900, 0}, {10_100, 1}, {69_900, 1}, {70_100, 2}, {130_100, 3}} {
			time.Sleep(step.at*time.Millisecond - time.Since(began))
			synctest.Wait()
			if n := int(out.n.Load()); n != step.lines {
				t.Errorf("%d lines after %d ms, not %d", n, step.at, step.lines)
			}
		}
		d.Stop()
	})
}

// lines counts them.
type lines struct{ n atomic.Int64 }

func (l *lines) Write(b []byte) (int, error) {
	l.n.Add(int64(bytes.Count(b, []byte("\n"))))
	return len(b), nil
}

// TestJSON reads what a program would.
func TestJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := display.Start(display.Options{Stats: engine(), Mode: display.JSON, Out: &out, Limits: display.Limits{From: "-c"}})
		time.Sleep(2100 * time.Millisecond)
		d.Say("half\nway")
		d.Stop()
		var types []string
		for line := range strings.Lines(out.String()) {
			var x struct {
				Type, Message string
				Records       int
				ETA           float64 `json:"eta_seconds"`
				Waiting       struct{ Reason string }
			}
			if err := json.Unmarshal([]byte(line), &x); err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			types = append(types, x.Type)
			if x.Type == "log" && x.Message != "half\nway" {
				t.Errorf("message %q", x.Message)
			}
			if x.Type == "progress" && (x.Waiting.Reason != "concurrency" || x.Records%100 != 0 || x.ETA != 10-float64(x.Records)/100) {
				t.Errorf("%s", line)
			}
		}
		if got := strings.Join(types, " "); got != "progress progress log" {
			t.Errorf("%s", got)
		}
	})
}

// TestQuiet says nothing but what was asked for.
func TestQuiet(t *testing.T) {
	for _, test := range []struct {
		mode display.Mode
		want string
	}{{display.None, "hello\n"}, {display.Quiet, ""}} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			d := display.Start(display.Options{Stats: engine(), Mode: test.mode, Out: &out})
			time.Sleep(2 * time.Minute)
			d.Say("hello")
			synctest.Wait()
			if got := out.String(); got != test.want {
				t.Errorf("%q", got)
			}
			d.Status()
			d.Stop()
			if !strings.Contains(out.String(), "in flight   3 of 10") {
				t.Errorf("no status: %q", out.String())
			}
		})
	}
}
