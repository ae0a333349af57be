package journal_test

import (
	"path/filepath"
	"testing"

	"github.com/penstock-go/penstock/fetch/journal"
)

// What became of each item can be asked for, of rows and of those ahead, and
// duplicates are counted.
func TestOutcomes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := journal.Create(path, journal.Header{})
	if err != nil {
		t.Fatal(err)
	}
	entries := []journal.Entry{
		{Index: 5, OK: true, Status: 999, Length: 1},
		{Index: 1, Status: 503, Class: 9, Length: 1, Duplicate: true},
		{Index: 3, Ahead: true, Class: 15, Length: 1},
		{Index: 0, OK: true, Status: 200, Length: 1, Duplicate: true},
	}
	if err := j.Commit(entries, journal.Sizes{}, false); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j, st, err := journal.OpenWithOutcomes(path)
	if err != nil {
		t.Fatal(err)
	}
	known := map[int64]journal.Entry{}
	for _, e := range entries {
		known[e.Index] = e
	}
	for i := int64(-1); i < 8; i++ {
		ok, status, class, done := st.Outcome(i)
		if e, is := known[i]; done != is || ok != e.OK || status != e.Status || class != e.Class {
			t.Errorf("item %d: %v, %d, %d, %v", i, ok, status, class, done)
		}
	}
	if st.Duplicates != 2 {
		t.Errorf("%d duplicates", st.Duplicates)
	}
	j.Close()
	if j, st, err = journal.Open(path); err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, _, _, done := st.Outcome(5); done {
		t.Error("an outcome that was not asked for")
	}
}
