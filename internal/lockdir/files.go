//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lockdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	shareLock = syscall.LOCK_SH
	ownLock   = syscall.LOCK_EX
	noWait    = syscall.LOCK_NB
)

// flock is flock(2), again after a signal.
func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// locked calls f under the lock of the folder.
func (s *Semaphore) locked(f func() error) error {
	l, err := s.lock()
	if err != nil {
		return err
	}
	defer l.Close()
	return f()
}

// lock locks the folder until the file is closed.
func (s *Semaphore) lock() (*os.File, error) {
	name := filepath.Join(s.dir, "lock")
	for {
		l, err := os.OpenFile(name, os.O_RDONLY|os.O_CREATE, 0o666)
		if err != nil {
			return nil, fmt.Errorf("lockdir: %w", err)
		}
		if err := flock(l, ownLock); err != nil {
			l.Close()
			return nil, fmt.Errorf("lockdir: lock %s: %w", name, err)
		}
		if same(l, name) {
			return l, nil
		}
		l.Close() // somebody has removed it meanwhile
	}
}

func same(f *os.File, name string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(name)
	return err == nil && os.SameFile(a, b)
}

// An entry is a process that holds or waits, as the name of its file.
type entry struct {
	kind   byte // h or q
	ticket uint64
	n      int
}

func (e entry) String() string { return fmt.Sprintf("%c-%020d-%d", e.kind, e.ticket, e.n) }

// entries are those of all processes, dead or alive, by ticket.
func (s *Semaphore) entries() ([]entry, error) {
	d, err := os.Open(s.dir)
	if err != nil {
		return nil, fmt.Errorf("lockdir: %w", err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("lockdir: %w", err)
	}
	var all []entry
	for _, name := range names {
		var e entry
		if _, err := fmt.Sscanf(name, "%c-%d-%d", &e.kind, &e.ticket, &e.n); err == nil && e.String() == name {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		switch {
		case a.ticket < b.ticket:
			return -1
		case a.ticket > b.ticket:
			return 1
		}
		return 0
	})
	return all, nil
}

// create makes the file of e, locked. It is seen only by those who come by the
// lock of the folder later.
func (s *Semaphore) create(e entry) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, e.String()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("lockdir: %w", err)
	}
	err = flock(f, ownLock|noWait)
	if err == nil {
		err = json.NewEncoder(f).Encode(owner{Who: s.who, Since: time.Now()})
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lockdir: %w", err)
	}
	return f, nil
}

// live returns the file of e if its process lives; else it removes it.
func (s *Semaphore) live(e entry) *os.File {
	name := filepath.Join(s.dir, e.String())
	f, err := os.Open(name)
	if err != nil {
		return nil // given back just now
	}
	if err := flock(f, shareLock|noWait); err == nil {
		_ = os.Remove(name) // by another, if not by us
		f.Close()
		return nil
	}
	return f
}

// before returns the file of the last one in the queue that is before ticket, or
// the last of all for the ticket 0; nil if there is none.
func (s *Semaphore) before(all []entry, ticket uint64) (*os.File, error) {
	for _, e := range slices.Backward(all) {
		if e.kind != 'q' || ticket != 0 && e.ticket >= ticket {
			continue
		}
		if f := s.live(e); f != nil {
			return f, nil
		}
	}
	return nil, nil
}

// behind reports whether somebody waits behind ticket.
func (s *Semaphore) behind(all []entry, ticket uint64) bool {
	for _, e := range all {
		if e.kind == 'q' && e.ticket > ticket && ticket != 0 {
			if f := s.live(e); f != nil {
				f.Close()
				return true
			}
		}
	}
	return false
}

// A state is what outlives the processes.
type state struct {
	Epoch   uint64 `json:"epoch"`   // when it began, in milliseconds
	Counter uint64 `json:"counter"` // of permits since
	Ticket  uint64 `json:"ticket"`  // the latest
	Limit   int    `json:"limit"`
}

// state reads it. One that is missing, or was torn when the machine died, begins
// anew; all are the entries there are.
func (s *Semaphore) state(all []entry) state {
	var st state
	text, err := os.ReadFile(filepath.Join(s.dir, "state"))
	if err != nil || json.Unmarshal(text, &st) != nil || st.Epoch == 0 {
		st = state{Epoch: uint64(time.Now().UnixMilli()), Limit: s.limit}
	}
	for _, e := range all {
		st.Ticket = max(st.Ticket, e.ticket)
	}
	return st
}

func (s *Semaphore) save(st state) error {
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	name := filepath.Join(s.dir, "state")
	if err := os.WriteFile(name+".new", text, 0o666); err != nil { //nolint:gosec // the umask says who shares
		return fmt.Errorf("lockdir: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("lockdir: %w", err)
	}
	return nil
}

// grant gives n units to this process.
func (s *Semaphore) grant(st state, n int) (*Permit, error) {
	st.Ticket++
	st.Counter++
	if err := s.save(st); err != nil {
		return nil, err
	}
	f, err := s.create(entry{kind: 'h', ticket: st.Ticket, n: n})
	if err != nil {
		return nil, err
	}
	return &Permit{file: f, epoch: st.Epoch, counter: st.Counter, limit: st.Limit}, nil
}
