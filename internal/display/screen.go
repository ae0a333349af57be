package display

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// A screen draws blocks of lines in one place of a terminal, each with one
// write.
//
// Between two frames the cursor stands on the block's first column, at its top:
// whatever a terminal does to lines when it is made narrower (some wrap what
// stands there, some cut it off), the cursor stays with the character it is
// on, so that what is below it can be erased without knowing how many rows
// it takes by now.
type screen struct {
	out     io.Writer
	shown   []string
	columns int // when shown was drawn
	frames  int
}

// repaintEvery is after how many frames all lines are drawn again, changed or
// not: somebody may have typed into them.
const repaintEvery = 8

// draw shows lines, none of which may be wider than the terminal; only those
// that have changed are written.
func (s *screen) draw(lines []string, columns int) {
	var b bytes.Buffer
	s.frames++
	if columns != s.columns || len(lines) < len(s.shown) {
		s.erase(&b)
	}
	if s.frames%repaintEvery != 0 && slices.Equal(lines, s.shown) {
		return
	}
	s.paint(&b, lines)
	s.columns = columns
	_, _ = s.out.Write(b.Bytes())
}

// What is too wide is cut off and not wrapped while a block is painted: a window
// may have been made narrower since its size was asked for, and then the way
// back to the top would be wrong.
const (
	noWrap = "\x1b[?7l"
	wrap   = "\x1b[?7h"
)

// paint writes what has changed, and returns to the top.
func (s *screen) paint(b *bytes.Buffer, lines []string) {
	b.WriteString(noWrap)
	defer b.WriteString(wrap)
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if i >= len(s.shown) || s.shown[i] != line || s.frames%repaintEvery == 0 {
			b.WriteString("\r" + line + "\x1b[K")
		}
	}
	b.WriteString("\r")
	if n := len(lines) - 1; n > 0 {
		fmt.Fprintf(b, "\x1b[%dA", n)
	}
	s.shown = slices.Clone(lines)
}

// say writes text, which may be several lines, above the block.
func (s *screen) say(text string) {
	var b bytes.Buffer
	lines := s.shown
	s.erase(&b)
	b.WriteString(text + "\n")
	if len(lines) > 0 {
		s.paint(&b, lines)
	}
	_, _ = s.out.Write(b.Bytes())
}

// clear takes the block away.
func (s *screen) clear() {
	var b bytes.Buffer
	s.erase(&b)
	_, _ = s.out.Write(b.Bytes())
}

// forget is for a terminal in which somebody else has written: the next frame
// begins where the cursor is.
func (s *screen) forget() { s.shown = nil }

func (s *screen) erase(b *bytes.Buffer) {
	if len(s.shown) > 0 {
		// From the second column on: tmux takes what is erased from its first
		// row's first column for something to be kept, above.
		b.WriteString("\r\x1b[K\x1b[C\x1b[J\r")
	}
	s.shown = nil
}
