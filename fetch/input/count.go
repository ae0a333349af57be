package input

import (
	"bufio"
	"bytes"
	"io"
)

// CountLines returns how many items NewAuto, NewLines or NewJSONL would read
// from r, good and bad: lines that are neither blank nor begin with #. It looks
// at nothing else of them, and takes a fraction of the time of reading them. The
// error is r's.
func CountLines(r io.Reader) (n int64, err error) {
	in := bufio.NewReaderSize(r, minBuffer)
	if head, _ := in.Peek(len(bomUTF8)); bytes.Equal(head, bomUTF8) {
		_, _ = in.Discard(len(bomUTF8)) // it is there
	}
	buf := make([]byte, minBuffer)
	inside := false // of a line that is decided on
	for {
		k, err := in.Read(buf)
		text := buf[:k]
		for len(text) > 0 {
			if !inside {
				text = bytes.TrimLeft(text, " \t\n\v\f\r")
				if len(text) == 0 {
					break
				}
				if text[0] != '#' {
					n++
				}
				inside = true
			}
			i := bytes.IndexByte(text, '\n')
			if i < 0 {
				break
			}
			text, inside = text[i+1:], false
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
