package origin

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// exchange is one request at work and its answer. Whoever answers must have
// called end (or a method that does) before the last byte of the answer can
// leave; what ends otherwise is ended when its handler returns.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	srv  *Server
	host *host
	conn *conn
	rest string // of the path, after the route's name and a slash
	stay stay

	ended    bool
	answered bool // a status has been counted
	hijacked bool
	onEnd    func()
}

var protocols = [4]string{"other", "HTTP/1.0", "HTTP/1.1", "HTTP/2.0"}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	if isControl(r.URL.Path) {
		c.control.Store(true)
		s.serveAudit(w, r)
		return
	}
	c.control.Store(false)
	x := &exchange{w: w, r: r, srv: s, host: c.host, conn: c}
	x.stay.of(&c.host.flight, s.totalFlight())
	if r.ProtoMajor == 2 && !s.enterStream(x) {
		return
	}
	defer x.finish()
	if r.ProtoMajor != 2 {
		c.current.Store(x)
		if c.gone.Load() {
			x.stay.abandon()
		}
	}
	x.begin()
	s.route(x)
}

// enterStream lets Close wait for an HTTP/2 request, whose goroutine net/http
// does not wait for. It is false when the server is closing.
func (s *Server) enterStream(x *exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.working.Add(1)
	s.streams[x] = struct{}{}
	return true
}

func (s *Server) leaveStream(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, x)
	s.working.Done()
}

// begin counts the request in.
func (x *exchange) begin() {
	x.stay.enter(x.srv.settle)
	item, isItem, hash := identity(x.r.URL.Path, x.r.URL.RawQuery)
	x.host.arrive(x.srv, item, isItem, hash)
	x.host.protos[protoIndex(x.r.ProtoMajor, x.r.ProtoMinor)].Add(1)
}

func protoIndex(major, minor int) int {
	switch {
	case major == 2:
		return 3
	case major == 1 && minor <= 1:
		return 1 + minor
	}
	return 0
}

// arrive books the arrival of a request. The times are taken under the lock, so
// that they are in order.
func (h *host) arrive(s *Server, item uint64, isItem bool, hash uint64) {
	h.mu.Lock()
	now := time.Since(s.zero)
	if h.arrivals.next == 0 {
		h.first = now
	}
	h.last = now
	h.arrivals.add(now)
	h.hint.judge(now, s.opts.HintGrace)
	if isItem {
		h.seen.item(item)
	} else {
		h.seen.other(hash)
	}
	h.mu.Unlock()
	if s.total == nil {
		return
	}
	s.total.mu.Lock()
	s.total.arrivals.add(time.Since(s.zero))
	s.total.mu.Unlock()
}

// end counts the request out. What is written after it is the end of the
// answer.
func (x *exchange) end() {
	if x.ended {
		return
	}
	x.ended = true
	x.stay.leave()
	if x.onEnd != nil {
		x.onEnd()
	}
}

// finish runs when the handler has returned or panicked.
func (x *exchange) finish() {
	x.end()
	if !x.answered {
		x.host.countStatus(0)
	}
	if x.r.ProtoMajor == 2 {
		x.srv.leaveStream(x)
	}
	if x.hijacked {
		x.srv.working.Done()
	}
}

// count notes the status of the answer, before it is sent.
func (x *exchange) count(status int) {
	if !x.answered {
		x.answered = true
		x.host.countStatus(status)
	}
}

// hint says to the audit that the answer, which is about to be sent, asks for
// silence for that long.
func (x *exchange) hint(silence time.Duration) {
	x.host.mu.Lock()
	defer x.host.mu.Unlock()
	now := time.Since(x.srv.zero)
	x.host.hint.say(now, now+silence)
}

// wait pauses; it is false when the client has left or the server is closing.
func (x *exchange) wait(d time.Duration) bool {
	if d <= 0 {
		return x.r.Context().Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// send answers with a whole body.
func (x *exchange) send(status int, contentType string, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.count(status)
	x.end()
	x.w.WriteHeader(status)
	if bodyAllowed(status) {
		x.w.Write(body)
	}
}

func (x *exchange) text(status int, format string, args ...any) {
	x.send(status, "text/plain; charset=utf-8", fmt.Appendf(nil, format+"\n", args...))
}

// refuse says what is wrong with the path, which is the caller's doing.
func (x *exchange) refuse(r *route) {
	x.text(http.StatusBadRequest, "%s: not understood; the form is %s (GET / lists all paths)", x.r.URL.Path, r.form)
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// hijack takes the connection from net/http, to misbehave byte by byte. It is
// false over HTTP/2, where a stream has no bytes of its own.
func (x *exchange) hijack() (net.Conn, *bufio.ReadWriter, bool) {
	hj, ok := x.w.(http.Hijacker)
	if !ok {
		return nil, nil, false
	}
	nc, rw, err := hj.Hijack()
	if err != nil {
		return nil, nil, false
	}
	x.hijacked = true
	return nc, rw, true
}
