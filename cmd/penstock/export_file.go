package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/compress"
	"github.com/penstock-go/penstock/internal/export"
)

// openRun opens a file of records, or takes stdin for -.
func openRun(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		if isTerminal(stdin) {
			return nil, usagef("penstock export out.jsonl", "no records: stdin is a terminal")
		}
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, usagef("name the -o file of penstock fetch", "%v", pathReason(err))
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = usagef("name the -o file of penstock fetch", "%s is a directory", name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// unpackRun reads the records of a file plain.
func unpackRun(ctx context.Context, name string, file io.Reader) (io.ReadCloser, error) {
	if f, ok := file.(*os.File); !ok || !isRegular(f) {
		file = &patientReader{ctx: ctx, r: file}
	}
	plain, err := compress.NewReader(file)
	if err == nil {
		return plain, nil
	}
	if stopped, ok := errors.AsType[*exitError](err); ok {
		return nil, stopped
	}
	return nil, usagef("is it a whole .gz or .zst file?", "%s: %v", name, err)
}

func isRegular(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// A patientReader reads from somebody who may never write, and stops waiting
// when ctx ends. The goroutine that still waits then ends with the process;
// nothing else can end it.
type patientReader struct {
	ctx context.Context // an io.Reader has no other way to know
	r   io.Reader
	got chan gotBytes
	buf []byte
}

type gotBytes struct {
	n   int
	err error
}

func (p *patientReader) Read(b []byte) (int, error) {
	if p.got == nil {
		p.got, p.buf = make(chan gotBytes, 1), make([]byte, 64<<10)
	}
	part := p.buf[:min(len(b), len(p.buf))] // b is the caller's again when this returns
	go func() {
		n, err := p.r.Read(part)
		p.got <- gotBytes{n, err}
	}()
	select {
	case g := <-p.got:
		return copy(b, part[:g.n]), g.err
	case <-p.ctx.Done():
		return 0, context.Cause(p.ctx)
	}
}

// exportFile makes the file, whole or not at all. It is written under another
// name beside it.
func exportFile(ctx context.Context, x *export.Exporter, path string, in io.Reader) (rows int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return 0, outputExists(path)
	}
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()+".tmp")
	temp, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err
		}
		return 0, usagef("name a file in a folder that can be written to", "cannot write %s: %v", path, err)
	}
	defer func() { _ = os.Remove(name) }() // after a rename it is not there any more
	packer := compress.NewWriter(path, temp)
	rows, err = x.Run(ctx, packer, in)
	if err == nil {
		err = errors.Join(packer.Close(), temp.Sync())
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return rows, err
	}
	return rows, moveNew(name, path)
}

// moveNew renames a file to a name that nobody has. A link is refused where
// there is one, a rename is not; not every file system has links.
func moveNew(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, os.ErrExist) {
		return outputExists(to)
	}
	if err != nil {
		return os.Rename(from, to)
	}
	return nil
}

func outputExists(path string) error {
	return usagef("choose another -o, or remove the file", "%s exists and is not overwritten", path)
}

// warnUnfinished says so where a run is not finished: its journal is there, and
// its summary is not or says so. A file of records by itself is taken for all
// there is.
func warnUnfinished(stderr io.Writer, run string) {
	if _, err := os.Stat(fetch.JournalPath(run)); err != nil {
		return
	}
	var sum runSummary
	text, err := os.ReadFile(fetch.SummaryPath(run))
	if err == nil && json.Unmarshal(text, &sum) == nil && sum.Finished {
		return
	}
	fmt.Fprintf(stderr, "warning: the run of %s is not finished: only the records written so far are exported; penstock fetch ... --resume goes on with it\n", run)
}
