package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/penstock-go/penstock/fetch"
)

// merge puts a run behind the earlier ones of the same output.
func merge(was, now Data) Data {
	d := now
	if !was.Started.IsZero() {
		d.Started = was.Started
	}
	d.Seconds = round3(was.Seconds + now.Seconds)
	d.Parts = slices.Clone(was.Parts)
	if len(d.Parts) == 0 {
		d.Parts = []Part{part(was)}
	}
	d.Parts = append(d.Parts, part(now))
	d.Notes = append(slices.Clone(was.Notes), now.Notes...)
	d.Counts = was.Counts.plus(now.Counts)
	d.Statuses = sumOf(was.Statuses, now.Statuses)
	d.Errors = mergeErrors(was.Errors, now.Errors)
	d.Latency = mergeLatency(was.Latency, now.Latency)
	d.Timeline = was.Timeline.then(now.Timeline, was.Seconds)
	d.Changes = slices.Clone(was.Changes)
	for _, c := range now.Changes {
		c.T = round3(c.T + was.Seconds)
		d.Changes = append(d.Changes, c)
	}
	d.Shares = mergeShares(was.Shares, now.Shares)
	d.mergeHosts(was)
	d.CPU.Seconds = round3(was.CPU.Seconds + now.CPU.Seconds)
	d.CPU.Waited = round3(was.CPU.Waited + now.CPU.Waited)
	return d
}

func part(d Data) Part {
	return Part{Started: d.Started, Seconds: d.Seconds, Records: d.Counts.Records, Ended: d.Ended}
}

func (c Counts) plus(d Counts) Counts {
	return Counts{
		Items: c.Items + d.Items, Records: c.Records + d.Records, OK: c.OK + d.OK, Failed: c.Failed + d.Failed,
		Retries: c.Retries + d.Retries, Redirects: c.Redirects + d.Redirects, Shortages: c.Shortages + d.Shortages,
		Bytes: c.Bytes + d.Bytes, Spilled: c.Spilled + d.Spilled, SpillBytes: max(c.SpillBytes, d.SpillBytes),
		MaxInFlight: max(c.MaxInFlight, d.MaxInFlight),
	}
}

func sumOf[K comparable](a, b map[K]int64) map[K]int64 {
	sum := make(map[K]int64, len(a)+len(b))
	maps.Copy(sum, a)
	for k, n := range b {
		sum[k] += n
	}
	return sum
}

func mergeErrors(a, b []ErrorClass) []ErrorClass {
	list := slices.Clone(a)
	for _, e := range b {
		i := slices.IndexFunc(list, func(x ErrorClass) bool { return x.Class == e.Class })
		if i < 0 {
			list = append(list, e)
			continue
		}
		list[i].Count += e.Count
		if list[i].URL == "" {
			list[i].URL, list[i].Message = e.URL, e.Message
		}
	}
	sortErrors(list)
	return list
}

// mergeLatency is exact where both are complete; else it is b, the later one.
func mergeLatency(a, b Latency) Latency {
	l := newLatencies()
	if !l.merge(a) || !l.merge(b) {
		return b
	}
	return l.latency(true)
}

func mergeShares(a, b []Share) []Share {
	sum := map[Why]float64{}
	all := 0.0
	for _, s := range slices.Concat(a, b) {
		sum[s.Why] += s.Seconds
		all += s.Seconds
	}
	list := make([]Share, 0, len(sum))
	for why, seconds := range sum {
		list = append(list, Share{why, round3(seconds), round3(seconds / max(all, 1e-9))})
	}
	sortShares(list)
	return list[:min(len(list), 100)]
}

// mergeHosts adds the hosts of an earlier run to d's. Percentiles are those of
// whichever run had more of the host's records.
func (d *Data) mergeHosts(was Data) {
	d.Hosts = slices.Clone(d.Hosts)
	for _, h := range was.Hosts {
		i := slices.IndexFunc(d.Hosts, func(x Host) bool { return x.Host == h.Host })
		if i < 0 {
			d.Hosts = append(d.Hosts, h)
			continue
		}
		g := &d.Hosts[i]
		if h.Items > g.Items {
			g.P50, g.P99 = h.P50, h.P99
		}
		g.Items, g.OK, g.Failed = g.Items+h.Items, g.OK+h.OK, g.Failed+h.Failed
		g.Bytes, g.Held, g.Missed = g.Bytes+h.Bytes, round3(g.Held+h.Held), g.Missed+h.Missed
	}
	slices.SortStableFunc(d.Hosts, func(a, b Host) int { return cmp.Compare(b.Items, a.Items) })
	most := max(50, len(was.Hosts))
	known := len(d.Hosts)
	d.Hosts = d.Hosts[:min(most, known)]
	d.HostCount = max(known, d.HostCount, was.HostCount)
	d.HostsOver = d.HostsOver || was.HostsOver || was.Rest != nil || d.Rest != nil
	d.Rest = nil
	d.addRest(known)
}

// Earlier is what is known of the runs that a new one goes on with, for
// Options.Earlier: what their summary says (nil if there is none), as far as it
// agrees with counted, which is what the journal says. Records that only the
// journal knows are counted and no more, and Notes say so.
func Earlier(stored *Data, counted fetch.Summary) *Data {
	if stored == nil {
		stored = &Data{Format: Format}
	}
	d := *stored
	unmeasured := counted.Records - d.Counts.Records
	if unmeasured == 0 {
		return &d
	}
	if len(d.Parts) == 0 && d.Seconds > 0 {
		d.Parts = []Part{part(d)}
	}
	d.Parts = append(slices.Clone(d.Parts), Part{Records: unmeasured, Unmeasured: true})
	d.Notes = append(slices.Clone(d.Notes), Number(unmeasured)+" records are counted and no more, because the run that made them left no summary.")
	d.Counts.Items, d.Counts.Records, d.Counts.OK, d.Counts.Failed = counted.Records, counted.Records, counted.OK, counted.Failed
	d.Statuses = counted.Statuses
	d.Errors = nil
	for class, n := range counted.Classes {
		e := ErrorClass{Class: class, Count: n}
		for _, was := range stored.Errors {
			if was.Class == class {
				e.URL, e.Message = was.URL, was.Message
			}
		}
		d.Errors = append(d.Errors, e)
	}
	sortErrors(d.Errors)
	d.Rest = nil
	d.addRest(len(d.Hosts) + 1)
	return &d
}
