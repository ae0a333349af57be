package h1

import (
	"compress/gzip"
	"io"
	"sync"
)

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

// A gzipBody is a body that was sent in gzip because we asked for it.
type gzipBody struct {
	body *exchange
	mu   sync.Mutex
	zr   *gzip.Reader // from the first Read to the end
	err  error
}

// Read reads the body decompressed.
func (g *gzipBody) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	if g.zr == nil {
		zr := gzipReaders.Get().(*gzip.Reader)
		if err := zr.Reset(g.body); err != nil {
			g.err = err
			gzipReaders.Put(zr)
			return 0, err
		}
		g.zr = zr
	}
	n, err := g.zr.Read(p)
	if err != nil {
		g.end(err)
	}
	return n, err
}

// end gives the reader back. The caller holds mu.
func (g *gzipBody) end(err error) {
	g.err = err
	if g.zr != nil {
		_ = g.zr.Reset(noBytes{}) // it refers to the body no more
		gzipReaders.Put(g.zr)
		g.zr = nil
	}
}

// Close closes the body, which ends a Read that is under way.
func (g *gzipBody) Close() error {
	err := g.body.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.end(errClosedBody)
	return err
}

// noBytes is empty, and a flate.Reader so that none is made around it.
type noBytes struct{}

func (noBytes) Read([]byte) (int, error) { return 0, io.EOF }
func (noBytes) ReadByte() (byte, error)  { return 0, io.EOF }
