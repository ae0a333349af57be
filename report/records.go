package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// maxLine is the most that a record's line may take.
const maxLine = 1 << 30

// ErrNoRecords says that a line is not a record of a run.
var ErrNoRecords = errors.New("not a record of penstock fetch")

// FromRecords makes a Data of a run's records, one JSON object a line, for a
// run that left no summary. It is read once, in bounded memory, in whatever
// order. What only the engine knows (limits, holds, what limited it) is not in
// it, and Notes say so. A torn last line is passed over; any other line that is
// no record ends with an error that wraps ErrNoRecords.
func FromRecords(r io.Reader) (Data, error) {
	rec := NewRecorder(Options{})
	b := rebuilt{rec: rec}
	in := bufio.NewReaderSize(r, 64<<10)
	for line, n := []byte(nil), 1; ; n++ {
		var err error
		line, err = readLine(in, line[:0])
		if err != nil && err != io.EOF {
			return Data{}, fmt.Errorf("line %d: %w", n, err)
		}
		torn := err == io.EOF
		if len(bytes.TrimSpace(line)) > 0 && !b.line(line) {
			if !torn {
				return Data{}, fmt.Errorf("line %d: %w", n, ErrNoRecords)
			}
			b.torn = true
		}
		if torn {
			return b.data(), nil
		}
	}
}

func readLine(in *bufio.Reader, line []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
		if line[0] != '{' || len(line) > maxLine {
			return nil, ErrNoRecords
		}
	}
}

// A rebuilt run is one in the making from its records.
type rebuilt struct {
	rec         *Recorder
	first, last time.Duration // since 1970
	torn        bool
}

// line takes one record; it reports whether it is one.
func (b *rebuilt) line(line []byte) bool {
	var l struct {
		Index    *int64 `json:"index"`
		URL      string `json:"url"`
		FinalURL string `json:"final_url"`
		Status   int    `json:"status"`
		OK       bool   `json:"ok"`
		Attempts int    `json:"attempts"`
		Error    *struct {
			Class   fetch.Class `json:"class"`
			Message string      `json:"message"`
		} `json:"error"`
		Started   time.Time `json:"started"`
		QueueMS   float64   `json:"queue_ms"`
		ConnectMS float64   `json:"connect_ms"`
		TTFBMS    float64   `json:"ttfb_ms"`
		TotalMS   float64   `json:"total_ms"`
		Bytes     int64     `json:"bytes"`
	}
	if json.Unmarshal(line, &l) != nil || l.Index == nil || l.Started.IsZero() || l.Status < 0 {
		return false
	}
	r := fetch.Record{
		URL: l.URL, FinalURL: l.FinalURL, Status: l.Status, OK: l.OK, Attempts: l.Attempts, Started: l.Started, Bytes: l.Bytes,
		Queue: ofMillis(l.QueueMS), Connect: ofMillis(l.ConnectMS), TTFB: ofMillis(l.TTFBMS), Total: ofMillis(l.TotalMS),
	}
	if l.Error != nil {
		r.Error = &fetch.Error{Class: l.Error.Class, Message: l.Error.Message}
	}
	b.record(&r)
	return true
}

func ofMillis(ms float64) time.Duration { return time.Duration(ms * 1e6) }

// record counts r at the moment when it ended.
func (b *rebuilt) record(r *fetch.Record) {
	began := time.Duration(r.Started.UnixNano())
	ended := began + r.Total
	if b.rec.counts.Records == 0 {
		b.first = began
	}
	b.first, b.last = min(b.first, began), max(b.last, ended)
	b.rec.count(r)
	b.rec.counts.Retries += int64(max(0, r.Attempts-1))
	steps := &b.rec.steps
	steps.at(ended).record(r)
	for began < ended { // in each step, how long it was in flight
		p := steps.at(began)
		part := min(ended, began-began%steps.length+steps.length) - began
		p.busy += part
		began += part
	}
}

func (b *rebuilt) data() Data {
	took := max(b.last-b.first, 1)
	r := b.rec
	r.took, r.cpu, r.cpuWait = took, 0, 0
	d := r.own()
	d.Timeline = r.steps.timeline(b.first, took)
	d.Timeline.Reason, d.Timeline.Limit = blank(d.Timeline.Reason), blank(d.Timeline.Limit)
	d.Timeline.Queued, d.Timeline.Backoff = blank(d.Timeline.Queued), blank(d.Timeline.Backoff)
	d.FromRecords, d.Ended, d.CPU = true, Killed, CPU{}
	d.Shares = nil
	if d.Counts.Records > 0 {
		d.Started = time.Unix(0, int64(b.first)).UTC()
	}
	d.Notes = []string{"This was made of the records alone, because the run left no summary: of limits, holds and retries there is only what records tell."}
	if b.torn {
		d.Notes = append(d.Notes, "The last line is torn, and not counted.")
	}
	d.Finding = Explain(d)
	return d
}

// blank is a column of as many zeros.
func blank[T any](v []T) []T { return make([]T, len(v)) }
