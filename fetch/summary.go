package fetch

import (
	"maps"
	"sync"
	"time"
)

// A Summary counts what a run did.
type Summary struct {
	Items     int64 // read from the source
	Records   int64 // given to the sink
	OK        int64
	Failed    int64
	Retries   int64
	Redirects int64
	// Duplicates counts the records, of those in OK and Failed, whose requests
	// were not made because an earlier item's was; NotDeduped counts requests
	// that Dedup.Memory had no room for, so that duplicates of them, or they
	// themselves where they are some, were fetched.
	Duplicates, NotDeduped int64
	// Shortages counts attempts that could not begin because this machine
	// had run out of files, ports or buffers.
	Shortages int64
	// Forfeited counts attempts that were ended because a permit of a shared limit
	// was lost.
	Forfeited int64
	Bytes     int64
	Started   time.Time
	Elapsed   time.Duration
	// Spilled is how many items waited in a temporary file for their host, and
	// SpillBytes how large that was at the most.
	Spilled, SpillBytes int64
	// MaxInFlight is the most requests that were in flight at once.
	MaxInFlight int
	Statuses    map[int]int64
	Classes     map[Class]int64
	// Examples holds one URL for each class.
	Examples map[Class]string
}

// Stats is a Summary of a run that goes on, and its state.
type Stats struct {
	Summary
	InFlight int
	Queued   int // read, and waiting for a limit
	Aside    int // read, and waiting for their host in a temporary file
	Backoff  int // waiting for their retry
	Hosts    int // with something in the queue, in flight or on hold
	Held     int // hosts that asked to be left alone for a while
	Limit    int // how many may be in flight
	Wait     Wait
	ReadAll  bool
}

// Stats returns a snapshot. It may be called while the run goes on.
func (e *Engine) Stats() Stats {
	st := Stats{Summary: e.tally.snapshot()}
	e.sched.stats(&st)
	st.NotDeduped = e.dedup.notDeduped()
	return st
}

// stats adds the scheduler's state.
func (s *scheduler) stats(st *Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.InFlight, st.MaxInFlight = s.sending(), s.peak
	st.Backoff = s.backoff
	st.Queued, st.Aside = s.resident-st.InFlight-s.backoff, int(s.spill.live)
	st.Spilled, st.SpillBytes = s.spill.all, s.spill.most
	st.Hosts = len(s.lanes)
	st.ReadAll = s.readAll
	st.Limit, st.Wait = s.allowed, s.wait(time.Now())
	for _, t := range s.timed {
		if l := t.lane; l != nil && l.waiting && l.why == RetryAfter && t.at.Equal(l.until) {
			st.Held++
		}
	}
}

// unfinished says that items were left over, read or not.
func (s *scheduler) unfinished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending > 0 || !s.readAll
}

// A tally is the summary in the making.
type tally struct {
	mu    sync.Mutex
	sum   Summary
	ended time.Time
}

func (t *tally) end(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = now
}

func (t *tally) start(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum = Summary{Started: now, Statuses: map[int]int64{}, Classes: map[Class]int64{}, Examples: map[Class]string{}}
}

func (t *tally) item()     { t.mu.Lock(); t.sum.Items++; t.mu.Unlock() }
func (t *tally) retry()    { t.mu.Lock(); t.sum.Retries++; t.mu.Unlock() }
func (t *tally) shortage() { t.mu.Lock(); t.sum.Shortages++; t.mu.Unlock() }
func (t *tally) forfeit()  { t.mu.Lock(); t.sum.Forfeited++; t.mu.Unlock() }
func (t *tally) redirect() { t.mu.Lock(); t.sum.Redirects++; t.mu.Unlock() }

func (t *tally) record(r *Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.sum
	s.Records++
	s.Bytes += r.Bytes
	if r.Duplicate {
		s.Duplicates++
	}
	if r.Status != 0 {
		s.Statuses[r.Status]++
	}
	if r.OK {
		s.OK++
		return
	}
	s.Failed++
	s.Classes[r.Error.Class]++
	if s.Examples[r.Error.Class] == "" {
		s.Examples[r.Error.Class] = clip(r.URL, 200)
	}
}

func (t *tally) snapshot() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	switch {
	case !t.ended.IsZero():
		s.Elapsed = t.ended.Sub(s.Started)
	case !s.Started.IsZero():
		s.Elapsed = time.Since(s.Started)
	}
	s.Statuses, s.Classes, s.Examples = maps.Clone(s.Statuses), maps.Clone(s.Classes), maps.Clone(s.Examples)
	return s
}
