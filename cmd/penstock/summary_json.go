package main

import "github.com/penstock-go/penstock/report"

// summaryJSON is the summary of --progress json; docs/reference.md says what is
// what.
type summaryJSON struct {
	Type      string              `json:"type"`
	Ended     report.Ended        `json:"ended"`
	Seconds   float64             `json:"seconds"`
	Counts    report.Counts       `json:"counts"`
	Statuses  map[int]int64       `json:"statuses"`
	Errors    []report.ErrorClass `json:"errors"`
	TotalMS   percentiles         `json:"total_ms"`
	Output    string              `json:"output,omitempty"`
	LimitedBy report.Finding      `json:"limited_by"`
}

type percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func summaryOf(d report.Data) summaryJSON {
	t := d.Latency.Total
	s := summaryJSON{
		Type: "summary", Ended: d.Ended, Seconds: d.Seconds, Counts: d.Counts, Statuses: d.Statuses, Errors: d.Errors,
		TotalMS: percentiles{t.P50, t.P90, t.P99, t.Max}, Output: d.Output, LimitedBy: d.Finding,
	}
	if s.Errors == nil {
		s.Errors = []report.ErrorClass{}
	}
	return s
}
