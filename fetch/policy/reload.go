package policy

import (
	"net/url"
	"sync/atomic"

	"github.com/penstock-go/penstock/fetch"
)

// A Reloader is a [fetch.Policy] that can read its file again while it is used.
// It may be used by many goroutines.
type Reloader struct {
	path    string
	flags   Flags
	current atomic.Pointer[File]
}

// NewReloader reads the file at path, as [Load] does, and joins flags to it. With
// an empty path there are only the flags, as for [Default], and nothing to reload.
func NewReloader(path string, flags Flags) (*Reloader, error) {
	r := &Reloader{path: path, flags: flags}
	if path == "" {
		r.current.Store(Default(fetch.Limits{}).With(flags))
		return r, nil
	}
	if _, err := r.Reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload reads the file again and returns what now holds. After an error, which
// is one of [Load]'s, that is what held before. Of two at the same time the one
// that ends last wins.
func (r *Reloader) Reload() (*File, error) {
	if r.path == "" {
		return r.File(), nil
	}
	f, err := Load(r.path)
	if err != nil {
		return r.File(), err
	}
	f = f.With(r.flags)
	r.current.Store(f)
	return f, nil
}

// File is what holds now. It is another value after each Reload that worked.
func (r *Reloader) File() *File { return r.current.Load() }

// Bucket is that of [Reloader.File]: the same for the same URL until a Reload,
// after which a bucket of the same key may have other limits.
func (r *Reloader) Bucket(u *url.URL) fetch.Bucket { return r.File().Bucket(u) }
