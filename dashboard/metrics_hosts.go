package dashboard

import (
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// other is the host of all that have no series of their own.
const other = "other"

// hostLabel is a host's or bucket's name, which may be other itself.
func hostLabel(name string) string {
	if name == other {
		return "host " + other
	}
	return name
}

// byHost counts by host. A host that once has a series keeps it, and none is
// added to topHosts of them: if one moved over from the others, their count would
// go down, which a counter must not.
func (c *collector) byHost(to sink, d report.Data) {
	for _, h := range d.Hosts {
		if _, known := c.hosts[h.Host]; known || len(c.hosts) < topHosts {
			c.hosts[h.Host] = larger(c.hosts[h.Host], h)
		}
	}
	rest := report.Host{OK: d.Counts.OK, Failed: d.Counts.Failed, Bytes: d.Counts.Bytes}
	for _, e := range d.Errors {
		if e.Class == fetch.InvalidInput { // of no host
			rest.Failed -= e.Count
		}
	}
	for name, h := range c.hosts {
		series(to, hostLabel(name), h)
		rest.OK, rest.Failed, rest.Bytes = rest.OK-h.OK, rest.Failed-h.Failed, rest.Bytes-h.Bytes
	}
	c.rest = larger(c.rest, rest)
	series(to, other, c.rest)
}

// larger is what a counter goes on with: the recorder forgets a host that others
// outnumber by far, and counts it anew when it comes again.
func larger(a, b report.Host) report.Host {
	return report.Host{OK: max(a.OK, b.OK), Failed: max(a.Failed, b.Failed), Bytes: max(a.Bytes, b.Bytes)}
}

func series(to sink, name string, h report.Host) {
	to.count(hostRecordsDesc, float64(h.OK), name, "ok")
	to.count(hostRecordsDesc, float64(h.Failed), name, "failed")
	to.count(hostBytesDesc, float64(h.Bytes), name)
}

// busiest are gauges of the hosts in which most is in flight or waits now, and
// of all others together.
func busiest(to sink, st fetch.Stats, list []fetch.BucketStats) {
	type now struct{ inFlight, queued int }
	hosts := map[string]now{} // one may be there twice, with http and https
	rest := now{st.InFlight, st.Queued + st.Aside}
	for _, b := range list {
		name := report.HostName(b.Key)
		h := hosts[name]
		hosts[name] = now{h.inFlight + b.InFlight, h.queued + b.Queued}
		rest = now{rest.inFlight - b.InFlight, rest.queued - b.Queued}
	}
	for name, h := range hosts {
		to.gauge(hostInFlightDesc, float64(h.inFlight), hostLabel(name))
		to.gauge(hostQueuedDesc, float64(h.queued), hostLabel(name))
	}
	// Asked an instant apart, the sums need not agree.
	to.gauge(hostInFlightDesc, float64(max(0, rest.inFlight)), other)
	to.gauge(hostQueuedDesc, float64(max(0, rest.queued)), other)
}
