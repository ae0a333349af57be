package dashboard_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// many is a run of that many hosts, host i having had i+1 records, one of them
// failed.
func many(hosts int) *told {
	r := &told{}
	r.data.Statuses = map[int]int64{200: 5, 429: 1, 599: 2, 598: 1}
	r.data.Errors = []report.ErrorClass{{Class: fetch.Timeout, Count: 3}, {Class: fetch.InvalidInput, Count: 2}}
	r.data.Shares = []report.Share{
		{Why: report.Why{Reason: fetch.HostRate, Host: "a", Limit: "1/s"}, Seconds: 2},
		{Why: report.Why{Reason: fetch.HostRate, Host: "b", Limit: "1/s"}, Seconds: 3},
		{Why: report.Why{}, Seconds: 1},
	}
	r.data.Latency.Total = report.Distribution{Count: 4, Mean: 30, To: []float64{9, 10, 40, 400_000}, N: []int64{1, 1, 1, 1}}
	r.data.Counts.Failed = 2 // invalid ones
	for i := range hosts {
		h := report.Host{Host: fmt.Sprintf("host-%03d", i), OK: int64(i), Failed: 1, Bytes: 10, Items: int64(i + 1)}
		r.data.Hosts = append([]report.Host{h}, r.data.Hosts...) // the most frequent first
		r.data.Counts.OK += h.OK
		r.data.Counts.Failed += h.Failed
		r.hosts = append(r.hosts, fetch.BucketStats{Key: h.Host, InFlight: 1, Queued: i})
		r.stats.InFlight++
		r.stats.Queued += i
	}
	r.stats.Wait.Reason = fetch.Paused
	return r
}

// Names and help are as Prometheus wants them.
func TestMetricsLint(t *testing.T) {
	sem := penstock.NewSemaphore(1)
	page, err := dashboard.Handler(dashboard.Options{Run: many(3).run(), Limiters: []dashboard.Limiter{dashboard.Semaphore("s", sem)}})
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	problems, err := testutil.CollectAndLint(page.Collector())
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// gathered is what a scrape yields, by name and labels.
func gathered(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			name := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			all[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			for _, b := range m.GetHistogram().GetBucket() {
				all[name+strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)] = float64(b.GetCumulativeCount())
			}
		}
	}
	return all
}

func TestMetrics(t *testing.T) {
	r := many(100)
	sem := penstock.NewSemaphore(4)
	page, err := dashboard.Handler(dashboard.Options{Run: r.run(), Limiters: []dashboard.Limiter{dashboard.Semaphore("s", sem)}})
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	sem.TryAcquire(3)
	c := page.Collector()
	all := gathered(t, c)
	for name, want := range map[string]float64{
		"penstock_records_total{ok}": 4950, "penstock_records_total{failed}": 102,
		"penstock_responses_total{429}": 1, "penstock_responses_total{5xx}": 3, "penstock_responses_total{599}": 0,
		"penstock_errors_total{timeout}": 3, "penstock_paused{}": 1,
		"penstock_waited_seconds_total{host-rate}": 5, "penstock_waited_seconds_total{none}": 1,
		"penstock_host_records_total{host-099,ok}": 99, "penstock_host_records_total{host-080,ok}": 80,
		"penstock_host_records_total{host-079,ok}": 0, "penstock_host_records_total{other,ok}": 79 * 80 / 2,
		"penstock_host_records_total{other,failed}": 80, // without those that had no host
		"penstock_host_in_flight{other}":            80,
		"penstock_request_duration_seconds{}":       4, "penstock_request_duration_seconds{}0.005": 0,
		"penstock_request_duration_seconds{}0.01": 2, "penstock_request_duration_seconds{}0.05": 3, "penstock_request_duration_seconds{}300": 3,
		"penstock_limiter_in_use{s}": 3, "penstock_limiter_limit{s}": 4, "penstock_limiter_acquired_total{s}": 1,
	} {
		if all[name] != want {
			t.Errorf("%s is %g, want %g", name, all[name], want)
		}
	}
	for _, name := range []string{"penstock_host_received_bytes_total{", "penstock_host_in_flight{", "penstock_host_queued{"} {
		n := 0
		for have := range all {
			if strings.HasPrefix(have, name) {
				n++
			}
		}
		if n != 21 {
			t.Errorf("%d of %s: want 20 hosts, and others", n, name)
		}
	}

	// No counter goes down, whichever hosts are the most frequent next.
	r.mu.Lock()
	slices.Reverse(r.data.Hosts) // a slice of its own
	r.data.Hosts = slices.Clone(r.data.Hosts)
	r.data.Hosts[0].OK += 10_000
	r.data.Counts.OK += 10_000
	r.data.Hosts = r.data.Hosts[:50] // the others are forgotten
	r.data.Shares = r.data.Shares[:1]
	r.mu.Unlock()
	after := gathered(t, c)
	sum := 0.0
	for name, was := range all {
		if strings.Contains(name, "_total{") && after[name] < was {
			t.Errorf("%s went from %g to %g", name, was, after[name])
		}
	}
	for name := range maps.Keys(after) {
		if strings.HasPrefix(name, "penstock_host_records_total{") && strings.HasSuffix(name, ",ok}") {
			sum += after[name]
		}
	}
	if sum != after["penstock_records_total{ok}"] {
		t.Errorf("the hosts have %g, all %g", sum, after["penstock_records_total{ok}"])
	}
}

// /metrics is those, and the process's own.
func TestMetricsPage(t *testing.T) {
	_, url := serve(t, dashboard.Options{Run: many(2).run()})
	status, body := get(t, url+"/metrics")
	for _, want := range []string{"# TYPE penstock_records_total counter", `penstock_records_total{result="ok"} 1`, "go_goroutines", "penstock_request_duration_seconds_bucket"} {
		if !strings.Contains(body, want) {
			t.Errorf("%d: no %q", status, want)
		}
	}
	if strings.Contains(body, "penstock_limiter") {
		t.Error("there are limiters")
	}
}

// A host may have any name.
func TestMetricsOfOddHosts(t *testing.T) {
	r := many(2)
	for i, name := range []string{"other", "\xff\xfe:8080"} {
		r.data.Hosts[i].Host, r.hosts[i].Key = name, name
	}
	for _, key := range []string{"A:80", "a:443"} {
		r.hosts = append(r.hosts, fetch.BucketStats{Key: key, InFlight: 5})
		r.stats.InFlight += 5
	}
	page, err := dashboard.Handler(dashboard.Options{Run: r.run(), Limiters: []dashboard.Limiter{dashboard.Semaphore("\xff", penstock.NewSemaphore(2))}})
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	all := gathered(t, page.Collector())
	if all["penstock_host_in_flight{host other}"] != 1 || all["penstock_host_in_flight{\ufffd\ufffd:8080}"] != 1 || all["penstock_limiter_limit{%FF}"] != 2 || all["penstock_host_in_flight{a}"] != 10 {
		t.Errorf("%v", all)
	}
}
