package bodies

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash"
	"os"
	"path/filepath"
)

// A Body is on its way into a Store, piece by piece, so that it need not be in
// memory as a whole. End it with Commit or Discard. It is for one goroutine.
type Body struct {
	store *Store
	file  *os.File
	hash  hash.Hash
	size  int64
	begun int64 // of size, on its way to the disk
	err   error
}

// beginEvery is how much of a body is written before the disk is to begin with it.
const beginEvery = 4 << 20

// Create begins a body.
func (s *Store) Create() (*Body, error) {
	if err := s.failed(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, tempDir, rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return &Body{store: s, file: f, hash: sha256.New()}, nil
}

// Write takes a piece. After an error only Discard is of use.
func (b *Body) Write(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.file.Write(p)
	b.hash.Write(p[:n])
	b.size += int64(n)
	b.err = err
	if b.size-b.begun >= beginEvery {
		b.begin()
	}
	return n, err
}

// begin lets the disk begin with what was written, so that it works all the time and
// Sync finds little to do; left alone, it would have nothing to do until Sync, and then
// all at once, while files cannot be made or renamed.
func (b *Body) begin() {
	if !b.store.opts.NoSync {
		beginWriting(b.file, b.begun, b.size-b.begun)
	}
	b.begun = b.size
}

// Commit stores what was written, over a file of the same name if there is one, and
// returns its Ref; what Put promises of it holds from then on. After an error nothing
// of it is in the folder.
func (b *Body) Commit() (string, error) {
	if b.err != nil {
		b.Discard()
		return "", b.err
	}
	h := sum(b.hash.Sum(nil))
	name := ref(h)
	b.begin()
	err := b.file.Close()
	if err == nil {
		err = b.store.rename(b.file.Name(), b.store.Path(name))
	}
	if err != nil {
		return "", errors.Join(err, ignoreMissing(os.Remove(b.file.Name())))
	}
	b.store.remember(h)
	return name, nil
}

// Discard removes what was written.
func (b *Body) Discard() {
	_ = b.file.Close()
	_ = os.Remove(b.file.Name()) // or tidy does, in time
}
