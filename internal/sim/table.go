package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Worst returns the worst of several results, figure by figure.
func Worst(results []Result) Result {
	w := results[0]
	for _, r := range results[1:] {
		w.Goodput = min(w.Goodput, r.Goodput)
		w.Steady = min(w.Steady, r.Steady)
		w.Refused = max(w.Refused, r.Refused)
		w.P50, w.P99 = max(w.P50, r.P50), max(w.P99, r.P99)
		w.Sent = max(w.Sent, r.Sent)
		if w.Converged >= 0 && (r.Converged < 0 || r.Converged > w.Converged) {
			w.Converged = r.Converged
		}
	}
	return w
}

// An aim is one figure of a Target, against what came of it.
type aim struct {
	name        string
	asked, got  string
	given, miss bool
}

func (t Target) aims(r Result) []aim {
	percent := func(f float64) string { return fmt.Sprintf("%.4g %%", 100*f) }
	converged, refused := "never", "<= "+percent(t.Refused)
	if r.Converged >= 0 {
		converged = r.Converged.String()
	}
	if t.Refused < nothing*2 {
		refused = "nothing"
	}
	return []aim{
		{"goodput", ">= " + percent(t.Goodput), percent(r.Goodput), t.Goodput > 0, r.Goodput < t.Goodput},
		{"steady", ">= " + percent(t.Steady), percent(r.Steady), t.Steady > 0, r.Steady < t.Steady},
		{"refused", refused, percent(r.Refused), t.Refused > 0, r.Refused > t.Refused},
		{"p50", "<= " + t.P50.String(), r.P50.String(), t.P50 > 0, r.P50 > t.P50},
		{"p99", "<= " + t.P99.String(), r.P99.String(), t.P99 > 0, r.P99 > t.P99},
		{"converged", "<= " + t.Converged.String(), converged, t.Converged > 0, r.Converged < 0 || r.Converged > t.Converged},
		{"sent", "<= " + strconv.Itoa(t.Sent), strconv.Itoa(r.Sent), t.Sent > 0, r.Sent > t.Sent},
	}
}

// String returns what is asked for.
func (t Target) String() string {
	var out []string
	for _, a := range t.aims(Result{}) {
		if a.given {
			out = append(out, a.name+" "+a.asked)
		}
	}
	return strings.Join(out, ", ")
}

// Misses returns in what r falls short of t.
func (t Target) Misses(r Result) []string {
	var out []string
	for _, a := range t.aims(r) {
		if a.given && a.miss {
			out = append(out, a.name)
		}
	}
	return out
}

// Explain says for each figure that r misses what was asked and what came.
func (t Target) Explain(r Result) []string {
	var out []string
	for _, a := range t.aims(r) {
		if a.given && a.miss {
			out = append(out, fmt.Sprintf("%s is %s, not %s", a.name, a.got, a.asked))
		}
	}
	return out
}

// Row returns a line of a table.
func (r Result) Row() string {
	converged := "never"
	if r.Converged >= 0 {
		converged = fmt.Sprintf("%.1f s", r.Converged.Seconds())
	}
	row := fmt.Sprintf("%6.1f %6.1f %8.3f %9s %9s %8s",
		100*r.Goodput, 100*r.Steady, 100*r.Refused, brief(r.P50), brief(r.P99), converged)
	if r.Sent > 0 {
		row += fmt.Sprintf("  %d sent in the outage", r.Sent)
	}
	return strings.TrimRight(row, " ")
}

// Head is the head of the table.
const Head = "  good% steady% refused%      p50       p99 converge"

func brief(d time.Duration) string {
	return d.Round(time.Millisecond / 10).String()
}
