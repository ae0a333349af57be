package fetch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/penstock-go/penstock/fetch/bodies"
	"github.com/penstock-go/penstock/fetch/journal"
	"github.com/penstock-go/penstock/fetch/warc"
)

// SyncPolicy says when the files of a run are forced to the disk.
type SyncPolicy uint8

const (
	// SyncEverySecond loses at most about a second of work when the machine
	// dies, and nothing already on its way to the disk when only the process
	// does.
	SyncEverySecond SyncPolicy = iota
	// SyncAlways lets Write return when the record is on the disk.
	SyncAlways
	// SyncNever leaves it to the system: a dead machine may lose more, a dead
	// process does not.
	SyncNever
)

// mostEntries is after how many records a commit does not wait any longer: what
// is to be committed is in memory.
const mostEntries = 8192

// A Compressor packs what a File writes. After Flush, all that was written
// before can be unpacked, and more can be appended.
type Compressor interface {
	io.Writer
	Flush() error
}

// FileOptions are the manners of a File. The zero value is good.
type FileOptions struct {
	Order Order
	Sync  SyncPolicy
	// Compress, if not nil, packs the records on their way to the file.
	Compress func(w io.Writer) Compressor
	// Memory is how many bytes of records may wait in memory for an earlier
	// one; 0 means 32 MiB. What is over waits in the ahead file.
	Memory int64
	// Input is a fingerprint of the input, and Options are those that must
	// be the same on resuming.
	Input   json.RawMessage
	Options map[string]string
	// Outcomes lets Outcome tell what became of items in an earlier run, for two
	// bytes of memory each.
	Outcomes bool
	// Bodies, if not nil, takes the bodies, and the records have BodyRef
	// instead. It is synced before the records are.
	Bodies *bodies.Store
	// Archive, if not "", is the name of a WARC file that takes the Exchanges
	// of the records, which then have BodyRef instead of a body: where in it
	// the last response is, as NAME:OFFSET+LENGTH. Each item has its exchanges
	// in it once, also after resuming. A response is in memory a second time,
	// compressed, until it is written.
	Archive string
	// ArchiveInfo is for the warcinfo record; see warc.Options.
	ArchiveInfo map[string]string
	// BodyPath is what stands in BodyRef before a body's name in Bodies, with
	// a slash at its end, or for the name of Archive if that is to be another.
	BodyPath string
}

// Errors of CreateFile and ResumeFile, besides those of package journal.
var (
	// ErrExists says that one of the run's files is there already.
	ErrExists = errors.New("exists already")
	// ErrOtherInput says that the journal is that of another input.
	ErrOtherInput = errors.New("the input is not the one that the run began with")
	// ErrOtherOptions says that an option which must stay has changed.
	ErrOtherOptions = errors.New("not as in the run's beginning")
	// ErrOutputChanged says that a file of the run is shorter than it was.
	ErrOutputChanged = errors.New("shorter than the journal says: it was changed since")
)

// A File is a Sink that writes a line of JSON per record to a file, and keeps
// a journal beside it so that a run can go on after anything: a signal, a full
// disk, kill -9, a dead machine. Every record that it has reported safe is
// there exactly once after resuming.
//
// Beside FILE stand FILE.journal, and in input order FILE.ahead with records
// that wait for an earlier one (gone when there are none left); the inputs of
// failed items are in the file that FailedPath names.
//
// A File is safe for concurrent use; Close it after the run.
type File struct {
	opts    FileOptions
	path    string
	rows    rowPool
	earlier *journal.State // nil for a new file

	mu       sync.Mutex
	out      disk
	size     int64 // written to out
	packer   Compressor
	w        *bufio.Writer
	failed   *lazyFile
	archive  *archive // nil if there is none
	backlog  backlog
	entries  []journal.Entry // since the last commit
	spare    []journal.Entry
	written  int64 // records taken
	safe     int64 // of these, committed
	sure     int64 // of these, also where they wait for an earlier one
	all      bool  // Commit wants that
	commits  sync.Cond
	err      error
	journal  *journal.Journal // used by the committer only
	kick     chan struct{}
	quit     chan struct{}
	stopping sync.Once
	done     sync.WaitGroup
}

// A disk is the file of the records.
type disk interface {
	io.WriteCloser
	Sync() error
}

// FailedPath is where the failed inputs of the output at path go:
// out.failed.jsonl for out.jsonl, out.jsonl.gz or out.jsonl.zst.
func FailedPath(path string) string { return bare(path) + ".failed.jsonl" }

// SummaryPath is where the summary of the output at path goes.
func SummaryPath(path string) string { return bare(path) + ".summary.json" }

// ArchivePath is a name for the Archive of the output at path.
func ArchivePath(path string) string { return bare(path) + ".warc.gz" }

// JournalPath is where the journal of the output at path is.
func JournalPath(path string) string { return path + ".journal" }

func aheadPath(path string) string { return path + ".ahead" }

// bare is path without the endings that say what is in it.
func bare(path string) string {
	dir, name := filepath.Split(path)
	for _, ext := range []string{".gz", ".zst", ".jsonl", ".json", ".ndjson"} {
		if rest, ok := strings.CutSuffix(name, ext); ok && rest != "" {
			name = rest
		}
	}
	return dir + name
}

// CreateFile starts a new output at path. None of its files may exist. After
// an error none does.
func CreateFile(path string, o FileOptions) (*File, error) {
	for _, name := range []string{path, JournalPath(path), aheadPath(path), FailedPath(path), o.Archive} {
		if _, err := os.Lstat(name); err == nil && name != "" {
			return nil, fmt.Errorf("%s %w", name, ErrExists)
		}
	}
	// The journal comes first: with it and without the output a run can be
	// resumed, the other way round it could not.
	j, err := journal.Create(JournalPath(path), journal.Header{Input: o.Input, Options: o.Options})
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, errors.Join(err, j.Close(), os.Remove(JournalPath(path)))
	}
	var a *archive
	if o.Archive != "" {
		if a, err = openArchive(o, 0, os.O_CREATE|os.O_EXCL); err != nil {
			return nil, errors.Join(err, out.Close(), os.Remove(path), j.Close(), os.Remove(JournalPath(path)))
		}
	}
	return newFile(path, o, out, a, j, nil), nil
}

func newFile(path string, o FileOptions, out *os.File, a *archive, j *journal.Journal, st *journal.State) *File {
	def(&o.Memory, defaultMemory)
	f := &File{
		opts: o, path: path, earlier: st, out: out, archive: a, journal: j,
		kick: make(chan struct{}, 1), quit: make(chan struct{}),
		failed: &lazyFile{path: FailedPath(path)},
	}
	f.commits.L = &f.mu
	f.backlog = backlog{order: o.Order, memory: o.Memory, open: f.openAhead, emit: f.emit, spare: &f.rows.spare}
	if st != nil {
		f.size = st.Sizes[journal.Output]
		f.failed.size = st.Sizes[journal.Failed]
	}
	var w io.Writer = countTo{out, &f.size}
	if o.Compress != nil {
		f.packer = o.Compress(w)
		w = f.packer
	}
	f.w = bufio.NewWriterSize(w, 64<<10)
	f.done.Go(f.committer)
	return f
}

func (f *File) openAhead() (aheadFile, error) {
	return os.OpenFile(aheadPath(f.path), os.O_RDWR|os.O_CREATE, 0o644)
}

// Write takes the record. With SyncAlways it returns when the record is on
// the disk.
func (f *File) Write(r *Record) error {
	r, packed, err := f.keepBody(r)
	var row *[]byte
	if err == nil && f.archive == nil && !isLarge(r) {
		row = f.rows.render(r)
		defer f.rows.put(row)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note(err)
	for len(f.entries) >= 8*mostEntries && f.err == nil { // the disk is slower than the network
		f.commitSoon()
		f.commits.Wait()
	}
	if f.err != nil {
		return f.err
	}
	if row == nil {
		if f.archive != nil { // only now it is known where the body is
			if r, err = f.archive.add(r, packed); err != nil {
				f.note(err)
				return err
			}
		}
		row = f.rows.render(r)
		defer f.rows.put(row)
	}
	var failed []byte
	if !r.OK {
		failed = r.Raw
	}
	kept, err := f.backlog.put(*row, failed, entryOf(r, len(*row)))
	if f.note(err); kept {
		*row = nil
	}
	f.written++
	if f.opts.Sync == SyncAlways {
		f.waitSafe(f.written)
	}
	return f.err
}

// Commit returns when all records that were written before are safe, as far as
// Sync goes, and in the journal.
func (f *File) Commit() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := f.written; f.sure < n && f.err == nil; {
		f.all = true
		f.commitSoon()
		f.commits.Wait()
	}
	return f.err
}

// keepBody does for r's body what can be done without mu: puts it into its
// file, or packs it for the archive.
func (f *File) keepBody(r *Record) (*Record, []*warc.Packed, error) {
	if f.archive != nil {
		packed, err := f.archive.pack(r)
		return r, packed, err
	}
	r, err := putBody(r, f.opts.Bodies, f.opts.BodyPath)
	return r, nil, err
}

// waitSafe waits until the first n records are committed. The caller holds
// mu.
func (f *File) waitSafe(n int64) {
	for f.safe < n && f.err == nil {
		f.commitSoon()
		f.commits.Wait()
	}
}

// Advance writes what was held back below low, or leaves that to another call that is
// at it; see Advancer.
func (f *File) Advance(low int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.note(f.backlog.advance(&f.mu, low))
	}
	return f.err
}

// emit writes a row whose turn has come. The caller holds mu.
func (f *File) emit(row, failed []byte, e journal.Entry) {
	if _, err := f.w.Write(row); err != nil {
		f.note(err)
		return
	}
	if !e.Ahead {
		f.noteFailed(failed, e)
	}
	e.Ahead = false
	if f.entries = append(f.entries, e); len(f.entries) == mostEntries {
		f.commitSoon()
	}
}

// commitSoon lets the committer not wait for its second.
func (f *File) commitSoon() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// noteFailed writes the input of an item that failed, when the journal hears
// of the item for the first time: as a row, or as one that is ahead. The
// caller holds mu.
func (f *File) noteFailed(input []byte, e journal.Entry) {
	if !e.OK {
		f.note(f.failed.writeLine(input))
	}
}

// note keeps the first error. The caller holds mu.
func (f *File) note(err error) {
	if f.err == nil && err != nil {
		f.err = err
		f.commits.Broadcast()
	}
}

// Close commits what was written and closes the files. Records that wait for
// an earlier one stay in the ahead file for the next run. The error is that of
// the first write that failed.
func (f *File) Close() error {
	f.stopping.Do(func() { close(f.quit) })
	f.done.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	empty := len(f.backlog.held) == 0 && f.err == nil
	f.note(errors.Join(f.out.Close(), f.failed.close(), f.backlog.close(), f.archive.close(), f.journal.Close()))
	if f.backlog.file != nil && empty {
		f.note(os.Remove(aheadPath(f.path)))
	}
	return f.err
}

// A countTo counts what is written.
type countTo struct {
	w io.Writer
	n *int64
}

func (c countTo) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	*c.n += int64(n)
	return n, err
}

// committer commits once a second, or as often as Write wants it.
func (f *File) committer() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-f.kick:
		case <-f.quit:
			f.commit(true)
			return
		}
		f.commit(false)
	}
}
