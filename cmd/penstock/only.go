package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-go/penstock/fetch"
)

// An indexRange is from one item to another, both included.
type indexRange struct{ from, to int64 }

// parseOnly reads what --only says: 0-99,500 or @FILE with such a list, on one
// line or many. The result is in order.
func parseOnly(text string) ([]indexRange, error) {
	const hint = "--only 0-99,500 (items count from 0), or --only @missing.txt of penstock merge --missing"
	if name, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, usagef(hint, "--only: %v", pathReason(err))
		}
		text = string(data)
	}
	var ranges []indexRange
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		a, b, isRange := strings.Cut(part, "-")
		if !isRange {
			b = a
		}
		from, err1 := strconv.ParseInt(a, 10, 64)
		to, err2 := strconv.ParseInt(b, 10, 64)
		if err1 != nil || err2 != nil || from < 0 || from > to {
			return nil, usagef(hint, "--only: %q is not an item or a range of items", oneLine(part))
		}
		ranges = append(ranges, indexRange{from, to})
	}
	if len(ranges) == 0 {
		return nil, usagef(hint, "--only names no item")
	}
	slices.SortFunc(ranges, func(x, y indexRange) int { return cmp.Compare(x.from, y.from) })
	return ranges, nil
}

// onlySource leaves out the items that are in no range, and ends after the last.
type onlySource struct {
	src    fetch.Source
	ranges []indexRange
}

func (s *onlySource) Next(ctx context.Context) (fetch.Item, error) {
	for {
		it, err := s.src.Next(ctx)
		if err != nil {
			return it, err
		}
		for len(s.ranges) > 0 && s.ranges[0].to < it.Index {
			s.ranges = s.ranges[1:]
		}
		switch {
		case len(s.ranges) == 0:
			return fetch.Item{}, io.EOF
		case it.Index >= s.ranges[0].from:
			return it, nil
		}
	}
}

// limitTo lets the input be only what --only says.
func (in *input) limitTo(text string) error {
	if text == "" {
		return nil
	}
	ranges, err := parseOnly(text)
	if err != nil {
		return err
	}
	in.src = &onlySource{in.src, ranges}
	in.only = digest(fmt.Append(nil, ranges))
	return nil
}
