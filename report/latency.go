package report

import (
	"math"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/penstock-go/penstock/fetch"
)

// latencies are the histograms of a run, in microseconds with three digits.
type latencies struct{ waiting, connect, firstByte, body, total *hdrhistogram.Histogram }

const longest = 24 * time.Hour

func newLatencies() latencies {
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest.Microseconds(), 3) }
	return latencies{h(), h(), h(), h(), h()}
}

// record takes r's phases: those after the wait only if there was an attempt,
// and those of a response only if there was one.
func (l *latencies) record(r *fetch.Record) {
	if r.Attempts == 0 {
		return
	}
	put(l.waiting, r.Queue)
	put(l.total, r.Total)
	if r.Status == 0 {
		return
	}
	put(l.connect, r.Connect)
	put(l.firstByte, r.TTFB-r.Connect)
	put(l.body, r.Total-r.TTFB)
}

func put(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(0, d), longest).Microseconds()) // it fails only beyond longest
}

// latency is l as it is stored; with whole also so that it can be added to, which
// takes some milliseconds: a compressor for each.
func (l *latencies) latency(whole bool) (d Latency) {
	var all sync.WaitGroup
	all.Go(func() { d.Waiting = distribution(l.waiting, whole) })
	all.Go(func() { d.Connect = distribution(l.connect, whole) })
	all.Go(func() { d.FirstByte = distribution(l.firstByte, whole) })
	all.Go(func() { d.Body = distribution(l.body, whole) })
	all.Go(func() { d.Total = distribution(l.total, whole) })
	all.Wait()
	return d
}

// merge adds what an earlier run has stored; it reports whether all was there.
func (l *latencies) merge(was Latency) bool {
	ok := true
	for _, p := range []struct {
		to   *hdrhistogram.Histogram
		from Distribution
	}{
		{l.waiting, was.Waiting},
		{l.connect, was.Connect},
		{l.firstByte, was.FirstByte},
		{l.body, was.Body},
		{l.total, was.Total},
	} {
		if p.from.Count == 0 {
			continue
		}
		h, err := hdrhistogram.Decode([]byte(p.from.HDR))
		if ok = ok && err == nil; err == nil {
			p.to.Merge(h)
		}
	}
	return ok
}

func distribution(h *hdrhistogram.Histogram, whole bool) Distribution {
	d := Distribution{Count: h.TotalCount()}
	if d.Count == 0 {
		return d
	}
	at := h.ValueAtPercentilesSlice([]float64{50, 90, 99})
	d.P50, d.P90, d.P99 = us(at[0]), us(at[1]), us(at[2])
	d.Mean, d.Max = round3(h.Mean()/1000), us(h.Max())
	d.bars(h)
	if whole {
		if text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err == nil {
			d.HDR = string(text)
		}
	}
	return d
}

func us(v int64) float64 { return float64(v) / 1000 }

// bars gathers h into bars that are 1.1 times as long from one to the next.
func (d *Distribution) bars(h *hdrhistogram.Histogram) {
	const perDecade = 24
	last := math.MinInt
	for _, b := range h.Distribution() {
		if b.Count == 0 {
			continue
		}
		bar := int(math.Ceil(perDecade * math.Log10(max(1, float64(b.From)))))
		if bar != last {
			d.To = append(d.To, round3(math.Pow(10, float64(bar)/perDecade)/1000))
			d.N = append(d.N, 0)
			last = bar
		}
		d.N[len(d.N)-1] += b.Count
	}
}

// round3 leaves three decimals.
func round3(v float64) float64 { return math.Round(v*1000) / 1000 }
