package main

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/input"
	"github.com/penstock-go/penstock/internal/compress"
)

// openSource makes one source of the arguments: URLs, files, and - for stdin.
// With no argument it is stdin. Every file is opened here, so that one that
// is missing is found before anything is sent.
func (f *fetchFlags) openSource(args []string, stdin io.Reader) (fetch.Source, error) {
	o := input.Options{}
	if f.baseURL != "" {
		base, err := input.ParseBase(f.baseURL)
		if err != nil {
			return nil, usagef("--base-url https://api.example.com", "%v", err)
		}
		o.Base = base
	}
	if len(args) == 0 {
		if isTerminal(stdin) {
			return nil, usagef("penstock fetch urls.txt, penstock fetch https://example.com/, or ... | penstock fetch", "no input: name a file or a URL")
		}
		args = []string{"-"}
	}
	src := &inputSource{}
	var openers []input.Opener
	var urls []string
	flush := func() {
		if len(urls) > 0 {
			openers = append(openers, input.Opened(input.NewArgs(urls, o)))
			urls = nil
		}
	}
	for _, arg := range args {
		if strings.Contains(arg, "://") {
			urls = append(urls, arg)
			continue
		}
		flush()
		reader, err := f.openFile(arg, stdin, o, src)
		if err != nil {
			src.Close()
			return nil, err
		}
		openers = append(openers, input.Opened(reader))
	}
	flush()
	src.reader = input.Concat(openers...)
	if src.mayBlock {
		return newAbandonable(src), nil
	}
	return src, nil
}

func (f *fetchFlags) openFile(name string, stdin io.Reader, o input.Options, src *inputSource) (input.Reader, error) {
	o.Source = name
	raw := stdin
	if name == "-" {
		src.mayBlock = true
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, openError(name, err)
		}
		if info, err := file.Stat(); err == nil && info.IsDir() {
			file.Close()
			return nil, usagef("name a file of URLs", "%s is a directory", name)
		} else if err == nil && !info.Mode().IsRegular() {
			src.mayBlock = true
		}
		src.closers = append(src.closers, file)
		raw = file
	}
	plain, err := compress.NewReader(raw)
	if err != nil {
		return nil, usagef("is it a whole .gz or .zst file?", "%s: %v", name, err)
	}
	src.closers = append(src.closers, plain)
	return f.reader(plain, name, o)
}

// openError is what to say of a file that cannot be opened, which may have
// been meant as a URL.
func openError(name string, err error) error {
	reason := err
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		reason = pe.Err
	}
	hint := "is the name right?"
	if host, _, _ := strings.Cut(name, "/"); strings.Contains(host, ".") || strings.HasPrefix(name, "localhost") {
		hint += " for a URL write https://" + name
	}
	return usagef(hint, "%s: %v", name, reason)
}

// reader picks the reader for the format, by flag or by name.
func (f *fetchFlags) reader(r io.Reader, name string, o input.Options) (input.Reader, error) {
	format := f.format
	if format == "auto" {
		bare := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".zst")
		if f.column != "" || strings.HasSuffix(bare, ".csv") {
			format = "csv"
		}
	}
	switch format {
	case "lines":
		return input.NewLines(r, o), nil
	case "jsonl":
		return input.NewJSONL(r, o), nil
	case "csv":
		column := f.column
		if column == "" {
			column = "url"
		}
		csv := input.NewCSV(r, input.CSVOptions{Options: o, Column: column, IDColumn: f.idColumn})
		if _, err := csv.Header(); err != nil && err != io.EOF {
			return nil, usagef("--column NAME says which column has the URL", "%v", err)
		}
		return csv, nil
	}
	return input.NewAuto(r, o), nil
}

// inputSource is the engine's view of an input reader.
type inputSource struct {
	reader   input.Reader
	closers  []io.Closer
	mayBlock bool // a read may wait for somebody, as on a pipe
}

func (s *inputSource) Next(context.Context) (fetch.Item, error) {
	it, err := s.reader.Next()
	return fetch.Item(it), err
}

// Close closes what was opened, the last first.
func (s *inputSource) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i].Close())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// An abandonable source can be left while a read blocks, as a read of a
// terminal or a pipe may for ever. The goroutine that reads then stays until
// the process ends: the one exception to "whoever starts a goroutine waits
// for it", and the reason why this is here and not in the engine.
type abandonable struct {
	items chan read
	quit  chan struct{}
}

type read struct {
	item fetch.Item
	err  error
}

func newAbandonable(src *inputSource) *abandonable {
	a := &abandonable{items: make(chan read, 256), quit: make(chan struct{})}
	go func() {
		defer src.Close()
		for {
			it, err := src.Next(context.Background())
			select {
			case a.items <- read{it, err}:
			case <-a.quit:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return a
}

func (a *abandonable) Next(ctx context.Context) (fetch.Item, error) {
	select {
	case r := <-a.items:
		return r.item, r.err
	case <-ctx.Done():
		return fetch.Item{}, context.Cause(ctx)
	}
}

func (a *abandonable) Close() error {
	close(a.quit)
	return nil
}

// parseURLHost names the host of a URL for --dry-run.
func parseURLHost(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
