package main

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// mark stands in every body, followed by the item's number and a semicolon: it
// tells the responses that were kept from those that were lost or came twice.
var mark = []byte("/item/")

// count says how many of n items have their body in the files below dir.
func count(dir string, n int) (int, error) {
	seen := make([]uint64, n/64+1)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !isOutput(path) {
			return err
		}
		return countFile(path, n, seen)
	})
	got := 0
	for i := range n {
		if seen[i/64]&(1<<(i%64)) != 0 {
			got++
		}
	}
	return got, err
}

func countFile(path string, n int, seen []uint64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	for {
		part, err := r.Peek(64 << 10)
		at := bytes.Index(part, mark)
		switch {
		case at < 0 && err != nil:
			if err == io.EOF {
				err = nil
			}
			return err
		case at < 0:
			_, _ = r.Discard(len(part) - len(mark))
			continue
		}
		_, _ = r.Discard(at + len(mark))
		if i, ok := number(r); ok && i < n {
			seen[i/64] |= 1 << (i % 64)
		}
	}
}

// number reads digits and a semicolon.
func number(r *bufio.Reader) (n int, ok bool) {
	for digits := range 10 {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return 0, false
		case c == ';':
			return n, digits > 0
		case c < '0' || c > '9':
			_ = r.UnreadByte()
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return 0, false
}
