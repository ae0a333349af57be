package origin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

var rawRoutes = []route{
	{name: "nolength", form: "/nolength/BYTES[/...]", example: "/nolength/1000", help: "a body that ends with the connection: no length, not chunked", serve: serveNoLength},
	{name: "hugeheader", form: "/hugeheader/BYTES[/...]", example: "/hugeheader/8000000", help: "an answer with one header field of that size", serve: serveHugeHeader},
	{name: "slowheaders", form: "/slowheaders/MS[/...]", example: "/slowheaders/1000", help: "the header byte by byte, spread over MS milliseconds", serve: serveSlowHeaders},
	{name: "stale", form: "/stale/MS[/...]", example: "/stale/5", help: "a good answer that keeps the connection, which is closed MS milliseconds later", serve: serveStale},
	{name: "garbage", form: "/garbage[/...]", example: "/garbage", help: "bytes that are not HTTP", serve: serveRawName("garbage")},
	{name: "garbage-chunk", form: "/garbage-chunk[/...]", example: "/garbage-chunk", help: "a chunked answer that turns into nonsense after the first chunk", serve: serveRawName("garbage-chunk")},
	{name: "raw", form: "/raw/NAME[/...]", example: "/raw/two-lengths", help: "an answer sent as it is, from the list below", serve: serveRaw},
}

// onWire takes the connection and calls answer with it; the connection is
// closed when that returns. Over HTTP/2 the stream is reset instead: it has no
// bytes of its own to misbehave with.
func (x *exchange) onWire(status int, answer func(net.Conn, *bufio.ReadWriter)) {
	x.drain()
	nc, rw, ok := x.hijack()
	if !ok {
		x.abort()
	}
	defer nc.Close()
	if status != 0 {
		x.count(status)
	}
	answer(nc, rw)
}

func serveNoLength(x *exchange, r *route) {
	n, ok := x.number(maxBytes)
	if !ok {
		x.refuse(r)
		return
	}
	x.onWire(200, func(_ net.Conn, w *bufio.ReadWriter) {
		w.WriteString("HTTP/1.1 200 OK\r\nContent-Type: " + binaryType + "\r\nConnection: close\r\n\r\n")
		if fill(w, 0, n) != nil || w.Flush() != nil {
			return
		}
		x.end() // the client knows the end by the close that follows
	})
}

func serveHugeHeader(x *exchange, r *route) {
	n, ok := x.number(1 << 32)
	if !ok {
		x.refuse(r)
		return
	}
	x.onWire(200, func(_ net.Conn, w *bufio.ReadWriter) {
		w.WriteString("HTTP/1.1 200 OK\r\nX-Huge: ")
		part := strings.Repeat("h", 1<<14)
		for left := n; left > 0; left -= min(left, int64(len(part))) {
			if _, err := w.WriteString(part[:min(left, int64(len(part)))]); err != nil {
				return
			}
		}
		w.Flush()
		x.end()
		w.WriteString("\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
		w.Flush()
	})
}

func serveSlowHeaders(x *exchange, r *route) {
	d, ok := x.millis()
	if !ok {
		x.refuse(r)
		return
	}
	x.onWire(200, func(nc net.Conn, _ *bufio.ReadWriter) {
		const header = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
		const n = time.Duration(len(header))
		for i := range n {
			if _, err := io.WriteString(nc, header[i:i+1]); err != nil || !x.wait(d*(i+1)/n-d*i/n) {
				return
			}
		}
		x.end()
		io.WriteString(nc, "ok\n")
	})
}

func serveStale(x *exchange, r *route) {
	d, ok := x.millis()
	if !ok {
		x.refuse(r)
		return
	}
	x.onWire(200, func(nc net.Conn, _ *bufio.ReadWriter) {
		x.end()
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n")
		x.wait(d)
	})
}

func serveRaw(x *exchange, r *route) {
	if answer := findRaw(x.arg()); answer != nil {
		x.sendRaw(answer)
		return
	}
	x.refuse(r)
}

func serveRawName(name string) func(*exchange, *route) {
	return func(x *exchange, _ *route) { x.sendRaw(findRaw(name)) }
}

// sendRaw sends the bytes. When the answer keeps the connection, it stays until
// the client closes it or sends something more, which is not answered.
func (x *exchange) sendRaw(answer *rawAnswer) {
	x.onWire(0, func(nc net.Conn, rw *bufio.ReadWriter) {
		x.end()
		if _, err := io.WriteString(nc, answer.bytes); err == nil && answer.keep {
			rw.ReadByte()
		}
	})
}

// rawIndex is the list of raw answers for the page at /.
func rawIndex() string {
	var b strings.Builder
	b.WriteString("\nThe answers of /raw/NAME:\n")
	for i := range rawAnswers {
		fmt.Fprintf(&b, "  %-20s %s\n", rawAnswers[i].name, rawAnswers[i].help)
	}
	return b.String()
}
