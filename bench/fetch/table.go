package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func median[T cmp.Ordered](rs []result, f func(result) T) T {
	xs := make([]T, 0, len(rs))
	for _, r := range rs {
		xs = append(xs, f(r))
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}

func rate(r result) float64  { return r.rate }
func cpu(r result) float64   { return float64(r.cpu) / float64(time.Microsecond) }
func wall(r result) float64  { return r.wall.Seconds() }
func peak(r result) int64    { return r.rss }
func lost(r result) int      { return r.lost }
func delay(r result) float64 { return r.delay.Seconds() }
func spared(r result) string { return fmt.Sprintf("%.2f s", r.others.Seconds()) }

// table writes the medians; ratios are of the first command to each.
func (s scenario) table(w io.Writer, peers []*peer, results map[string][]result) error {
	if len(peers) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** (%s)\n\n", s.about, s.name)
	head, line := "| | requests/s | range | ours / theirs | wall | CPU us | ours / theirs | peak RSS | lost |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
	switch {
	case s.others:
		head, line = head+" the nine others done after |", line+"--:|"
	case s.delay > 0:
		head, line = head+" the server's delay | of connections / delay |", line+"--:|--:|"
	}
	fmt.Fprintf(&b, "%s\n%s\n", head, line)
	first := results[peers[0].name]
	for _, p := range peers {
		rs := results[p.name]
		if slices.ContainsFunc(rs, func(r result) bool { return r.rate == 0 }) {
			fmt.Fprintf(&b, "| %s | failed |%s\n", p.name, strings.Repeat(" |", strings.Count(line, "|")-3))
			continue
		}
		lo, hi := slices.MinFunc(rs, byRate), slices.MaxFunc(rs, byRate)
		name := p.name
		if n := rs[0].n; n != first[0].n && !p.ceil {
			name += fmt.Sprintf(", of %s", thousands(n))
		}
		time := fmt.Sprintf("%.2f s", median(rs, wall))
		if p.ceil {
			time = ""
		}
		if p == peers[0] {
			name = "**" + name + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s to %s | %.2f | %s | %.1f | %.2f | %d MB | %d |", name,
			thousands(int(median(rs, rate))), thousands(int(lo.rate)), thousands(int(hi.rate)), ratio(first, rs, rate), time,
			median(rs, cpu), ratio(first, rs, cpu), (median(rs, peak)+500_000)/1_000_000, median(rs, lost))
		switch {
		case s.others:
			fmt.Fprintf(&b, " %s |", median(rs, spared))
		case s.delay > 0:
			part := func(r result) float64 { return r.rate * r.delay.Seconds() / float64(s.conns) }
			fmt.Fprintf(&b, " %.1f ms | %.1f %% |", 1000*median(rs, delay), 100*median(rs, part))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%d rounds, %d cores.\n\n", len(first), runtime.NumCPU())
	_, err := io.WriteString(w, b.String())
	return err
}

func byRate(a, b result) int { return cmp.Compare(a.rate, b.rate) }

// ratio is the median of the rounds' ratios: what slows a round down slows both.
func ratio(first, rs []result, f func(result) float64) float64 {
	xs := make([]float64, 0, len(rs))
	for i := range rs {
		xs = append(xs, f(first[i])/f(rs[i]))
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// thousands groups digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
