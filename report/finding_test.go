package report_test

import (
	"testing"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

func share(part float64, reason fetch.Reason, host, limit string) report.Share {
	return report.Share{Why: report.Why{Reason: reason, Host: host, Limit: limit}, Seconds: 100 * part, Share: part}
}

// slow is a latency of which that much is waiting for the first byte.
func slow(ms float64) report.Latency {
	d := report.Distribution{Count: 100, Mean: ms, P50: ms, P90: ms, P99: ms, Max: ms}
	total := d
	total.Mean += 3
	return report.Latency{FirstByte: d, Total: total}
}

// TestExplain has the six cases of the issue, and what lies between them.
func TestExplain(t *testing.T) {
	api := []report.Host{{Host: "api.example.com", Items: 100, P50: 10}}
	for _, c := range []struct {
		name     string
		data     report.Data
		cause    report.Cause
		sentence string
		advice   string
	}{
		{
			"own limit",
			report.Data{Shares: []report.Share{share(0.97, fetch.Concurrency, "", "10"), share(0.03, fetch.Last, "", "")}, Latency: slow(12), Hosts: api},
			report.OwnLimit, "limited by -c 10 for 97 % of the time", "raising -c would help, if api.example.com can take more",
		},
		{
			"a limit that others share",
			report.Data{Shares: []report.Share{share(0.9, fetch.Elsewhere, "api.example.com", "2")}, Latency: slow(12)},
			report.SharedBy, "limited by what all machines together may do at api.example.com for 90 % of the time",
			"penstock limits ls tells who holds what; penstock limits set changes it",
		},
		{
			"own limit to a host",
			report.Data{Shares: []report.Share{share(0.9, fetch.HostConcurrency, "api.example.com", "2")}, Latency: slow(12)},
			report.OwnLimit, "limited by --per-host 2 to api.example.com for 90 % of the time",
			"raising -c would not help; raising --per-host would, if api.example.com can take more",
		},
		{
			"own limit, lowered or found by itself",
			report.Data{Shares: []report.Share{share(0.9, fetch.Concurrency, "", "7")}, Latency: slow(12)},
			report.OwnLimit, "limited by the 7 requests that may be in flight at once for 90 % of the time", "raising -c would help, if the servers can take more",
		},
		{
			"a limit that is found by itself, and moves",
			report.Data{Limits: report.Limits{PerHostAuto: true}, Shares: []report.Share{
				share(0.4, fetch.HostConcurrency, "api.example.com", "7"), share(0.3, fetch.HostConcurrency, "api.example.com", "8"),
				share(0.3, fetch.HostConcurrency, "api.example.com", "9"),
			}},
			report.OwnLimit, "limited by what api.example.com could take at once all the time", "raising -c would not help",
		},
		{
			"a policy's limit",
			report.Data{Shares: []report.Share{share(0.9, fetch.HostConcurrency, "shop", "3")}},
			report.OwnLimit, "limited by the 3 requests that may be in flight at once to shop for 90 % of the time",
			"raising -c would not help; raising --per-host would, if shop can take more",
		},
		{
			"own rate",
			report.Data{Shares: []report.Share{share(0.8, fetch.TotalRate, "", "100/s"), share(0.2, fetch.Concurrency, "", "10")}},
			report.OwnRate, "limited by --rate 100/s for 80 % of the time", "raising -c would not help; raising --rate would, if the servers allow it",
		},
		{
			"a host's rate",
			report.Data{Shares: []report.Share{share(0.83, fetch.HostRate, "api.example.com", "100/s"), share(0.17, fetch.Input, "", "")}},
			report.HostLimit, "limited by api.example.com's rate of 100/s for 83 % of the time", "raising -c would not help",
		},
		{
			"rates of many hosts, each for a little",
			report.Data{Shares: []report.Share{
				share(0.4, fetch.Concurrency, "", "10"), share(0.3, fetch.HostRate, "a", "1/s"), share(0.3, fetch.HostRate, "b", "1/s"),
			}},
			report.HostLimit, "limited by the servers' rates of 1/s for 60 % of the time", "raising -c would not help",
		},
		{
			"Retry-After",
			report.Data{Shares: []report.Share{share(0.61, fetch.RetryAfter, "api.example.com", ""), share(0.39, fetch.Concurrency, "", "10")}, Latency: slow(900)},
			report.Holds, "limited by api.example.com asking to be left alone (Retry-After) for 61 % of the time",
			"raising -c would not help; a --rate that is under what is allowed there would avoid such waits",
		},
		{
			"slow server",
			report.Data{Shares: []report.Share{share(0.95, fetch.Concurrency, "", "10")}, Latency: slow(1200), Hosts: api},
			report.SlowServer, "limited by api.example.com's slow answers for 95 % of the time: half of them took 1.20 s or longer to begin",
			"raising -c would help only if more at once make them no slower",
		},
		{
			"slow bodies are no slow server",
			report.Data{Shares: []report.Share{share(0.95, fetch.Concurrency, "", "10")}, Latency: report.Latency{
				FirstByte: report.Distribution{Count: 1, Mean: 600, P50: 600}, Total: report.Distribution{Count: 1, Mean: 9000, P50: 9000},
			}},
			report.OwnLimit, "limited by -c 10 for 95 % of the time", "raising -c would help, if the servers can take more",
		},
		{
			"client CPU",
			report.Data{Shares: []report.Share{share(0.95, fetch.Concurrency, "", "10")}, Latency: slow(2), CPU: report.CPU{Seconds: 190, Cores: 2}},
			report.SlowClient, "limited by this machine's processor: 1.9 of 2 cores were busy", "raising -c would not help",
		},
		{
			"client CPU that others want too",
			report.Data{Shares: []report.Share{share(0.95, fetch.Concurrency, "", "10")}, Latency: slow(2), CPU: report.CPU{Seconds: 90, Waited: 120, Cores: 2}},
			report.SlowClient, "limited by this machine's processor, which others used as well: it had 0.9 of 2 cores", "raising -c would not help",
		},
		{
			"a busy machine, of which it wants little",
			report.Data{Shares: []report.Share{share(0.95, fetch.Concurrency, "", "10")}, Latency: slow(2), Limits: report.Limits{Concurrency: 10}, CPU: report.CPU{Seconds: 10, Waited: 400, Cores: 2}},
			report.OwnLimit, "limited by -c 10 for 95 % of the time", "raising -c would help, if the servers can take more",
		},
		{
			"a processor that is only half busy",
			report.Data{Shares: []report.Share{share(0.95, fetch.Concurrency, "", "10")}, Latency: slow(2), CPU: report.CPU{Seconds: 100, Cores: 2}},
			report.OwnLimit, "limited by -c 10 for 95 % of the time", "raising -c would help, if the servers can take more",
		},
		{
			"slow input",
			report.Data{Shares: []report.Share{share(0.71, fetch.Input, "", "")}},
			report.SlowInput, "limited by the input, which had nothing to offer for 71 % of the time", "raising -c would not help",
		},
		{
			"input exhausted",
			report.Data{
				Shares: []report.Share{share(0.6, fetch.Last, "", ""), share(0.4, fetch.Concurrency, "", "10")}, Latency: slow(2),
				Counts: report.Counts{Records: 11}, Limits: report.Limits{Concurrency: 10},
			},
			report.LastOnes, "limited by the last requests for 60 % of the time, when all others were done",
			"raising -c would not help; a shorter --timeout would cut them off",
		},
		{
			"as many as may be at once",
			report.Data{Shares: []report.Share{share(1, fetch.Last, "", "")}, Counts: report.Counts{Records: 10}, Limits: report.Limits{Concurrency: 10}},
			report.LastOnes, "as fast as the slowest answer: there was room for all of them at once", "",
		},
		{"no items", report.Data{Shares: []report.Share{share(1, fetch.Last, "", "")}}, report.Nothing, "", ""},
		{
			"shortage",
			report.Data{Shares: []report.Share{share(0.6, fetch.Shortage, "", "30")}},
			report.NoRoom, "limited by this machine's files, ports or buffers for 60 % of the time", "raising -c would not help; ulimit -n may",
		},
		{
			"retries",
			report.Data{Shares: []report.Share{share(0.6, fetch.Backoff, "", "")}},
			report.Retrying, "limited by retries that were not due for 60 % of the time", "raising -c would not help; fewer --retries would end it sooner",
		},
		{
			"nothing for long",
			report.Data{Shares: []report.Share{share(0.9, fetch.None, "", ""), share(0.1, fetch.Concurrency, "", "10")}},
			report.Nothing, "no limit held it back for long", "",
		},
		{"nothing known", report.Data{}, report.Unknown, "what limited it is not known: the run left no summary", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.data.Seconds = 100
			if c.data.Limits == (report.Limits{}) {
				c.data.Limits = report.Limits{Concurrency: 10, PerHost: 2, Rate: "100/s"}
			}
			f := report.Explain(c.data)
			if f.Cause != c.cause || f.Sentence != c.sentence || f.Advice != c.advice {
				t.Errorf("%s: %q; %q\nwant %s: %q; %q", f.Cause, f.Sentence, f.Advice, c.cause, c.sentence, c.advice)
			}
		})
	}
}
