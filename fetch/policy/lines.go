package policy

import (
	"sort"
	"strconv"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A path leads to a value of a document: each key, and each index of a list,
// after a NUL.
type path string

func (p path) key(name string) path { return p + "\x00" + path(name) }
func (p path) index(i int) path     { return p.key(strconv.Itoa(i)) }

// lines says in which line of a document the value at a path begins. The decoder
// of go-toml tells it only of what it refuses by itself; its parser, which
// has the promise of no stable API, is used in this file alone.
type lines struct {
	at     map[path]int
	parser unstable.Parser
	breaks []int        // offsets of all line feeds
	counts map[path]int // tables so far, of lists of tables
}

// findLines reads a document that the decoder has found good.
func findLines(data []byte) map[path]int {
	l := &lines{at: map[path]int{}, counts: map[path]int{}}
	for i, c := range data {
		if c == '\n' {
			l.breaks = append(l.breaks, i)
		}
	}
	l.parser.Reset(data)
	var table path
	for l.parser.NextExpression() {
		switch e := l.parser.Expression(); e.Kind {
		case unstable.Table:
			table = l.keys("", e, false)
		case unstable.ArrayTable:
			table = l.keys("", e, true)
		case unstable.KeyValue:
			l.keyValue(table, e)
		}
	}
	return l.at
}

func (l *lines) line(n *unstable.Node) int {
	return 1 + sort.SearchInts(l.breaks, int(n.Raw.Offset))
}

// note keeps the first line that is told of p: that of its header.
func (l *lines) note(p path, line int) {
	if _, ok := l.at[p]; !ok {
		l.at[p] = line
	}
}

// keys follows a key with dots from p on. A list of tables on the way stands for
// its last; with grow, the last key is one and gets another.
func (l *lines) keys(p path, e *unstable.Node, grow bool) path {
	for it := e.Key(); it.Next(); {
		p = p.key(string(it.Node().Data))
		line := l.line(it.Node())
		l.note(p, line)
		last := it.IsLast()
		if grow && last {
			l.counts[p]++
		}
		if n := l.counts[p]; n > 0 {
			p = p.index(n - 1)
			l.note(p, line)
		}
	}
	return p
}

func (l *lines) keyValue(table path, e *unstable.Node) {
	l.value(l.keys(table, e, false), e.Value())
}

func (l *lines) value(p path, v *unstable.Node) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			l.keyValue(p, it.Node())
		}
	case unstable.Array:
		i := 0
		for it := v.Children(); it.Next(); i++ {
			e := p.index(i)
			if it.Node().Raw.Length > 0 {
				l.note(e, l.line(it.Node()))
			}
			l.value(e, it.Node())
		}
	}
}
