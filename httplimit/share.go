package httplimit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/penstock-go/penstock/rate"
)

// shares are the GETs of which others wait for the response.
//
// There is no goroutine for them, and no context of their own: the first who
// asks sends its request, as it would alone. If it gives up, one of those who
// wait sends its own. It costs a request where a detached one would not, but a
// request lives in the context, and by the deadline, of one who wants it.
type shares struct {
	mu    sync.Mutex
	calls map[string]*shared
}

// A shared is a response on its way to all who want it.
type shared struct {
	done chan struct{} // closed when the rest is there
	ok   bool          // it can be shared
	resp *http.Response
	body []byte
	tail error // what reading the body ended with
	err  error
}

// mayShare reports whether all there is to the request is in its URL and header.
func mayShare(req *http.Request) bool {
	return (req.Method == http.MethodGet || req.Method == "") && (req.Body == nil || req.Body == http.NoBody) &&
		req.Header.Get("Upgrade") == "" && req.Header.Get("Accept") != "text/event-stream"
}

// shareKey is the same for requests that are identical.
func shareKey(req *http.Request) string {
	var b strings.Builder
	b.WriteString(req.URL.String())
	b.WriteByte('\n')
	b.WriteString(req.Host)
	names := make([]string, 0, len(req.Header))
	for name := range req.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range req.Header[name] {
			b.WriteString("\n" + name + ":" + v) // neither can hold a line's end
		}
	}
	return b.String()
}

// share is RoundTrip for a request that may be answered by another's response.
func (t *Transport) share(req *http.Request) (*http.Response, error) {
	key := shareKey(req)
	for {
		t.shares.mu.Lock()
		call := t.shares.calls[key]
		if call == nil {
			call = &shared{done: make(chan struct{})}
			if t.shares.calls == nil {
				t.shares.calls = map[string]*shared{}
			}
			t.shares.calls[key] = call
			t.shares.mu.Unlock()
			return t.lead(req, key, call)
		}
		t.shares.mu.Unlock()
		select {
		case <-call.done:
		case <-req.Context().Done():
			return nil, ended(req.Context())
		}
		switch {
		case !call.ok && call.resp == nil:
			continue // it gave up
		case !call.ok:
			return t.send(req) // too long
		}
		t.limits.mu.Lock()
		t.limits.count.shared++
		t.limits.mu.Unlock()
		return call.answer(req)
	}
}

// lead sends req for all who wait for call.
func (t *Transport) lead(req *http.Request, key string, call *shared) (*http.Response, error) {
	defer func() { // also if it panics
		t.shares.mu.Lock()
		delete(t.shares.calls, key)
		t.shares.mu.Unlock()
		close(call.done)
	}()
	resp, err := t.send(req)
	if err != nil {
		call.err, call.ok = err, !gaveUp(req.Context(), err)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		call.resp = resp
		return resp, nil
	}
	original, handedOn := resp.Body, false
	defer func() {
		if !handedOn {
			original.Close()
		}
	}()
	body, tail := io.ReadAll(io.LimitReader(original, t.opts.Share.MaxBody+1))
	switch {
	case int64(len(body)) > t.opts.Share.MaxBody:
		call.resp, handedOn = resp, true
		resp.Body = &rest{io.MultiReader(bytes.NewReader(body), original), original}
		return resp, nil
	case tail != nil && gaveUp(req.Context(), tail):
		resp.Body = &copied{bytes.NewReader(body), tail}
		return resp, nil
	}
	call.resp, call.body, call.tail, call.ok = resp, body, tail, true
	return call.copy(req), nil
}

// gaveUp reports whether err is for one request only: it had no more time.
func gaveUp(ctx context.Context, err error) bool {
	if held, ok := errors.AsType[*HostError](err); ok && held.Timeout() {
		return true
	}
	_, late := errors.AsType[*rate.DeadlineError](err)
	return late || ctx.Err() != nil
}

// answer is the response for one of those who waited.
func (c *shared) answer(req *http.Request) (*http.Response, error) {
	if c.err != nil {
		return nil, c.err
	}
	return c.copy(req), nil
}

func (c *shared) copy(req *http.Request) *http.Response {
	resp := *c.resp
	resp.Header, resp.Trailer, resp.Request = c.resp.Header.Clone(), c.resp.Trailer.Clone(), req
	resp.Body = &copied{bytes.NewReader(c.body), c.tail}
	return &resp
}

// A rest is a body of which the beginning has been read.
type rest struct {
	io.Reader
	io.Closer
}

// A copied is a body that was read before, and how that ended.
type copied struct {
	data *bytes.Reader
	tail error
}

func (b *copied) Read(p []byte) (int, error) {
	n, err := b.data.Read(p)
	if err == io.EOF && b.tail != nil {
		err = b.tail
	}
	return n, err
}

func (b *copied) Close() error { return nil }
