package display_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// busy is a run with something of everything.
func busy() display.State {
	return display.State{
		Now: noon, Total: 10_000, Rate: 192.4, Average: 201, Bandwidth: 300_000, Left: 95 * time.Second,
		Limits: display.Limits{Concurrency: 50, From: "-c", PerHost: "--per-host", Rate: "100/s"},
		Stats: fetch.Stats{
			Summary: fetch.Summary{
				Items: 10_000, Records: 4866, OK: 4800, Failed: 66, Retries: 120, Bytes: 3 << 20, Elapsed: 24500 * time.Millisecond,
				Statuses: map[int]int64{200: 4700, 301: 100, 404: 12, 503: 6},
				Classes:  map[fetch.Class]int64{fetch.Timeout: 48, fetch.Status: 18},
			},
			InFlight: 37, Limit: 50, Queued: 4000, Backoff: 3, Held: 1, Hosts: 9, ReadAll: true,
		},
		Hosts: []fetch.BucketStats{
			{Key: "api.example.com:443", InFlight: 5, Limit: 5, Queued: 900},
			{Key: "b.example:8443", InFlight: 12, Limit: 14, Auto: true},
			{Key: "idle.example", Limit: 5},
		},
		Wait:    fetch.Wait{Reason: fetch.RetryAfter, Bucket: "api.example.com:443", Until: noon.Add(11500 * time.Millisecond)},
		Slowest: display.Slowest{Name: "api.example.com:443", Queue: 905, Left: 95 * time.Second},
	}
}

// TestLines is the block, exactly.
func TestLines(t *testing.T) {
	early := display.State{
		Now: noon, Limits: display.Limits{Concurrency: 10, From: "-c"}, Rate: 7, Average: 7,
		Stats: fetch.Stats{
			Summary:  fetch.Summary{Items: 1010, Records: 7, Elapsed: time.Second, Bytes: 70},
			InFlight: 4, Limit: 4, Queued: 999,
		},
		Wait: fetch.Wait{Reason: fetch.Shortage, Limit: 4},
	}
	for _, test := range []struct {
		name  string
		state display.State
		style display.Style
		want  string
	}{
		{"nothing is known", display.State{}, display.Style{}, `
done        0   0 read
rate        0/s now       0/s average       0 B        0 B/s        0 s so far
in flight   0 of 0
waiting     for nothing
statuses    none yet`},
		{"the input is not read to its end; the machine limits", early, display.Style{Width: 80}, `
done        7   1,010 read
rate        7/s now       7/s average       70 B       0 B/s        1 s so far
in flight   4 of 4 (machine)
waiting     for this machine: files, ports   999 queued
statuses    none yet`},
		{"40 columns", busy(), display.Style{Width: 40}, `
done      4,866 of 10,000  1m35s left
rate      192/s now  24 s so far
in flight 37 of 50 (-c)
waiting   for Retry-After 12 s: api....
statuses  200: 4,700  301: 100  404: 12
failed    66  timeout: 48  120 retries
slowest   1m35s left: api.example.com`},
		{"80 columns", busy(), display.Style{Width: 80, Unicode: true}, `
done        ━━━━━━━━━━━━━───────────────    4,866 of 10,000   48 %   1m35s left
rate        192/s now     201/s average     3.0 MiB    293 KiB/s    24 s so far
in flight   37 of 50 (-c)   api.example.com 5 of 5 (--per-host)
waiting     for Retry-After 12 s: api.example.com   1 host on hold
statuses    200: 4,700   301: 100   404: 12   503: 6
failed      66   timeout: 48   status: 18   120 retries
slowest     1m35s left: api.example.com   905 to go`},
		{"200 columns", busy(), display.Style{Width: 200}, `
done        =============================-------------------------------    4,866 of 10,000   48 %   1m35s left
rate        192/s now     201/s average     3.0 MiB    293 KiB/s    24 s so far
in flight   37 of 50 (-c)   api.example.com 5 of 5 (--per-host)   b.example:8443 12 of 14 (found)
waiting     for Retry-After 12 s: api.example.com   4,000 queued   3 to be retried   1 host on hold
statuses    200: 4,700   301: 100   404: 12   503: 6
failed      66   timeout: 48   status: 18   120 retries
slowest     1m35s left: api.example.com   905 to go`},
	} {
		if got := strings.Join(test.state.Lines(test.style), "\n"); got != strings.TrimPrefix(test.want, "\n") {
			t.Errorf("%s: got\n%s\nwant%s", test.name, got, test.want)
		}
	}
}

// TestLinesFit holds every width against what a terminal would count, with names
// that are wide, long, or meant to do harm.
func TestLinesFit(t *testing.T) {
	s := busy()
	s.Wait.Bucket = "\x1b[2J\x9b2K\u202e例え.テスト-" + strings.Repeat("x", 300)
	s.Hosts[0].Key, s.Slowest.Name = s.Wait.Bucket, s.Wait.Bucket
	for width := 20; width <= 220; width++ {
		for _, line := range s.Lines(display.Style{Width: width, Unicode: true}) {
			if n := runewidth.StringWidth(line); n >= width {
				t.Errorf("%d columns in a line for %d: %q", n, width, line)
			}
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x9b || r == 0x202e }) {
				t.Errorf("a character that does harm: %q", line)
			}
		}
	}
	colored := strings.Join(busy().Lines(display.Style{Width: 80, Color: true}), "\n")
	if !strings.Contains(colored, "\x1b[31m66\x1b[0m") {
		t.Errorf("no red failures: %q", colored)
	}
}

func TestWaiting(t *testing.T) {
	for _, test := range []struct {
		wait fetch.Wait
		want string
	}{
		{fetch.Wait{}, "for nothing"},
		{fetch.Wait{Reason: fetch.Concurrency, Limit: 50}, "for -c 50"},
		{fetch.Wait{Reason: fetch.Elsewhere}, "for what is shared: --store"},
		{fetch.Wait{Reason: fetch.Elsewhere, Bucket: "a.example:443", Limit: 5}, "for what is shared: a.example"},
		{fetch.Wait{Reason: fetch.HostConcurrency, Bucket: "a.example:443", Limit: 5}, "for the limit of 5: a.example"},
		{fetch.Wait{Reason: fetch.TotalRate, Until: noon.Add(time.Second)}, "for --rate 100/s"},
		{fetch.Wait{Reason: fetch.HostRate, Bucket: "a.example", Rate: "10/s"}, "for the rate of 10/s: a.example"},
		{fetch.Wait{Reason: fetch.RetryAfter, Bucket: "a.example", Until: noon.Add(time.Second)}, "for Retry-After 1 s: a.example"},
		{fetch.Wait{Reason: fetch.RetryAfter, Bucket: "a.example", Until: noon.Add(time.Second + 1)}, "for Retry-After 2 s: a.example"},
		{fetch.Wait{Reason: fetch.RetryAfter, Bucket: "a.example", Until: noon.Add(time.Hour)}, "for Retry-After 1h00m: a.example"},
		{fetch.Wait{Reason: fetch.Backoff, Until: noon.Add(90 * time.Second)}, "for retries 1m30s"},
		{fetch.Wait{Reason: fetch.Input}, "for the input"},
		{fetch.Wait{Reason: fetch.SlowHead}, "for the oldest item"},
		{fetch.Wait{Reason: fetch.Paused}, "for you: it is paused"},
		{fetch.Wait{Reason: fetch.Last}, "for the last answers"},
	} {
		s := busy()
		s.Wait = test.wait
		if got := s.Lines(display.Style{Width: 200})[3]; !strings.HasPrefix(got, "waiting     "+test.want+" ") {
			t.Errorf("%+v: %q, not %q", test.wait, got, test.want)
		}
	}
}

func TestPlain(t *testing.T) {
	want := "4,866 of 10,000 done, 192/s now, 201/s average, 37 of 50 in flight (-c), waiting for Retry-After 12 s: api.example.com, " +
		"3 to be retried, 1 host on hold, 66 failed, 24 s so far, 1m35s left"
	if got := busy().Plain(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
