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
	open := journal.Open
	if o.Outcomes {
		open = journal.OpenWithOutcomes
	}
	j, st, err := open(JournalPath(path))
	if err != nil {
		return nil, err
	}
	out, a, err := reopen(path, o, st)
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	f := newFile(path, o, out, a, j, st)
	if err := f.resumeAhead(st); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// reopen checks that the files belong to the run and cuts them to their last
// safe lengths. All is checked before anything is cut.
func reopen(path string, o FileOptions, st *journal.State) (*os.File, *archive, error) {
	if err := sameRun(o, st.Header); err != nil {
		return nil, nil, err
	}
	failed := FailedPath(path)
	for name, size := range map[string]int64{
		path: st.Sizes[journal.Output], failed: st.Sizes[journal.Failed], o.Archive: st.Sizes[journal.Bodies],
	} {
		if err := checkSize(name, size); err != nil {
			return nil, nil, err
		}
	}
	size := st.Sizes[journal.Output]
	out, err := os.OpenFile(path, os.O_WRONLY|ifNew(size), 0o644)
	if err != nil {
		return nil, nil, err
	}
	var a *archive
	if o.Archive != "" {
		a, err = openArchive(o, st.Sizes[journal.Bodies], ifNew(st.Sizes[journal.Bodies]))
	}
	if err == nil {
		err = cut(failed, st.Sizes[journal.Failed])
	}
	if err == nil {
		err = out.Truncate(size)
	}
	if err == nil {
		_, err = out.Seek(size, io.SeekStart)
	}
	if err != nil {
		return nil, nil, errors.Join(err, out.Close(), a.close())
	}
	return out, a, nil
}

// sameRun says whether o goes on with what h began.
func sameRun(o FileOptions, h journal.Header) error {
	if !bytes.Equal(o.Input, h.Input) {
		return ErrOtherInput
	}
	for name, was := range h.Options {
		if is := o.Options[name]; is != was {
			return fmt.Errorf("%s %s: %w, when it was %s", name, is, ErrOtherOptions, was)
		}
	}
	return nil
}

// ifNew lets a file be made that nothing is in yet: the run may have ended
// before it was.
func ifNew(size int64) int {
	if size == 0 {
		return os.O_CREATE
	}
	return 0
}

// cut cuts a file that is there only if something is in it.
func cut(path string, size int64) error {
	if size == 0 {
		return removeIfThere(path)
	}
	return os.Truncate(path, size)
}

func checkSize(path string, least int64) error {
	if least == 0 {
		return nil
	}
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
	var taken []span
	for index, e := range st.Ahead {
		taken = append(taken, span{e.At, e.At + int64(e.Length)})
		q.next = min(q.next, index)
		q.keep(&heldRow{entry: e, at: e.At})
		q.inFile++
	}
	q.place.taken(taken)
	return nil
}

// Done reports whether item index has its record from an earlier run.
func (f *File) Done(index int64) bool { return f.earlier != nil && f.earlier.Done.Has(index) }

// Outcome tells what became of item index in an earlier run, if it has its
// record: for Dedup. It needs FileOptions.Outcomes.
func (f *File) Outcome(index int64) (Outcome, bool) {
	if f.earlier == nil {
		return Outcome{}, false
	}
	ok, status, class, done := f.earlier.Outcome(index)
	o := Outcome{OK: ok, Status: status}
	if int(class) < len(classes) {
		o.Class = classes[class]
	}
	return o, done
}

// Earlier counts what earlier runs did.
func (f *File) Earlier() Summary {
	st := f.earlier
	if st == nil {
		return Summary{}
	}
	s := Summary{Items: st.Rows, Records: st.Rows, OK: st.OK, Failed: st.Rows - st.OK, Duplicates: st.Duplicates, Statuses: st.Statuses, Classes: map[Class]int64{}}
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
