package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A refusal is why something that was asked for is not done.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

func refusef(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// mostLimit is more than anybody can mean.
const mostLimit = 1_000_000

// control makes a handler of what may be done, which answers with the status
// that comes of it.
func (p *Page) control(do func(r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		if err := r.ParseForm(); err != nil {
			text(w, http.StatusBadRequest, "this is no form: send limit=20")
			return
		}
		if err := do(r); err != nil {
			status := http.StatusBadRequest
			if no, ok := errors.AsType[*refusal](err); ok {
				status = no.status
			}
			text(w, status, err.Error())
			return
		}
		p.status(w, r)
	})
}

// limiter is the one that the form names, or nil where it names none.
func (p *Page) limiter(r *http.Request) (*Limiter, error) {
	name := r.PostForm.Get("limiter")
	if name == "" {
		if p.opts.Run == nil {
			return nil, refusef(http.StatusNotFound, "there is no run here: name one of the limiters, as in limiter=%s", p.opts.Limiters[0].Name)
		}
		return nil, nil
	}
	for i := range p.opts.Limiters {
		if l := &p.opts.Limiters[i]; l.Name == name {
			if l.SetLimit == nil {
				return nil, refusef(http.StatusConflict, "the limit of %s cannot be changed here", name)
			}
			return l, nil
		}
	}
	return nil, refusef(http.StatusNotFound, "there is no limiter %q", name)
}

func (p *Page) pause(r *http.Request) error {
	l, err := p.limiter(r)
	switch {
	case err != nil:
		return err
	case l != nil:
		return p.pauseLimiter(l)
	case p.opts.Run.Pause == nil || p.opts.Run.Resume == nil:
		return refusef(http.StatusConflict, "this run cannot be paused")
	}
	p.opts.Run.Pause()
	return nil
}

func (p *Page) resume(r *http.Request) error {
	l, err := p.limiter(r)
	switch {
	case err != nil:
		return err
	case l != nil:
		return p.resumeLimiter(l)
	case p.opts.Run.Resume == nil:
		return refusef(http.StatusConflict, "this run cannot be paused")
	}
	p.opts.Run.Resume()
	return nil
}

func (p *Page) limit(r *http.Request) error {
	l, err := p.limiter(r)
	if err != nil {
		return err
	}
	given := strings.TrimSpace(r.PostForm.Get("limit"))
	n, err := strconv.Atoi(given)
	switch {
	case err != nil || n < 1 || n > mostLimit:
		return refusef(http.StatusBadRequest, "limit %q: write a number from 1 to %d, as in limit=20", given, mostLimit)
	case l != nil:
		return p.setLimiter(l, n)
	case p.opts.Run.SetLimit == nil:
		return refusef(http.StatusConflict, "the limit of this run cannot be changed here")
	}
	return p.opts.Run.SetLimit(n)
}

// pauseLimiter sets the limit to 0, which stops all without refusing any.
func (p *Page) pauseLimiter(l *Limiter) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	if _, already := p.isPaused(l); already {
		return nil
	}
	was := l.Stats().Limit
	if was < 1 {
		return refusef(http.StatusConflict, "%s has no limit to come back to", l.Name)
	}
	if err := l.SetLimit(0); err != nil {
		return err
	}
	p.setPaused(l, was)
	return nil
}

func (p *Page) resumeLimiter(l *Limiter) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	was, paused := p.isPaused(l)
	if !paused {
		return nil
	}
	if now := l.Stats().Limit; now == 0 { // else somebody has set it meanwhile
		if err := l.SetLimit(was); err != nil {
			return err
		}
	}
	p.setPaused(l, 0)
	return nil
}

// setLimiter changes a limit; of one that is paused, what it will be.
func (p *Page) setLimiter(l *Limiter, n int) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	if _, paused := p.isPaused(l); paused {
		p.setPaused(l, n)
		return nil
	}
	return l.SetLimit(n)
}

func (p *Page) isPaused(l *Limiter) (was int, paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, paused = p.paused[l.Name]
	return was, paused
}

func (p *Page) setPaused(l *Limiter, was int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if was == 0 {
		delete(p.paused, l.Name)
	} else {
		p.paused[l.Name] = was
	}
}
