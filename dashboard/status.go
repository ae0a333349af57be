package dashboard

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// Status is what GET /status answers.
type Status struct {
	Type    string    `json:"type"` // "status"
	Title   string    `json:"title"`
	Version string    `json:"version,omitempty"`
	Time    time.Time `json:"time"`
	// Run is nil where there is none.
	Run *RunStatus `json:"run,omitempty"`
	// Limiters are in the order of Options.
	Limiters []LimiterStatus `json:"limiters,omitempty"`
}

// RunStatus is how a run stands.
type RunStatus struct {
	// State is "running", "paused", "ending" (nothing new starts any more), or how
	// the run ended: "finished", "stopped", "failed".
	State   string    `json:"state"`
	Output  string    `json:"output,omitempty"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// CanPause and CanLimit say what may be asked for.
	CanPause bool `json:"can_pause"`
	CanLimit bool `json:"can_limit"`
	// Limit is how many may be in flight and InFlight how many are; Queued wait
	// for a limit and Backoff for their retry; of Hosts that there is something to
	// do for, Held have asked to be left alone.
	Limit    int `json:"limit"`
	InFlight int `json:"in_flight"`
	Queued   int `json:"queued"`
	Backoff  int `json:"backoff"`
	Hosts    int `json:"hosts"`
	Held     int `json:"hosts_on_hold"`
	// ReadAll says that the input has been read to its end.
	ReadAll bool `json:"read_all"`
	// Rate is records a second of late, Average of all the run; ETA is how many
	// seconds are left at that, 0 where it is not known.
	Rate    float64 `json:"rate"`
	Average float64 `json:"average"`
	ETA     float64 `json:"eta_seconds,omitempty"`
	// Waiting is why not one request more starts now.
	Waiting Waiting `json:"waiting"`

	Counts   report.Counts       `json:"counts"`
	Statuses map[int]int64       `json:"statuses"`
	Errors   []report.ErrorClass `json:"errors,omitempty"`
	Latency  report.Latency      `json:"latency"`
	TopHosts []report.Host       `json:"top_hosts,omitempty"`
	Shares   []report.Share      `json:"shares,omitempty"`
	Finding  report.Finding      `json:"finding"`
	Changes  []report.Change     `json:"changes,omitempty"`
}

// Waiting is why not one request more starts.
type Waiting struct {
	Reason fetch.Reason `json:"reason"`
	Text   string       `json:"text"`
	Host   string       `json:"host,omitempty"`
	Limit  int          `json:"limit,omitempty"`
	Rate   string       `json:"rate,omitempty"`
	// Seconds is how long it will be so, if that is known.
	Seconds float64 `json:"seconds,omitempty"`
}

// LimiterStatus is how a limiter stands.
type LimiterStatus struct {
	Name     string `json:"name"`
	CanLimit bool   `json:"can_limit"`
	Paused   bool   `json:"paused"`
	Figures
}

// topHosts is how many hosts there are in a status, and in metrics.
const topHosts = 20

// now is how all stands, and the run's data, if there is a run.
func (p *Page) now() (Status, report.Data) {
	s := Status{Type: "status", Title: p.opts.Title, Version: p.opts.Version, Time: time.Now().UTC().Round(time.Millisecond)}
	var d report.Data
	if p.opts.Run != nil {
		d = p.opts.Run.Data()
		s.Run = p.opts.Run.status(d)
	}
	figures := p.figures()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, l := range p.opts.Limiters {
		_, paused := p.paused[l.Name]
		s.Limiters = append(s.Limiters, LimiterStatus{l.Name, l.SetLimit != nil, paused, figures[i]})
	}
	return s, d
}

func (r *Run) status(d report.Data) *RunStatus {
	st := r.Stats()
	s := &RunStatus{
		State: "running", Output: d.Output, Started: d.Started, Seconds: d.Seconds,
		CanPause: r.Pause != nil && r.Resume != nil, CanLimit: r.SetLimit != nil,
		Limit: st.Limit, InFlight: st.InFlight, Queued: st.Queued + st.Aside, Backoff: st.Backoff, Hosts: st.Hosts, Held: st.Held,
		ReadAll: st.ReadAll, Rate: lately(d, rateOver), Average: float64(d.Counts.Records) / max(d.Seconds, 0.001),
		Waiting: waiting(st.Wait),
		Counts:  d.Counts, Statuses: d.Statuses, Errors: d.Errors, Latency: brief(d.Latency),
		TopHosts: d.Hosts[:min(topHosts, len(d.Hosts))], Shares: d.Shares, Finding: d.Finding, Changes: d.Changes,
	}
	switch {
	case d.Ended != "":
		s.State = string(d.Ended)
	case st.Wait.Reason == fetch.Paused:
		s.State = "paused"
	case st.Wait.Reason == fetch.Last:
		s.State = "ending"
	}
	if pace := lately(d, etaOver); st.ReadAll && pace > 0 && d.Ended == "" {
		s.ETA = float64(max(0, st.Items-st.Records)) / pace
	}
	return s
}

func waiting(w fetch.Wait) Waiting {
	s := Waiting{Reason: w.Reason, Text: report.ReasonText(w.Reason), Host: w.Bucket, Limit: w.Limit, Rate: w.Rate}
	if !w.Until.IsZero() {
		s.Seconds = max(0, time.Until(w.Until).Seconds())
	}
	return s
}

const (
	rateOver = 3  // seconds
	etaOver  = 30 // seconds
)

// lately is records a second in about the last so many seconds.
func lately(d report.Data, seconds float64) float64 {
	t := d.Timeline
	records, first := int64(0), len(t.T)
	for first > 0 && (first == len(t.T) || t.T[first-1] >= d.Seconds-seconds) {
		first--
		records += t.OK[first] + t.Failed[first]
	}
	if first == len(t.T) || d.Seconds-t.T[len(t.T)-1] > max(seconds, 2*t.Step) {
		return 0 // nothing has come for long
	}
	return float64(records) / max(d.Seconds-t.T[first], t.Step, 0.001)
}

// brief is without the histograms.
func brief(l report.Latency) report.Latency {
	for _, d := range []*report.Distribution{&l.Waiting, &l.Connect, &l.FirstByte, &l.Body, &l.Total} {
		d.To, d.N, d.HDR = nil, nil, ""
	}
	return l
}

func (p *Page) status(w http.ResponseWriter, _ *http.Request) {
	s, _ := p.now()
	writeJSON(w, s)
}

func writeJSON(w http.ResponseWriter, x any) {
	body, err := json.Marshal(x)
	if err != nil {
		text(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}
