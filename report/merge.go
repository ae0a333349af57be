package report

import (
	"cmp"
	"slices"

	"github.com/penstock-go/penstock/fetch"
)

// merge puts a run behind the earlier ones of the same output.
func merge(was, now Data) Data {
	d := now
	d.Started = was.Started
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
	for k, n := range a {
		sum[k] = n
	}
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

// Unmeasured is what is known of runs that left no summary, from the journal:
// counts and nothing else. It is an Earlier for Options.
func Unmeasured(s fetch.Summary) *Data {
	d := &Data{
		Format: Format, Started: s.Started,
		Counts:   Counts{Items: s.Records, Records: s.Records, OK: s.OK, Failed: s.Failed},
		Statuses: s.Statuses,
		Notes:    []string{},
	}
	for class, n := range s.Classes {
		d.Errors = append(d.Errors, ErrorClass{Class: class, Count: n, URL: s.Examples[class]})
	}
	sortErrors(d.Errors)
	d.Parts = []Part{{Records: s.Records, Unmeasured: true}}
	return d
}
