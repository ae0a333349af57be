package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/penstock-go/penstock/internal/compress"
)

// A resultFile is a file that is there whole or not at all: it is written under
// another name beside it. Without a path it is what w writes to.
type resultFile struct {
	io.Writer

	path, temp string
	file       *os.File
	buffer     *bufio.Writer
	packer     *compress.Writer
}

func newResult(path string, w io.Writer) (*resultFile, error) {
	if path == "" || path == "-" {
		b := bufio.NewWriterSize(w, 64<<10)
		return &resultFile{Writer: b, buffer: b}, nil
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, outputExists(path)
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()+".tmp")
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err
		}
		return nil, usagef("name a file in a folder that can be written to", "cannot write %s: %v", path, err)
	}
	b := bufio.NewWriterSize(file, 256<<10)
	p := compress.NewWriter(path, b)
	return &resultFile{Writer: p, path: path, temp: temp, file: file, buffer: b, packer: p}, nil
}

// finish gives the file its name.
func (r *resultFile) finish() error {
	if r.file == nil {
		return r.buffer.Flush()
	}
	err := errors.Join(r.packer.Close(), r.buffer.Flush(), r.file.Sync())
	if err != nil {
		return errors.Join(err, r.abandon())
	}
	if err := errors.Join(r.file.Close(), moveNew(r.temp, r.path)); err != nil {
		_ = os.Remove(r.temp)
		return err
	}
	_ = os.Remove(r.temp) // where it was linked, not renamed
	return nil
}

// abandon leaves nothing behind.
func (r *resultFile) abandon() error {
	if r.file == nil {
		return nil
	}
	return errors.Join(r.file.Close(), os.Remove(r.temp))
}
