package fetch_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A reply is what the fake network answers to one request, and when.
type reply struct {
	status  int // 0 means 200
	header  http.Header
	body    string
	wait    time.Duration // before the header, or before err
	read    time.Duration // before the last byte of the body
	err     error         // instead of an answer
	bodyErr error         // instead of the end of the body
	length  int64         // of the body, as the header has it; 0 means unknown
}

// A hit is one request as the network saw it.
type hit struct {
	at      time.Duration // since the network was made
	host    string        // name and port
	method  string
	url     string
	header  http.Header
	sentTo  string // the Host header
	body    string
	nth     int           // of the requests to this URL, from 0
	left    time.Duration // until the request's deadline
	endless bool          // it has none
}

// A network is an http.RoundTripper that counts what is in flight, from the
// call until its error or until the body is closed, and answers as it is told.
type network struct {
	answer func(h hit) reply
	start  time.Time

	mu       sync.Mutex
	inFlight int
	most     int
	byHost   map[string]int
	hostMost map[string]int
	seen     map[string]int
	hits     []hit
}

// newNetwork is a network whose answers are those of answer, which may be
// called by several goroutines at once. Nil answers 200 at once.
func newNetwork(answer func(h hit) reply) *network {
	if answer == nil {
		answer = func(hit) reply { return reply{} }
	}
	return &network{
		answer: answer, start: time.Now(),
		byHost: map[string]int{}, hostMost: map[string]int{}, seen: map[string]int{},
	}
}

// always answers every request after the same time.
func always(wait time.Duration) func(hit) reply {
	return func(hit) reply { return reply{wait: wait} }
}

func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, ctx.Err() // as net/http: nothing is sent
	}
	h, err := n.enter(req)
	if err != nil {
		return nil, err
	}
	r := n.answer(h)
	if err := pause(ctx, r.wait); err != nil {
		r.err = err
	}
	if r.err != nil {
		n.leave(h.host)
		return nil, r.err
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.header == nil {
		r.header = http.Header{}
	}
	resp := &http.Response{
		StatusCode: r.status, Header: r.header, ContentLength: -1, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if r.length > 0 {
		resp.ContentLength = r.length
	}
	resp.Body = &slowBody{net: n, host: h.host, ctx: ctx, left: strings.NewReader(r.body), wait: r.read, err: r.bodyErr}
	return resp, nil
}

// enter counts a request in.
func (n *network) enter(req *http.Request) (hit, error) {
	h := hit{
		at: time.Since(n.start), host: hostPort(req), method: req.Method,
		url: req.URL.String(), header: req.Header.Clone(), sentTo: req.Host,
	}
	deadline, ok := req.Context().Deadline()
	h.left, h.endless = time.Until(deadline), !ok
	if req.Body != nil {
		var b bytes.Buffer
		if _, err := b.ReadFrom(req.Body); err != nil {
			return h, err
		}
		req.Body.Close()
		h.body = b.String()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	h.nth = n.seen[h.url]
	n.seen[h.url]++
	n.hits = append(n.hits, h)
	n.inFlight++
	n.byHost[h.host]++
	n.most = max(n.most, n.inFlight)
	n.hostMost[h.host] = max(n.hostMost[h.host], n.byHost[h.host])
	return h, nil
}

func (n *network) leave(host string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight--
	n.byHost[host]--
}

// log is a copy of the hits so far.
func (n *network) log() []hit {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]hit(nil), n.hits...)
}

// hitsOn is the hits on one host.
func (n *network) hitsOn(host string) (hits []hit) {
	for _, h := range n.log() {
		if h.host == host {
			hits = append(hits, h)
		}
	}
	return hits
}

// settled fails the test unless every request has ended.
func (n *network) settled(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.inFlight != 0 {
		t.Errorf("%d requests were never ended, or their bodies not closed", n.inFlight)
	}
}

// within fails the test if the limits were ever exceeded; a limit of 0 is
// none.
func (n *network) within(t *testing.T, limit, perHost int) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if limit > 0 && n.most > limit {
		t.Errorf("%d requests in flight at once, limit %d", n.most, limit)
	}
	for host, most := range n.hostMost {
		if perHost > 0 && most > perHost {
			t.Errorf("%d requests in flight to %s at once, limit %d", most, host, perHost)
		}
	}
}

// hostPort is the host of a request, in one spelling.
func hostPort(req *http.Request) string {
	port := req.URL.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[req.URL.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(req.URL.Hostname()), port)
}

// A slowBody ends some time after it was first read.
type slowBody struct {
	net  *network
	host string
	ctx  context.Context //nolint:containedctx // a response's body lives under its request's context
	left *strings.Reader
	wait time.Duration
	err  error
	once sync.Once
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left.Len() > 0 {
		return b.left.Read(p)
	}
	if err := pause(b.ctx, b.wait); err != nil {
		return 0, err
	}
	b.wait = 0
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

func (b *slowBody) Close() error {
	b.once.Do(func() { b.net.leave(b.host) })
	return nil
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
