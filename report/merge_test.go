package report_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// stored is d as it comes back from a summary.
func stored(t *testing.T, d report.Data) *report.Data {
	t.Helper()
	text, err := json.Marshal(map[string]any{"items": 1, report.Key: d})
	if err != nil {
		t.Fatal(err)
	}
	back, err := report.FromSummary(text)
	if err != nil || back == nil {
		t.Fatalf("%v, %v", back, err)
	}
	return back
}

// TestResumed adds up three runs of one output.
func TestResumed(t *testing.T) {
	first := sampled(t, 1000, nil)
	counted := func(d report.Data) fetch.Summary {
		s := fetch.Summary{Records: d.Counts.Records, OK: d.Counts.OK, Failed: d.Counts.Failed, Statuses: d.Statuses, Classes: map[fetch.Class]int64{}}
		for _, e := range d.Errors {
			s.Classes[e.Class] = e.Count
		}
		return s
	}
	second := sampled(t, 2000, report.Earlier(stored(t, first), counted(first)))
	d := sampled(t, 500, report.Earlier(stored(t, second), counted(second)))

	if d.Counts.Records != 3500 || d.Counts.OK+d.Counts.Failed != 3500 || d.Latency.Total.Count != 3500 || len(d.Notes) != 0 {
		t.Errorf("%+v, %d latencies, %v", d.Counts, d.Latency.Total.Count, d.Notes)
	}
	if d.Seconds < 34.9 || d.Seconds > 35.1 || len(d.Parts) != 3 || d.Parts[1].Records != 2000 {
		t.Errorf("%v s, parts %+v", d.Seconds, d.Parts)
	}
	tl := d.Timeline
	if sum(tl.OK) != d.Counts.OK || !slices.IsSorted(tl.T) || tl.T[len(tl.T)-1] < 34 || len(tl.T) > 600 {
		t.Errorf("%d ok in %d steps to %v", sum(tl.OK), len(tl.T), tl.T[len(tl.T)-1])
	}
	items := int64(0)
	for _, h := range d.Hosts {
		items += h.Items
	}
	if len(d.Hosts) != 3 || items != 3500 || d.Hosts[0].Held != 4.5 || d.Rest != nil {
		t.Errorf("%d of %d hosts, %+v, rest %+v", items, len(d.Hosts), d.Hosts[0], d.Rest)
	}
	if len(d.Changes) != 3 || d.Changes[2].T < 34 || d.Shares[0].Seconds < 34 {
		t.Errorf("%+v, %+v", d.Changes, d.Shares)
	}
	if marks := d.Charts()[0].Marks; len(marks) != 2 || !strings.HasPrefix(marks[0].Text, "resumed ") || marks[0].X != 10 {
		t.Errorf("marks %+v", marks)
	}
}

// TestResumedAfterKill has a run in between that left no summary.
func TestResumedAfterKill(t *testing.T) {
	first := sampled(t, 1000, nil)
	killed := fetch.Summary{
		Records: 1600, OK: 1500, Failed: 100, Statuses: map[int]int64{200: 1500},
		Classes: map[fetch.Class]int64{fetch.Status: 60, fetch.Reset: 40},
	}
	for name, was := range map[string]*report.Data{"a summary before": stored(t, first), "no summary at all": nil} {
		d := sampled(t, 500, report.Earlier(was, killed))
		if d.Counts.Records != 2100 || len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "are counted and no more") {
			t.Errorf("%s: %+v, %v", name, d.Counts, d.Notes)
		}
		want := int64(500)
		if was != nil {
			want += 1000
		}
		if d.Latency.Total.Count != want || sum(d.Timeline.OK)+sum(d.Timeline.Failed) != want {
			t.Errorf("%s: %d latencies, %d in the time line, want %d", name, d.Latency.Total.Count, sum(d.Timeline.OK)+sum(d.Timeline.Failed), want)
		}
		if d.Rest == nil || d.Rest.Items != 2100-want || d.Started.IsZero() {
			t.Errorf("%s: rest %+v", name, d.Rest)
		}
		got := textOf(t, d, report.TextOptions{})
		if !strings.Contains(got, "\n1,600 items were done before") || !strings.Contains(got, "100/s on average") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func TestFromSummary(t *testing.T) {
	if d, err := report.FromSummary([]byte(`{"items": 3}`)); d != nil || err != nil {
		t.Errorf("an old summary: %v, %v", d, err)
	}
	if _, err := report.FromSummary([]byte(`{"report": {"format": 99}}`)); !errors.Is(err, report.ErrNewer) {
		t.Errorf("%v, want ErrNewer", err)
	}
	for _, bad := range []string{``, `[]`, `{"report": 1}`, `{"report": {"format": 1, "timeline": {"t": [1]}}}`, `{"report": {"latency": {"total": {"n": [1]}}}}`} {
		if _, err := report.FromSummary([]byte(bad)); err == nil {
			t.Errorf("%s is a summary", bad)
		}
	}
}
