package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	reader "github.com/penstock-go/penstock/fetch/input"
	"github.com/penstock-go/penstock/internal/compress"
	"github.com/penstock-go/penstock/internal/display"
)

// An input is the engine's view of the files, URLs and pipes of a command
// line.
type input struct {
	src     fetch.Source
	rest    fetch.Source // of src, without what an earlier run has done
	parts   []part
	closers []io.Closer
	pipe    bool         // a read may wait for somebody
	pending *abandonable // what then reads
	only    string       // which items, if not all, as a digest
}

// openSource makes one source of the arguments: URLs, files, and - for stdin.
// With no argument it is stdin. Every file is opened here, so that one that
// is missing is found before anything is sent.
func (f *fetchFlags) openSource(args []string, stdin io.Reader) (*input, error) {
	o := reader.Options{}
	if f.baseURL != "" {
		base, err := reader.ParseBase(f.baseURL)
		if err != nil {
			return nil, usagef("--base-url https://api.example.com", "--base-url: %s", strings.TrimPrefix(err.Error(), "base URL: "))
		}
		o.Base = base
	}
	if len(args) == 0 {
		if isTerminal(stdin) {
			return nil, usagef("penstock fetch urls.txt, penstock fetch https://example.com/, or ... | penstock fetch", "no input: name a file or a URL")
		}
		args = []string{"-"}
	}
	in := &input{}
	var openers []reader.Opener
	for i := 0; i < len(args); i++ {
		first := i
		for i < len(args) && strings.Contains(args[i], "://") {
			i++
		}
		if urls := args[first:i]; len(urls) > 0 {
			openers = append(openers, reader.Opened(reader.NewArgs(urls, o)))
			in.parts = append(in.parts, argsPart(urls))
		}
		if i == len(args) {
			break
		}
		r, err := f.openFile(args[i], stdin, o, in)
		if err != nil {
			return nil, errors.Join(err, in.Close())
		}
		openers = append(openers, reader.Opened(r))
	}
	in.src = readerSource{reader.Concat(openers...)}
	if in.pipe {
		in.pending = newAbandonable(in.src)
		in.src = in.pending
	}
	if err := in.limitTo(f.only); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

func (f *fetchFlags) openFile(name string, stdin io.Reader, o reader.Options, in *input) (reader.Reader, error) {
	o.Source = name
	raw, err := in.open(name, stdin)
	if err != nil {
		return nil, err
	}
	plain, err := compress.NewReader(raw)
	if err != nil {
		return nil, usagef("is it a whole .gz or .zst file?", "%s: %v", name, err)
	}
	in.closers = append(in.closers, plain)
	return f.reader(plain, name, o)
}

// open opens a file, or takes stdin for -, and notes what tells it from
// another.
func (in *input) open(name string, stdin io.Reader) (io.Reader, error) {
	if name == "-" {
		in.pipe = true
		buffered := bufio.NewReaderSize(stdin, 64<<10)
		in.parts = append(in.parts, pipePart(buffered))
		return buffered, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, openError(name, err)
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = usagef("name a file of URLs", "%s is a directory", name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	in.closers = append(in.closers, file)
	if !info.Mode().IsRegular() {
		in.pipe = true
		buffered := bufio.NewReaderSize(file, 64<<10)
		in.parts = append(in.parts, pipePart(buffered))
		return buffered, nil
	}
	p, err := filePart(file, info.Size())
	in.parts = append(in.parts, p)
	return file, err
}

// openError is what to say of a file that cannot be opened, which may have
// been meant as a URL.
func openError(name string, err error) error {
	reason := err
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		reason = pe.Err
	}
	hint := "is the name right? ls " + quoted(filepath.Dir(name))
	switch host, _, _ := strings.Cut(name, "/"); {
	case strings.HasPrefix(name, "localhost"), strings.HasPrefix(name, "127."):
		hint = "is the name right? for a URL write http://" + name
	case strings.Contains(host, ".") && !isList(host) && !strings.HasPrefix(host, "."):
		hint = "is the name right? for a URL write https://" + name
	}
	return usagef(hint, "%s: %v", name, reason)
}

// isList says that a file of that name would be a list, and is no host.
func isList(name string) bool {
	return slices.Contains([]string{".txt", ".lst", ".list", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".gz", ".zst", ".log"}, strings.ToLower(filepath.Ext(name)))
}

// columnHint says which column may be meant instead of the one that is not there.
func (f *fetchFlags) columnHint(header []string, err error) string {
	flag, name := "--column", cmp.Or(f.column, "url")
	if f.idColumn != "" && strings.Contains(err.Error(), fmt.Sprintf("no column %q", f.idColumn)) {
		flag, name = "--id-column", f.idColumn
	}
	// What such columns are called comes first, for where none is like the name.
	isURL := func(h string) bool {
		return slices.ContainsFunc([]string{"url", "link", "href", "uri", "site", "web", "page", "address"}, func(part string) bool {
			return strings.Contains(strings.ToLower(h), part)
		})
	}
	likely := slices.Clone(header)
	slices.SortStableFunc(likely, func(a, b string) int {
		switch {
		case flag == "--id-column" || isURL(a) == isURL(b):
			return 0
		case isURL(a):
			return -1
		}
		return 1
	})
	if slices.ContainsFunc(header, func(h string) bool { return strings.Contains(h, "://") }) {
		return "leave out --column if the file is a URL a line, or write --column 1"
	}
	if len(likely) > 0 {
		return "write " + flag + " " + quoted(display.Printable(nearest(name, likely)))
	}
	return flag + " NAME says which column has the URL"
}

// reader picks the reader for the format, by flag or by name.
func (f *fetchFlags) reader(r io.Reader, name string, o reader.Options) (reader.Reader, error) {
	format := f.format
	if format == "auto" {
		bare := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".zst")
		if f.column != "" || f.idColumn != "" || strings.HasSuffix(bare, ".csv") {
			format = "csv"
		}
	}
	if format != "csv" && (f.column != "" || f.idColumn != "") {
		return nil, usagef("--format csv, or leave out --column and --id-column", "%s is read as %s, which has no columns", name, format)
	}
	switch format {
	case "lines":
		return reader.NewLines(r, o), nil
	case "jsonl":
		return reader.NewJSONL(r, o), nil
	case "csv":
		column := f.column
		if column == "" {
			column = "url"
		}
		csv := reader.NewCSV(r, reader.CSVOptions{Options: o, Column: column, IDColumn: f.idColumn})
		if header, err := csv.Header(); err != nil && err != io.EOF {
			return nil, usagef(f.columnHint(header, err), "%v", err)
		}
		return csv, nil
	}
	return reader.NewAuto(r, o), nil
}

// Next returns the next item.
func (in *input) Next(ctx context.Context) (fetch.Item, error) {
	if in.rest != nil {
		return in.rest.Next(ctx)
	}
	return in.src.Next(ctx)
}

// Close closes what was opened, the last first. What a pipe's goroutine still
// reads from is left open.
func (in *input) Close() error {
	if in.pending != nil {
		in.pending.abandon()
		return nil
	}
	var errs []error
	for i := len(in.closers) - 1; i >= 0; i-- {
		errs = append(errs, in.closers[i].Close())
	}
	in.closers = nil
	return errors.Join(errs...)
}

// skip leaves out what an earlier run has done.
func (in *input) skip(file *fetch.File) { in.rest = file.Rest(in.src) }

// A part is what tells one piece of input from another.
type part struct {
	Kind string `json:"kind"`
	Size int64  `json:"size,omitempty"`
	Head string `json:"head"`
	Tail string `json:"tail,omitempty"`
}

// sampled is how much of the head and tail of a file is looked at.
const sampled = 64 << 10

func argsPart(urls []string) part {
	return part{Kind: "args", Size: int64(len(urls)), Head: digest([]byte(strings.Join(urls, "\n")))}
}

func filePart(file *os.File, size int64) (part, error) {
	head := make([]byte, min(size, sampled))
	tail := make([]byte, min(size, sampled))
	if _, err := file.ReadAt(head, 0); err != nil && err != io.EOF {
		return part{}, pathReason(err)
	}
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return part{}, pathReason(err)
	}
	return part{Kind: "file", Size: size, Head: digest(head), Tail: digest(tail)}, nil
}

// pipePart looks at the first line only, or what there is of it in 4 KiB: more
// may be long in coming.
func pipePart(r *bufio.Reader) part {
	for n := 1; n <= 4096; n++ {
		b, err := r.Peek(n)
		if err != nil || b[n-1] == '\n' {
			return part{Kind: "pipe", Head: digest(b)}
		}
	}
	b, _ := r.Peek(4096)
	return part{Kind: "pipe", Head: digest(b)}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// fingerprint tells this input from another.
func (in *input) fingerprint() (json.RawMessage, error) { return json.Marshal(in.parts) }
