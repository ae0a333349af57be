//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lockdir

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/penstock-go/penstock"
)

// A Semaphore is a semaphore of weighted permits that all processes share which
// open the same name in the same folder. All methods may be called by any number
// of goroutines.
type Semaphore struct {
	dir   string
	limit int
	who   string
}

// Open returns the semaphore name in the folder dir, both of which are made if
// they are missing. Other users may share it as far as the folder's permissions
// and the umask let them.
//
// limit holds if nobody holds or waits; else that of the first who came since
// does. who is shown to those who wait: no secrets.
func Open(dir, name string, limit int, who string) (*Semaphore, error) {
	if limit < 1 {
		return nil, fmt.Errorf("lockdir: limit %d: %w", limit, penstock.ErrNegativeLimit)
	}
	own := filepath.Join(dir, url.PathEscape(name)+".limit")
	if err := os.MkdirAll(own, 0o777); err != nil { //nolint:gosec // the umask says who shares
		return nil, fmt.Errorf("lockdir: %w", err)
	}
	return &Semaphore{dir: own, limit: limit, who: who}, nil
}

// Acquire waits until n units are free and all who came earlier are served, and
// takes them. Else it has taken nothing and returns an error that wraps
// context.Cause(ctx), is penstock.ErrOverLimit for more than the limit or
// penstock.ErrNegativeWeight, or is about the folder.
func (s *Semaphore) Acquire(ctx context.Context, n int) (*Permit, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if n < 0 {
		return nil, fmt.Errorf("lockdir: acquire %d: %w", n, penstock.ErrNegativeWeight)
	}
	if n == 0 {
		return &Permit{}, nil
	}
	w := &waiter{s: s, n: n, wake: make(chan struct{}, 1)}
	for {
		var p *Permit
		var poll time.Duration
		err := s.locked(func() (err error) {
			p, poll, err = w.step()
			return err
		})
		if err != nil || p != nil {
			w.leave()
			return p, err
		}
		var timer <-chan time.Time
		if poll > 0 {
			timer = time.After(poll)
		}
		select {
		case <-w.wake:
		case <-timer:
		case <-ctx.Done():
			w.leave()
			return nil, ended(ctx)
		}
	}
}

// Try takes n units if they are free and nobody waits. It may wait for others'
// microseconds with the folder.
func (s *Semaphore) Try(n int) (*Permit, bool, error) {
	if n <= 0 {
		return &Permit{}, n == 0, nil
	}
	w := &waiter{s: s, n: n, try: true}
	var p *Permit
	err := s.locked(func() (err error) {
		p, _, err = w.step()
		return err
	})
	return p, p != nil, err
}

// AcquirePermit is Acquire as part of [penstock.Limiter].
func (s *Semaphore) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	p, err := s.Acquire(ctx, n)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// TryAcquirePermit is Try as part of [penstock.Limiter]; a folder that cannot be
// used refuses. It panics with an error that is penstock.ErrNegativeWeight if n
// is negative.
func (s *Semaphore) TryAcquirePermit(n int) (penstock.Permit, bool) {
	if n < 0 {
		panic(fmt.Errorf("lockdir: acquire %d: %w", n, penstock.ErrNegativeWeight))
	}
	p, ok, err := s.Try(n)
	if err != nil || !ok {
		return nil, false
	}
	return p, true
}

func ended(ctx context.Context) error {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, err) {
		return fmt.Errorf("lockdir: acquire: %w", cause)
	}
	return fmt.Errorf("lockdir: acquire: %w (%w)", cause, err)
}

var _ penstock.Limiter = (*Semaphore)(nil)
