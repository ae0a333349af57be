package fetch

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the record as one JSON object, without a newline. A body
// that is UTF-8 stands as text in "body", any other as "body_base64".
func (r *Record) AppendJSON(b []byte) []byte {
	b = append(b, `{"index":`...)
	b = strconv.AppendInt(b, r.Index, 10)
	if r.ID != "" {
		b = appendString(append(b, `,"id":`...), r.ID)
	}
	b = appendString(append(b, `,"url":`...), r.URL)
	if r.FinalURL != "" {
		b = appendString(append(b, `,"final_url":`...), r.FinalURL)
	}
	b = strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10)
	b = strconv.AppendBool(append(b, `,"ok":`...), r.OK)
	b = strconv.AppendInt(append(b, `,"attempts":`...), int64(r.Attempts), 10)
	if r.Error != nil {
		b = appendString(append(b, `,"error":{"class":`...), string(r.Error.Class))
		b = appendString(append(b, `,"message":`...), r.Error.Message)
		b = append(b, '}')
	}
	b = appendTime(append(b, `,"started":"`...), r.Started)
	b = appendMillis(append(b, `","queue_ms":`...), r.Queue)
	if r.Connect >= time.Microsecond {
		b = appendMillis(append(b, `,"connect_ms":`...), r.Connect)
	}
	b = appendMillis(append(b, `,"ttfb_ms":`...), r.TTFB)
	b = appendMillis(append(b, `,"total_ms":`...), r.Total)
	b = strconv.AppendInt(append(b, `,"bytes":`...), r.Bytes, 10)
	if r.ContentType != "" {
		b = appendString(append(b, `,"content_type":`...), r.ContentType)
	}
	if r.Proto != "" {
		b = appendString(append(b, `,"proto":`...), r.Proto)
	}
	if r.Header != nil {
		b = appendHeader(append(b, `,"headers":`...), r.Header)
	}
	if r.Body != nil {
		b = appendBody(b, r.Body)
	}
	if r.Duplicate {
		b = strconv.AppendInt(append(b, `,"duplicate_of":`...), r.DuplicateOf, 10)
	}
	if r.BodyRef != "" {
		b = appendString(append(b, `,"body_ref":`...), r.BodyRef)
	}
	return append(b, '}')
}

func appendBody(b, body []byte) []byte {
	if utf8.Valid(body) {
		return appendString(append(b, `,"body":`...), body)
	}
	b = append(b, `,"body_base64":"`...)
	b = base64.StdEncoding.AppendEncode(b, body)
	return append(b, '"')
}

// bodyLength is about how many bytes appendBody appends, and mostly not less: how much
// there is to escape, and whether it is text at all, is guessed from its beginning. One
// that is all to be escaped says little, as the zeros before a disk's image: then all
// of it is looked at, or seven times as much memory were taken as is needed.
func bodyLength(body []byte) int {
	first := body[:min(len(body), 4<<10)]
	isText, more := utf8.Valid(first[:lastRune(first)]), 0.0
	if isText {
		more = 1.25 * float64(toEscape(first)) / float64(max(1, len(first)))
	}
	if isText && more > 1.25 {
		isText, more = utf8.Valid(body), float64(toEscape(body))/float64(len(body))
	}
	if !isText {
		return base64.StdEncoding.EncodedLen(len(body))
	}
	return len(body) + int(more*float64(len(body)))
}

// toEscape is how many bytes longer b is as a string of JSON.
func toEscape(b []byte) (n int) {
	for _, c := range b {
		switch {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			n++
		case c < ' ', c == 0x7f:
			n += len(`\u0000`) - 1
		}
	}
	return n
}

// lastRune is where the last rune of b begins, which may not all be there.
func lastRune(b []byte) int {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			return i
		}
	}
	return len(b)
}

// appendHeader writes names in order, so that equal headers are equal text.
// Cookies are credentials and stay out.
func appendHeader(b []byte, h http.Header) []byte {
	names := make([]string, 0, len(h))
	for name := range h {
		if !strings.EqualFold(name, "Set-Cookie") && !strings.EqualFold(name, "Set-Cookie2") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':', '[')
		for k, v := range h[name] {
			if k > 0 {
				b = append(b, ',')
			}
			if strings.Contains(v, "@") && (strings.EqualFold(name, "Location") || strings.EqualFold(name, "Content-Location")) {
				v = redactedURL(v)
			}
			b = appendString(b, v)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendTime writes t in UTC with six decimals: as the layout
// "2006-01-02T15:04:05.000000Z07:00" does, at a third of the cost, since the time
// package has a quick way for the layout without them.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	b = t.AppendFormat(b, time.RFC3339)
	b[len(b)-1] = '.' // it was Z
	for us, unit := t.Nanosecond()/1000, 100_000; unit > 0; unit /= 10 {
		b = append(b, byte('0'+us/unit%10))
	}
	return append(b, 'Z')
}

// appendMillis writes d in milliseconds with three decimals.
func appendMillis(b []byte, d time.Duration) []byte {
	us := max(0, d.Microseconds())
	b = strconv.AppendInt(b, us/1000, 10)
	frac := us % 1000
	return append(b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD; runs that need no escape are copied whole.
func appendString[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = appendEscape(append(b, s[from:i]...), c)
			i++
			from = i
			continue
		}
		end := min(i+utf8.UTFMax, len(s))
		if r, size := utf8.DecodeRuneInString(string(s[i:end])); r != utf8.RuneError || size > 1 {
			i += size
			continue
		}
		b = append(append(b, s[from:i]...), "\ufffd"...)
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
