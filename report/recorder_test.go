package report_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// record is a good one, of 1 ms waiting, 2 connecting, 10 to the first byte,
// 5 for the body.
func record(i int64, host string) *fetch.Record {
	return &fetch.Record{
		Index: i, URL: fmt.Sprintf("https://%s/%d", host, i), Status: 200, OK: true, Attempts: 1, Bytes: 100,
		Queue: time.Millisecond, Connect: 2 * time.Millisecond, TTFB: 12 * time.Millisecond, Total: 17 * time.Millisecond,
	}
}

func failure(i int64, status int, class fetch.Class) *fetch.Record {
	r := record(i, "b.example")
	r.Status, r.OK, r.Error = status, false, &fetch.Error{Class: class, Message: "no luck"}
	return r
}

// TestRecorder lets a run of ten seconds pass and looks at every figure.
func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		st := fetch.Stats{InFlight: 10, Queued: 5, Limit: 10, Wait: fetch.Wait{Reason: fetch.Concurrency, Limit: 10}}
		rec := report.NewRecorder(report.Options{
			Limits: report.Limits{Concurrency: 10},
			Stats:  func() fetch.Stats { mu.Lock(); defer mu.Unlock(); return st },
		})
		rec.Start()
		for i := range int64(100) {
			time.Sleep(50 * time.Millisecond)
			rec.Write(record(i, "A.example:443"))
		}
		mu.Lock()
		st.InFlight, st.Queued, st.ReadAll, st.Retries = 3, 0, true, 7
		st.Wait = fetch.Wait{Reason: fetch.Last}
		mu.Unlock()
		for i := range int64(20) {
			time.Sleep(250 * time.Millisecond)
			rec.Write(failure(i, 503, fetch.Status))
		}
		rec.Write(failure(0, 0, fetch.Reset))
		rec.Stop(report.Finished)
		d := rec.Data()

		if d.Seconds != 10 || d.Ended != report.Finished || d.Counts.Records != 121 || d.Counts.OK != 100 || d.Counts.Failed != 21 ||
			d.Counts.Retries != 7 || d.Counts.Bytes != 12100 || d.Statuses[200] != 100 || d.Statuses[503] != 20 {
			t.Errorf("%v s, %s, %+v, %v", d.Seconds, d.Ended, d.Counts, d.Statuses)
		}
		for name, p := range map[string]struct {
			report.Distribution
			count int64
			ms    float64
		}{
			"waiting": {d.Latency.Waiting, 121, 1}, "connect": {d.Latency.Connect, 120, 2},
			"first byte": {d.Latency.FirstByte, 120, 10}, "body": {d.Latency.Body, 120, 5}, "total": {d.Latency.Total, 121, 17},
		} {
			if p.Count != p.count || near(p.P50, p.ms) || near(p.P99, p.ms) || near(p.Max, p.ms) || len(p.N) != 1 || p.N[0] != p.count || p.To[0] < p.ms {
				t.Errorf("%s: %+v", name, p.Distribution)
			}
		}
		if len(d.Errors) != 2 || d.Errors[0].Class != fetch.Status || d.Errors[0].Count != 20 ||
			d.Errors[0].URL != "https://b.example/0" || d.Errors[0].Message != "no luck" {
			t.Errorf("errors %+v", d.Errors)
		}
		if len(d.Hosts) != 2 || d.Hosts[0].Host != "a.example" || d.Hosts[0].OK != 100 || d.Hosts[1].Failed != 21 || d.Rest != nil || d.HostCount != 2 {
			t.Errorf("hosts %+v", d.Hosts)
		}
		if len(d.Shares) != 2 || d.Shares[0].Reason == d.Shares[1].Reason || d.Shares[0].Share < 0.49 || d.Shares[0].Share > 0.51 {
			t.Errorf("shares %+v", d.Shares)
		}
		timelineOf(t, d.Timeline)
	})
}

func near(got, want float64) bool { return got < want*0.999 || got > want*1.001 }

func timelineOf(t *testing.T, tl report.Timeline) {
	t.Helper()
	n := len(tl.T)
	if tl.Step != 0.1 || n < 100 || n > 101 {
		t.Fatalf("%d steps of %v s", n, tl.Step)
	}
	if sum(tl.OK) != 100 || sum(tl.Failed) != 21 || sum(tl.S2xx) != 100 || sum(tl.S5xx) != 20 || sum(tl.Errors) != 1 ||
		sum(tl.Retries) != 7 || sum(tl.Bytes) != 12100 || tl.S1xx != nil {
		t.Errorf("%+v", tl)
	}
	if tl.OK[20] != 2 || tl.InFlight[20] != 10 || tl.Limit[20] != 10 || tl.Queued[20] != 5 || tl.Reason[20] != fetch.Concurrency ||
		tl.P50[20] < 16 || tl.P50[20] > 18 || tl.T[20] != 2 {
		t.Errorf("step 20: %v ok, %v of %v in flight, %v, p50 %v", tl.OK[20], tl.InFlight[20], tl.Limit[20], tl.Reason[20], tl.P50[20])
	}
	if tl.InFlight[80] != 3 || tl.Reason[80] != fetch.Last {
		t.Errorf("step 80: %v in flight, %v", tl.InFlight[80], tl.Reason[80])
	}
}

func sum(v []int64) (n int64) {
	for _, x := range v {
		n += x
	}
	return n
}

// TestLongRun lets a day pass: the time line stays short and loses nothing.
func TestLongRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := report.NewRecorder(report.Options{})
		for i := range int64(24 * 60) {
			time.Sleep(time.Minute)
			rec.Write(record(i, "a.example"))
		}
		rec.Stop(report.Finished)
		d := rec.Data()
		tl := d.Timeline
		if n := len(tl.T); n > 600 || n < 300 || sum(tl.OK) != 24*60 || !slices.IsSorted(tl.T) || tl.Step < 60 {
			t.Errorf("%d steps of %v s with %d records", n, tl.Step, sum(tl.OK))
		}
		text, err := json.Marshal(d)
		if err != nil || len(text) > 100_000 {
			t.Errorf("%d bytes of JSON, %v", len(text), err)
		}
	})
}

// TestManyHosts has a few frequent hosts among 20,000 that come once.
func TestManyHosts(t *testing.T) {
	rec := report.NewRecorder(report.Options{Hosts: 10})
	rec.Start()
	for i := range int64(20_000) {
		rec.Write(record(i, fmt.Sprintf("h%d.example", i)))
		rec.Write(record(i, fmt.Sprintf("often%d.example", i%5)))
	}
	rec.Stop(report.Finished)
	d := rec.Data()
	if len(d.Hosts) != 10 || !d.HostsOver || d.HostCount < 19_000 || d.HostCount > 21_000 {
		t.Fatalf("%d hosts of %d", len(d.Hosts), d.HostCount)
	}
	listed := d.Rest.Items
	for i, h := range d.Hosts {
		listed += h.Items
		if i < 5 && (!strings.HasPrefix(h.Host, "often") || h.Items+h.Missed < 4000 || h.Items > 4000) {
			t.Errorf("host %d: %+v", i, h)
		}
	}
	if listed != 40_000 || d.Rest.OK != d.Rest.Items {
		t.Errorf("%d records are told of, rest %+v", listed, *d.Rest)
	}
}

// BenchmarkWrite is what a record costs.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			rec := report.NewRecorder(report.Options{})
			var list []*fetch.Record
			for i := range n {
				list = append(list, record(int64(i), fmt.Sprintf("h%d.example", i)))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				rec.Write(list[i%n])
			}
		})
	}
}
