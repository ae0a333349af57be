package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	reader "github.com/penstock-go/penstock/fetch/input"
	"github.com/penstock-go/penstock/internal/compress"
)

// A total is how many items there are, which somebody counts beside the run, so
// that it can be said how long it will take.
type total struct {
	n    atomic.Int64 // 0 as long as it is not known
	stop context.CancelFunc
	done sync.WaitGroup
}

// known is a total that nobody has to count.
func known(n int64) *total {
	t := &total{}
	t.n.Store(n)
	return t
}

// get is the total, 0 if it is not known; t may be nil.
func (t *total) get() int64 {
	if t == nil {
		return 0
	}
	return t.n.Load()
}

// close ends the counting, and waits for that.
func (t *total) close() {
	if t != nil && t.stop != nil {
		t.stop()
		t.done.Wait()
	}
}

// count begins to count the items of args, less done, as openSource reads them.
// What comes from a pipe cannot be counted.
func (f *fetchFlags) count(ctx context.Context, args []string, done int64) *total {
	t := &total{}
	if len(args) == 0 || f.only != "" || f.show.quiet || f.show.progress == "none" {
		return t
	}
	for _, arg := range args {
		if !strings.Contains(arg, "://") && (arg == "-" || !isFile(arg)) {
			return t
		}
	}
	ctx, t.stop = context.WithCancel(ctx)
	t.done.Go(func() {
		n := -done
		for _, arg := range args {
			if strings.Contains(arg, "://") {
				n++
				continue
			}
			k, err := f.countFile(ctx, arg)
			if err != nil {
				return // whoever reads it for the run will say so
			}
			n += k
		}
		t.n.Store(max(0, n))
	})
	return t
}

func (f *fetchFlags) countFile(ctx context.Context, name string) (n int64, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	plain, err := compress.NewReader(&stoppable{ctx, file})
	if err != nil {
		return 0, err
	}
	defer plain.Close()
	r, err := f.reader(plain, name, reader.Options{})
	if err != nil {
		return 0, err
	}
	if _, ok := r.(*reader.CSVReader); !ok {
		return reader.CountLines(plain)
	}
	for { // a field may have more than one line
		switch _, err := r.Next(); {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		}
		n++
	}
}
