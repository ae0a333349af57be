package origin

// rawAnswer is an answer as bytes.
type rawAnswer struct {
	name  string
	help  string
	bytes string
	keep  bool // leave the connection open until more comes on it
}

const (
	okLine  = "HTTP/1.1 200 OK\r\n"
	five    = "Content-Length: 5\r\n"
	chunked = "Transfer-Encoding: chunked\r\n"
	closing = "Connection: close\r\n"
)

// rawAnswers are cases of RFC 9112 that a client must read rightly or refuse:
// message framing (section 6), field syntax (section 5) and the status line
// (section 4). Which of them a client refuses is for its tests to say.
var rawAnswers = []rawAnswer{
	{name: "plain", help: "a good answer, to compare with", bytes: okLine + five + "\r\nhello", keep: true},
	{name: "garbage", help: "not HTTP", bytes: "\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n"},
	{name: "garbage-chunk", help: "nonsense after the first chunk", bytes: okLine + chunked + "\r\n5\r\nhello\r\nnonsense\r\n"},

	{name: "two-lengths", help: "two lengths that differ", bytes: okLine + five + "Content-Length: 6\r\n\r\nhello!", keep: true},
	{name: "same-lengths", help: "the same length twice", bytes: okLine + five + five + "\r\nhello", keep: true},
	{name: "length-list", help: "the same length twice in one field", bytes: okLine + "Content-Length: 5, 5\r\n\r\nhello", keep: true},
	{name: "length-and-chunked", help: "a length and chunks", bytes: okLine + five + chunked + "\r\n3\r\nabc\r\n0\r\n\r\n", keep: true},
	{name: "negative-length", help: "Content-Length: -5", bytes: okLine + "Content-Length: -5\r\n\r\nhello"},
	{name: "plus-length", help: "Content-Length: +5", bytes: okLine + "Content-Length: +5\r\n\r\nhello"},
	{name: "hex-length", help: "Content-Length: 0x5", bytes: okLine + "Content-Length: 0x5\r\n\r\nhello"},
	{name: "empty-length", help: "Content-Length without a value", bytes: okLine + "Content-Length:\r\n" + closing + "\r\nhello"},
	{name: "huge-length", help: "a length over 64 bits", bytes: okLine + "Content-Length: 99999999999999999999\r\n\r\nhello"},

	{name: "bad-chunk-size", help: "a chunk size that is no number", bytes: okLine + chunked + "\r\nxyz\r\nhello\r\n0\r\n\r\n"},
	{name: "negative-chunk-size", help: "a chunk size of -5", bytes: okLine + chunked + "\r\n-5\r\nhello\r\n0\r\n\r\n"},
	{name: "huge-chunk-size", help: "a chunk size over 64 bits", bytes: okLine + chunked + "\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n"},
	{name: "empty-chunk-size", help: "no chunk size", bytes: okLine + chunked + "\r\n\r\nhello\r\n0\r\n\r\n"},
	{name: "chunk-overflow", help: "a chunk longer than its size", bytes: okLine + chunked + "\r\n3\r\nhello\r\n0\r\n\r\n"},
	{name: "chunk-bare-lf", help: "chunk lines that end with LF alone", bytes: okLine + chunked + "\r\n5\nhello\n0\n\n", keep: true},
	{name: "chunk-extension", help: "a chunk extension, which is allowed", bytes: okLine + chunked + "\r\n5;name=\"value\"\r\nhello\r\n0\r\n\r\n", keep: true},
	{name: "chunk-cut", help: "ends in the middle of a chunk", bytes: okLine + chunked + "\r\n64\r\nhello"},
	{name: "chunk-no-end", help: "ends without the last chunk", bytes: okLine + chunked + "\r\n5\r\nhello\r\n"},
	{name: "chunk-trailer", help: "a trailer field", bytes: okLine + chunked + "Trailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n", keep: true},
	{name: "chunk-bad-trailer", help: "a trailer that is no field", bytes: okLine + chunked + "\r\n5\r\nhello\r\n0\r\nno colon here\r\n\r\n"},
	{name: "chunked-twice", help: "Transfer-Encoding: chunked, chunked", bytes: okLine + "Transfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
	{name: "unknown-coding", help: "Transfer-Encoding: gzip", bytes: okLine + "Transfer-Encoding: gzip\r\n" + closing + "\r\nhello"},
	{name: "chunked-http10", help: "chunks in an HTTP/1.0 answer", bytes: "HTTP/1.0 200 OK\r\n" + chunked + "\r\n5\r\nhello\r\n0\r\n\r\n"},

	{name: "obs-fold", help: "a field folded over two lines", bytes: okLine + "X-Folded: one\r\n two\r\n" + five + "\r\nhello", keep: true},
	{name: "bare-lf", help: "lines that end with LF alone", bytes: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", keep: true},
	{name: "bare-cr", help: "CR alone inside a field", bytes: okLine + "X-Bare: one\rtwo\r\n" + five + "\r\nhello"},
	{name: "nul", help: "NUL inside a field", bytes: okLine + "X-Nul: one\x00two\r\n" + five + "\r\nhello"},
	{name: "space-before-colon", help: "Content-Length : 5", bytes: okLine + "Content-Length : 5\r\n" + closing + "\r\nhello"},
	{name: "leading-space", help: "a space before the first field", bytes: okLine + " Content-Length: 5\r\n" + closing + "\r\nhello"},
	{name: "no-colon", help: "a field without a colon", bytes: okLine + "no colon here\r\n" + five + "\r\nhello"},
	{name: "empty-name", help: "a field without a name", bytes: okLine + ": value\r\n" + five + "\r\nhello"},
	{name: "high-bytes", help: "bytes over 127 in a value, which are allowed", bytes: okLine + "X-High: caf\xe9\r\n" + five + "\r\nhello", keep: true},
	{name: "cut-header", help: "ends in the middle of the header", bytes: okLine + "Content-Le"},
	{name: "cut-status", help: "ends in the middle of the status line", bytes: "HTTP/1."},

	{name: "no-reason", help: "no reason phrase, which is allowed", bytes: "HTTP/1.1 200 \r\n" + five + "\r\nhello", keep: true},
	{name: "no-reason-space", help: "not even the space before it", bytes: "HTTP/1.1 200\r\n" + five + "\r\nhello", keep: true},
	{name: "status-99", help: "status 99", bytes: "HTTP/1.1 99 Low\r\n" + five + "\r\nhello"},
	{name: "status-1000", help: "status 1000", bytes: "HTTP/1.1 1000 High\r\n" + five + "\r\nhello"},
	{name: "status-word", help: "a status that is no number", bytes: "HTTP/1.1 abc OK\r\n" + five + "\r\nhello"},
	{name: "version-2", help: "HTTP/2.0 in the status line", bytes: "HTTP/2.0 200 OK\r\n" + five + "\r\nhello"},
	{name: "http10", help: "HTTP/1.0, ended by the close", bytes: "HTTP/1.0 200 OK\r\n\r\nhello"},
	{name: "http10-keep-alive", help: "HTTP/1.0 that keeps the connection", bytes: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + five + "\r\nhello", keep: true},
	{name: "http09", help: "a body and no header", bytes: "hello\n"},

	{name: "extra", help: "a good answer, then bytes that nobody asked for", bytes: okLine + five + "\r\nhelloXXXX", keep: true},
	{name: "second-answer", help: "a good answer, then another that nobody asked for", bytes: okLine + five + "\r\nhello" + okLine + five + "\r\nwrong", keep: true},
	{name: "204-with-body", help: "No Content with a length and a body", bytes: "HTTP/1.1 204 No Content\r\n" + five + "\r\nhello", keep: true},
	{name: "304-with-body", help: "Not Modified with a length and a body", bytes: "HTTP/1.1 304 Not Modified\r\n" + five + "\r\nhello", keep: true},
	{name: "100-then-200", help: "100 Continue unasked, then a good answer", bytes: "HTTP/1.1 100 Continue\r\n\r\n" + okLine + five + "\r\nhello", keep: true},
	{name: "many-100", help: "100 Continue a hundred times, then a good answer", bytes: hundredTimes("HTTP/1.1 100 Continue\r\n\r\n") + okLine + five + "\r\nhello", keep: true},
	{name: "101", help: "Switching Protocols unasked", bytes: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n"},
	{name: "empty-gzip", help: "Content-Encoding: gzip with no body", bytes: okLine + "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", keep: true},
}

func hundredTimes(s string) string {
	b := make([]byte, 0, 100*len(s))
	for range 100 {
		b = append(b, s...)
	}
	return string(b)
}

func findRaw(name string) *rawAnswer {
	for i := range rawAnswers {
		if rawAnswers[i].name == name {
			return &rawAnswers[i]
		}
	}
	return nil
}

// RawNames returns the names that /raw/NAME knows, in the order of the index.
func RawNames() []string {
	names := make([]string, len(rawAnswers))
	for i := range rawAnswers {
		names[i] = rawAnswers[i].name
	}
	return names
}
