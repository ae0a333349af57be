package display

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// Plain renders s as one line of ASCII, for a log.
func (s State) Plain() string {
	st := s.Stats
	words := []string{report.Number(st.Records) + " done"}
	if s.Total > 0 {
		words[0] = fmt.Sprintf("%s of %s done", report.Number(st.Records), report.Number(s.Total))
	} else {
		words = append(words, report.Number(st.Items)+" read")
	}
	flight := fmt.Sprintf("%d of %d in flight", st.InFlight, st.Limit)
	if from := s.limitFrom(); from != "" {
		flight += " (" + from + ")"
	}
	words = append(words, rate(s.Rate)+" now", rate(s.Average)+" average", flight, "waiting "+s.waiting())
	for _, x := range []struct {
		n    int64
		text string
	}{
		{int64(st.Backoff), "to be retried"},
		{int64(st.Held), plural(st.Held, "host on hold", "hosts on hold")},
		{st.Failed, "failed"},
	} {
		if x.n > 0 {
			words = append(words, report.Number(x.n)+" "+x.text)
		}
	}
	words = append(words, span(st.Elapsed.Truncate(time.Second))+" so far")
	if s.Left > 0 {
		words = append(words, span(s.Left)+" left")
	}
	return strings.Join(words, ", ")
}

// Status renders s as several plain lines, for who has asked.
func (s State) Status() string {
	return strings.Join(s.Lines(Style{Width: 80}), "\n")
}

// progress is a State in JSON; docs/reference.md says what is what.
type progress struct {
	Type     string                `json:"type"`
	Time     time.Time             `json:"time"`
	Seconds  float64               `json:"seconds"`
	Read     int64                 `json:"read"`
	Total    int64                 `json:"total,omitempty"`
	Records  int64                 `json:"records"`
	OK       int64                 `json:"ok"`
	Failed   int64                 `json:"failed"`
	Retries  int64                 `json:"retries"`
	Bytes    int64                 `json:"bytes"`
	Rate     float64               `json:"rate"`
	Average  float64               `json:"average"`
	ETA      float64               `json:"eta_seconds,omitempty"`
	Slowest  string                `json:"slowest_host,omitempty"`
	InFlight int                   `json:"in_flight"`
	Limit    int                   `json:"limit"`
	From     string                `json:"limit_from,omitempty"`
	Queued   int                   `json:"queued"`
	Backoff  int                   `json:"backoff"`
	Held     int                   `json:"hosts_on_hold"`
	Waiting  waitingJSON           `json:"waiting"`
	Statuses map[int]int64         `json:"statuses"`
	Errors   map[fetch.Class]int64 `json:"errors"`
}

type waitingJSON struct {
	Reason  fetch.Reason `json:"reason"`
	Host    string       `json:"host,omitempty"`
	Limit   int          `json:"limit,omitempty"`
	Rate    string       `json:"rate,omitempty"`
	Seconds float64      `json:"seconds,omitempty"`
}

// JSON renders s as an object of type progress.
func (s State) JSON() []byte {
	st := s.Stats
	p := progress{
		Type: "progress", Time: s.Now.UTC().Round(time.Millisecond), Seconds: thousandths(st.Elapsed.Seconds()),
		Read: st.Items, Total: s.Total, Records: st.Records, OK: st.OK, Failed: st.Failed, Retries: st.Retries, Bytes: st.Bytes,
		Rate: thousandths(s.Rate), Average: thousandths(s.Average), ETA: thousandths(s.Left.Seconds()), Slowest: s.Slowest.Name,
		InFlight: st.InFlight, Limit: st.Limit, From: s.limitFrom(),
		Queued: st.Queued + st.Aside, Backoff: st.Backoff, Held: st.Held,
		Waiting:  waitingJSON{Reason: s.Wait.Reason, Host: s.Wait.Bucket, Limit: s.Wait.Limit, Rate: s.Wait.Rate},
		Statuses: st.Statuses, Errors: st.Classes,
	}
	if s.Wait.Until.After(s.Now) {
		p.Waiting.Seconds = thousandths(s.Wait.Until.Sub(s.Now).Seconds())
	}
	return object(p)
}

// object is x on one line. What is given to it can always be rendered.
func object(x any) []byte {
	text, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

func thousandths(x float64) float64 { return float64(int64(x*1000+0.5)) / 1000 }
