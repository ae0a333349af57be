package report

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

const (
	maxLate    = 5 * time.Second // for a tick; what is longer is a gap in the time line
	maxChanges = 1000
	maxWhys    = 1000
	maxMessage = 300
)

// A Recorder measures one run. It takes the records as a [fetch.Sink] does,
// and between Start and Stop asks ten times a second how the run stands. It
// blocks nobody for longer than it takes to count. Its methods are safe for
// concurrent use.
type Recorder struct {
	opts Options
	quit chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	started  time.Time
	took     time.Duration // 0 while the run goes on
	steps    steps
	phases   latencies
	hosts    hosts
	counts   Counts
	statuses map[int]int64
	errors   map[fetch.Class]*ErrorClass
	whys     map[Why]time.Duration
	changes  []Change
	ended    Ended
	sampled  time.Duration
	asked    time.Duration // for buckets
	last     fetch.Stats
	cpu      time.Duration // at the start, then what was used
	cpuWait  time.Duration // at the start, then what was waited
}

// NewRecorder returns a Recorder whose run begins now, or when Start is
// called.
func NewRecorder(o Options) *Recorder {
	o.Hosts = cmp.Or(o.Hosts, 50)
	return &Recorder{
		opts: o, quit: make(chan struct{}),
		started: time.Now(), cpu: cpuTime(), cpuWait: cpuWait(), steps: newSteps(), phases: newLatencies(), hosts: newHosts(),
		statuses: map[int]int64{}, errors: map[fetch.Class]*ErrorClass{}, whys: map[Why]time.Duration{},
	}
}

// Start begins to ask how the run stands, until Stop. To be called once.
func (r *Recorder) Start() {
	r.mu.Lock()
	r.started, r.cpu, r.cpuWait = time.Now(), cpuTime(), cpuWait()
	r.mu.Unlock()
	if r.opts.Stats == nil {
		return
	}
	r.done.Go(func() {
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.sample(false)
			case <-r.quit:
				return
			}
		}
	})
}

// Stop ends the run: what Data yields afterwards is complete. how says in what
// way it ended. To be called once, when the engine's Run has returned.
func (r *Recorder) Stop(how Ended) {
	close(r.quit)
	r.done.Wait()
	if r.opts.Stats != nil {
		r.sample(true)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.took = how, max(1, time.Since(r.started))
	r.cpu, r.cpuWait = cpuTime()-r.cpu, cpuWait()-r.cpuWait
}

// Wrap returns a sink that gives every record to s, and then to r.
func (r *Recorder) Wrap(s fetch.Sink) fetch.Sink {
	w := wrapped{r, s}
	if a, ok := s.(fetch.Advancer); ok {
		return advancing{w, a}
	}
	return w
}

type wrapped struct {
	rec  *Recorder
	sink fetch.Sink
}

func (w wrapped) Write(rec *fetch.Record) error {
	if err := w.sink.Write(rec); err != nil {
		return err
	}
	return w.rec.Write(rec)
}

type advancing struct {
	wrapped
	fetch.Advancer
}

// Write counts a record; it keeps nothing of it but, once for each class of
// errors, its URL and message. The error is always nil.
func (r *Recorder) Write(rec *fetch.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps.at(time.Since(r.started)).record(rec)
	r.count(rec)
	return nil
}

// count is what does not depend on when the record came. The caller holds mu.
func (r *Recorder) count(rec *fetch.Record) {
	r.phases.record(rec)
	r.hosts.record(rec)
	r.counts.Records++
	r.counts.Bytes += rec.Bytes
	if rec.Status != 0 {
		r.statuses[rec.Status]++
	}
	if rec.OK {
		r.counts.OK++
		return
	}
	r.counts.Failed++
	if rec.Error == nil {
		return
	}
	e := r.errors[rec.Error.Class]
	if e == nil {
		e = &ErrorClass{Class: rec.Error.Class, URL: clip(rec.URL), Message: clip(rec.Error.Message)}
		r.errors[rec.Error.Class] = e
	}
	e.Count++
}

// Change notes that a limit was changed; T is filled in. Only the latest 1,000
// are kept.
func (r *Recorder) Change(c Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(time.Since(r.started), c)
}

func (r *Recorder) change(at time.Duration, c Change) {
	if len(r.changes) == maxChanges {
		r.changes = slices.Delete(r.changes, 0, maxChanges/10)
	}
	c.T, c.Host = round3(at.Seconds()), HostName(c.Host)
	r.changes = append(r.changes, c)
}

// sample asks how the run stands; whole says that buckets are asked for
// whatever the time.
func (r *Recorder) sample(whole bool) {
	st := r.opts.Stats()
	var buckets []fetch.BucketStats
	if r.opts.Buckets != nil && (whole || r.bucketsDue()) {
		buckets = r.opts.Buckets(bucketsMost)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Since(r.started)
	since := now - r.sampled
	r.sampled = now
	why := whyOf(st.Wait, r.opts.Limits)
	if _, known := r.whys[why]; !known && len(r.whys) >= maxWhys {
		why = Why{Reason: why.Reason}
	}
	r.whys[why] += since
	r.hosts.buckets(buckets)
	if since < maxLate { // a tick that came late: it stood so meanwhile
		for d := now - since + r.steps.length; d < now; d += r.steps.length {
			r.steps.at(d).sample(st)
		}
	}
	p := r.steps.at(now)
	p.sample(st)
	p.retries += st.Retries - r.last.Retries
	if r.last.Limit != 0 && r.last.Limit != st.Limit {
		r.noteLimit(now, st)
	}
	r.last = st
}

// bucketsDue says that a second has passed since it last said so.
func (r *Recorder) bucketsDue() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Since(r.started)
	due := now-r.asked >= bucketsEvery
	if due {
		r.asked = now
	}
	return due
}

// noteLimit notes that the limit of all requests together is another one. The
// caller holds mu.
func (r *Recorder) noteLimit(now time.Duration, st fetch.Stats) {
	for _, c := range slices.Backward(r.changes) {
		if c.Host != "" || c.Kind != "concurrency" {
			continue
		}
		if c.To == float64(st.Limit) {
			return // whoever changed it has said so
		}
		break
	}
	c := Change{Kind: "concurrency", From: float64(r.last.Limit), To: float64(st.Limit)}
	if st.Shortages > r.last.Shortages {
		c.Why = "this machine ran out of files, ports or buffers"
	}
	r.change(now, c)
}

// Data returns what is known so far. While the run goes on, counts are at
// most a tenth of a second old, and there is nothing from which a later run
// could go on. It costs about a millisecond.
func (r *Recorder) Data() Data {
	r.mu.Lock()
	d := r.own()
	r.mu.Unlock()
	if r.opts.Earlier != nil {
		d = merge(*r.opts.Earlier, d)
	}
	d.Finding = Explain(d)
	return d
}

// own is the data of this run alone. The caller holds mu.
func (r *Recorder) own() Data {
	took, cpu, waited := r.took, r.cpu, r.cpuWait
	if took == 0 {
		took, cpu, waited = time.Since(r.started), cpuTime()-r.cpu, cpuWait()-r.cpuWait
	}
	d := Data{
		Format: Format, Version: r.opts.Version, Output: r.opts.Output, Limits: r.opts.Limits,
		Started: r.started.UTC().Round(time.Millisecond), Seconds: round3(took.Seconds()), Ended: r.ended,
		Counts: r.counts, Statuses: maps.Clone(r.statuses), Latency: r.phases.latency(r.took > 0),
		Timeline: r.steps.timeline(0, took), Changes: slices.Clone(r.changes),
		CPU: CPU{Seconds: round3(cpu.Seconds()), Waited: round3(max(0, waited.Seconds())), Cores: runtime.GOMAXPROCS(0)},
	}
	if r.opts.Stats != nil {
		d.Counts.engine(r.last.Summary)
	} else {
		d.Counts.Items = r.counts.Records
	}
	for _, e := range r.errors {
		d.Errors = append(d.Errors, *e)
	}
	sortErrors(d.Errors)
	d.Shares = shares(r.whys)
	d.Hosts = r.hosts.top(r.opts.Hosts)
	d.HostCount, d.HostsOver = r.hosts.count(), r.hosts.over
	d.addRest(len(r.hosts.byName))
	return d
}

// engine takes what only the engine counts.
func (c *Counts) engine(s fetch.Summary) {
	c.Items, c.Retries, c.Redirects, c.Shortages = s.Items, s.Retries, s.Redirects, s.Shortages
	c.Spilled, c.SpillBytes, c.MaxInFlight = s.Spilled, s.SpillBytes, s.MaxInFlight
}

// addRest makes one of all hosts that are not listed.
func (d *Data) addRest(known int) {
	if known <= len(d.Hosts) && !d.HostsOver {
		return
	}
	rest := Host{OK: d.Counts.OK, Bytes: d.Counts.Bytes, Items: d.Counts.Records}
	for _, e := range d.Errors {
		if e.Class == fetch.InvalidInput {
			rest.Items -= e.Count
		}
	}
	for _, h := range d.Hosts {
		rest.Items, rest.OK, rest.Bytes = rest.Items-h.Items, rest.OK-h.OK, rest.Bytes-h.Bytes
	}
	rest.Failed = rest.Items - rest.OK
	d.Rest = &rest
}

func sortErrors(list []ErrorClass) {
	slices.SortFunc(list, func(a, b ErrorClass) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Class, b.Class))
	})
}

// shares are the reasons with the time that each held, the longest first.
func shares(whys map[Why]time.Duration) []Share {
	var all time.Duration
	for _, d := range whys {
		all += d
	}
	list := make([]Share, 0, len(whys))
	for why, d := range whys {
		list = append(list, Share{why, round3(d.Seconds()), round3(d.Seconds() / max(all.Seconds(), 1e-9))})
	}
	sortShares(list)
	return list[:min(len(list), 100)]
}

func sortShares(list []Share) {
	slices.SortFunc(list, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Host, b.Host), cmp.Compare(a.Limit, b.Limit))
	})
}

// clip leaves the first maxMessage bytes of s.
func clip(s string) string {
	if len(s) > maxMessage {
		return s[:maxMessage] + "..."
	}
	return s
}
