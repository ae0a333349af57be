package h1

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// patience is how long the end of a response waits for that of its request's
// body, and a failed request for its body's last Read.
const patience = 50 * time.Millisecond

// A sending is a request whose body is being sent by a goroutine of its own,
// while the caller's looks for the response.
type sending struct {
	w       writer
	answer  chan bool     // nil, or whether to go on with the body
	waiting bool          // for the server's word, by the caller's goroutine
	done    chan struct{} // closed at the end; then err is set
	err     error         // not the connection's, which is w.err

	mu       sync.Mutex
	answered bool // the response's header is there
}

// sendAside starts to send.
func (x *exchange) sendAside() {
	s := &sending{done: make(chan struct{})}
	s.w = writer{extra: x.extra(), conn: x.c.Conn, chunked: x.req.ContentLength <= 0}
	if expectsContinue(x.req) {
		s.answer, s.waiting = make(chan bool, 1), true
		s.w.ask = func() bool { return <-s.answer }
	}
	x.sending = s
	body := &sentBody{ReadCloser: x.req.Body}
	req := *x.req
	req.Body = body
	go func() {
		defer close(s.done)
		err := req.Write(&s.w)
		if err == nil {
			err = s.w.end()
		}
		if body.err != nil {
			err = body.err
		}
		if err != nil && s.w.err == nil && !errors.Is(err, errNotSent) {
			// The body's fault. No server can answer that: who waits for it is
			// woken.
			s.err = err
			x.c.abort(x)
			return
		}
		s.awaitHeader(x)
	}()
}

// A sentBody remembers how its Read failed, which Request.Write wraps in what
// cannot be unwrapped.
type sentBody struct {
	io.ReadCloser
	err error
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// awaitHeader starts the time for the response's header.
func (s *sending) awaitHeader(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := x.t.opts.ResponseHeaderTimeout; d > 0 && !s.answered {
		x.c.readWithin(d)
	}
}

// goOn tells the goroutine whether to send the body.
func (s *sending) goOn(send bool) {
	if s.waiting {
		s.waiting = false
		s.answer <- send
	}
}

// over says whether the body was sent, which it waits for a little.
func (s *sending) over() bool {
	select {
	case <-s.done:
	default:
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-s.done:
		case <-timer.C:
			return false
		}
	}
	return s.err == nil && s.w.err == nil
}

// abandon ends it when the connection is closed. Should it hang in the body's
// Read, the body is closed under it, as HTTP/2 does in net/http.
func (s *sending) abandon(req *http.Request) {
	s.goOn(false)
	if !s.over() && !s.isDone() {
		req.Body.Close()
		s.over()
	}
}

func (s *sending) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
