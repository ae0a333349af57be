package fetch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// What is the same request, and what is not.
func TestDedupIdentical(t *testing.T) {
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	for name, c := range map[string]struct {
		a, b fetch.Item
		same bool
	}{
		"the URL":                    {fetch.Item{URL: "http://h/a?b"}, fetch.Item{URL: "http://h/a?b"}, true},
		"case of scheme and host":    {fetch.Item{URL: "http://h/a"}, fetch.Item{URL: "HTTP://H/a"}, true},
		"its own port":               {fetch.Item{URL: "http://h/a"}, fetch.Item{URL: "http://h:80/a"}, true},
		"its own port, https":        {fetch.Item{URL: "https://[::1]/a"}, fetch.Item{URL: "https://[::1]:443/a"}, true},
		"an empty port":              {fetch.Item{URL: "http://h/a"}, fetch.Item{URL: "http://h:/a"}, true},
		"an empty path":              {fetch.Item{URL: "http://h"}, fetch.Item{URL: "http://h/"}, true},
		"a fragment":                 {fetch.Item{URL: "http://h/a"}, fetch.Item{URL: "http://h/a#b"}, true},
		"the method said":            {fetch.Item{URL: "http://h/"}, fetch.Item{URL: "http://h/", Method: "GET"}, true},
		"case of a header's name":    {fetch.Item{URL: "http://h/", Header: header("X-A", "1")}, fetch.Item{URL: "http://h/", Header: header("x-a", "1")}, true},
		"the run's own header":       {fetch.Item{URL: "http://h/"}, fetch.Item{URL: "http://h/", Header: header("Accept", "*/*")}, true},
		"a password, in two ways":    {fetch.Item{URL: "http://u:p@h/"}, fetch.Item{URL: "http://h/", Header: header("Authorization", "Basic dTpw")}, true},
		"id and cost":                {fetch.Item{URL: "http://h/", ID: "1", Cost: 2}, fetch.Item{URL: "http://h/", ID: "2"}, true},
		"another port":               {fetch.Item{URL: "http://h/"}, fetch.Item{URL: "http://h:443/"}, false},
		"another scheme":             {fetch.Item{URL: "http://h/"}, fetch.Item{URL: "https://h/"}, false},
		"case of the path":           {fetch.Item{URL: "http://h/a"}, fetch.Item{URL: "http://h/A"}, false},
		"an encoded slash":           {fetch.Item{URL: "http://h/a%2Fb"}, fetch.Item{URL: "http://h/a/b"}, false},
		"an empty query":             {fetch.Item{URL: "http://h/a?"}, fetch.Item{URL: "http://h/a"}, false},
		"order of the query":         {fetch.Item{URL: "http://h/?a&b"}, fetch.Item{URL: "http://h/?b&a"}, false},
		"another password":           {fetch.Item{URL: "http://u:p@h/"}, fetch.Item{URL: "http://u:q@h/"}, false},
		"another method":             {fetch.Item{URL: "http://h/"}, fetch.Item{URL: "http://h/", Method: "HEAD"}, false},
		"another header":             {fetch.Item{URL: "http://h/", Header: header("X-A", "1")}, fetch.Item{URL: "http://h/", Header: header("X-A", "2")}, false},
		"two values and one":         {fetch.Item{URL: "http://h/", Header: http.Header{"X-A": {"1", "2"}}}, fetch.Item{URL: "http://h/", Header: header("X-A", "1, 2")}, false},
		"a value or a header":        {fetch.Item{URL: "http://h/", Header: http.Header{"A": {"1", "B", "2"}}}, fetch.Item{URL: "http://h/", Header: http.Header{"A": {"1"}, "B": {"2"}}}, false},
		"a body":                     {fetch.Item{URL: "http://h/", Body: []byte("a")}, fetch.Item{URL: "http://h/", Body: []byte("b")}, false},
		"a header or a body":         {fetch.Item{URL: "http://h/", Method: "POST", Header: header("A", "b")}, fetch.Item{URL: "http://h/", Method: "POST", Body: []byte("\x01A\x01\x01b")}, false},
		"what cannot be understood":  {fetch.Item{URL: "nothing"}, fetch.Item{URL: "nothing"}, false},
		"what is no item":            {fetch.Item{Err: io.ErrNoProgress}, fetch.Item{Err: io.ErrNoProgress}, false},
		"one letter more in the URL": {fetch.Item{URL: "http://h/aa"}, fetch.Item{URL: "http://h/a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := run(t, newNetwork(nil), list(c.a, c.b), fetch.Options{
					Dedup: &fetch.Dedup{}, Header: http.Header{"Accept": {"*/*"}},
				})
				recs := out.each(t, 2)
				if recs[0].Duplicate || recs[1].Duplicate != c.same || recs[1].DuplicateOf != 0 {
					t.Errorf("%+v\n%+v", recs[0], recs[1])
				}
				if n := out.sum.Duplicates; (n == 1) != c.same {
					t.Errorf("%d duplicates", n)
				}
			})
		})
	}
}

// Duplicates of what is in flight wait without a slot and without a place in
// the look-ahead, and have their records when it ends.
func TestDedupInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			if strings.HasSuffix(h.url, "/slow") {
				return reply{wait: time.Second, status: 204}
			}
			return reply{wait: 10 * ms}
		})
		urls := slices.Concat(slices.Repeat([]string{"http://a/slow"}, 500), many(100, "b"))
		out := mustRun(t, n, gets(urls...), fetch.Options{Concurrency: 3, PerHost: 1, LookAhead: 200, Dedup: &fetch.Dedup{}})
		for i, r := range out.each(t, 600) {
			switch {
			case i == 0 || i >= 500:
				if r.Duplicate || r.Attempts != 1 {
					t.Errorf("%+v", r)
				}
			case !r.Duplicate || r.DuplicateOf != 0 || !r.OK || r.Status != 204 || r.Attempts != 0 || r.Queue != time.Second:
				t.Errorf("%+v", r)
			}
		}
		wantTime(t, "the duplicates", out.doneAt(499), time.Second)
		wantTime(t, "the others", out.doneAt(599), time.Second) // 100 at 10 ms each, one after another
		if len(n.log()) != 101 || out.sum.Items != 600 || out.sum.Records != 600 || out.sum.Duplicates != 499 || out.sum.Spilled > 0 {
			t.Errorf("%d requests, %+v", len(n.log()), out.sum)
		}
	})
}

// A duplicate fares as the first did, through retries, and later too.
func TestDedupOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply { return reply{status: 503} })
		urls := slices.Concat([]string{"http://a/x", "http://a/x"}, many(20, "b"), []string{"http://a/x"})
		out := run(t, n, gets(urls...), fetch.Options{Concurrency: 1, Dedup: &fetch.Dedup{}, Retry: fetch.Retry{Max: 2}})
		recs := out.each(t, 23)
		for _, r := range []fetch.Record{recs[1], recs[22]} {
			if r.OK || r.Status != 503 || r.Error.Class != fetch.Status || r.DuplicateOf != 0 || !r.Duplicate || string(r.Raw) != "http://a/x" {
				t.Errorf("%+v, %v", r, r.Error)
			}
		}
		if got := len(n.hitsOn("a:80")); got != 3 {
			t.Errorf("%d requests, want 3 attempts", got)
		}
	})
}

// Where there is no room, duplicates are fetched, nothing is left out, and the
// summary says so.
func TestDedupWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urls := slices.Concat(many(20_000, "a"), many(20_000, "a"))
		n := newNetwork(nil)
		out := mustRun(t, n, gets(urls...), fetch.Options{Dedup: &fetch.Dedup{Memory: 300_000}})
		for i, r := range out.each(t, 40_000) {
			if r.Duplicate && (i < 20_000 || r.DuplicateOf != int64(i)-20_000) {
				t.Fatalf("%+v", r)
			}
		}
		// 225,000 bytes are 9375 places.
		if d := out.sum.Duplicates; d < 5000 || d > 9375 {
			t.Errorf("%d duplicates were found", d)
		}
		if got := int64(len(n.log())); got != 40_000-out.sum.Duplicates || out.sum.NotDeduped != 2*(20_000-out.sum.Duplicates) {
			t.Errorf("%d requests, %+v", got, out.sum)
		}
	})
	synctest.Test(t, func(t *testing.T) { // for those that wait
		n := newNetwork(always(time.Second))
		out := mustRun(t, n, gets(slices.Repeat([]string{"http://a/"}, 1000)...), fetch.Options{
			Concurrency: 1000, Dedup: &fetch.Dedup{Memory: 40_000},
		})
		out.each(t, 1000)
		if got := int64(len(n.log())); got < 900 || got != out.sum.NotDeduped+1 || got+out.sum.Duplicates != 1000 {
			t.Errorf("%d requests, %+v", got, out.sum)
		}
	})
}

// A run that was dropped and gone on with finds what the first part did, and
// makes each request once but for those that were dropped in flight.
func TestDedupResumed(t *testing.T) {
	seeded(t, 10, func(t *testing.T, r *rand.Rand) {
		urls := make([]string, 600)
		for i := range urls {
			urls[i] = "http://h" + strconv.Itoa(r.IntN(3)) + "/" + strconv.Itoa(r.IntN(50))
		}
		latency := rand.New(rand.NewPCG(r.Uint64(), 0)).Perm(50)
		answer := func(h hit) reply {
			_, id, _ := strings.Cut(strings.TrimPrefix(h.url, "http://"), "/")
			n, _ := strconv.Atoi(id)
			return reply{wait: time.Duration(latency[n]+1) * ms, status: 200 + n%7/6*204, body: id} // one in 7 is 404
		}
		path := filepath.Join(t.TempDir(), "out.jsonl")
		order := fetch.Order(r.IntN(2))
		requests := 0
		for part := 0; ; part++ {
			done := false
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+r.IntN(200))*ms)
				defer cancel()
				if part == 3 {
					ctx = t.Context()
				}
				file := openPart(t, path, part, order)
				n := newNetwork(answer)
				_, err := fetch.Run(ctx, gets(urls...), file, fetch.Options{
					Transport: n, Concurrency: 10, LookAhead: 15, KeepBody: true, Dedup: &fetch.Dedup{Done: file.Outcome},
				})
				if closed := file.Close(); closed != nil {
					t.Fatal(closed)
				}
				requests += len(n.log())
				done = err == nil
			})
			if done {
				break
			}
		}
		t.Logf("%d requests", requests)
		distinct := checkDeduped(t, path, urls, order == fetch.InputOrder)
		if requests > distinct+3*10 {
			t.Errorf("%d requests for %d that differ", requests, distinct)
		}
	})
}

func openPart(t *testing.T, path string, part int, order fetch.Order) (file *fetch.File) {
	t.Helper()
	o := fetch.FileOptions{Order: order, Outcomes: true, Sync: fetch.SyncNever}
	var err error
	if part == 0 {
		file, err = fetch.CreateFile(path, o)
	} else {
		file, err = fetch.ResumeFile(path, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// checkDeduped wants a record for each URL, with the body for the first and a
// pointer to it, with its outcome, for the others.
func checkDeduped(t *testing.T, path string, urls []string, ordered bool) (distinct int) {
	t.Helper()
	type row struct {
		Index, Status int
		URL           string
		OK            bool
		Body          *string
		Error         *struct{ Class string }
		Of            *int `json:"duplicate_of"`
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[int]row{}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if _, twice := rows[r.Index]; twice || ordered && r.Index != i {
			t.Fatalf("line %d: %s", i, line)
		}
		rows[r.Index] = r
	}
	first := map[string]int{}
	for i, u := range urls {
		r, ok := rows[i]
		of, known := first[u]
		switch {
		case !ok || r.URL != u:
			t.Errorf("item %d: %+v", i, r)
		case !known:
			first[u] = i
			if r.Of != nil || r.Body == nil {
				t.Errorf("item %d: %+v", i, r)
			}
		case r.Of == nil || *r.Of != of || r.Body != nil || r.Status != rows[of].Status || r.OK != rows[of].OK || (r.Error == nil) != r.OK:
			t.Errorf("item %d, of %d: %+v", i, of, r)
		}
	}
	return len(first)
}

func ExampleDedup() {
	urls := []string{"http://127.0.0.1:1/", "http://127.0.0.1:1/#top", "http://127.0.0.1:1/other"}
	print := fetch.SinkFunc(func(r *fetch.Record) error {
		fmt.Println(r.URL, r.Duplicate, r.Error.Class)
		return nil
	})
	sum, err := fetch.Run(context.Background(), fetch.URLs(slices.Values(urls)), print, fetch.Options{
		Concurrency: 1, Dedup: &fetch.Dedup{},
	})
	fmt.Println(sum.Records, sum.Duplicates, err)
	// Unordered output:
	// http://127.0.0.1:1/ false connect
	// http://127.0.0.1:1/#top true connect
	// http://127.0.0.1:1/other false connect
	// 3 1 <nil>
}
