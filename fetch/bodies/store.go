// Package bodies keeps response bodies in files named by their content's hash,
// so that identical bodies are stored once.
//
// The body whose SHA-256 is abcdef... is in DIR/ab/cdef...: sha256sum says
// whether a file is whole, and a run may share its folder with any other run.
// Files are written under another name and renamed, so that a process that dies
// leaves no torn body behind; a machine that dies may, before Sync, and Put
// finds it out when the body comes again.
package bodies

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// tempDir is where files are before they have their name. It is in the same
// folder, so that a rename does not cross file systems.
const tempDir = ".tmp"

// staleAfter is how old a file in tempDir must be for nobody to be writing it.
const staleAfter = time.Hour

// Options say how a Store behaves. The zero value is good.
type Options struct {
	// NoSync leaves it to the system when bodies reach the disk: Sync does
	// nothing, and nothing is remembered for it.
	NoSync bool
}

// A Store is a folder of bodies. It is safe for concurrent use, also by several
// processes.
type Store struct {
	dir  string
	opts Options
	turn chan struct{} // holds the one Sync that is at work
	// force is os.File's Sync, where a test puts nothing else.
	force func(*os.File) error

	mu    sync.Mutex
	dirty map[sum]struct{} // put since the last Sync
	err   error            // of Sync
}

type sum = [sha256.Size]byte

// Open makes the folder if need be, and removes what processes that died more
// than an hour ago left unfinished in it. There is nothing to close.
func Open(dir string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, tempDir), 0o755); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, opts: o, turn: make(chan struct{}, 1), force: (*os.File).Sync, dirty: map[sum]struct{}{}}
	if err := s.tidy(time.Now().Add(-staleAfter)); err != nil {
		return nil, err
	}
	return s, nil
}

// tidy removes files that nobody has written to since before.
func (s *Store) tidy(before time.Time) error {
	list, err := os.ReadDir(filepath.Join(s.dir, tempDir))
	for _, entry := range list {
		info, gone := entry.Info()
		if gone == nil && info.ModTime().Before(before) {
			err = errors.Join(err, ignoreMissing(os.Remove(filepath.Join(s.dir, tempDir, entry.Name()))))
		}
	}
	return err
}

// Ref is the name of a body in any Store: "ab/cdef...", with a slash on every
// system.
func Ref(body []byte) string { return ref(sha256.Sum256(body)) }

func ref(h sum) string {
	name := hex.EncodeToString(h[:])
	return name[:2] + "/" + name[2:]
}

// Path is where the body with that ref is.
func (s *Store) Path(ref string) string { return filepath.Join(s.dir, filepath.FromSlash(ref)) }

// Put stores body, if it is not there already, and returns its Ref. It is on
// the disk for sure after the next Sync; other processes see it at once, and
// whole. body is not kept.
//
// After an error, a full disk for instance, nothing of it is in the folder, and
// the Store can go on; after an error of Sync it cannot.
func (s *Store) Put(body []byte) (string, error) {
	h := sha256.Sum256(body)
	name := ref(h)
	if err := s.failed(); err != nil {
		return "", err
	}
	same, err := s.holds(name, body)
	if err == nil && !same {
		err = s.write(name, body)
	}
	if err != nil {
		return "", err
	}
	s.remember(h)
	return name, nil
}

func (s *Store) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// remember leaves h to the next Sync, also where the file was there before: it
// may be that of a process which died before its own Sync.
func (s *Store) remember(h sum) {
	if s.opts.NoSync {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[h] = struct{}{}
}

// holds reports whether the file is there and whole. It is read, not believed:
// after a power failure a file may be empty or full of zeros.
func (s *Store) holds(name string, body []byte) (bool, error) {
	f, err := os.Open(s.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() != int64(len(body)) {
		return false, err
	}
	part := make([]byte, min(len(body), 64<<10))
	for len(body) > 0 {
		n, err := io.ReadFull(f, part[:min(len(part), len(body))])
		if err != nil || !bytes.Equal(part[:n], body[:n]) {
			return false, nil // what cannot be read is written again
		}
		body = body[n:]
	}
	return true, nil
}

// write puts the file there, or over a broken one.
func (s *Store) write(name string, body []byte) error {
	temp := filepath.Join(s.dir, tempDir, rand.Text())
	err := writeNew(temp, body)
	if err == nil {
		err = s.rename(temp, s.Path(name))
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(temp)))
	}
	return nil
}

func writeNew(path string, body []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	return errors.Join(err, f.Close())
}

// rename makes the folder when it turns out to be missing, at most 256 times.
func (s *Store) rename(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Mkdir(filepath.Dir(to), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(from, to)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
