package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

const (
	liveEvery  = 250 * time.Millisecond
	plainEvery = 10 * time.Second
)

// progress tells how a run goes: one line that is drawn again on a terminal,
// else a plain line now and then. It is the only writer of stderr meanwhile.
type progress struct {
	engine *fetch.Engine
	stderr io.Writer
	live   bool
	quit   chan struct{}
	done   sync.WaitGroup

	mu   sync.Mutex
	last fetch.Stats
	at   time.Time
}

func startProgress(mode string, engine *fetch.Engine, stderr io.Writer) *progress {
	p := &progress{engine: engine, stderr: stderr, quit: make(chan struct{}), at: time.Now()}
	p.live = mode == "auto" && isTerminal(stderr)
	if mode == "none" {
		return p
	}
	every := plainEvery
	if p.live {
		every = liveEvery
	}
	p.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.show()
			case <-p.quit:
				return
			}
		}
	})
	return p
}

func (p *progress) stop() {
	close(p.quit)
	p.done.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}

// say prints a line of its own.
func (p *progress) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	fmt.Fprintln(p.stderr, line)
}

func (p *progress) erase() {
	if p.live {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
}

func (p *progress) show() {
	st, now := p.engine.Stats(), time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	rate := float64(st.Records-p.last.Records) / max(now.Sub(p.at).Seconds(), 0.001)
	p.last, p.at = st, now
	line := progressLine(st, rate)
	if !p.live {
		fmt.Fprintln(p.stderr, line)
		return
	}
	if width := terminalWidth(p.stderr); len(line) >= width {
		line = line[:width-1]
	}
	p.erase()
	fmt.Fprint(p.stderr, line)
}

// progressLine is the state of a run in one line of ASCII.
func progressLine(st fetch.Stats, rate float64) string {
	line := fmt.Sprintf("%d done, %.0f/s, %d in flight", st.Records, rate, st.InFlight)
	if st.Failed > 0 {
		line += fmt.Sprintf(", %d failed", st.Failed)
	}
	if st.Backoff > 0 {
		line += fmt.Sprintf(", %d wait to be retried", st.Backoff)
	}
	if st.Held > 0 {
		line += fmt.Sprintf(", %d hosts on hold", st.Held)
	}
	if st.ReadAll {
		line += fmt.Sprintf(", %d to go", st.Items-st.Records)
	}
	return line + ", " + st.Elapsed.Round(time.Second).String()
}
