// Package input turns streams of bytes into the items of a bulk fetch: one
// URL a line, JSON Lines in two dialects, CSV, and command-line arguments.
//
// # Reading
//
// Each reader has one method, Next, that returns the next item, then io.EOF.
// An item that cannot be fetched (broken JSON, a URL without a scheme, a line
// too long) is still an item: it is counted by Index like any other and its
// Err says what is wrong and where. Every line that is not blank and not a
// comment gives exactly one item, so the records of a run can be matched with
// its input. An error of Next itself is another matter: the source cannot be
// read on, or is not what it was said to be. It is an [*Error] that names
// source and line, and Next returns it again when called again.
//
// A line that the source breaks off in the middle with an error gives no
// item: half a URL is not a URL. A last line without a line end is a line.
//
// # Memory
//
// A reader holds one line at a time, of at most MaxLine bytes, whatever the
// length of the stream or of its lines. The slices and strings of an Item are
// the caller's to keep.
//
// # Common to all formats
//
// Text is UTF-8; a byte order mark at the start is skipped, and UTF-16 is
// refused with the command that converts it. Lines end with LF or CRLF. A URL
// must be absolute, http or https; spaces and tabs around it are trimmed. White
// space inside a URL is refused, as curl does, and not guessed to be %20: it is
// more often two columns than one address. A path such as /v1/items is
// joined to Options.Base where that is given.
//
// A reader is for one goroutine at a time. It starts none, and it blocks only
// while the io.Reader below it blocks. It does not close what it reads from.
//
// Error texts quote no credentials: no user name, password, header value or
// query of a URL.
package input
