package origin

import (
	"compress/gzip"
	"io"
	"net/http"
)

var codingRoutes = []route{
	{name: "gzip", form: "/gzip/BYTES[/...]", example: "/gzip/10000", help: "BYTES of text, compressed, whatever the request accepts", serve: serveGzip},
}

// coded begins a compressed answer.
func (x *exchange) coded(coding string) {
	x.w.Header().Set("Content-Type", textType)
	x.w.Header().Set("Content-Encoding", coding)
	x.count(http.StatusOK)
	x.w.WriteHeader(http.StatusOK)
}

// fill writes n bytes of the pattern.
func fill(w io.Writer, n int64) error {
	for n > 0 {
		part := pattern[:min(n, int64(len(pattern)))]
		if _, err := w.Write(part); err != nil {
			return err
		}
		n -= int64(len(part))
	}
	return nil
}

func serveGzip(x *exchange, r *route) {
	n, ok := x.number(maxBytes)
	if !ok {
		x.refuse(r)
		return
	}
	x.coded("gzip")
	z := gzip.NewWriter(x.w)
	if fill(z, n) == nil {
		z.Close() // an error is the client's having left
	}
}
