package report

import (
	"maps"
	"slices"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

const (
	firstStep = 100 * time.Millisecond
	maxSteps  = 600
)

// steps is the time line in the making: when there are more than maxSteps of
// them, each gets twice as long.
type steps struct {
	length time.Duration
	byKey  map[int64]*step // by time / length, rounded down
	last   *step
	key    int64 // of last
}

// A step is what happened in one of them.
type step struct {
	ok, failed, retries, bytes int64
	status                     [6]int64 // by hundreds; 0 is no response
	took                       sketch

	samples                          int
	inFlight, queued, backoff, limit float64 // sums over the samples
	reasons                          [len(reasons)]int32
	busy                             time.Duration // of all requests together
}

// reasons numbers them; new ones go to the end.
var reasons = [...]Reason{
	fetch.None, fetch.Concurrency, fetch.HostConcurrency, fetch.TotalRate, fetch.HostRate, fetch.RetryAfter,
	fetch.Backoff, fetch.Input, fetch.Shortage, fetch.Last, fetch.Paused, fetch.SlowHead,
	fetch.Elsewhere,
}

func newSteps() steps { return steps{length: firstStep, byKey: map[int64]*step{}} }

// at returns the step of the moment d.
func (s *steps) at(d time.Duration) *step {
	key := int64(d / s.length)
	if s.last != nil && s.key == key {
		return s.last
	}
	p := s.byKey[key]
	if p == nil {
		p = &step{}
		s.byKey[key] = p
		for len(s.byKey) > maxSteps {
			s.double()
			key >>= 1
		}
		p = s.byKey[key]
	}
	s.last, s.key = p, key
	return p
}

func (s *steps) double() {
	s.length *= 2
	half := make(map[int64]*step, len(s.byKey))
	for key, p := range s.byKey {
		if q := half[key>>1]; q != nil {
			q.merge(p)
		} else {
			half[key>>1] = p
		}
	}
	s.byKey, s.last = half, nil
}

func (p *step) merge(q *step) {
	p.ok += q.ok
	p.failed += q.failed
	p.retries += q.retries
	p.bytes += q.bytes
	for i := range p.status {
		p.status[i] += q.status[i]
	}
	p.took.merge(&q.took)
	p.samples += q.samples
	p.inFlight += q.inFlight
	p.queued += q.queued
	p.backoff += q.backoff
	p.limit += q.limit
	for i := range p.reasons {
		p.reasons[i] += q.reasons[i]
	}
	p.busy += q.busy
}

// record counts r.
func (p *step) record(r *fetch.Record) {
	if r.OK {
		p.ok++
	} else {
		p.failed++
	}
	p.bytes += r.Bytes
	if class := r.Status / 100; class < len(p.status) {
		p.status[class]++
	}
	if r.Attempts > 0 {
		p.took.add(r.Total)
	}
}

// sample counts how things stand, once.
func (p *step) sample(st fetch.Stats) {
	p.samples++
	p.inFlight += float64(st.InFlight)
	p.queued += float64(st.Queued + st.Aside)
	p.backoff += float64(st.Backoff)
	p.limit += float64(st.Limit)
	if i := slices.Index(reasons[:], st.Wait.Reason); i >= 0 {
		p.reasons[i]++
	}
}

func (p *step) reason() Reason {
	most := 0
	for i, n := range p.reasons {
		if n > p.reasons[most] {
			most = i
		}
	}
	return reasons[most]
}

// timeline is s as columns. Its first moment is from, and it ends after took.
func (s *steps) timeline(from, took time.Duration) Timeline {
	t := Timeline{Step: s.length.Seconds()}
	keys := slices.Sorted(maps.Keys(s.byKey))
	some1xx := false
	for _, key := range keys {
		p := s.byKey[key]
		begins := max(0, time.Duration(key)*s.length-from)
		t.add(begins, p, min(s.length, max(took-begins, firstStep/10)))
		some1xx = some1xx || p.status[1] > 0
	}
	if !some1xx {
		t.S1xx = nil
	}
	t.fill(s.byKey, keys)
	return t
}

// fill gives steps that nobody asked in how things stood the answer of the
// step before, the first ones that of the step behind.
func (t *Timeline) fill(byKey map[int64]*step, keys []int64) {
	from := -1
	for i, key := range keys {
		if byKey[key].samples == 0 {
			if from >= 0 {
				t.standsAs(i, from)
			}
			continue
		}
		if from < 0 {
			for k := range i {
				t.standsAs(k, i)
			}
		}
		from = i
	}
}

func (t *Timeline) standsAs(i, as int) {
	t.InFlight[i], t.Queued[i], t.Backoff[i] = t.InFlight[as], t.Queued[as], t.Backoff[as]
	t.Limit[i], t.Reason[i] = t.Limit[as], t.Reason[as]
}

func (t *Timeline) add(begins time.Duration, p *step, length time.Duration) {
	samples := float64(max(1, p.samples))
	inFlight := p.inFlight / samples
	if p.busy > 0 {
		inFlight = p.busy.Seconds() / length.Seconds()
	}
	t.T = append(t.T, round3(begins.Seconds()))
	t.OK = append(t.OK, p.ok)
	t.Failed = append(t.Failed, p.failed)
	t.S1xx = append(t.S1xx, p.status[1])
	t.S2xx = append(t.S2xx, p.status[2])
	t.S3xx = append(t.S3xx, p.status[3])
	t.S4xx = append(t.S4xx, p.status[4])
	t.S5xx = append(t.S5xx, p.status[5])
	t.Errors = append(t.Errors, p.status[0])
	t.Retries = append(t.Retries, p.retries)
	t.Bytes = append(t.Bytes, p.bytes)
	t.InFlight = append(t.InFlight, round3(inFlight))
	t.Queued = append(t.Queued, round3(p.queued/samples))
	t.Backoff = append(t.Backoff, round3(p.backoff/samples))
	t.Limit = append(t.Limit, round3(p.limit/samples))
	t.Reason = append(t.Reason, p.reason())
	t.P50 = append(t.P50, round3(p.took.quantile(0.50)))
	t.P90 = append(t.P90, round3(p.took.quantile(0.90)))
	t.P99 = append(t.P99, round3(p.took.quantile(0.99)))
}
