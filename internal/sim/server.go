// Package sim has servers that limit in different ways, and a client that drives a
// limiter against them, on the virtual time of a testing/synctest bubble.
package sim

import (
	"cmp"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// A Reply is what a server answers.
type Reply struct {
	Refused    bool
	RetryAfter time.Duration // 0 for none
	// Of a server that tells: its policy, and what is left until when.
	Quota, Remaining int64
	Window, Reset    time.Duration
}

// A Server serves one call, which takes as long as it sleeps.
type Server interface{ Serve() Reply }

// A Latency is how long a call takes by itself.
type Latency func(r *rand.Rand) time.Duration

// Around is a latency of d, give or take a part of it.
func Around(d time.Duration, part float64) Latency {
	return func(r *rand.Rand) time.Duration {
		return time.Duration(float64(d) * (1 + part*(2*r.Float64()-1)))
	}
}

// LogNormal is a latency with that mean, and sigma of its logarithm.
func LogNormal(mean time.Duration, sigma float64) Latency {
	median := float64(mean) / math.Exp(sigma*sigma/2)
	return func(r *rand.Rand) time.Duration {
		return time.Duration(median * math.Exp(sigma*r.NormFloat64()))
	}
}

// refusal is how long a refusal takes: the way there and back.
const refusal = 10 * time.Millisecond

// A Wire is how far a real server is from an ideal one.
type Wire struct {
	// Way is the longest that a call is under way to the server: each takes a part
	// of it by chance, so that it may overtake others.
	Way time.Duration
	// Refusal is how long a refusal then takes, if not 10 ms.
	Refusal time.Duration
	// Linger is the longest that a worker still counts as busy after its answer
	// has been read.
	Linger time.Duration
}

// base is what servers have in common.
type base struct {
	wire    Wire
	mu      sync.Mutex
	rand    *rand.Rand
	latency Latency
	start   time.Time
}

func newBase(seed uint64, latency Latency) base {
	return base{rand: rand.New(rand.NewPCG(seed, 37)), latency: latency, start: time.Now()}
}

func (b *base) draw() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.latency(b.rand)
}

// come takes the way to the server.
func (b *base) come() { time.Sleep(b.part(b.wire.Way)) }

func (b *base) part(d time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(b.rand.Float64() * float64(d))
}

// refused takes the time of a refusal.
func (b *base) refused() { time.Sleep(cmp.Or(b.wire.Refusal, refusal)) }

func (b *base) age() time.Duration { return time.Since(b.start) }

// Workers is a server of so many workers, and a queue before them or not.
type Workers struct {
	base
	busy    int
	count   func(age time.Duration) int
	refuse  bool
	waiting []chan struct{}
}

// NewWorkers returns Workers whose number may change with time. Those that find
// none free wait, or are refused.
func NewWorkers(seed uint64, latency Latency, refuse bool, count func(age time.Duration) int) *Workers {
	return &Workers{base: newBase(seed, latency), refuse: refuse, count: count}
}

// Over puts w behind a wire.
func (w *Workers) Over(wire Wire) *Workers {
	w.wire = wire
	return w
}

// Serve is part of Server.
func (w *Workers) Serve() Reply {
	if w.wire.Way > 0 {
		w.come()
	}
	w.mu.Lock()
	free := w.busy < w.count(w.age())
	switch {
	case free:
		w.busy++
		w.mu.Unlock()
	case w.refuse:
		w.mu.Unlock()
		w.base.refused()
		return Reply{Refused: true}
	default:
		turn := make(chan struct{})
		w.waiting = append(w.waiting, turn)
		w.mu.Unlock()
		<-turn
	}
	time.Sleep(w.draw())
	if w.wire.Linger > 0 {
		time.AfterFunc(w.part(w.wire.Linger), w.leave)
	} else {
		w.leave()
	}
	return Reply{}
}

// leave makes a worker free.
func (w *Workers) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
	for w.busy < w.count(w.age()) && len(w.waiting) > 0 {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.busy++
	}
}

// A Bucket is a server with a token bucket, which is full at the start.
type Bucket struct {
	base
	rate, burst, tokens float64
	filled              time.Time
	tell                time.Duration
}

// NewBucket returns a Bucket of so many a second. Where tell is not 0 it goes with
// each refusal as Retry-After.
func NewBucket(seed uint64, latency Latency, rate, burst float64, tell time.Duration) *Bucket {
	return &Bucket{base: newBase(seed, latency), rate: rate, burst: burst, tokens: burst, filled: time.Now(), tell: tell}
}

// Over puts b behind a wire.
func (b *Bucket) Over(wire Wire) *Bucket {
	b.wire = wire
	return b
}

// Serve is part of Server.
func (b *Bucket) Serve() Reply {
	if b.wire.Way > 0 {
		b.come()
	}
	b.mu.Lock()
	now := time.Now()
	b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.filled).Seconds())
	b.filled = now
	ok := b.tokens >= 1
	if ok {
		b.tokens--
	}
	b.mu.Unlock()
	if !ok {
		b.refused()
		return Reply{Refused: true, RetryAfter: b.tell}
	}
	time.Sleep(b.draw())
	return Reply{}
}

// A Shaper is a server that lets calls through at a rate, and delays the others.
type Shaper struct {
	base
	gap  time.Duration
	next time.Time
}

// NewShaper returns a Shaper of so many a second.
func NewShaper(seed uint64, latency Latency, rate float64) *Shaper {
	return &Shaper{base: newBase(seed, latency), gap: time.Duration(float64(time.Second) / rate)}
}

// Serve is part of Server.
func (s *Shaper) Serve() Reply {
	s.mu.Lock()
	now := time.Now()
	if s.next.Before(now) {
		s.next = now
	}
	wait := s.next.Sub(now)
	s.next = s.next.Add(s.gap)
	s.mu.Unlock()
	time.Sleep(wait + s.draw())
	return Reply{}
}

// A Window is a server that counts calls in fixed windows, and says so in each
// answer, in whole seconds.
type Window struct {
	base
	quota  int64
	window time.Duration
	used   int64
	index  int64
}

// NewWindow returns a Window of quota calls.
func NewWindow(seed uint64, latency Latency, quota int64, window time.Duration) *Window {
	return &Window{base: newBase(seed, latency), quota: quota, window: window}
}

// Serve is part of Server.
func (w *Window) Serve() Reply {
	w.mu.Lock()
	age := w.age()
	if i := int64(age / w.window); i != w.index {
		w.index, w.used = i, 0
	}
	left := w.window - age%w.window
	reset := (left + time.Second - 1).Truncate(time.Second)
	r := Reply{Quota: w.quota, Window: w.window, Reset: reset}
	if w.used >= w.quota {
		r.Refused, r.RetryAfter = true, reset
	} else {
		w.used++
	}
	r.Remaining = w.quota - w.used
	w.mu.Unlock()
	if r.Refused {
		time.Sleep(refusal)
		return r
	}
	time.Sleep(w.draw())
	return r
}

// An Outage is a server that refuses everything for a while.
type Outage struct {
	Server
	start    time.Time
	From, To time.Duration
	mu       sync.Mutex
	Sent     int // while it lasted
}

// NewOutage returns server with an outage.
func NewOutage(server Server, from, to time.Duration) *Outage {
	return &Outage{Server: server, start: time.Now(), From: from, To: to}
}

// Serve is part of Server.
func (o *Outage) Serve() Reply {
	if age := time.Since(o.start); age < o.From || age >= o.To {
		return o.Server.Serve()
	}
	o.mu.Lock()
	o.Sent++
	o.mu.Unlock()
	time.Sleep(refusal)
	return Reply{Refused: true}
}

// NewSlower returns a server of 37 workers that take 50 ms, and 2 s for all that
// begins from the 40th second on.
func NewSlower(seed uint64) *Workers {
	var w *Workers
	fast, slow := Around(50*time.Millisecond, 0.1), Around(2*time.Second, 0.1)
	w = NewWorkers(seed, func(r *rand.Rand) time.Duration {
		if w.age() >= 40*time.Second {
			return slow(r)
		}
		return fast(r)
	}, false, func(time.Duration) int { return 37 })
	return w
}
