package origin

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"sync"
)

var codingRoutes = []route{
	{name: "gzip", form: "/gzip/BYTES[/...]", example: "/gzip/10000", help: "BYTES of text in gzip, whatever the request accepts", serve: serveGzip},
	{name: "deflate", form: "/deflate/BYTES[/...]", example: "/deflate/10000", help: "the same in deflate, which is the zlib format (RFC 9110, 8.4.1.2)", serve: serveDeflate},
	{name: "deflate-raw", form: "/deflate-raw/BYTES[/...]", example: "/deflate-raw/10000", help: "the same without zlib's wrapping, as some servers send it", serve: serveDeflateRaw},
	{name: "gzipbomb", form: "/gzipbomb/BYTES[/...]", example: "/gzipbomb/10000000000", help: "BYTES of zeros in gzip: about a thousandth on the wire", serve: serveGzipBomb},
	{name: "badgzip", form: "/badgzip[/KIND]", example: "/badgzip/crc", help: "says gzip; KIND is plain (it is not, the default), crc (a wrong checksum) or cut (its end is missing)", serve: serveBadGzip},
}

// coded begins a compressed answer.
func (x *exchange) coded(coding string) {
	x.w.Header().Set("Content-Type", textType)
	x.w.Header().Set("Content-Encoding", coding)
	x.count(http.StatusOK)
	x.w.WriteHeader(http.StatusOK)
}

// compressor is what gzip, zlib and flate writers have in common. One takes
// about a megabyte, so they are used again.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

var (
	gzips    = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	zlibs    = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}
	deflates = sync.Pool{New: func() any { return newDeflate(flate.DefaultCompression) }}
)

func newDeflate(level int) *flate.Writer {
	z, err := flate.NewWriter(nil, level)
	if err != nil {
		panic(err) // the levels are constants
	}
	return z
}

// compress answers BYTES of text through a compressor of the pool. An error of
// a write is the client's having left.
func (x *exchange) compress(r *route, coding string, pool *sync.Pool) {
	n, ok := x.number(maxBytes)
	if !ok {
		x.refuse(r)
		return
	}
	x.coded(coding)
	z := pool.Get().(compressor)
	defer pool.Put(z)
	z.Reset(x.w)
	if fill(z, 0, n) == nil {
		z.Close()
	}
}

func serveGzip(x *exchange, r *route)       { x.compress(r, "gzip", &gzips) }
func serveDeflate(x *exchange, r *route)    { x.compress(r, "deflate", &zlibs) }
func serveDeflateRaw(x *exchange, r *route) { x.compress(r, "deflate", &deflates) }

const zeroBlock = 1 << 20

// zeros is 1 MiB of zeros, and those compressed with flate and flushed: such a
// piece ends on a byte and needs no piece before it, so that a bomb of any size
// is the same piece again and again, at no cost of compressing.
var zeros = sync.OnceValues(func() (plain, packed []byte) {
	plain = make([]byte, zeroBlock)
	return plain, deflated(plain, false)
})

// deflated compresses b, as a whole stream or as a piece of one.
func deflated(b []byte, whole bool) []byte {
	var out bytes.Buffer
	z := newDeflate(flate.BestCompression)
	z.Reset(&out)
	z.Write(b) // a bytes.Buffer takes all
	if whole {
		z.Close()
	} else {
		z.Flush()
	}
	return out.Bytes()
}

// gzipHeader is RFC 1952's least: deflate, no flags, no time, unknown system.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

func serveGzipBomb(x *exchange, r *route) {
	n, ok := x.number(maxBytes)
	if !ok {
		x.refuse(r)
		return
	}
	plain, packed := zeros()
	x.coded("gzip")
	io.WriteString(x.w, gzipHeader)
	sum := crc32.NewIEEE()
	for range n / zeroBlock {
		sum.Write(plain)
		if _, err := x.w.Write(packed); err != nil {
			return // the client has had enough
		}
	}
	rest := plain[:n%zeroBlock]
	sum.Write(rest)
	end := binary.LittleEndian.AppendUint32(deflated(rest, true), sum.Sum32())
	x.w.Write(binary.LittleEndian.AppendUint32(end, uint32(n)))
}

func serveBadGzip(x *exchange, r *route) {
	var whole bytes.Buffer
	z := gzip.NewWriter(&whole)
	fill(z, 0, 1000) // a bytes.Buffer takes all
	z.Close()
	body := whole.Bytes()
	switch x.arg() {
	case "", "plain":
		body = []byte("this is not gzip\n")
	case "crc":
		body[len(body)-8] ^= 1
	case "cut":
		body = body[:len(body)-10]
	default:
		x.refuse(r)
		return
	}
	x.w.Header().Set("Content-Encoding", "gzip")
	x.send(http.StatusOK, textType, body)
}
