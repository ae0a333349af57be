package main

import (
	"context"
	"errors"

	"github.com/penstock-go/penstock/fetch"
	reader "github.com/penstock-go/penstock/fetch/input"
)

// readerSource makes a reader of items a source.
type readerSource struct{ r reader.Reader }

func (s readerSource) Next(context.Context) (fetch.Item, error) {
	it, err := s.r.Next()
	if errors.Is(it.Err, reader.ErrTooLong) {
		// Only a beginning of the line was kept, which is another request.
		it.Raw = []byte("# not kept: " + it.Err.Error())
	}
	return fetch.Item(it), err
}

// An abandonable source can be left while a read blocks, as a read of a
// terminal or a pipe may for ever. The goroutine that reads then stays until
// the process ends: the one exception to "whoever starts a goroutine waits
// for it", and the reason why this is here and not in the engine.
type abandonable struct {
	items chan read
	quit  chan struct{}
}

type read struct {
	item fetch.Item
	err  error
}

func newAbandonable(src fetch.Source) *abandonable {
	a := &abandonable{items: make(chan read, 256), quit: make(chan struct{})}
	go func() {
		for {
			it, err := src.Next(context.Background())
			select {
			case a.items <- read{it, err}:
			case <-a.quit:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return a
}

func (a *abandonable) Next(ctx context.Context) (fetch.Item, error) {
	select {
	case r := <-a.items:
		return r.item, r.err
	case <-ctx.Done():
		return fetch.Item{}, context.Cause(ctx)
	}
}

func (a *abandonable) abandon() { close(a.quit) }
