package input

import "io"

// A Reader is what Concat reads from: every reader of this package is one.
type Reader interface {
	// Next returns the next item, io.EOF after the last, or an error that
	// says why there is nothing more to be had.
	Next() (Item, error)
}

// An Opener opens a source when its turn comes. The io.Closer, which may be
// nil, is closed when the source is used up.
type Opener func() (Reader, io.Closer, error)

// Opened returns an Opener of a reader that is open already and not to be
// closed.
func Opened(r Reader) Opener {
	return func() (Reader, io.Closer, error) { return r, nil, nil }
}

// A ConcatReader reads several sources one after the other.
type ConcatReader struct {
	openers []Opener
	current Reader
	closer  io.Closer
	index   int64
	err     error
}

// Concat returns a reader of all sources in turn, of which it holds one open
// at a time. Item.Index runs on from one source to the next.
func Concat(sources ...Opener) *ConcatReader {
	return &ConcatReader{openers: sources}
}

// Next returns the next item, or io.EOF after the last one of the last source.
// An error of a source, also that of opening or closing it, ends the whole and
// is returned again when Next is called again.
func (c *ConcatReader) Next() (Item, error) {
	for c.err == nil {
		if c.current == nil {
			c.err = c.open()
			continue
		}
		it, err := c.current.Next()
		if err == nil {
			it.Index = c.index
			c.index++
			return it, nil
		}
		closeErr := c.Close()
		if err != io.EOF {
			c.err = err
		} else {
			c.err = closeErr
		}
	}
	return Item{}, c.err
}

func (c *ConcatReader) open() (err error) {
	if len(c.openers) == 0 {
		return io.EOF
	}
	next := c.openers[0]
	c.openers = c.openers[1:]
	c.current, c.closer, err = next()
	return err
}

// Close closes the source that is open, if any. It need not be called after
// an error from Next, io.EOF included. A Next after it goes on with the
// following source.
func (c *ConcatReader) Close() error {
	closer := c.closer
	c.current, c.closer = nil, nil
	if closer == nil {
		return nil
	}
	return closer.Close()
}
