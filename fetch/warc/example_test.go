package warc_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/penstock-go/penstock/fetch/warc"
)

// A response is found again by what WriteExchange returned.
func Example() {
	var file bytes.Buffer
	w := warc.NewWriter(&file, warc.Options{Info: map[string]string{"software": "example/1"}})
	at, n, err := w.WriteExchange(warc.Exchange{
		Request: &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "example.com", Path: "/"}},
		Response: &http.Response{
			StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"text/plain"}},
		},
		Body: []byte("a small page"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	rec, err := warc.NewReader(io.NewSectionReader(bytes.NewReader(file.Bytes()), at, int64(n))).Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	block, err := io.ReadAll(rec.Block)
	fmt.Println(rec.Type(), rec.TargetURI(), err)
	fmt.Println(string(bytes.ReplaceAll(block, []byte("\r"), nil)))
	// Output:
	// response https://example.com/ <nil>
	// HTTP/1.1 200 OK
	// Content-Type: text/plain
	// Content-Length: 12
	//
	// a small page
}
