package report_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

var next = []report.Command{
	{Line: "penstock fetch out.failed.jsonl -o out.again.jsonl", What: "try the failed ones again"},
	{Line: "penstock report out.jsonl -o out.html", What: "see how it went"},
}

func textOf(t *testing.T, d report.Data, o report.TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteText(&b, d, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestText is the whole screen.
func TestText(t *testing.T) {
	got := textOf(t, sampled(t, 2000, nil), report.TextOptions{Next: next})
	want := `2,000 items: 1,923 ok, 77 failed
195 KiB in 20.0 s, 100/s on average, at most 10 in flight
besides     108 retries
statuses    200: 1,768  304: 155  503: 36
errors      timeout: 41, such as https://api.example.com/5
            status: 36, such as https://api.example.com/133
latency           p50       p90       p99       max
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, line := range []string{
		`(?m)^  waiting +1\.0 ms +1\.0 ms +1\.0 ms +1\.0 ms$`,
		`(?m)^  first byte +\d+ ms +\d+ ms +\d+ ms +\d+ ms$`,
		`(?m)^hosts +items +ok +p50 +p99 +held +limit$`,
		`(?m)^  api.example.com +\d{3} +9\d\.\d % +\d+ ms +\d+ ms +1\.50 s +100/s$`,
		`(?m)^  127.0.0.1:8080 +\d{3} .* - +-$`,
		`(?m)^in short    limited by api.example.com's rate of 100/s all the time; raising -c$\n^ {12}would not help$`,
		`(?m)^next        penstock fetch out.failed.jsonl -o out.again.jsonl$`,
		`(?m)^            penstock report out.jsonl -o out.html  # see how it went$`,
	} {
		if !regexp.MustCompile(line).MatchString(got) {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
	if n := strings.Count(got, "\n"); n > 24 {
		t.Errorf("%d lines are no screen", n)
	}
}

// TestTextWidth has no line longer than the screen, but what is to be copied,
// and colors only where they were asked for.
func TestTextWidth(t *testing.T) {
	d := sampled(t, 2000, nil)
	d.Hosts[0].Host = strings.Repeat("ä", 300) + ".example"
	d.Hosts[1].Host = strings.Repeat("例え", 100) + ".\u202etest" // each takes two columns; what would turn the line round is left out
	d.Counts.Records, d.Counts.OK, d.Counts.Failed = 123_456_789_012, 120_000_000_000, 3_456_789_012
	d.Errors[0].URL = "https://example.com/" + strings.Repeat("x", 300) + "\x1b[2J\r\n"
	for _, width := range []int{0, 1, 40, 59, 72, 80, 200} {
		plain := textOf(t, d, report.TextOptions{Width: width, Next: next})
		if strings.ContainsAny(plain, "\x1b\r\u202e") {
			t.Fatalf("width %d: an escape in %q", width, plain)
		}
		for line := range strings.Lines(plain) {
			line = strings.TrimSuffix(line, "\n")
			most := max(width, 40)
			if width == 0 {
				most = 80
			}
			if n := runewidth.StringWidth(line); n > most && !strings.Contains(line, "penstock ") || strings.HasSuffix(line, " ") {
				t.Errorf("width %d: %d columns in %q", width, n, line)
			}
		}
		colored := textOf(t, d, report.TextOptions{Width: width, Next: next, Color: true})
		bare := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(colored, "")
		if bare != plain || bare == colored {
			t.Errorf("width %d: colors changed the text:\n%s\n%s", width, bare, plain)
		}
	}
}

func TestTextOfNothing(t *testing.T) {
	rec := report.NewRecorder(report.Options{})
	rec.Stop(report.Finished)
	if got := textOf(t, rec.Data(), report.TextOptions{}); !strings.HasPrefix(got, "0 items: 0 ok, 0 failed\n") {
		t.Errorf("%q", got)
	}
	if err := report.WriteText(failingWriter{}, report.Data{}, report.TextOptions{}); !errors.Is(err, errTest) {
		t.Errorf("%v, want the writer's error", err)
	}
}

// TestTextOfManyHosts counts those that are not shown.
func TestTextOfManyHosts(t *testing.T) {
	rec := report.NewRecorder(report.Options{})
	for i := range int64(30) {
		rec.Write(record(i, string(rune('a'+i%26))+".example"))
	}
	rec.Write(&fetch.Record{URL: "nonsense", Error: &fetch.Error{Class: fetch.InvalidInput, Message: "no URL"}})
	rec.Stop(report.Finished)
	got := textOf(t, rec.Data(), report.TextOptions{})
	if !strings.Contains(got, "\n  and 21 more\n") || !strings.Contains(got, "invalid_input: 1, such as nonsense\n") {
		t.Error(got)
	}
}

func TestUnits(t *testing.T) {
	for got, want := range map[string]string{
		report.Milliseconds(0): "0", report.Milliseconds(0.008): "8 µs", report.Milliseconds(0.25): "0.25 ms", report.Milliseconds(9.94): "9.9 ms",
		report.Milliseconds(999.4): "999 ms", report.Milliseconds(999.6): "1.00 s", report.Milliseconds(130_000): "2m10s",
		report.Seconds(0.5): "0.50 s", report.Seconds(99.9): "99.9 s", report.Seconds(3723): "1h2m3s",
		report.Size(812): "812 B", report.Size(1024): "1.0 KiB", report.Size(1<<40 + 1): "1.0 TiB", report.Size(104_000): "102 KiB",
		report.Number(0): "0", report.Number(999): "999", report.Number(-1234567): "-1,234,567",
		report.Percent(0, 10): "0.0 %", report.Percent(1, 100_000): "< 0.1 %", report.Percent(99_999, 100_000): "> 99.9 %",
		report.Percent(1, 3): "33.3 %", report.Percent(0, 0): "-", report.PerSecond(0.25): "0.25/s", report.PerSecond(1234): "1,234/s",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A pause is told of, whatever else limited the run.
func TestPauseInSummary(t *testing.T) {
	d := report.Data{Seconds: 10, Limits: report.Limits{Concurrency: 8}, Shares: []report.Share{
		{Why: report.Why{Reason: fetch.Concurrency, Limit: "8"}, Seconds: 6, Share: 0.6},
		{Why: report.Why{Reason: fetch.Paused}, Seconds: 4, Share: 0.4},
	}}
	d.Finding = report.Explain(d)
	var b strings.Builder
	if err := report.WriteText(&b, d, report.TextOptions{Width: 200}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "it was paused by hand for 4.00 s") {
		t.Error(b.String())
	}
	d.Shares[0].Share, d.Shares[1].Share = 0.4, 0.6
	if f := report.Explain(d); f.Cause != report.OnPause || f.Sentence != "paused by hand for 60 % of the time" {
		t.Errorf("%+v", f)
	}
}

// Limits that were changed are not called by the number of the beginning.
func TestFindingOfChangedLimits(t *testing.T) {
	d := report.Data{Seconds: 10, Limits: report.Limits{Concurrency: 8}, Shares: []report.Share{
		{Why: report.Why{Reason: fetch.Concurrency, Limit: "20"}, Seconds: 5, Share: 0.5},
		{Why: report.Why{Reason: fetch.Concurrency, Limit: "8"}, Seconds: 5, Share: 0.5},
	}}
	if f := report.Explain(d); f.Sentence != "limited by how many requests may be in flight at once all the time" {
		t.Errorf("%+v", f)
	}
}

// The sections are the page's, and what servers named is harmless in them.
func TestSections(t *testing.T) {
	d := report.Data{
		Counts: report.Counts{Records: 3, OK: 3}, HostCount: 1,
		Hosts: []report.Host{{Host: "<script>alert(1)</script>", Items: 3, OK: 3}},
	}
	s, err := d.Sections()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.Tables, "<script>") || !strings.Contains(s.Tables, "&lt;script&gt;") {
		t.Errorf("%s", s.Tables)
	}
	if !strings.Contains(s.Summary, "<h1>3 items in") || !strings.HasPrefix(s.Figures, `<dl class="key">`) || s.Waited != "" {
		t.Errorf("%+v", s)
	}
	d.Timeline.T = []float64{1}
	if _, err := d.Sections(); err == nil {
		t.Error("columns of different lengths were taken")
	}
}
