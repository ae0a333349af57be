package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What the bundled server does: as little as possible for each request, since it
// shares the processor with its client.
type behaviour struct {
	delay time.Duration
	big   []byte
	quota int           // requests a second
	slow  chan struct{} // one for each request that the slow host does at once
	work  time.Duration // for how long each

	mu            sync.Mutex
	began, others time.Time
	window        int64 // second since then
	used          int
	answers       int64         // that were delayed,
	delayed       time.Duration // all of them together
}

const bigBody = 1 << 20

// serve listens on a port, prints it, and answers until the process is killed.
func serve(what string) error {
	b := &behaviour{}
	switch what {
	case "delay":
		b.delay = 50 * time.Millisecond
	case "big":
		b.big = bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n"), bigBody/64)
	case "quota":
		b.quota = 1000
	case "slow": // 200 a second
		b.slow, b.work = make(chan struct{}, 10), 50*time.Millisecond
	default:
		return fmt.Errorf("%q is nothing that this server does", what)
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, port)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go b.serveConn(c)
	}
}

func (b *behaviour) serveConn(c net.Conn) {
	defer c.Close()
	first := strings.HasPrefix(c.LocalAddr().String(), "127.0.0.1:")
	r := bufio.NewReader(c)
	var out []byte
	for {
		path, last, err := readRequest(r)
		if err != nil {
			return
		}
		var body net.Buffers
		if what, ok := strings.CutPrefix(path, "/control/"); ok {
			body = net.Buffers{ok200(nil, []byte(b.control(what)))}
		} else {
			body = b.answer(out[:0], path, first)
			out = body[0]
		}
		if _, err := body.WriteTo(c); err != nil || last {
			return
		}
	}
}

// readRequest reads a header, without a body, and returns its path.
func readRequest(r *bufio.Reader) (path string, last bool, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", false, err
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	p, version, ok := bytes.Cut(rest, []byte(" "))
	if !ok {
		return "", false, errors.New("not HTTP")
	}
	path, last = string(p), bytes.HasPrefix(version, []byte("HTTP/1.0"))
	for {
		line, err := r.ReadSlice('\n')
		if err != nil || len(line) <= 2 {
			return path, last, err
		}
		if bytes.EqualFold(bytes.TrimSpace(line), []byte("Connection: close")) {
			last = true
		}
	}
}

const padding = `","name":"an item as good as any other","tags":["one","two","three"],"price":12.5}` + "\n"

func (b *behaviour) answer(out []byte, path string, first bool) net.Buffers {
	now := time.Now()
	b.mu.Lock()
	if b.began.IsZero() {
		b.began = now
	}
	allowed := true
	if b.quota > 0 {
		if window := int64(now.Sub(b.began) / time.Second); window != b.window {
			b.window, b.used = window, 0
		}
		b.used++
		allowed = b.used <= b.quota
	}
	b.mu.Unlock()
	switch {
	case !allowed:
		return net.Buffers{append(out, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"...)}
	case b.big != nil:
		head := path + ";\n"
		out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(head)+len(b.big)), 10)
		return net.Buffers{append(append(out, "\r\n\r\n"...), head...), b.big}
	case b.slow != nil && first:
		b.slow <- struct{}{}
		time.Sleep(b.work)
		<-b.slow
	case b.slow != nil:
		b.mu.Lock()
		b.others = now
		b.mu.Unlock()
	case b.delay > 0:
		time.Sleep(b.delay)
		b.mu.Lock()
		b.answers++
		b.delayed += time.Since(now)
		b.mu.Unlock()
	}
	return net.Buffers{ok200(out, []byte(`{"id":"`+path+`;`+padding))}
}

func ok200(out, body []byte) []byte {
	out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	return append(append(out, "\r\n\r\n"...), body...)
}

func (b *behaviour) control(what string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	took := b.others.Sub(b.began)
	switch what {
	case "reset":
		b.began, b.others, b.window, b.used, b.answers, b.delayed = time.Time{}, time.Time{}, 0, 0, 0, 0
		return "ok"
	case "delayed":
		took = b.delayed / time.Duration(max(1, b.answers))
	}
	return strconv.FormatInt(int64(took), 10)
}
