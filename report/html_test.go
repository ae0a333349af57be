package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/report"
)

func htmlOf(t *testing.T, d report.Data) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteHTML(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHTML has everything that the page is to show, escaped, and nothing that
// could be fetched.
func TestHTML(t *testing.T) {
	page := htmlOf(t, sampled(t, 2000, nil))
	for _, want := range []string{
		report.Generator + " 1.2.3", "default-src &#39;none&#39;", "<h1>2,000 items in 20.0 s</h1>",
		"Limited by api.example.com&#39;s rate of 100/s all the time", "answers &lt;slowed&gt; down",
		"&lt;script&gt;alert(", "503 Service Unavailable", "api.example.com</td>", "Leon Sorokin",
		`id="throughput"`, `id="inflight"`, `id="percentiles"`, `id="histogram"`, `id="statuses"`, `id="retries"`, `id="traffic"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if n := strings.Count(page, "<svg viewBox"); n < 7 {
		t.Errorf("%d charts are drawn in advance", n)
	}
	if at := strings.Index(page, report.Generator); at < 0 || at > 1000 {
		t.Errorf("the mark of a report is at %d", at)
	}
	links := regexp.MustCompile(`(?i)(src|href|srcset|action|poster|data)\s*=\s*["']?[a-z]|url\(|@import|style="`)
	if got := links.FindString(regexp.MustCompile(`(?s)<script.*?</script>`).ReplaceAllString(page, "")); got != "" {
		t.Errorf("the page may fetch something: %s", got)
	}
	if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "NaN") && !strings.Contains(page, "isNaN") {
		t.Error("a value could not be written")
	}
	if strings.Contains(page, "HISTFAAA") {
		t.Error("the page carries what only the summary needs")
	}
}

// TestHTMLCharts are valid JSON that no text of the run can end.
func TestHTMLCharts(t *testing.T) {
	d := sampled(t, 500, nil)
	d.Changes[0].Host, d.Changes[0].Why = "", "</script><b>"
	_, rest, _ := strings.Cut(htmlOf(t, d), `id="charts">`)
	text, _, _ := strings.Cut(rest, "</script>")
	var charts []report.Chart
	if err := json.Unmarshal([]byte(text), &charts); err != nil {
		t.Fatal(err)
	}
	for _, c := range charts {
		for _, s := range c.Series {
			if len(s.Y) != len(c.X) || len(c.X) == 0 {
				t.Errorf("%s, %s: %d values at %d places", c.ID, s.Name, len(s.Y), len(c.X))
			}
		}
	}
	if marks := charts[1].Marks; len(marks) != 1 || marks[0].Text != "4 to 2: </script><b>" {
		t.Errorf("marks %+v", marks)
	}
}

// TestHTMLSize is that of 10,000,000 items over ten hours and 10,000 hosts.
func TestHTMLSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := report.NewRecorder(report.Options{})
		for i := range int64(100_000) {
			time.Sleep(360 * time.Millisecond)
			rec.Write(record(i, fmt.Sprintf("host-%d.example", i%10_000)))
		}
		rec.Stop(report.Finished)
		d := rec.Data()
		for _, n := range [][]int64{d.Timeline.OK, d.Timeline.S2xx, d.Timeline.Bytes, d.Latency.Total.N} {
			for i := range n {
				n[i] *= 100
			}
		}
		d.Counts.Records *= 100
		page := htmlOf(t, d)
		t.Logf("%d bytes", len(page))
		if len(page) > 400_000 {
			t.Errorf("%d bytes", len(page))
		}
	})
}

// TestHTMLOfLittle does not fail on runs with next to nothing in them.
func TestHTMLOfLittle(t *testing.T) {
	none := report.NewRecorder(report.Options{})
	none.Stop(report.Stopped)
	one := report.NewRecorder(report.Options{})
	one.Write(record(0, "a.example"))
	one.Stop(report.Finished)
	old, err := report.FromRecords(bytes.NewReader(lines(3)))
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]report.Data{"zero": {}, "none": none.Data(), "one": one.Data(), "of records": old} {
		if page := htmlOf(t, d); !strings.Contains(page, "</html>") || strings.Contains(page, "NaN\"") {
			t.Errorf("%s: %d bytes", name, len(page))
		}
	}
	broken := report.Data{}
	broken.Timeline.T = []float64{1}
	if err := report.WriteHTML(&bytes.Buffer{}, broken); err == nil {
		t.Error("a broken time line is shown")
	}
	if err := report.WriteHTML(failingWriter{}, report.Data{}); err == nil {
		t.Error("the writer's error is lost")
	}
}
