package httplimit

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock"
)

// An exchange is a request with its permit, and then the body of its response.
type exchange struct {
	l       *limits
	req     *http.Request
	grant   grant
	permit  penstock.Permit // a composed one, of which the grant is part
	status  int             // 429 also where the server means that; 0 without a response
	outcome penstock.Outcome
	told    time.Duration // how long the response asks to wait
	body    io.ReadCloser // nil if the response has none, or there is none
	ended   atomic.Bool
}

// end gives the permit back, once.
func (x *exchange) end(o penstock.Outcome) {
	if x.ended.Swap(true) {
		return
	}
	if x.permit != nil {
		x.permit.Release(o)
		return
	}
	x.l.release(&x.grant, o)
}

// answered ends the exchange if there is no body to wait for.
func (x *exchange) answered() {
	if x.body == nil {
		x.end(x.outcome)
	}
}

// wrap makes the body of resp hold the permit, if there is one to read.
func (x *exchange) wrap(resp *http.Response) {
	if resp.Body == nil || resp.Body == http.NoBody {
		return
	}
	x.body = resp.Body
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if rw, ok := resp.Body.(io.ReadWriteCloser); ok {
			resp.Body = &upgraded{rw, x}
			return
		}
	}
	resp.Body = x
}

// Read reads from the body, and gives the permit back at its end.
func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.body.Read(p)
	if err != nil {
		x.end(x.afterRead(err))
	}
	return n, err
}

// afterRead is the outcome of a request whose body ended with err.
func (x *exchange) afterRead(err error) penstock.Outcome {
	if err == io.EOF {
		return x.outcome
	}
	return outcomeOf(x.req, 0, err)
}

// Close closes the body, and gives the permit back when the connection is no
// longer in use.
func (x *exchange) Close() error {
	defer x.end(x.outcome)
	return x.body.Close()
}

// An upgraded is the body of a 101: a connection, which is at its end only when
// both sides are.
type upgraded struct {
	io.ReadWriteCloser
	x *exchange
}

func (u *upgraded) Close() error {
	defer u.x.end(u.x.outcome)
	return u.ReadWriteCloser.Close()
}

// CloseWrite closes one side, if the connection can.
func (u *upgraded) CloseWrite() error {
	if c, ok := u.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
