package fleet

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"net/http"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/compress"
)

// mostBytes is how much of the list a chunk holds, however few its items.
const mostBytes = 4 << 20

// A sentItem is an item on its way through Redis. Gob keeps bytes that are no
// text as they are.
type sentItem struct {
	Index, Line int64
	Source, ID  string
	URL, Method string
	Header      http.Header
	Body, Raw   []byte
	HasBody     bool // gob makes nil of an empty one, which would be the run's
	Cost        int
	Err         string
}

func encode(items []fetch.Item) ([]byte, error) {
	sent := make([]sentItem, 0, len(items))
	for i := range items {
		it := &items[i]
		s := sentItem{
			Index: it.Index, Line: it.Line, Source: it.Source, ID: it.ID, URL: it.URL, Method: it.Method,
			Header: it.Header, Body: it.Body, HasBody: it.Body != nil, Raw: it.Raw, Cost: it.Cost,
		}
		if string(it.Raw) == it.URL {
			s.Raw = nil
		}
		if it.Err != nil {
			s.Err = it.Err.Error()
		}
		sent = append(sent, s)
	}
	var b bytes.Buffer
	z := compress.NewWriter(".zst", &b)
	if err := errors.Join(gob.NewEncoder(z).Encode(sent), z.Close()); err != nil {
		return nil, fmt.Errorf("fleet: packing a chunk: %w", err)
	}
	return b.Bytes(), nil
}

func decode(data []byte) ([]fetch.Item, error) {
	z, err := compress.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("fleet: unpacking a chunk: %w", err)
	}
	defer z.Close()
	var sent []sentItem
	if err := gob.NewDecoder(z).Decode(&sent); err != nil {
		return nil, fmt.Errorf("fleet: unpacking a chunk: %w", err)
	}
	items := make([]fetch.Item, 0, len(sent))
	for i := range sent {
		s := &sent[i]
		it := fetch.Item{
			Index: s.Index, Line: s.Line, Source: s.Source, ID: s.ID, URL: s.URL, Method: s.Method,
			Header: s.Header, Body: s.Body, Raw: s.Raw, Cost: s.Cost,
		}
		if s.HasBody && it.Body == nil {
			it.Body = []byte{}
		}
		if s.Err != "" {
			it.Err = errors.New(s.Err)
		}
		items = append(items, it)
	}
	return items, nil
}

// size is about how much of a chunk an item takes.
func size(it *fetch.Item) int {
	n := len(it.URL) + len(it.Raw) + len(it.Body)
	for name, values := range it.Header {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}
