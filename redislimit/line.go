package redislimit

import (
	"context"
	"sync"

	"github.com/redis/rueidis"
)

// A line is a client that is made when it is first needed, as making one fails
// when Redis is away.
type line struct {
	dial    func() (rueidis.Client, error)
	dialing chan struct{} // holds a token while nobody dials

	mu     sync.Mutex
	client rueidis.Client // nil until it was reached once
	closed bool
}

func newLine(dial func() (rueidis.Client, error)) *line {
	l := &line{dial: dial, dialing: make(chan struct{}, 1)}
	l.dialing <- struct{}{}
	return l
}

// have returns the client if there is one.
func (l *line) have() (rueidis.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	return l.client, nil
}

// reach returns the client, connecting it if that was never done.
func (l *line) reach(ctx context.Context) (rueidis.Client, error) {
	if c, err := l.have(); c != nil || err != nil {
		return c, err
	}
	select {
	case <-l.dialing:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { l.dialing <- struct{}{} }()
	if c, err := l.have(); c != nil || err != nil {
		return c, err
	}
	c, err := l.dial()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return nil, ErrClosed
	}
	l.client = c
	return c, nil
}

// close ends the client. Nobody uses it any more.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.client != nil {
		l.client.Close()
	}
}
