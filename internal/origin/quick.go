package origin

import (
	"bytes"
	"net"
	"strconv"
	"time"
)

// The quick path answers GET /item/N, as clients send it by the hundred
// thousand, without net/http: a server that costs more than its client measures
// itself. It takes every plain HTTP/1.1 connection first and hands it to
// net/http, with the bytes it has read, at the first request that is anything
// else. Both ways count alike.

const quickBuffer = 4096

var quickStart = []byte("GET /item/")

// serveQuick serves a connection until it is handed over or ends.
func (s *Server) serveQuick(c *conn) {
	q := &quick{conn: c, x: exchange{srv: s, host: c.host, conn: c}}
	q.x.stay.of(&c.host.flight, s.totalFlight())
	c.current.Store(&q.x)
	buf, have := make([]byte, quickBuffer), 0
	for {
		n, err := c.Read(buf[have:])
		have += n
		used, plain, werr := q.answerAll(buf[:have])
		have = copy(buf, buf[used:have])
		switch {
		case !plain || have == len(buf):
			s.handOver(c, buf[:have])
			return
		case err != nil || werr != nil:
			c.Close()
			return
		}
	}
}

// quick is a connection on the quick path.
type quick struct {
	conn   *conn
	x      exchange // used again for each request
	out    []byte
	body   []byte
	date   []byte
	second int64
}

// answerAll answers the whole requests at the start of in. It says how many
// bytes they were, and whether what follows may still be one for this path.
func (q *quick) answerAll(in []byte) (used int, plain bool, err error) {
	for {
		rest := in[used:]
		if q.conn.host.delay > 0 {
			return used, false, nil
		}
		if len(rest) < len(quickStart) {
			return used, bytes.HasPrefix(quickStart, rest), nil
		}
		if !bytes.HasPrefix(rest, quickStart) {
			return used, false, nil
		}
		end := bytes.Index(rest, []byte("\r\n\r\n"))
		if end < 0 {
			return used, true, nil
		}
		n, ok := quickItem(rest[:end+2])
		if !ok {
			return used, false, nil
		}
		used += end + 4
		if err := q.answer(n); err != nil {
			return used, true, err
		}
	}
}

func (q *quick) answer(n uint64) error {
	x, h := &q.x, q.conn.host
	x.stay.again(&q.conn.gone)
	x.stay.enter(x.srv.settle)
	h.arrive(x.srv, n, n < maxItemNumber, 0)
	h.protos[protoIndex(1, 1)].Add(1)

	if now := time.Now(); now.Unix() != q.second {
		q.second = now.Unix()
		q.date = now.UTC().AppendFormat(q.date[:0], "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	q.body = AppendItem(q.body[:0], n)
	q.out = append(q.out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: "...)
	q.out = append(q.out, q.date...)
	q.out = append(q.out, "\r\nContent-Length: "...)
	q.out = strconv.AppendInt(q.out, int64(len(q.body)), 10)
	q.out = append(q.out, "\r\n\r\n"...)
	q.out = append(q.out, q.body...)

	h.countStatus(200)
	x.stay.leave()
	_, err := q.conn.Write(q.out)
	return err
}

// quickItem reads N from a request that asks for nothing but /item/N; head is
// the request line and the fields, each with its line end. Anything that would
// change what must be done, or that net/http might refuse, is not for here.
func quickItem(head []byte) (uint64, bool) {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	path, ok := bytes.CutSuffix(line[len("GET "):], []byte(" HTTP/1.1"))
	if !ok {
		return 0, false
	}
	n, ok := itemNumber(string(path)) // does not allocate: the string does not escape
	if !ok {
		return 0, false
	}
	hosts := 0
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !quickField(name, value) {
			return 0, false
		}
		if len(name) == len("Host") && bytes.EqualFold(name, []byte("Host")) {
			hosts++
		}
	}
	return n, hosts == 1
}

// quickField says whether a field leaves the request as simple as it was.
func quickField(name, value []byte) bool {
	if len(name) == 0 {
		return false
	}
	for _, c := range name {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c != '-' {
				return false
			}
		}
	}
	for _, c := range value {
		if c < ' ' || c > '~' {
			return false
		}
	}
	switch name[0] | 0x20 {
	case 'c':
		if bytes.EqualFold(name, []byte("Connection")) {
			return bytes.EqualFold(bytes.TrimSpace(value), []byte("keep-alive"))
		}
		return !bytes.EqualFold(name, []byte("Content-Length"))
	case 'e':
		return !bytes.EqualFold(name, []byte("Expect"))
	case 't':
		return !bytes.EqualFold(name, []byte("Transfer-Encoding")) && !bytes.EqualFold(name, []byte("Trailer"))
	case 'u':
		return !bytes.EqualFold(name, []byte("Upgrade"))
	}
	return true
}

// handOver gives the connection to net/http.
func (s *Server) handOver(c *conn, read []byte) {
	select {
	case s.handed <- &replay{c, read}:
	case <-s.stopped:
		c.Close()
	}
}

// replay is a connection whose first bytes have been read already.
type replay struct {
	*conn
	read []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.read) > 0 {
		n := copy(b, r.read)
		r.read = r.read[n:]
		return n, nil
	}
	r.read = nil // gives the buffer back
	return r.conn.Read(b)
}

// handedOver is the listener from which net/http gets the connections that are
// handed to it.
type handedOver struct {
	conns   <-chan net.Conn
	stopped <-chan struct{}
	addr    net.Addr
}

func (h *handedOver) Accept() (net.Conn, error) {
	select {
	case nc := <-h.conns:
		return nc, nil
	case <-h.stopped:
		return nil, net.ErrClosed
	}
}

func (h *handedOver) Close() error   { return nil } // stopped does it
func (h *handedOver) Addr() net.Addr { return h.addr }
