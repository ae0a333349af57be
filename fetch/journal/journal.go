package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

const (
	// Version is that of the format; a journal with a newer one is refused.
	Version = 1

	headerSize = 4096
	magic      = "penstock journal"
)

// Errors of this package. Test for them with errors.Is.
var (
	// ErrNotJournal says that the file is something else, or that its header
	// is damaged.
	ErrNotJournal = errors.New("not a journal of penstock, or its header is damaged")
	// ErrNewer says that a later version wrote the journal.
	ErrNewer = errors.New("written by a newer version of penstock")
	// ErrDamaged says that an entry in the middle is wrong, so that what was
	// done cannot be told with certainty.
	ErrDamaged = errors.New("damaged")
	// ErrLocked says that another process has the journal open.
	ErrLocked = errors.New("in use by another process")
)

// A Header says what a run was about, so that another one is not mistaken for
// its continuation.
type Header struct {
	Magic   string `json:"magic"`
	Version int    `json:"version"`
	// Input is a fingerprint of the input.
	Input json.RawMessage `json:"input,omitempty"`
	// Options are those that must be the same on resuming.
	Options map[string]string `json:"options,omitempty"`
	// PID is the process that wrote last, for messages.
	PID int `json:"pid"`
}

// A Journal is open for writing. It is for one goroutine at a time.
type Journal struct {
	file   *os.File
	number int64 // of the next entry
	batch  []byte
	err    error
}

// Create makes a journal at path, which must not exist, and syncs its header.
// A crash leaves it with a whole header or not at all.
func Create(path string, h Header) (*Journal, error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return nil, err
	}
	temp := file.Name()
	defer func() { _ = os.Remove(temp) }()
	j := &Journal{file: file}
	err = errors.Join(file.Chmod(0o644), lock(file), j.writeHeader(h))
	if err == nil {
		err = os.Link(temp, path) // which overwrites nothing
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

func (j *Journal) writeHeader(h Header) error {
	h.Magic, h.Version, h.PID = magic, Version, os.Getpid()
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(text) > sumAt {
		return fmt.Errorf("journal: header of %d bytes", len(text))
	}
	page := bytes.Repeat([]byte{' '}, headerSize)
	copy(page, text)
	copy(page[sumAt:], headerSum(page))
	page[headerSize-1] = '\n'
	if _, err := j.file.WriteAt(page, 0); err != nil {
		return err
	}
	return j.file.Sync()
}

// Commit writes that entries are finished, with the sizes that the output
// files had when they were last synced, which must have been after all those
// rows were written. With sync, Commit returns when the disk has it. After an
// error every call returns it again.
func (j *Journal) Commit(entries []Entry, sizes Sizes, sync bool) error {
	if j.err != nil {
		return j.err
	}
	at := headerSize + j.number*entrySize
	j.batch = j.batch[:0]
	for _, e := range entries {
		j.add(e.raw())
	}
	for f, size := range sizes {
		j.add(raw{kind: kindSize, flags: uint8(f), value: uint64(size)})
	}
	j.add(raw{kind: kindEnd})
	if _, j.err = j.file.WriteAt(j.batch, at); j.err == nil && sync {
		j.err = j.file.Sync()
	}
	if cap(j.batch) > 1<<20 {
		j.batch = nil
	}
	return j.err
}

func (j *Journal) add(r raw) {
	j.batch = r.append(j.batch, j.number)
	j.number++
}

// Close closes the file; what was not committed is forgotten.
func (j *Journal) Close() error { return j.file.Close() }

// Sizes are the lengths of the output files.
type Sizes [files]int64

// readHeader reads and checks the first page.
func readHeader(r io.Reader) (Header, error) {
	var h Header
	page := make([]byte, headerSize)
	if _, err := io.ReadFull(r, page); err != nil {
		return h, ErrNotJournal
	}
	if err := json.Unmarshal(page[:sumAt], &h); err != nil || h.Magic != magic {
		return h, ErrNotJournal
	}
	if h.Version > Version {
		return h, fmt.Errorf("%w (format %d, this one knows %d)", ErrNewer, h.Version, Version)
	}
	if headerSum(page) != string(page[sumAt:headerSize-1]) {
		return h, ErrNotJournal
	}
	return h, nil
}

// sumAt is where the header's checksum stands, before its newline.
const sumAt = headerSize - 9

// headerSum is the checksum of a header's page, in hexadecimal.
func headerSum(page []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(page[:sumAt], castagnoli))
}
