package fetch_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// longRec is a record whose line is long and can be told from every other.
func longRec(i int64) *fetch.Record {
	return &fetch.Record{Index: i, OK: i%7 > 0, Error: failure(i), URL: strings.Repeat(fmt.Sprint(i, " "), 300+int(i%500))}
}

func failure(i int64) *fetch.Error {
	if i%7 > 0 {
		return nil
	}
	return &fetch.Error{Class: fetch.Reset, Message: "reset"}
}

// The places of records that are written are written over in the ahead file,
// also where it never happens that none is held; and at each moment what is on
// the disk can be gone on with. So it is where the memory is full, and where
// there is room and records are copied into the file, after two commits.
func TestAheadFileIsBounded(t *testing.T) {
	for name, memory := range map[string]int64{"no memory": 1, "memory": 0} {
		t.Run(name, func(t *testing.T) { aheadFileIsBounded(t, memory) })
	}
}

func aheadFileIsBounded(t *testing.T, memory int64) {
	pause := time.Second + ms
	if memory == 0 {
		pause *= 2
	}
	seeded(t, 2, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			const block, blocks = 100, 45
			dir := t.TempDir()
			path := filepath.Join(dir, "out.jsonl")
			o := fetch.FileOptions{Memory: memory, Sync: fetch.SyncNever}
			f, err := fetch.CreateFile(path, o)
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			for i := range int64(block * blocks) {
				want.Write(append(longRec(i).AppendJSON(nil), '\n'))
			}
			var most, all int64
			for b := range int64(blocks) {
				for _, i := range r.Perm(block - 1) { // all but the first of the block
					index := b*block + int64(i) + 1
					all += int64(len(longRec(index).AppendJSON(nil)))
					mustWrite(t, f, longRec(index))
				}
				if b%7 == 4 { // in the middle of writing: as it was before b-1
					checkCopy(t, path, b-2, o)
				}
				if b > 0 { // and that of the one before, so that there is always one held
					mustWrite(t, f, longRec((b-1)*block))
					if err := f.Advance(b * block); err != nil {
						t.Fatal(err)
					}
				}
				if b%7 == 3 {
					continue // nothing is committed
				}
				time.Sleep(pause)
				synctest.Wait()
				info, err := os.Stat(path + ".ahead")
				if err != nil {
					t.Fatal(err)
				}
				most = max(most, info.Size())
				if b%7 == 6 {
					checkCopy(t, path, b, o)
				}
				if b%13 == 12 {
					if err := f.Close(); err != nil {
						t.Fatal(err)
					}
					if f, err = fetch.ResumeFile(path, o); err != nil {
						t.Fatal(err)
					}
				}
			}
			mustWrite(t, f, longRec((blocks-1)*block))
			if err := f.Advance(blocks * block); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
				t.Errorf("%d bytes, want %d; they differ; %v", len(got), want.Len(), err)
			}
			if _, err := os.Stat(path + ".ahead"); !os.IsNotExist(err) {
				t.Errorf("the ahead file is left: %v", err)
			}
			t.Logf("%d of %d bytes at the most", most, all)
			if most > all/blocks*5 {
				t.Errorf("the file was %d bytes, more than 5 of %d blocks of %d", most, blocks, all/blocks)
			}
		})
	})
}

func mustWrite(t *testing.T, f *fetch.File, r *fetch.Record) {
	t.Helper()
	if err := f.Write(r); err != nil {
		t.Fatal(err)
	}
}

// checkCopy goes on with a copy of the files of path, as a crash would leave
// them: all up to block b is there, but for the block's first record.
func checkCopy(t *testing.T, path string, b int64, o fetch.FileOptions) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "out.jsonl")
	for _, ext := range []string{"", ".journal", ".ahead"} {
		data, err := os.ReadFile(path + ext)
		if err == nil {
			err = os.WriteFile(copied+ext, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f, err := fetch.ResumeFile(copied, o)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for i := range (b + 1) * 100 {
		if f.Done(i) != (i != b*100) {
			t.Errorf("block %d: item %d done: %v", b, i, f.Done(i))
		}
		want.Write(append(longRec(i).AppendJSON(nil), '\n'))
	}
	mustWrite(t, f, longRec(b*100))
	if err := f.Advance((b + 1) * 100); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("block %d: %d bytes, want %d; they differ; %v", b, len(got), want.Len(), err)
	}
}
