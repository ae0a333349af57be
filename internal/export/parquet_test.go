package export_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/penstock-go/penstock/internal/export"
)

// A row is what a reader of the file declares, without regard to how it was
// written.
type row struct {
	Index        int64         `parquet:"index"`
	ID           *string       `parquet:"id,optional"`
	URL          string        `parquet:"url"`
	FinalURL     *string       `parquet:"final_url,optional"`
	Status       int32         `parquet:"status"`
	OK           bool          `parquet:"ok"`
	Attempts     int32         `parquet:"attempts"`
	ErrorClass   *string       `parquet:"error_class,optional"`
	ErrorMessage *string       `parquet:"error_message,optional"`
	Started      *int64        `parquet:"started,optional,timestamp(microsecond)"`
	QueueMS      float64       `parquet:"queue_ms"`
	TTFBMS       float64       `parquet:"ttfb_ms"`
	TotalMS      float64       `parquet:"total_ms"`
	Bytes        int64         `parquet:"bytes"`
	ContentType  *string       `parquet:"content_type,optional"`
	Headers      []headerField `parquet:"headers,optional,list"`
	Body         *string       `parquet:"body,optional"`
	BodyBinary   *[]byte       `parquet:"body_binary,optional"`
	BodyRef      *string       `parquet:"body_ref,optional"`
	ConnectMS    float64       `parquet:"connect_ms"`
	Proto        *string       `parquet:"proto,optional"`
}

type headerField struct {
	Name  string `parquet:"name"`
	Value string `parquet:"value"`
}

func parquetColumns(t testing.TB, file []byte) (names []string) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Schema().Fields() {
		names = append(names, c.Name())
	}
	return names
}

// What a tool sees of the file.
const schema = `message record {
	required int64 index (INT(64,true));
	optional binary id (STRING);
	required binary url (STRING);
	optional binary final_url (STRING);
	required int32 status (INT(32,true));
	required boolean ok;
	required int32 attempts (INT(32,true));
	optional binary error_class (STRING);
	optional binary error_message (STRING);
	optional int64 started (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	required double queue_ms;
	required double ttfb_ms;
	required double total_ms;
	required int64 bytes (INT(64,true));
	optional binary content_type (STRING);
	optional group headers (LIST) {
		repeated group list {
			required group element {
				required binary name (STRING);
				required binary value (STRING);
			}
		}
	}
	optional binary body (STRING);
	optional binary body_binary;
	optional binary body_ref (STRING);
	required double connect_ms;
	optional binary proto (STRING);
}`

func TestParquet(t *testing.T) {
	in := input(t, records) + `{"index":4,"url":"u","status":200,"ok":true,"attempts":1,"bytes":3,"body_ref":"ab/cd","headers":{}}` + "\n"
	text, n, err := run(t, export.Options{Format: export.Parquet}, in)
	if err != nil || n != 5 {
		t.Fatalf("%d rows, %v", n, err)
	}
	f, err := parquet.OpenFile(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Schema().String(); got != schema {
		t.Errorf("schema\n%s\nnot\n%s", got, schema)
	}
	got, err := parquet.Read[row](strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	micros := started.UnixMicro()
	want := []row{
		{
			Index: 0, ID: new("a"), URL: "http://h.example/0", FinalURL: new("http://h.example/f"), Status: 200, OK: true, Attempts: 2,
			Started: new(micros), QueueMS: 1.234, TTFBMS: 5, TotalMS: 1000, Bytes: 5, ContentType: new("text/plain"),
			Headers: []headerField{{"Etag", `"x,y"`}, {"Vary", "a"}, {"Vary", "b\r\nc"}}, Body: new("a,\"b\"\r\nc\nü\r"),
			ConnectMS: 2.5, Proto: new("HTTP/2.0"),
		},
		{Index: 1, URL: "http://h.example/1", Status: 404, Attempts: 1, Started: new(micros), ErrorClass: new("status"), ErrorMessage: new("404 Not Found"), Headers: []headerField{}, Body: new("")},
		{Index: 2, URL: "no url, =1+1", ErrorClass: new("invalid_input"), ErrorMessage: new(`bad "URL"`)},
		{Index: 1 << 40, ID: new("=cmd|'/c calc'!A1"), URL: "http://h.example/3", Status: 200, OK: true, Attempts: 1, Started: new(micros + time.Hour.Microseconds()), Bytes: 4, BodyBinary: new([]byte{0xff, 0, '\n', '"'})},
		{Index: 4, URL: "u", Status: 200, OK: true, Attempts: 1, Bytes: 3, BodyRef: new("ab/cd"), Headers: []headerField{}},
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("row %d:\n%+v, not\n%+v", i, got[i], want[i])
		}
	}
}

func TestParquetNothing(t *testing.T) {
	text, _, err := run(t, export.Options{Format: export.Parquet}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parquet.Read[row](strings.NewReader(text), int64(len(text))); len(got) != 0 || err != nil {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// 120 MB of bodies that cannot be packed well pass through: in several row
// groups, of which no more than one is in memory.
func TestFlatMemory(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("takes long under the race detector, which takes memory of its own besides")
	}
	const n, most = 1_200, 90 << 20
	for _, format := range []export.Format{export.CSV, export.Parquet} {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		x, err := export.New(export.Options{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		in := &watcher{r: newEndless(n, 100_000)}
		if got, err := x.Run(t.Context(), out, in); err != nil || got != n {
			t.Fatalf("%d rows, %v", got, err)
		}
		info, err := out.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if format == export.Parquet {
			f, err := parquet.OpenFile(out, info.Size())
			if err != nil {
				t.Fatal(err)
			}
			if f.NumRows() != n || len(f.RowGroups()) != 4 {
				t.Errorf("%d rows in %d groups", f.NumRows(), len(f.RowGroups()))
			}
		}
		t.Logf("%s: %d MB, at most %d MB live", format, info.Size()>>20, in.peak>>20)
		if in.peak > most {
			t.Errorf("%s: %d MB live", format, in.peak>>20)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An endless gives records with bodies of random hex.
type endless struct {
	n, i   int
	random *rand.ChaCha8
	raw    []byte
	rest   []byte
}

func newEndless(n, size int) *endless {
	return &endless{n: n, random: rand.NewChaCha8([32]byte{}), raw: make([]byte, size/2)}
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.i == e.n {
			return 0, io.EOF
		}
		e.random.Read(e.raw)
		e.rest = fmt.Appendf(nil, `{"index":%d,"url":"http://h.example/%d","status":200,"ok":true,"body":"%x"}`+"\n", e.i, e.i, e.raw)
		e.i++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// A watcher looks at what is live on the heap as the records pass by.
type watcher struct {
	r     io.Reader
	reads int
	peak  uint64
}

func (w *watcher) Read(p []byte) (int, error) {
	if w.reads++; w.reads%100 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.peak = max(w.peak, m.HeapAlloc)
	}
	return w.r.Read(p)
}

// Numbers are stored as they are, at their limits too.
func TestParquetNumbers(t *testing.T) {
	in := `{"index":9223372036854775807,"url":"","status":2147483647,"ok":false,"attempts":0,"bytes":9223372036854775807,"total_ms":1e300,"started":"0001-01-01T00:00:00Z"}` + "\n"
	text, _, err := run(t, export.Options{Format: export.Parquet}, in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parquet.Read[row](strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	want := row{Index: math.MaxInt64, Status: math.MaxInt32, Bytes: math.MaxInt64, TotalMS: 1e300}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v", got[0])
	}
}
