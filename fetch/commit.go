package fetch

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/penstock-go/penstock/fetch/journal"
)

// commit makes safe what was written so far: rows, sync, journal, sync. Only
// the committer calls it.
func (f *File) commit(last bool) {
	f.mu.Lock()
	if f.err != nil || !last && len(f.entries) == 0 && len(f.backlog.held) == 0 {
		f.mu.Unlock()
		return
	}
	err := f.copyAhead(last || f.wantsAll())
	all := last || f.wantsAll() || len(f.backlog.held) == 0
	f.all = false
	var sizes journal.Sizes
	if err == nil {
		sizes, err = f.gather(all)
	}
	beside := f.beside()
	unused := f.backlog.inFile == 0
	entries, written := f.entries, f.written
	f.entries = f.spare[:0]
	freed := f.backlog.freed
	f.backlog.freed = nil
	f.note(err)
	f.mu.Unlock()

	if err == nil {
		err = f.sync(beside)
	}
	if err == nil && len(entries) > 0 {
		err = f.journal.Commit(entries, sizes, f.opts.Sync != SyncNever)
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare = entries
	if err == nil {
		f.safe = written
		if all {
			f.sure = written
		}
	}
	// Only now, and only what was so when the entries were taken: as long as
	// the journal does not know that a place in the ahead file is not wanted,
	// the next run would look for a row there.
	if err == nil {
		err = f.backlog.recycle(freed)
	}
	if err == nil && unused {
		err = f.backlog.reuse()
	}
	f.note(err)
	f.commits.Broadcast()
}

// wantsAll says that rows which wait for an earlier one are to be safe now, however
// short they have waited. What is in the archive up to its size is for items that the
// journal knows, and no others: the same records would come into it twice. The caller
// holds mu.
func (f *File) wantsAll() bool {
	return f.all || f.opts.Sync == SyncAlways || f.archive != nil
}

// gather hands all rows to the system and tells how long the files are then.
// The caller holds mu.
func (f *File) gather(all bool) (sizes journal.Sizes, err error) {
	if err = f.w.Flush(); err == nil && f.packer != nil {
		err = f.packer.Flush()
	}
	if err == nil {
		err = f.noteAhead(all)
	}
	if err == nil {
		err = f.failed.flush()
	}
	sizes[journal.Output] = f.size
	sizes[journal.Ahead] = f.backlog.place.end
	sizes[journal.Failed] = f.failed.size
	sizes[journal.Bodies] = f.archive.size()
	return sizes, err
}

type syncer interface{ Sync() error }

// beside is the files that are made when they are first needed. The caller holds mu.
func (f *File) beside() (files []syncer) {
	if f.failed.file != nil {
		files = append(files, f.failed.file)
	}
	if f.backlog.file != nil {
		files = append(files, f.backlog.file)
	}
	return files
}

// sync forces the files to the disk.
func (f *File) sync(beside []syncer) error {
	if f.opts.Sync == SyncNever {
		return nil
	}
	err := errors.Join(f.archive.sync(), f.out.Sync())
	if f.opts.Bodies != nil {
		err = errors.Join(err, f.opts.Bodies.Sync())
	}
	for _, file := range beside {
		err = errors.Join(err, file.Sync())
	}
	return err
}

// A lazyFile is made with its first line.
type lazyFile struct {
	path string
	size int64
	file *os.File
	w    *bufio.Writer
}

func (l *lazyFile) writeLine(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if l.file == nil {
		// For the owner only: an input may hold credentials.
		f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if _, err := f.Seek(l.size, io.SeekStart); err != nil {
			f.Close()
			return err
		}
		l.file, l.w = f, bufio.NewWriter(countTo{f, &l.size})
	}
	if _, err := l.w.Write(line); err != nil {
		return err
	}
	return l.w.WriteByte('\n')
}

func (l *lazyFile) flush() error {
	if l.w == nil {
		return nil
	}
	return l.w.Flush()
}

func (l *lazyFile) close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.flush(), l.file.Close())
}
