package fetch

import (
	"fmt"
	"os"
	"time"
)

// spillChunk is how many items are written, and read back, at a time.
const spillChunk = 64

// A chunk is some items of one host that wait outside of the look-ahead: in
// the spill's file, or in data until they are there.
type chunk struct {
	data []byte
	at   int64
	size int
	n    int
}

// A spill keeps the items of hosts that are blocked, so that the reader can go
// on to others: a few in memory, the rest in a file without a name. The fields
// are guarded by the scheduler's mutex, which is not held while the file is
// written or read.
type spill struct {
	max  int64
	dir  string
	file *os.File
	end  int64 // of the file
	live int64 // items
	all  int64 // items ever
	most int64 // the file's largest size
	err  error // the file cannot be written: what is spilled stays in memory
}

// full says that no more may be spilled.
func (p *spill) full() bool { return p.err != nil || p.end >= p.max }

// decodeSpilled turns a chunk into jobs again.
func (e *Engine) decodeSpilled(data []byte) ([]*job, error) {
	var jobs []*job
	r := spillReader{b: data}
	for len(r.b) > 0 {
		it, admitted, err := r.item()
		if err != nil {
			return nil, err
		}
		j, bad := e.newJob(it, admitted)
		if bad != nil { // it was good before it was spilled
			return nil, bad
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// put keeps j's item outside of the look-ahead, behind those of its host
// that are there already. When a chunk of them is together, the reader, who
// alone calls this, writes it. The caller holds mu; put gives it up meanwhile.
func (s *scheduler) put(l *lane, j *job) {
	p := s.spill
	l.tail = appendSpilled(l.tail, &j.item, j.admitted)
	l.tailed++
	p.live++
	p.all++
	s.resident--
	if l.tailed < spillChunk {
		return
	}
	c := &chunk{data: l.tail, at: p.end, size: len(l.tail), n: l.tailed}
	p.end += int64(c.size)
	p.most = max(p.most, p.end)
	l.chunks.push(c)
	l.tail, l.tailed = nil, 0
	if p.err != nil {
		return
	}
	s.mu.Unlock()
	err := p.write(c.data, c.at)
	s.mu.Lock()
	if err != nil {
		p.err = err
		return
	}
	c.data = nil
}

// write is called by the reader only.
func (p *spill) write(data []byte, at int64) error {
	if p.file == nil {
		f, err := os.CreateTemp(p.dir, "penstock-*.items")
		if err != nil {
			return err
		}
		_ = os.Remove(f.Name()) // gone with the process, whatever ends it
		p.file = f
	}
	_, err := p.file.WriteAt(data, at)
	return err
}

// close gives the file back.
func (p *spill) close() {
	if p.file != nil {
		_ = p.file.Close()
	}
}

// refill brings the next chunk of l back. A worker calls it, without mu, for a
// lane that stood in refills: it has nothing left in memory, and room.
func (s *scheduler) refill(l *lane) {
	s.mu.Lock()
	data, c := l.tail, (*chunk)(nil)
	n := l.tailed
	if l.chunks.len() > 0 {
		c = l.chunks.pop()
		data, n = c.data, c.n
	} else {
		l.tail, l.tailed = nil, 0
	}
	s.mu.Unlock()

	var err error
	if data == nil {
		data = make([]byte, c.size)
		_, err = s.spill.file.ReadAt(data, c.at)
	}
	var jobs []*job
	if err == nil {
		jobs, err = s.decode(data)
	}
	if err == nil && len(jobs) != n {
		err = fmt.Errorf("%d items where %d were put", len(jobs), n)
	}
	if err != nil {
		s.fail(fmt.Errorf("reading back items that waited for their host: %w", err))
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	l.refilling = false
	s.spill.live -= int64(n)
	s.resident += len(jobs)
	for _, j := range jobs {
		// Another lane than l, if the policy is another by now.
		j.lane = s.lane(j.url)
		j.lane.jobs.push(j)
		s.offer(j.lane)
	}
	if s.spill.live == 0 {
		s.spill.end = 0 // the file is used again from its start
		s.room.Signal()
	}
	s.offer(l)
	s.dropIdle(l, time.Now())
}

// spilled counts the chunks, and the tail as one.
func (l *lane) spilled() int { return l.chunks.len() + min(l.tailed, 1) }
