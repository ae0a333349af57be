package report

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNewer says that a Data is of a later Penstock's making.
var ErrNewer = errors.New("made by a newer penstock")

// Key is the name under which a Data stands in a run's summary.
const Key = "report"

// FromSummary takes the Data out of a run's summary, a JSON object with other
// names besides. It is nil if there is none, as in those of Penstock before
// 0.2. The error wraps ErrNewer if the format is one that is not known yet.
func FromSummary(text []byte) (*Data, error) {
	var s map[string]json.RawMessage
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("not a summary: %w", err)
	}
	part, ok := s[Key]
	if !ok {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	var format struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(part, &format); err != nil {
		return nil, fmt.Errorf("not a summary: %w", err)
	}
	if format.Format > Format {
		return nil, fmt.Errorf("format %d: %w", format.Format, ErrNewer)
	}
	d := &Data{}
	if err := json.Unmarshal(part, d); err != nil {
		return nil, fmt.Errorf("not a summary: %w", err)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

// check says what could not have been stored so.
func (d *Data) check() error {
	t, n := d.Timeline, len(d.Timeline.T)
	for _, have := range []int{
		len(t.OK), len(t.Failed), len(t.S2xx), len(t.S3xx), len(t.S4xx), len(t.S5xx), len(t.Errors), len(t.Retries), len(t.Bytes),
		len(t.InFlight), len(t.Queued), len(t.Backoff), len(t.Limit), len(t.Reason), len(t.P50), len(t.P90), len(t.P99),
	} {
		if have != n {
			return errors.New("not a summary: columns of the time line are of different lengths")
		}
	}
	for _, h := range []Distribution{d.Latency.Waiting, d.Latency.Connect, d.Latency.FirstByte, d.Latency.Body, d.Latency.Total} {
		if len(h.To) != len(h.N) {
			return errors.New("not a summary: a histogram's columns are of different lengths")
		}
	}
	return nil
}
