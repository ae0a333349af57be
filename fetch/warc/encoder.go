package warc

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"fmt"
	"io"
	"strconv"
	"time"
)

// keepBuffer is how large a buffer may be that is kept for another exchange.
const keepBuffer = 1 << 20

// A field is a named field of a record.
type field struct{ name, value string }

// An encoder packs records into memory.
type encoder struct {
	out    *bytes.Buffer
	packer *gzip.Writer // nil for plain
	head   []byte
}

func newEncoder(plain bool) *encoder {
	e := &encoder{}
	if !plain {
		e.packer = gzip.NewWriter(nil)
	}
	return e
}

// exchange packs both records of x, and returns where the response begins.
func (e *encoder) exchange(x *Exchange, infoID string) (response int) {
	requestID, responseID := newID(), newID()

	fields := x.fields("request", requestID, responseID, infoID)
	if len(x.RequestBody) > 0 {
		fields = append(fields, field{"WARC-Payload-Digest", digest(x.RequestBody)})
	} else if x.requestLength() > 0 {
		fields = append(fields, field{"WARC-Truncated", string(TruncatedUnspecified)})
	}
	e.record(fields, x.requestHead(), x.RequestBody)
	response = e.out.Len()

	fields = x.fields("response", responseID, requestID, infoID)
	if x.Truncated == "" {
		fields = append(fields, field{"WARC-Payload-Digest", digest(x.Body)})
	} else {
		// The digest of a part would be taken for that of the whole.
		fields = append(fields, field{"WARC-Truncated", string(x.Truncated)})
	}
	e.record(fields, x.responseHead(), x.Body)
	return response
}

// fields are those that both records of x have.
func (x *Exchange) fields(kind, id, other, infoID string) []field {
	f := []field{
		{"WARC-Type", kind},
		{"WARC-Record-ID", id},
		{"WARC-Warcinfo-ID", infoID},
		{"WARC-Concurrent-To", other},
		{"WARC-Target-URI", x.target()},
		{"WARC-Date", date(x.Date)},
	}
	if x.IP.IsValid() {
		f = append(f, field{"WARC-IP-Address", x.IP.Unmap().WithZone("").String()})
	}
	if x.Response.ProtoMajor == 2 {
		f = append(f, field{"WARC-Protocol", "h2"})
	}
	return append(f, field{"Content-Type", "application/http;msgtype=" + kind})
}

// record packs one record, whose block is in two parts.
func (e *encoder) record(fields []field, head, body []byte) {
	b := e.head[:0]
	b = append(b, "WARC/1.1\r\n"...)
	for _, f := range fields {
		b = appendField(b, f.name, f.value)
	}
	b = appendField(b, "WARC-Block-Digest", digest(head, body))
	b = appendField(b, "Content-Length", strconv.Itoa(len(head)+len(body)))
	b = append(b, '\r', '\n')
	e.head = b

	w := io.Writer(e.out)
	if e.packer != nil {
		e.packer.Reset(e.out)
		w = e.packer
	}
	for _, part := range [][]byte{b, head, body, []byte("\r\n\r\n")} {
		_, _ = w.Write(part) // into memory, which does not fail
	}
	if e.packer != nil {
		_ = e.packer.Close()
	}
}

// date is a WARC-Date: microseconds, as in package fetch's records.
func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// digest is the labelled digest of a block or payload.
func digest(parts ...[]byte) string {
	h := sha1.New() // no defence, but what the indexes of archives hold
	for _, p := range parts {
		_, _ = h.Write(p)
	}
	return "sha1:" + base32.StdEncoding.EncodeToString(h.Sum(nil))
}

// newID is a record's name: a random UUID (RFC 9562, version 4).
func newID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
