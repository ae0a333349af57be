package fetch_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/bodies"
	"github.com/penstock-go/penstock/fetch/warc"
)

// A record brings the redirects and the last response, each with what was sent,
// and how it ended.
func TestExchanges(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	to := func(url string) reply {
		return reply{status: 302, header: http.Header{"Location": {url}}, body: long[:70_000]}
	}
	answers := map[string]reply{
		"http://a/":        to("http://b/next"),
		"http://b/next":    {body: "here"},
		"http://a/404":     {status: 404, body: "none"},
		"http://a/large":   {body: long},
		"http://a/torn":    {body: "half", bodyErr: syscall.ECONNRESET},
		"http://a/odd":     {body: "odd", bodyErr: errors.New("gzip: invalid checksum")},
		"http://a/gone":    to("http://b/refused"),
		"http://b/refused": {err: syscall.ECONNREFUSED},
	}
	for name, want := range map[string][]struct {
		url, body string
		cut       warc.Truncation
	}{
		"http://a/":      {{"http://a/", long[:64<<10], warc.TruncatedLength}, {"http://b/next", "here", ""}},
		"http://a/404":   {{"http://a/404", "none", ""}},
		"http://a/large": {{"http://a/large", long[:80_000], warc.TruncatedLength}},
		"http://a/torn":  {{"http://a/torn", "half", warc.TruncatedDisconnect}},
		"http://a/odd":   {{"http://a/odd", "odd", warc.TruncatedUnspecified}},
		"http://a/gone":  {{"http://a/gone", long[:64<<10], warc.TruncatedLength}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				checked := false
				sink := fetch.SinkFunc(func(r *fetch.Record) error {
					checked = true
					if len(r.Exchanges) != len(want) {
						t.Fatalf("%d exchanges, want %d", len(r.Exchanges), len(want))
					}
					for i, x := range r.Exchanges {
						if w := want[i]; x.Request.URL.String() != w.url || string(x.Body) != w.body || x.Truncated != w.cut || string(x.RequestBody) != "ask" && i == 0 {
							t.Errorf("%d: %s, %d bytes, %q", i, x.Request.URL, len(x.Body), x.Truncated)
						}
					}
					if r.Body != nil {
						t.Error("a body that nobody asked for")
					}
					return nil
				})
				n := newNetwork(func(h hit) reply { return answers[h.url] })
				_, err := fetch.Run(t.Context(), list(fetch.Item{URL: name, Method: "PUT", Body: []byte("ask")}), sink, fetch.Options{
					Transport: n, KeepExchanges: true, Redirects: 5, MaxBody: 80_000,
				})
				if err != nil || !checked {
					t.Errorf("%v, a record: %v", err, checked)
				}
			})
		})
	}
}

// What stands in an archive behind the last commit is cut off on resuming, and
// each item's exchanges are in it once. What the journal knows of is there.
func TestArchiveResumed(t *testing.T) {
	for _, order := range []fetch.Order{fetch.InputOrder, fetch.CompletionOrder} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			path, archive := filepath.Join(dir, "out.jsonl"), filepath.Join(dir, "out.warc.gz")
			o := fetch.FileOptions{Order: order, Archive: archive, BodyPath: "x.warc.gz", Sync: fetch.SyncNever}
			f, err := fetch.CreateFile(path, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range []int64{3, 0, 2} {
				mustWrite(t, f, archived(i))
			}
			time.Sleep(1100 * ms) // one commit
			synctest.Wait()
			mustWrite(t, f, archived(4)) // after it
			killed := filepath.Join(t.TempDir(), "out.jsonl")
			copyAll(t, dir, filepath.Dir(killed))
			o.Archive = filepath.Join(filepath.Dir(killed), "out.warc.gz")
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}

			if f, err = fetch.ResumeFile(killed, o); err != nil {
				t.Fatal(err)
			}
			if got, want := targets(t, o.Archive), "0 2 3"; got != want {
				t.Errorf("order %v: the archive was cut to %s, want %s", order, got, want)
			}
			for i := range int64(6) {
				if done := i == 0 || i == 2 || i == 3; f.Done(i) != done {
					t.Errorf("item %d done: %v", i, !done)
				}
				if !f.Done(i) {
					mustWrite(t, f, archived(i))
				}
			}
			if err := errors.Join(f.Advance(6), f.Close()); err != nil {
				t.Fatal(err)
			}
			if got, want := targets(t, o.Archive), "0 1 2 3 4 5"; got != want {
				t.Errorf("order %v: the archive has %s, want %s", order, got, want)
			}
			text, err := os.ReadFile(killed)
			if n := bytes.Count(text, []byte(`"body_ref":"x.warc.gz:`)); err != nil || n != 6 {
				t.Errorf("%d references, %v\n%s", n, err, text)
			}
			o.Archive = filepath.Join(dir, "none.warc.gz")
			if _, err := fetch.ResumeFile(killed, o); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("without its archive: %v", err)
			}
		})
	}
}

// archived is a record with its exchange.
func archived(i int64) *fetch.Record {
	r := rec(i)
	req, err := http.NewRequest(http.MethodGet, "http://h/"+string(rune('0'+i)), http.NoBody)
	if err != nil {
		panic(err)
	}
	r.OK, r.Status = true, 200
	r.Exchanges = []warc.Exchange{{Request: req, Response: &http.Response{StatusCode: 200, ProtoMajor: 1}, Body: []byte("hello")}}
	return r
}

func copyAll(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// targets are the URLs of an archive's responses, sorted.
func targets(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var urls []string
	for list := warc.NewReader(file); ; {
		r, err := list.Next()
		if err == io.EOF {
			slices.Sort(urls)
			return strings.Join(urls, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.Type() == "response" {
			urls = append(urls, strings.TrimPrefix(r.TargetURI(), "http://h/"))
		}
	}
}

// Bodies go to their files before their records are written, and the engine's
// record is left as it was.
func TestBodiesInFiles(t *testing.T) {
	store, err := bodies.Open(t.TempDir(), bodies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	path := filepath.Join(t.TempDir(), "out.jsonl")
	file, err := fetch.CreateFile(path, fetch.FileOptions{Bodies: store, BodyPath: "b/"})
	if err != nil {
		t.Fatal(err)
	}
	stdout := fetch.NewJSONL(&out, fetch.JSONLOptions{Bodies: store, BodyPath: "b/"})
	r := rec(0)
	r.Body = []byte("hello")
	for _, sink := range []interface {
		fetch.Sink
		io.Closer
	}{file, stdout} {
		if err := errors.Join(sink.Write(r), sink.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if string(r.Body) != "hello" || r.BodyRef != "" {
		t.Errorf("the record became %+v", r)
	}
	text, err := os.ReadFile(path)
	ref := bodies.Ref([]byte("hello"))
	if err != nil || string(text) != out.String() || !strings.HasSuffix(out.String(), `,"body_ref":"b/`+ref+`"}`+"\n") || strings.Contains(out.String(), `"body":`) {
		t.Errorf("%v\n%s\n%s", err, text, &out)
	}
	if body, err := os.ReadFile(store.Path(ref)); err != nil || string(body) != "hello" {
		t.Errorf("%q, %v", body, err)
	}
}

// A body that cannot be synced has no record in the journal: its item is
// fetched again.
func TestBodyThatCannotBeSynced(t *testing.T) {
	store, err := bodies.Open(t.TempDir(), bodies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "out.jsonl")
	o := fetch.FileOptions{Bodies: store}
	file, err := fetch.CreateFile(path, o)
	if err != nil {
		t.Fatal(err)
	}
	r := rec(0)
	r.Body = []byte("hello")
	mustWrite(t, file, r)
	if err := os.Remove(store.Path(bodies.Ref(r.Body))); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	o.Bodies = nil
	file, err = fetch.ResumeFile(path, o)
	if err != nil || file.Done(0) {
		t.Fatalf("done, though its body is not there; or %v", err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}
