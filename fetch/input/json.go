package input

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// checkJSON says why text is not one JSON object, or "".
func checkJSON(text []byte) string {
	if !utf8.Valid(text) {
		return checkText(string(text))
	}
	if json.Valid(text) {
		if text[0] != '{' {
			return fmt.Sprintf("not a JSON object but %s", kind(text)) + jqHint(string(text[:1]))
		}
		return ""
	}
	if text[0] != '{' {
		return "not a JSON object: a line of JSON Lines begins with {"
	}
	// Only a bad line pays for finding out what is wrong with it.
	dec := json.NewDecoder(bytes.NewReader(text))
	var first json.RawMessage
	err := dec.Decode(&first)
	if err == nil {
		return fmt.Sprintf("bad JSON: more after the end of the value at byte %d: one object a line", dec.InputOffset()+1)
	}
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("bad JSON at byte %d: %s", bad.Offset, bad)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "bad JSON: the line ends within the value"
	}
	return "bad JSON: " + err.Error()
}

// members iterates over the names and values of a valid JSON object, as they
// stand: a name with its quotes. It allocates nothing.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest := skipBlank(object[1:])
		for rest[0] != '}' {
			n := valueLen(rest)
			name := rest[:n]
			rest = skipBlank(rest[n:])
			rest = skipBlank(rest[1:]) // the colon
			n = valueLen(rest)
			if !yield(name, rest[:n:n]) {
				return
			}
			rest = skipBlank(rest[n:])
			if rest[0] == ',' {
				rest = skipBlank(rest[1:])
			}
		}
	}
}

// elements iterates over the elements of a valid JSON array.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		rest := skipBlank(array[1:])
		for rest[0] != ']' {
			n := valueLen(rest)
			if !yield(rest[:n:n]) {
				return
			}
			rest = skipBlank(rest[n:])
			if rest[0] == ',' {
				rest = skipBlank(rest[1:])
			}
		}
	}
}

func skipBlank(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}

// valueLen returns the length of the valid JSON value that b begins with.
func valueLen(b []byte) int {
	switch b[0] {
	case '"':
		return stringLen(b)
	case '{', '[':
		return nestedLen(b)
	}
	// A number or a word goes on to what must follow it in an object or array.
	i := 1
	for c := b[i]; c != ',' && c != '}' && c != ']' && !isBlank(c); c = b[i] {
		i++
	}
	return i
}

func stringLen(b []byte) int {
	i := 1
	for {
		n := bytes.IndexByte(b[i:], '"')
		j := i + n
		slashes := 0
		for b[j-1-slashes] == '\\' {
			slashes++
		}
		i = j + 1
		if slashes%2 == 0 {
			return i
		}
	}
}

func nestedLen(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			i += stringLen(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// kind names the type of a valid JSON value.
func kind(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// unquote decodes a valid JSON string. It reports false if the string holds
// half of a surrogate pair, which stands for no text; encoding/json would put
// U+FFFD there, and something else than what was meant would be fetched.
func unquote(quoted []byte) (string, bool) {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	if !wholeSurrogates(inner) {
		return "", false
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", false
	}
	return s, true
}

// wholeSurrogates reports whether every \u escape of a surrogate is one of a
// pair.
func wholeSurrogates(inner []byte) bool {
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			continue
		}
		i++
		r := escapedRune(inner[i:])
		if r < 0 {
			continue
		}
		i += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		if i+1 >= len(inner) || inner[i+1] != '\\' {
			return false
		}
		low := escapedRune(inner[i+2:])
		if utf16.DecodeRune(r, low) == utf8.RuneError {
			return false
		}
		i += 6
	}
	return true
}

// escapedRune reads uXXXX; it returns -1 if something else is there.
func escapedRune(b []byte) rune {
	if len(b) < 5 || b[0] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[1:5] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
