package report_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/report"
)

// TestFromRecords rebuilds from the records what a recorder has measured.
func TestFromRecords(t *testing.T) {
	measured := sampled(t, 2000, nil)
	text := lines(2000)
	d, err := report.FromRecords(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !d.FromRecords || d.Ended != report.Killed || len(d.Notes) != 1 || d.Finding.Cause != report.Unknown || len(d.Shares) != 0 {
		t.Errorf("%+v, %v, %+v", d.Ended, d.Notes, d.Finding)
	}
	if d.Counts.OK != measured.Counts.OK || d.Counts.Failed != measured.Counts.Failed || d.Counts.Bytes != measured.Counts.Bytes ||
		!slices.Equal(d.Errors, measured.Errors) || d.Statuses[304] != measured.Statuses[304] {
		t.Errorf("%+v and %+v", d.Counts, measured.Counts)
	}
	if got, want := d.Latency.Total, measured.Latency.Total; got.Count != want.Count || near(got.P50, want.P50) || near(got.P99, want.P99) {
		t.Errorf("latency %+v, want %+v", got, want)
	}
	if d.Seconds < 19.9 || d.Seconds > 21 || sum(d.Timeline.OK) != d.Counts.OK || len(d.Timeline.T) < 190 || d.Timeline.T[0] != 0 {
		t.Errorf("%v s, %d steps from %v with %d", d.Seconds, len(d.Timeline.T), d.Timeline.T[0], sum(d.Timeline.OK))
	}
	// A record every 10 ms that takes 43 ms on average: 4.3 are in flight.
	mean := 0.0
	for _, n := range d.Timeline.InFlight {
		mean += n / float64(len(d.Timeline.InFlight))
	}
	if mean < 3.8 || mean > 4.8 {
		t.Errorf("%.2f in flight on average", mean)
	}

	// The order of the lines does not matter.
	mixed := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	mixed[len(mixed)-1] += "\n"
	slices.Reverse(mixed)
	r, err := report.FromRecords(strings.NewReader(strings.Join(mixed, "")))
	if err != nil || !slices.Equal(r.Timeline.OK, d.Timeline.OK) || !slices.Equal(r.Timeline.T, d.Timeline.T) || r.Seconds != d.Seconds || r.Started != d.Started {
		t.Errorf("backwards it is another run: %v s from %v, %v", r.Seconds, r.Started, err)
	}
}

func TestFromRecordsTorn(t *testing.T) {
	text := lines(10)
	d, err := report.FromRecords(bytes.NewReader(text[:len(text)-20]))
	if err != nil || d.Counts.Records != 9 || len(d.Notes) != 2 {
		t.Errorf("%d records, %v, %v", d.Counts.Records, d.Notes, err)
	}
	for name, in := range map[string]string{
		"another file": "hello\nworld\n",
		"JSON":         `{"a": 1}` + "\n",
		"in between":   string(lines(1)) + "{}\n" + string(lines(1)),
		"endless":      strings.Repeat("x", 1<<20) + "\n",
	} {
		if _, err := report.FromRecords(strings.NewReader(in)); !errors.Is(err, report.ErrNoRecords) {
			t.Errorf("%s: %v, want ErrNoRecords", name, err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(lines(3)), failingReader{})
	if _, err := report.FromRecords(broken); !errors.Is(err, errTest) {
		t.Errorf("%v, want the reader's error", err)
	}
	if d, err := report.FromRecords(strings.NewReader("")); err != nil || d.Counts.Records != 0 {
		t.Errorf("of nothing: %d records, %v", d.Counts.Records, err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errTest }
