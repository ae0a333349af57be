package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/penstock-go/penstock/fetch/warc"
	"github.com/rogpeppe/go-internal/testscript"
)

var archiveRef = regexp.MustCompile(`^(.+\.warc\.gz):(\d+)\+(\d+)$`)

// readRef reads the body that body_ref names, of records in the folder dir. It
// wants it whole: a file must have the hash that it is named by, a record of an
// archive must be where it is said to be and nothing else.
func readRef(dir, ref string) (body []byte, end int64, err error) {
	m := archiveRef.FindStringSubmatch(ref)
	if m == nil {
		body, err = readHashed(within(dir, ref))
		return body, 0, err
	}
	at, _ := strconv.ParseInt(m[2], 10, 64)
	n, _ := strconv.ParseInt(m[3], 10, 64)
	file, err := os.Open(within(dir, m[1]))
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	body, err = readResponse(io.NewSectionReader(file, at, n))
	if err != nil {
		err = fmt.Errorf("%s: %w", ref, err)
	}
	return body, at + n, err
}

func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

func readHashed(path string) ([]byte, error) {
	body, err := os.ReadFile(path)
	sum := sha256.Sum256(body)
	name := filepath.Base(filepath.Dir(path)) + filepath.Base(path)
	if err == nil && hex.EncodeToString(sum[:]) != name {
		err = fmt.Errorf("%s: %d bytes that have another hash", path, len(body))
	}
	return body, err
}

// readResponse reads the one record of an archive that r is.
func readResponse(r io.Reader) ([]byte, error) {
	list := warc.NewReader(r)
	rec, err := list.Next()
	if err != nil {
		return nil, err
	}
	if rec.Type() != "response" {
		return nil, fmt.Errorf("a %s record", rec.Type())
	}
	resp, err := http.ReadResponse(bufio.NewReader(rec.Block), nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		if _, err = list.Next(); err == io.EOF {
			return body, nil
		}
	}
	return nil, fmt.Errorf("%d bytes, then %w", len(body), errors.Join(err, resp.Body.Close()))
}

// responses counts an archive's responses by their URL, and looks at every
// record and its digests.
func responses(path string) (map[string]int, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	counts := map[string]int{}
	requests := map[string]bool{}
	for list := warc.NewReader(bufio.NewReader(file)); ; {
		rec, err := list.Next()
		if err == io.EOF {
			return counts, nil
		}
		if err == nil {
			_, err = io.Copy(io.Discard, rec.Block)
		}
		if err != nil {
			return nil, err
		}
		switch rec.Type() {
		case "request":
			requests[rec.Header.Get("WARC-Record-ID")] = true
		case "response":
			if !requests[rec.Header.Get("WARC-Concurrent-To")] {
				return nil, fmt.Errorf("no request for %s", rec.TargetURI())
			}
			counts[rec.TargetURI()]++
		}
	}
}

// cmdBodyRef wants that the record's body_ref leads to a body with TEXT in it.
func cmdBodyRef(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 3, "bodyref FILE INDEX TEXT")
	recs, err := parseRecords([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	dir := ts.MkAbs(".")
	if args[0] != "stdout" {
		dir = filepath.Dir(ts.MkAbs(args[0]))
	}
	for _, r := range recs {
		if strconv.Itoa(r.Index) != args[1] {
			continue
		}
		body, _, err := readRef(dir, r.BodyRef)
		ts.Check(err)
		if !bytes.Contains(body, []byte(args[2])) {
			ts.Fatalf("%s: no %q in %.200q", r.BodyRef, args[2], body)
		}
		return
	}
	ts.Fatalf("no record has the index %s", args[1])
}

// cmdWARC wants the archive to be whole, with so many responses, or so many
// whose URL has PART in it.
func cmdWARC(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "warc FILE COUNT [PART]")
	counts, err := responses(ts.MkAbs(args[0]))
	ts.Check(err)
	n := 0
	for url, times := range counts {
		if len(args) < 3 || strings.Contains(url, args[2]) {
			n += times
		}
	}
	if strconv.Itoa(n) != args[1] {
		ts.Fatalf("%d responses, want %s: %v", n, args[1], counts)
	}
}
