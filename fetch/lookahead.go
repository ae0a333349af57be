package fetch

// await blocks the reader until the look-ahead has room for one more item. It
// reports false when the run wants no more.
func (s *scheduler) await() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped && !s.mayRead() {
		s.room.Wait()
	}
	return !s.stopped
}

// letRead wakes the reader if it may go on and it is worth while: when there is
// room for many items, so that it is not woken for each, or when there is nothing
// else that may start. The caller holds mu.
func (s *scheduler) letRead() {
	if s.slowHead || s.mayRead() && (s.resident <= s.lookAhead-s.lookAhead/4 || s.ready.len() == 0) {
		s.room.Signal()
	}
}

// mayRead says that there is a place for one more item. The caller holds mu.
func (s *scheduler) mayRead() bool {
	if s.spill.live > 0 && s.spill.full() {
		return false // it may have to go there, behind others of its host
	}
	return s.resident < s.lookAhead || s.maySpill()
}

// maySpill says that the look-ahead is full of items of blocked hosts, while
// there are slots for others: it is worth reading on. Items that wait for their
// retry are no such reason, and there may be no more of them than the
// look-ahead holds. The caller holds mu.
func (s *scheduler) maySpill() bool {
	return s.inFlight < s.allowed && s.ready.len() == 0 && !s.spill.full() &&
		s.resident-s.backoff >= s.lookAhead && s.backoff < s.lookAhead
}

// begin counts the item at index as under way, as soon as it is not too far
// ahead of the oldest unfinished one. It reports false when the run wants no
// more.
func (s *scheduler) begin(index int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped && s.pending > 0 && index-s.done.low >= s.span {
		s.slowHead = true
		s.room.Wait()
	}
	s.slowHead = false
	if s.stopped {
		return false
	}
	s.done.start(index)
	s.pending++
	s.resident++
	return true
}

// setAside takes an item that has begun out of the look-ahead, because it waits
// for the record of another.
func (s *scheduler) setAside() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resident--
	s.letRead()
}

// takeBack says that an item which was set aside has its record.
func (s *scheduler) takeBack(index int64) (low int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resident++
	return s.settle(index)
}

// admit queues a job that has begun, or puts it aside if the look-ahead is full
// and its host is blocked.
func (s *scheduler) admit(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lane(j.url)
	if l.spilled() == 0 && !l.refilling && (s.resident <= s.lookAhead || !l.blocked()) {
		s.enqueue(j, false)
		return
	}
	s.put(l, j)
	s.offer(l)
}
