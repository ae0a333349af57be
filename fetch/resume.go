package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/penstock-go/penstock/fetch/journal"
)

// ResumeFile opens the output at path to go on with it. What stands in its
// files behind the last commit is cut off: those items are fetched again. The
// error is, or wraps, os.ErrNotExist where there is no journal, ErrOtherInput,
// ErrOtherOptions, ErrOutputChanged, or one of package journal; nothing was
// changed then.
func ResumeFile(path string, o FileOptions) (*File, error) {
	j, st, err := journal.Open(JournalPath(path))
	if err != nil {
		return nil, err
	}
	out, err := reopen(path, o, st)
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	f := newFile(path, o, out, j, st)
	if err := f.resumeAhead(st); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// reopen checks that the files belong to the run and cuts them to their last
// safe lengths.
func reopen(path string, o FileOptions, st *journal.State) (*os.File, error) {
	if !bytes.Equal(o.Input, st.Header.Input) {
		return nil, ErrOtherInput
	}
	for name, was := range st.Header.Options {
		if is := o.Options[name]; is != was {
			return nil, fmt.Errorf("%s %s: %w, when it was %s", name, is, ErrOtherOptions, was)
		}
	}
	size := st.Sizes[journal.Output]
	flags := os.O_WRONLY
	if size == 0 {
		flags |= os.O_CREATE // the run ended before there was anything
	}
	out, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, err
	}
	err = checkSize(path, size)
	if failed := st.Sizes[journal.Failed]; err == nil && failed > 0 {
		if err = checkSize(FailedPath(path), failed); err == nil {
			err = os.Truncate(FailedPath(path), failed)
		}
	} else if err == nil {
		err = removeIfThere(FailedPath(path))
	}
	if err == nil {
		err = out.Truncate(size)
	}
	if err == nil {
		_, err = out.Seek(size, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

func checkSize(path string, least int64) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() < least {
		return fmt.Errorf("%s is %d bytes, %w (%d)", path, info.Size(), ErrOutputChanged, least)
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// resumeAhead takes up the records that waited for an earlier one.
func (f *File) resumeAhead(st *journal.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := &f.backlog
	q.next = st.Done.Low()
	if len(st.Ahead) == 0 {
		return removeIfThere(aheadPath(f.path))
	}
	file, err := f.openAhead()
	if err != nil {
		return err
	}
	q.file = file
	for index, e := range st.Ahead {
		q.end = max(q.end, e.At+int64(e.Length))
		q.next = min(q.next, index)
		q.keep(&heldRow{entry: e, at: e.At})
		q.inFile++
	}
	return nil
}

// Done reports whether item index has its record from an earlier run.
func (f *File) Done(index int64) bool { return f.earlier != nil && f.earlier.Done.Has(index) }

// Earlier counts what earlier runs did.
func (f *File) Earlier() Summary {
	st := f.earlier
	if st == nil {
		return Summary{}
	}
	s := Summary{Items: st.Rows, Records: st.Rows, OK: st.OK, Failed: st.Rows - st.OK, Statuses: st.Statuses, Classes: map[Class]int64{}}
	for number, n := range st.Classes {
		if int(number) < len(classes) {
			s.Classes[classes[number]] = n
		}
	}
	return s
}

// Rest is src without the items that f has from an earlier run.
func (f *File) Rest(src Source) Source {
	if f.earlier == nil {
		return src
	}
	return &rest{src: src, done: &f.earlier.Done}
}

type rest struct {
	src  Source
	done *journal.Bitmap
}

func (r *rest) Next(ctx context.Context) (Item, error) {
	for ctx.Err() == nil {
		it, err := r.src.Next(ctx)
		if err != nil || !r.done.Has(it.Index) {
			return it, err
		}
	}
	return Item{}, context.Cause(ctx)
}

func (r *rest) Close() error {
	if c, ok := r.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
