//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lockdir

import (
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/penstock-go/penstock"
)

// A Permit is held until Release, or until the process and all that have
// inherited its File have ended.
type Permit struct {
	file           *os.File // nil for a permit for nothing
	epoch, counter uint64
	limit          int
	released       atomic.Bool
}

// Fence is larger for every later permit of a name: first by epoch, then by
// counter. It begins anew, with a later epoch, when the folder was removed.
func (p *Permit) Fence() (epoch, counter uint64) { return p.epoch, p.counter }

// Limit is the limit under which it was given.
func (p *Permit) Limit() int { return p.limit }

// File is the file whose lock is the permit. A process that inherits it holds
// the permit too, until Release.
func (p *Permit) File() *os.File { return p.file }

// Release gives the permit back, for all that have inherited it; the outcome
// makes no difference. It panics with an error that is penstock.ErrOverRelease
// when called a second time.
func (p *Permit) Release(penstock.Outcome) {
	if p.released.Swap(true) {
		panic(fmt.Errorf("lockdir: a permit was released twice: %w", penstock.ErrOverRelease))
	}
	if p.file == nil {
		return
	}
	_ = os.Remove(p.file.Name()) // who comes next would do it
	_ = flock(p.file, syscall.LOCK_UN)
	p.file.Close()
}

// An Info is who holds and who waits.
type Info struct {
	Limit, InUse, Waiting int
	Holders               []Holder // the oldest first
}

// A Holder is a process that holds units.
type Holder struct {
	Who   string
	Units int
	Since time.Time
}

// An owner is what a process says in its file.
type owner struct {
	Who   string    `json:"who"`
	Since time.Time `json:"since"`
}

// Look says who holds and who waits now.
func (s *Semaphore) Look() (Info, error) {
	var info Info
	err := s.locked(func() error {
		all, err := s.entries()
		if err != nil {
			return err
		}
		info.Limit = s.state(all).Limit
		for _, e := range all {
			f := s.live(e)
			if f == nil {
				continue
			}
			if e.kind == 'q' {
				info.Waiting++
			} else {
				var o owner
				_ = json.NewDecoder(f).Decode(&o) // one that is torn says nothing
				info.InUse += e.n
				info.Holders = append(info.Holders, Holder{o.Who, e.n, o.Since})
			}
			f.Close()
		}
		return nil
	})
	return info, err
}
