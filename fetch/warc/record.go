package warc

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/textproto"
	"strings"
	"time"
)

// ErrDigest says that a block is not the one that its record was made for.
var ErrDigest = errors.New("the block does not have its WARC-Block-Digest")

// A Record is a record of a file that is read.
type Record struct {
	// At is where the record begins in the file, from 0; that of its gzip
	// member, where it is in one.
	At int64
	// Version is that of the standard: "1.1".
	Version string
	// Header has the named fields. Names are in the canonical case of
	// net/textproto, which Get sees to; values are as in the file.
	Header textproto.MIMEHeader
	// Length is how many bytes the block has.
	Length int64
	// Block is what the record is about, for instance an HTTP message. It is
	// valid until the Reader's next Next. Where there is a WARC-Block-Digest
	// of a known kind (SHA-1, SHA-256), reading to the end checks it, and
	// gives ErrDigest instead of io.EOF if it does not hold.
	Block io.Reader
}

// Type is the WARC-Type: warcinfo, request, response and so on.
func (r *Record) Type() string { return r.Header.Get("WARC-Type") }

// ID is the WARC-Record-ID without its angle brackets.
func (r *Record) ID() string { return unbracket(r.Header.Get("WARC-Record-ID")) }

// TargetURI is the WARC-Target-URI, also where it stands in angle brackets, as
// the grammar of WARC/1.0 has it and wget writes it.
func (r *Record) TargetURI() string { return unbracket(r.Header.Get("WARC-Target-URI")) }

// Date is the WARC-Date, of any precision that the standard allows: a year
// alone, or down to nanoseconds.
func (r *Record) Date() (time.Time, error) {
	value := r.Header.Get("WARC-Date")
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("warc: %q is not a WARC-Date", value)
}

func unbracket(s string) string {
	if inner, ok := strings.CutPrefix(s, "<"); ok {
		return strings.TrimSuffix(inner, ">")
	}
	return s
}

// A block reads a record's block from the file.
type block struct {
	r    io.Reader
	left int64
	want []byte    // the digest
	hash hash.Hash // nil where there is none to check
	err  error
}

func newBlock(r io.Reader, rec *Record) *block {
	b := &block{r: r, left: rec.Length}
	algorithm, value, _ := strings.Cut(rec.Header.Get("WARC-Block-Digest"), ":")
	switch strings.ToLower(strings.ReplaceAll(algorithm, "-", "")) {
	case "sha1":
		b.hash = sha1.New()
	case "sha256":
		b.hash = sha256.New()
	default:
		return b
	}
	if b.want = parseDigest(value, b.hash.Size()); b.want == nil {
		b.hash = nil
	}
	return b
}

// parseDigest reads base32 or hex, of which the length tells which it is. The
// standard leaves the encoding open.
func parseDigest(s string, size int) []byte {
	var d []byte
	var err error
	if len(s) == hex.EncodedLen(size) {
		d, err = hex.DecodeString(s)
	} else {
		s = strings.TrimRight(strings.ToUpper(s), "=")
		d, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	}
	if err != nil || len(d) != size {
		return nil
	}
	return d
}

// Read reads the block.
func (b *block) Read(p []byte) (int, error) {
	if b.err == nil && b.left == 0 {
		b.err = b.end()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.hash != nil {
		_, _ = b.hash.Write(p[:n])
	}
	if err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, b.err
}

func (b *block) end() error {
	if b.hash != nil && !bytes.Equal(b.hash.Sum(nil), b.want) {
		return ErrDigest
	}
	return io.EOF
}

// skip passes over what nobody has read.
func (b *block) skip() error {
	n, err := io.CopyN(io.Discard, b.r, b.left)
	b.left -= n
	b.err = errStale
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// errStale keeps a block from reading what belongs to the next record.
var errStale = errors.New("warc: block of a record that was passed")
