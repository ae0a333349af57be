package display

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// A Mode is how a run is shown.
type Mode int

// The modes.
const (
	Plain Mode = iota // a line after 10 seconds and then every minute
	Live              // a block that is drawn again four times a second
	JSON              // an object every second, and one for each thing said
	None              // only what is said
	Quiet             // not even that
)

const (
	liveEvery  = 250 * time.Millisecond
	firstPlain = 10 * time.Second
	plainEvery = time.Minute
	jsonEvery  = time.Second
)

// Options are what a Display shows, and how.
type Options struct {
	// Stats and Buckets are the engine's. Buckets may be nil.
	Stats   func() fetch.Stats
	Buckets func(n int) []fetch.BucketStats
	Limits  Limits
	// Total is how many items there are; 0 as long as that is not known. It may be
	// nil.
	Total func() int64
	Mode  Mode
	// Out is written to by one goroutine at a time. Its errors are not looked
	// at: nobody could be told.
	Out io.Writer
	// Size is how large the terminal is, asked for every frame. Nil, or 0, is 80
	// columns and 24 rows.
	Size func() (columns, rows int)
	// Color and Unicode are what the terminal can show.
	Color, Unicode bool
}

// A Display shows a run from Start to Stop. Its methods are safe for concurrent
// use.
type Display struct {
	opts   Options
	meter  Meter
	screen screen
	next   time.Time // for a plain line or an object

	said   chan string
	asked  chan struct{}
	redraw chan struct{}
	quit   chan struct{}
	done   chan struct{}
	after  sync.Mutex // for what is said when nobody draws any more: held while it is written
}

// Start begins to show a run, until Stop.
func Start(o Options) *Display {
	d := &Display{
		opts: o, meter: Meter{Limits: o.Limits}, screen: screen{out: o.Out},
		said: make(chan string), asked: make(chan struct{}), redraw: make(chan struct{}),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	switch now := time.Now(); o.Mode {
	case Plain:
		d.next = now.Add(firstPlain)
	case JSON:
		d.next = now.Add(jsonEvery)
	}
	go d.work()
	return d
}

// Stop erases what is to be erased, and returns when that is done and nothing
// is drawn any more. To be called once.
func (d *Display) Stop() {
	close(d.quit)
	<-d.done
}

// Say prints a line, which is made harmless, above the block. It returns when
// what was said before is written.
func (d *Display) Say(text string) {
	select {
	case d.said <- text:
	case <-d.done:
		d.after.Lock()
		defer d.after.Unlock()
		d.say(text)
	}
}

// Status prints how the run stands, whatever the mode; after Stop, nothing.
func (d *Display) Status() { d.send(d.asked) }

// Redraw draws anew where the cursor is, as after the shell had the terminal.
func (d *Display) Redraw() { d.send(d.redraw) }

func (d *Display) send(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	case <-d.done:
	}
}

// work is the one writer.
func (d *Display) work() {
	defer close(d.done)
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.tick(d.state())
		case text := <-d.said:
			d.say(text)
		case <-d.asked:
			d.status(d.state())
		case <-d.redraw:
			d.screen.forget()
			d.tick(d.state())
		case <-d.quit:
			d.screen.clear()
			return
		}
	}
}

func (d *Display) state() State {
	if d.opts.Total != nil {
		d.meter.Total = d.opts.Total()
	}
	return d.meter.Add(time.Now(), d.opts.Stats(), d.opts.Buckets)
}

func (d *Display) tick(s State) {
	switch d.opts.Mode {
	case Live:
		columns, rows := d.size()
		lines := s.Lines(Style{Width: columns, Color: d.opts.Color, Unicode: d.opts.Unicode})
		d.screen.draw(lines[:max(1, min(len(lines), rows-1))], columns)
	case Plain:
		if d.due(s.Now, plainEvery) {
			d.write(s.Plain() + "\n")
		}
	case JSON:
		if d.due(s.Now, jsonEvery) {
			d.write(string(s.JSON()))
		}
	}
}

// due says that it is time, and when it will be again.
func (d *Display) due(now time.Time, every time.Duration) bool {
	if now.Before(d.next) {
		return false
	}
	d.next = d.next.Add(every)
	if !now.Before(d.next) { // it was late by more than one
		d.next = now.Add(every)
	}
	return true
}

func (d *Display) size() (columns, rows int) {
	if d.opts.Size != nil {
		columns, rows = d.opts.Size()
	}
	return cmp.Or(columns, 80), cmp.Or(rows, 24)
}

func (d *Display) status(s State) {
	switch d.opts.Mode {
	case JSON:
		d.write(string(s.JSON()))
	case Live:
		d.screen.say(s.Status())
	default:
		d.write(s.Status() + "\n")
	}
}

func (d *Display) say(text string) {
	text = harmless(text)
	switch d.opts.Mode {
	case Quiet:
	case JSON:
		d.write(string(object(message{"log", time.Now().UTC().Round(time.Millisecond), text})))
	case Live:
		d.screen.say(text)
	default:
		d.write(text + "\n")
	}
}

// A message is a line of a log in JSON.
type message struct {
	Type    string    `json:"type"`
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// Object prints x, which is something that can be rendered, as a line of JSON.
// To be called after Stop.
func (d *Display) Object(x any) {
	d.after.Lock()
	defer d.after.Unlock()
	d.write(string(object(x)))
}

func (d *Display) write(text string) { fmt.Fprint(d.opts.Out, text) }

// harmless is text with its line ends, and else only what can be printed.
func harmless(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = Printable(line)
	}
	return strings.Join(lines, "\n")
}
