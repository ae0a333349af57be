package origin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	jsonType   = "application/json"
	textType   = "text/plain; charset=utf-8"
	binaryType = "application/octet-stream"

	maxBytes = 1 << 50
)

var basicRoutes = []route{
	{name: "item", form: "/item/N", example: "/item/42", help: "a small JSON object that depends on N alone", serve: serveItem},
	{name: "delay", form: "/delay/MS[/...]", example: "/delay/50/a", help: "answers after MS milliseconds", serve: serveDelay},
	{name: "jitter", form: "/jitter/MIN-MAX[/...]", example: "/jitter/10-200/a", help: "answers after MIN to MAX ms, the same for the same path and seed", serve: serveJitter},
	{name: "status", form: "/status/CODE[/...]", example: "/status/404", help: "that status, 200 to 999, or an informational one (102 to 199) before 200", serve: serveStatus},
	{name: "big", form: "/big/BYTES[/...]", example: "/big/1000000", help: "a body of that size, with its Content-Length", serve: serveBig},
	{name: "drip", form: "/drip/BYTES/MS[/...]", example: "/drip/10/1000", help: "a body of that size in ten parts spread over MS milliseconds", serve: serveDrip},
	{name: "chunked", form: "/chunked/N[/SIZE]", example: "/chunked/5/100", help: "N chunks of SIZE bytes (default 1024), and a trailer", serve: serveChunked},
	{name: "head", form: "/head[/...]", example: "/head", help: "says Content-Length: 1000; 1000 bytes follow except for HEAD", serve: serveHead},
	{name: "204", form: "/204[/...]", example: "/204", help: "No Content", serve: serveEmpty(http.StatusNoContent)},
	{name: "304", form: "/304[/...]", example: "/304", help: "Not Modified, with an ETag", serve: serveEmpty(http.StatusNotModified)},
	{name: "bye", form: "/bye[/...]", example: "/bye", help: "a good answer with Connection: close", serve: serveBye},
}

// AppendItem appends the body of /item/N.
func AppendItem(b []byte, n uint64) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendUint(b, n, 10)
	b = append(b, `,"name":"item `...)
	b = strconv.AppendUint(b, n, 10)
	b = append(b, `","digest":"`...)
	digest := splitmix(n)
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[digest>>shift&15])
	}
	return append(b, "\"}\n"...)
}

const patternLine = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n"

// pattern is what long bodies are made of: lines of 64 bytes.
var pattern = bytes.Repeat([]byte(patternLine), 1024)

// fill writes the bytes from to to-1 of an endless pattern.
func fill(w io.Writer, from, to int64) error {
	for from < to {
		part := pattern[from%int64(len(patternLine)):]
		n, err := w.Write(part[:min(int64(len(part)), to-from)])
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

func serveItem(x *exchange, r *route) {
	x.refuse(r) // a path that is one was answered before
}

// ok answers with the path, as JSON.
func (x *exchange) ok() {
	body, err := json.Marshal(map[string]string{"path": x.r.URL.Path})
	if err != nil {
		panic(err) // strings always marshal
	}
	x.send(http.StatusOK, jsonType, append(body, '\n'))
}

func serveBye(x *exchange, _ *route) {
	x.w.Header().Set("Connection", "close")
	x.ok()
}

func serveDelay(x *exchange, r *route) {
	d, ok := x.millis()
	if !ok {
		x.refuse(r)
		return
	}
	if x.wait(d) {
		x.ok()
	}
}

func serveJitter(x *exchange, r *route) {
	low, high, ok := strings.Cut(x.arg(), "-")
	a, err1 := strconv.ParseUint(low, 10, 22)
	b, err2 := strconv.ParseUint(high, 10, 22)
	if !ok || err1 != nil || err2 != nil || a > b {
		x.refuse(r)
		return
	}
	ms := float64(a) + unit(mix(x.r.RequestURI, x.srv.opts.Seed))*float64(b-a)
	if x.wait(time.Duration(ms * float64(time.Millisecond))) {
		x.ok()
	}
}

func serveStatus(x *exchange, r *route) {
	code, ok := x.number(999)
	switch {
	case !ok || code < 102:
		x.refuse(r)
	case code < 200:
		x.w.WriteHeader(int(code))
		x.ok()
	default:
		x.text(int(code), "%d %s", code, http.StatusText(int(code)))
	}
}

func serveBig(x *exchange, r *route) {
	n, ok := x.number(maxBytes)
	if !ok {
		x.refuse(r)
		return
	}
	x.stream(n)
}

// stream answers n bytes of the pattern.
func (x *exchange) stream(n int64) {
	x.w.Header().Set("Content-Type", binaryType)
	x.w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	x.count(http.StatusOK)
	x.w.WriteHeader(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return
	}
	if fill(x.w, 0, n-1) != nil {
		return // the client has left
	}
	x.end()
	fill(x.w, max(0, n-1), n)
}

func serveDrip(x *exchange, r *route) {
	n, ok1 := x.number(maxBytes)
	d, ok2 := x.millis()
	if !ok1 || !ok2 {
		x.refuse(r)
		return
	}
	if n == 0 { // the header is then the end of the answer
		if x.wait(d) {
			x.send(http.StatusOK, binaryType, nil)
		}
		return
	}
	x.w.Header().Set("Content-Type", binaryType)
	x.w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	x.count(http.StatusOK)
	x.flush()
	const parts = 10
	for i := range int64(parts) {
		if !x.wait(d / parts) {
			return
		}
		if i == parts-1 {
			x.end()
		}
		if fill(x.w, n*i/parts, n*(i+1)/parts) != nil {
			return
		}
		x.flush()
	}
}

// flush sends what there is, the header first.
func (x *exchange) flush() {
	http.NewResponseController(x.w).Flush() // an error comes back from the next write
}

func serveChunked(x *exchange, r *route) {
	n, ok := x.number(1 << 30)
	size := int64(1024)
	if ok && x.rest != "" {
		size, ok = x.number(int64(len(pattern)))
	}
	if !ok {
		x.refuse(r)
		return
	}
	x.w.Header().Set("Content-Type", binaryType)
	x.w.Header().Set("Trailer", "X-Chunks")
	x.count(http.StatusOK)
	x.flush()
	for i := range n {
		if fill(x.w, i*size, (i+1)*size) != nil {
			return
		}
		x.flush()
	}
	x.w.Header().Set("X-Chunks", strconv.FormatInt(n, 10))
}

func serveHead(x *exchange, _ *route) { x.stream(1000) }

func serveEmpty(status int) func(*exchange, *route) {
	return func(x *exchange, _ *route) {
		x.w.Header().Set("ETag", `"origin"`)
		x.count(status)
		x.end()
		x.w.WriteHeader(status)
	}
}
