package report

import (
	"math"
	"slices"
)

// then puts u behind t, whose run took that many seconds. Both get the longer
// step, or a longer one still so that there are not more than maxSteps.
func (t Timeline) then(u Timeline, seconds float64) Timeline {
	length := max(t.Step, u.Step)
	if length == 0 {
		return u
	}
	for {
		both := t.coarse(length, 0)
		both.append(u.coarse(length, seconds))
		if len(both.T) <= maxSteps || length > 1e9 {
			both.Step = length
			return both
		}
		length *= 2
	}
}

// coarse is t in steps of that length, later by that many seconds.
func (t Timeline) coarse(length, later float64) Timeline {
	c := Timeline{Step: length}
	for i := 0; i < len(t.T); {
		end := i + 1
		for end < len(t.T) && math.Floor(t.T[end]/length+1e-9) == math.Floor(t.T[i]/length+1e-9) {
			end++
		}
		c.append(t.fold(i, end))
		last := len(c.T) - 1
		c.T[last] = round3(c.T[last] + later)
		i = end
	}
	return c
}

// fold makes one step of [i, end). Percentiles are the means of theirs,
// weighted by the records, which is only about right.
func (t Timeline) fold(i, end int) Timeline {
	sum := func(v []int64) []int64 {
		if v == nil {
			return nil
		}
		n := int64(0)
		for _, x := range v[i:end] {
			n += x
		}
		return []int64{n}
	}
	mean := func(v []float64, weighted bool) []float64 {
		total, weights := 0.0, 0.0
		for k, x := range v[i:end] {
			w := 1.0
			if weighted {
				w = float64(t.OK[i+k] + t.Failed[i+k])
			}
			total, weights = total+w*x, weights+w
		}
		return []float64{round3(total / max(weights, 1e-9))}
	}
	return Timeline{
		T: []float64{t.T[i]}, OK: sum(t.OK), Failed: sum(t.Failed),
		S1xx: sum(t.S1xx), S2xx: sum(t.S2xx), S3xx: sum(t.S3xx), S4xx: sum(t.S4xx), S5xx: sum(t.S5xx),
		Errors: sum(t.Errors), Retries: sum(t.Retries), Bytes: sum(t.Bytes),
		InFlight: mean(t.InFlight, false), Queued: mean(t.Queued, false), Backoff: mean(t.Backoff, false), Limit: mean(t.Limit, false),
		Reason: []Reason{mostOf(t.Reason[i:end])},
		P50:    mean(t.P50, true), P90: mean(t.P90, true), P99: mean(t.P99, true),
	}
}

func mostOf(list []Reason) Reason {
	count := map[Reason]int{}
	most := list[0]
	for _, r := range list {
		if count[r]++; count[r] > count[most] {
			most = r
		}
	}
	return most
}

// append puts u's columns behind t's.
func (t *Timeline) append(u Timeline) {
	if t.S1xx != nil || u.S1xx != nil {
		t.S1xx = append(padded(t.S1xx, len(t.T)), padded(u.S1xx, len(u.T))...)
	}
	t.T = append(t.T, u.T...)
	t.OK, t.Failed = append(t.OK, u.OK...), append(t.Failed, u.Failed...)
	t.S2xx, t.S3xx = append(t.S2xx, u.S2xx...), append(t.S3xx, u.S3xx...)
	t.S4xx, t.S5xx = append(t.S4xx, u.S4xx...), append(t.S5xx, u.S5xx...)
	t.Errors, t.Retries = append(t.Errors, u.Errors...), append(t.Retries, u.Retries...)
	t.Bytes, t.InFlight = append(t.Bytes, u.Bytes...), append(t.InFlight, u.InFlight...)
	t.Queued, t.Backoff = append(t.Queued, u.Queued...), append(t.Backoff, u.Backoff...)
	t.Limit, t.Reason = append(t.Limit, u.Limit...), append(t.Reason, u.Reason...)
	t.P50, t.P90, t.P99 = append(t.P50, u.P50...), append(t.P90, u.P90...), append(t.P99, u.P99...)
}

func padded(v []int64, n int) []int64 {
	return append(slices.Clone(v), make([]int64, n-len(v))...)
}
