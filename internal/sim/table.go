package sim

import (
	"fmt"
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

// Misses returns in what r falls short of t.
func (t Target) Misses(r Result) []string {
	var out []string
	miss := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	miss(r.Goodput < t.Goodput, "goodput %.2f %% < %.2f %%", 100*r.Goodput, 100*t.Goodput)
	miss(r.Steady < t.Steady, "steady %.2f %% < %.2f %%", 100*r.Steady, 100*t.Steady)
	miss(t.Refused > 0 && r.Refused > t.Refused, "refused %.3f %% > %.3f %%", 100*r.Refused, 100*t.Refused)
	miss(t.P50 > 0 && r.P50 > t.P50, "p50 %v > %v", r.P50, t.P50)
	miss(t.P99 > 0 && r.P99 > t.P99, "p99 %v > %v", r.P99, t.P99)
	miss(t.Converged > 0 && (r.Converged < 0 || r.Converged > t.Converged), "converged at %v > %v", r.Converged, t.Converged)
	miss(t.Sent > 0 && r.Sent > t.Sent, "sent %d > %d", r.Sent, t.Sent)
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
