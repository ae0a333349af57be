package dashboard

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics is the handler of /metrics: of the run, of the limiters, and of the
// process.
func (p *Page) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(p.Collector(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Collector is what /metrics says of the run and of the limiters, for a registry
// of one's own. All names begin with penstock_.
func (p *Page) Collector() prometheus.Collector {
	return &collector{page: p, hosts: map[string]report.Host{}, waited: map[string]float64{}}
}

// A collector asks when it is asked.
type collector struct {
	page *Page

	mu    sync.Mutex             // one scrape at a time, of what follows
	hosts map[string]report.Host // the first topHosts of which there is a series
	rest  report.Host            // what was last said of all others
	// What was last said: the run's data has only the longest of all waits.
	waited map[string]float64
}

// desc describes a metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("penstock_"+name, help, labels, nil)
}

var (
	itemsDesc     = desc("items_total", "Items read from the input.")
	recordsDesc   = desc("records_total", "Items that have their record.", "result")
	responsesDesc = desc("responses_total", "Records by status of the response.", "code")
	errorsDesc    = desc("errors_total", "Records of items that failed, by class.", "class")
	retriesDesc   = desc("retries_total", "Attempts that failed and were to be repeated.")
	redirectsDesc = desc("redirects_total", "Redirects that were followed.")
	shortageDesc  = desc("shortages_total", "Attempts for which this machine had no file, port or buffer.")
	bytesDesc     = desc("received_bytes_total", "Bytes of bodies, decompressed.")
	waitedDesc    = desc("waited_seconds_total", "Time during which one more request could not start, by reason.", "reason")
	durationDesc  = desc("request_duration_seconds", "How long the last attempt of each record took, redirects and body included.")
	inFlightDesc  = desc("in_flight", "Requests in flight.")
	limitDesc     = desc("limit", "Requests that may be in flight.")
	queuedDesc    = desc("queued", "Items that wait for a limit.")
	backoffDesc   = desc("backoff", "Items that wait for their retry.")
	hostsDesc     = desc("hosts", "Hosts with something to do.")
	heldDesc      = desc("hosts_on_hold", "Hosts that asked to be left alone.")
	pausedDesc    = desc("paused", "1 while the run is paused.")

	hostRecordsDesc  = desc("host_records_total", "Records by host: the first that were frequent, and all others together.", "host", "result")
	hostBytesDesc    = desc("host_received_bytes_total", "Bytes of bodies by host.", "host")
	hostInFlightDesc = desc("host_in_flight", "Requests in flight, by host: the busiest, and all others together.", "host")
	hostQueuedDesc   = desc("host_queued", "Items that wait for their host's limits.", "host")

	limiterLimitDesc     = desc("limiter_limit", "Permits that there are.", "limiter")
	limiterInUseDesc     = desc("limiter_in_use", "Permits that are out.", "limiter")
	limiterWaitingDesc   = desc("limiter_waiting", "Callers that wait.", "limiter")
	limiterAcquiredDesc  = desc("limiter_acquired_total", "Acquires that have succeeded.", "limiter")
	limiterCancelledDesc = desc("limiter_cancelled_total", "Waits that have ended without a permit.", "limiter")
	limiterWaitedDesc    = desc("limiter_waited_seconds_total", "How long all waits took together.", "limiter")
)

// Describe says nothing, as which metrics there are depends on what is shown.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// A sink takes metrics.
type sink chan<- prometheus.Metric

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, valid(labels)...)
}

func (s sink) count(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, valid(labels)...)
}

// valid escapes what is no UTF-8: a host may be called anything, and the metrics
// refuse it.
func valid(labels []string) []string {
	for i, l := range labels {
		if !utf8.ValidString(l) {
			labels[i] = url.PathEscape(l)
		}
	}
	return labels
}

// Collect asks how all stands.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := sink(ch)
	if run := c.page.opts.Run; run != nil {
		c.run(to, run)
	}
	figures := c.page.figures()
	for i, l := range c.page.opts.Limiters {
		f := figures[i]
		to.gauge(limiterLimitDesc, float64(f.Limit), l.Name)
		to.gauge(limiterInUseDesc, float64(f.InUse), l.Name)
		to.gauge(limiterWaitingDesc, float64(f.Waiting), l.Name)
		to.count(limiterAcquiredDesc, float64(f.Acquired), l.Name)
		to.count(limiterCancelledDesc, float64(f.Cancelled), l.Name)
		to.count(limiterWaitedDesc, f.TotalWait.Seconds(), l.Name)
	}
}

func (c *collector) run(to sink, run *Run) {
	d, st := run.Data(), run.Stats()
	n := d.Counts
	to.count(itemsDesc, float64(n.Items))
	to.count(recordsDesc, float64(n.OK), "ok")
	to.count(recordsDesc, float64(n.Failed), "failed")
	to.count(retriesDesc, float64(n.Retries))
	to.count(redirectsDesc, float64(n.Redirects))
	to.count(shortageDesc, float64(n.Shortages))
	to.count(bytesDesc, float64(n.Bytes))
	for code, count := range codes(d.Statuses) {
		to.count(responsesDesc, float64(count), code)
	}
	for _, e := range d.Errors {
		to.count(errorsDesc, float64(e.Count), string(e.Class))
	}
	waited := map[string]float64{}
	for _, s := range d.Shares {
		waited[cmp.Or(string(s.Reason), "none")] += s.Seconds
	}
	for reason, seconds := range waited {
		c.waited[reason] = max(c.waited[reason], seconds)
	}
	for reason, seconds := range c.waited {
		to.count(waitedDesc, seconds, reason)
	}
	to <- duration(d.Latency.Total)

	to.gauge(inFlightDesc, float64(st.InFlight))
	to.gauge(limitDesc, float64(st.Limit))
	to.gauge(queuedDesc, float64(st.Queued+st.Aside))
	to.gauge(backoffDesc, float64(st.Backoff))
	to.gauge(hostsDesc, float64(st.Hosts))
	to.gauge(heldDesc, float64(st.Held))
	paused := 0.0
	if st.Wait.Reason == fetch.Paused {
		paused = 1
	}
	to.gauge(pausedDesc, paused)
	c.byHost(to, d)
	if run.Buckets != nil {
		busiest(to, st, run.Buckets(topHosts))
	}
}

// codes are the records by status: those that HTTP knows (RFC 9110, section 15,
// and a few more), and the others as their class, so that no server can make as
// many series as it likes.
func codes(statuses map[int]int64) map[string]int64 {
	all := map[string]int64{}
	for status, n := range statuses {
		name := strconv.Itoa(status)
		if http.StatusText(status) == "" && status != 529 {
			name = strconv.Itoa(status/100) + "xx"
		}
		all[name] += n
	}
	return all
}

// bounds are the upper ends of the histogram's buckets, in seconds.
var bounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300}

// duration is a histogram of the recorder's finer one: a bar counts where its
// upper end is, so that a bucket may miss what lies within a tenth of its end.
func duration(d report.Distribution) prometheus.Metric {
	buckets := map[float64]uint64{}
	sum, i := uint64(0), 0
	for _, bound := range bounds {
		for ; i < len(d.To) && d.To[i] <= bound*1000*(1+1e-9); i++ {
			sum += uint64(d.N[i])
		}
		buckets[bound] = sum
	}
	return prometheus.MustNewConstHistogram(durationDesc, uint64(d.Count), d.Mean*float64(d.Count)/1000, buckets)
}
