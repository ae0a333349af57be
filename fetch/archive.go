package fetch

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/penstock-go/penstock/fetch/bodies"
	"github.com/penstock-go/penstock/fetch/warc"
)

// putBody returns r as it is to be written: with its body in store, if there
// is one, and the body's name after path in BodyRef; see Options.Bodies.
func putBody(r *Record, store *bodies.Store, path string) (*Record, error) {
	if store == nil || r.Body == nil && r.BodyRef == "" {
		return r, nil
	}
	if r.Body == nil { // there already
		kept := *r
		kept.BodyRef = path + r.BodyRef
		return &kept, nil
	}
	name, err := store.Put(r.Body)
	if err != nil {
		return nil, fmt.Errorf("keeping a body: %w", err)
	}
	kept := *r // which is the engine's
	kept.Body, kept.BodyRef = nil, path+name
	return &kept, nil
}

// An archive is the WARC file of a File.
type archive struct {
	ref  string // what stands for it in BodyRef
	file *os.File
	w    *warc.Writer
}

// openArchive opens the file of o, which is size bytes long when it is whole.
func openArchive(o FileOptions, size int64, flags int) (*archive, error) {
	file, err := os.OpenFile(o.Archive, os.O_WRONLY|flags, 0o644)
	if err != nil {
		return nil, err
	}
	if err := file.Truncate(size); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(size, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	ref := o.BodyPath
	if ref == "" {
		ref = o.Archive
	}
	return &archive{ref: ref, file: file, w: warc.NewWriter(file, warc.Options{At: size, Info: o.ArchiveInfo})}, nil
}

// pack prepares what r brought for the archive.
func (a *archive) pack(r *Record) ([]*warc.Packed, error) {
	packed := make([]*warc.Packed, 0, len(r.Exchanges))
	for _, x := range r.Exchanges {
		p, err := a.w.Pack(x)
		if err != nil {
			return nil, err
		}
		packed = append(packed, p)
	}
	return packed, nil
}

// add writes what pack prepared and returns r as it is to be written: with the
// place of its last response. The caller holds the File's mutex, so that the
// archive and the journal know of the same items at every moment.
func (a *archive) add(r *Record, packed []*warc.Packed) (*Record, error) {
	kept := *r
	kept.Body, kept.BodyRef = nil, ""
	for i, p := range packed {
		at, n, err := a.w.Append(p)
		if err != nil {
			return nil, fmt.Errorf("archiving: %w", err)
		}
		// The last one may be a redirect which led to no response.
		if i == len(packed)-1 && r.Exchanges[i].Response.StatusCode == r.Status {
			kept.BodyRef = fmt.Sprintf("%s:%d+%d", a.ref, at, n)
		}
	}
	return &kept, nil
}

func (a *archive) size() int64 {
	if a == nil {
		return 0
	}
	return a.w.Size()
}

func (a *archive) sync() error {
	if a == nil {
		return nil
	}
	return a.file.Sync()
}

func (a *archive) close() error {
	if a == nil {
		return nil
	}
	return a.file.Close()
}
