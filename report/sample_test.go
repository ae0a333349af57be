package report_test

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// sampled is the data of a run of that many records on virtual time, 10 ms
// apart, with errors, retries and three hosts; earlier is what it goes on with.
func sampled(t *testing.T, records int, earlier *report.Data) (d report.Data) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		var retries atomic.Int64
		o := report.Options{
			Output: "out.jsonl", Version: "1.2.3", Limits: report.Limits{Concurrency: 10, PerHost: 4, Rate: "100/s"}, Earlier: earlier,
			Stats: func() fetch.Stats {
				n := retries.Load()
				return fetch.Stats{
					Summary: fetch.Summary{Items: int64(records), Retries: n, MaxInFlight: 10}, InFlight: 9, Queued: 20, Backoff: int(n % 5),
					Limit: 10, Wait: fetch.Wait{Reason: fetch.HostRate, Bucket: "api.example.com:443", Rate: "100/s"},
				}
			},
			Buckets: func(int) []fetch.BucketStats {
				return []fetch.BucketStats{{Key: "api.example.com:443", Limit: 4, Rate: "100/s", Held: 1500 * time.Millisecond}}
			},
		}
		rec := report.NewRecorder(o)
		rec.Start()
		random := rand.New(rand.NewPCG(1, 2))
		for i := range int64(records) {
			time.Sleep(10 * time.Millisecond)
			rec.Write(some(i, random, &retries))
		}
		rec.Change(report.Change{Host: "api.example.com:443", Kind: "concurrency", From: 4, To: 2, Why: "answers <slowed> down"})
		rec.Stop(report.Finished)
		d = rec.Data()
	})
	return d
}

func some(i int64, random *rand.Rand, retries *atomic.Int64) *fetch.Record {
	hosts := []string{"api.example.com", "api.example.com", "www.example.org", "127.0.0.1:8080"}
	r := record(i, hosts[random.IntN(len(hosts))])
	r.TTFB += time.Duration(random.ExpFloat64() * 3e7)
	r.Total = r.TTFB + time.Duration(random.ExpFloat64()*1e6)
	switch n := random.IntN(50); {
	case n == 0:
		r.Status, r.OK, r.Error = 503, false, &fetch.Error{Class: fetch.Status, Message: "503 Service Unavailable"}
		retries.Add(3)
	case n == 1:
		r.Status, r.OK, r.Error = 0, false, &fetch.Error{Class: fetch.Timeout, Message: `not done within 30s: <script>alert("x")</script>`}
	case n < 6:
		r.Status = 304
	}
	return r
}

var errTest = errors.New("no disk")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errTest }

// lines are the records of a run as they stand in its file.
func lines(n int) (text []byte) {
	random := rand.New(rand.NewPCG(1, 2))
	var retries atomic.Int64
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for i := range int64(n) {
		r := some(i, random, &retries)
		r.Started = start.Add(time.Duration(i) * 10 * time.Millisecond)
		text = append(r.AppendJSON(text), '\n')
	}
	return text
}
