package compress

import (
	"bytes"
	"errors"
	"strings"
)

// A format is a way to compress, known by the bytes that a stream of it begins
// with.
type format struct {
	name  string
	magic string
	fix   string // what to do about one that is not read here
}

var (
	gzipFormat = format{name: "gzip", magic: "\x1f\x8b"}
	zstdFormat = format{name: "zstd", magic: "\x28\xb5\x2f\xfd"}
)

// foreign are formats that would otherwise be taken for very odd text.
var foreign = []format{
	{name: "xz", magic: "\xfd7zXZ\x00", fix: "unpack it first, with xz -d"},
	{name: "bzip2", magic: "BZh91AY&SY", fix: "unpack it first, with bzip2 -d"},
	{name: "lz4", magic: "\x04\x22\x4d\x18", fix: "unpack it first, with lz4 -d"},
	{name: "compress (.Z)", magic: "\x1f\x9d", fix: "unpack it first, with gzip -d"},
	{name: "zip", magic: "PK\x03\x04", fix: "unpack it first, with unzip; save a spreadsheet as CSV"},
}

// peek is how many bytes it takes to know the format.
const peek = 10

// ErrFormat says that a stream is compressed in a way that is not read here.
var ErrFormat = errors.New("unsupported compression")

// sniff tells the format of a stream from its first bytes, of which there are
// less than peek only if that is all; nil means plain.
func sniff(head []byte) (*format, error) {
	if isSkippable(head) || bytes.HasPrefix(head, []byte(zstdFormat.magic)) {
		return &zstdFormat, nil
	}
	if bytes.HasPrefix(head, []byte(gzipFormat.magic)) {
		return &gzipFormat, nil
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return nil, &formatError{f}
		}
	}
	// What is left of a file after its first bytes is no text, but a single
	// parenthesis, with which zstd begins, is.
	for _, f := range []*format{&gzipFormat, &zstdFormat} {
		if len(head) > 0 && string(head) != "(" && strings.HasPrefix(f.magic, string(head)) {
			return f, nil
		}
	}
	return nil, nil
}

// isSkippable reports whether head begins a skippable frame of zstd, which
// pzstd and others put first.
func isSkippable(head []byte) bool {
	return len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18"
}

type formatError struct{ format format }

func (e *formatError) Error() string {
	return e.format.name + " is not read: " + e.format.fix
}

func (e *formatError) Is(target error) bool { return target == ErrFormat }
