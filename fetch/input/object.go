package input

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// fields are the values of the known fields as they stand in the line; nil
// where there is none or null.
type fields struct {
	url, id, customID, method, headers, body, cost []byte
}

// parseJSON fills the item from one JSON object. Whatever is wrong, it finds
// out the ID and the URL if it can: they tell people which item it is.
func (o *Options) parseJSON(it *Item, text []byte) string {
	if reason := checkJSON(text); reason != "" {
		return reason
	}
	var f fields
	reason, unknown := f.gather(text)
	reason = cmp.Or(reason, f.parseID(it))
	reason = cmp.Or(reason, f.parseTarget(it, o))
	reason = cmp.Or(reason, f.parseMethod(it), f.parseHeaders(it), f.parseBody(it), f.parseCost(it))
	if unknown != "" && reason == noURL {
		reason += "; did you mean " + unknown + "?"
	}
	return reason
}

// gather finds the known fields, and the first fault among the names. Of the
// unknown ones it returns the first that may be a url by another name.
func (f *fields) gather(text []byte) (reason, maybeURL string) {
	var seen [7]bool
	for quoted, value := range members(text) {
		dst, i := f.named(quoted)
		switch {
		case dst == nil:
			name, _ := unquote(quoted)
			if reason == "" {
				reason = unknownField(name)
			}
			if maybeURL == "" && looksLikeURL(name) {
				maybeURL = strconv.Quote(clip(name, 40))
			}
			continue
		case seen[i] && reason == "":
			reason = fmt.Sprintf("field %s appears twice", quoted)
		}
		seen[i] = true
		if value[0] != 'n' {
			*dst = value
		}
	}
	return reason, maybeURL
}

func (f *fields) named(quoted []byte) (dst *[]byte, i int) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		s, _ := unquote(quoted)
		name = []byte(s)
	}
	switch string(name) {
	case "url":
		return &f.url, 0
	case "id":
		return &f.id, 1
	case "custom_id":
		return &f.customID, 2
	case "method":
		return &f.method, 3
	case "headers":
		return &f.headers, 4
	case "body":
		return &f.body, 5
	case "cost":
		return &f.cost, 6
	}
	return nil, 0
}

const noURL = `no field "url"`

func (f *fields) parseTarget(it *Item, o *Options) string {
	if f.url == nil {
		return noURL
	}
	u, reason := text("url", f.url)
	if reason != "" {
		return reason
	}
	it.URL = o.resolve(trimBlank(u))
	return checkURL(it.URL)
}

func (f *fields) parseID(it *Item) (reason string) {
	name, value := "id", f.id
	if f.customID != nil {
		if f.id != nil {
			return `has both "id" and "custom_id"`
		}
		name, value = "custom_id", f.customID
	}
	switch {
	case value == nil:
	case kind(value) == "a number":
		it.ID = string(value)
	case value[0] == '"':
		it.ID, reason = text(name, value)
	default:
		return wrongType(name, "a string or a number", value)
	}
	return reason
}

func (f *fields) parseMethod(it *Item) string {
	if f.method == nil {
		return ""
	}
	m, reason := text("method", f.method)
	if reason != "" {
		return reason
	}
	switch upper := strings.ToUpper(m); upper {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE":
		m = upper // methods are case-sensitive, but nobody means another one by get
	case "CONNECT":
		return "method CONNECT opens a tunnel and fetches nothing"
	}
	if i := notToken(m); i >= 0 {
		return fmt.Sprintf("method %q is not a word of letters, digits and hyphens", clip(m, 20))
	}
	it.Method = m
	return ""
}

func (f *fields) parseBody(it *Item) string {
	switch {
	case f.body == nil:
	case f.body[0] == '"':
		s, reason := text("body", f.body)
		it.Body = []byte(s)
		return reason
	case f.body[0] == '{' || f.body[0] == '[':
		it.Body = f.body
		if it.Header == nil {
			it.Header = make(http.Header, 1)
		}
		if _, ok := it.Header["Content-Type"]; !ok {
			it.Header["Content-Type"] = []string{"application/json"}
		}
	default:
		return wrongType("body", "a string, an object or an array", f.body)
	}
	return ""
}

func (f *fields) parseCost(it *Item) string {
	if f.cost == nil {
		return ""
	}
	if kind(f.cost) != "a number" {
		return wrongType("cost", "a number", f.cost)
	}
	n, err := strconv.ParseInt(string(f.cost), 10, 32)
	if err != nil || n < 1 {
		return fmt.Sprintf("cost %s is not a whole number from 1 to 2147483647", clip(string(f.cost), 20))
	}
	it.Cost = int(n)
	return ""
}

// text decodes the value of a field that must be a string.
func text(name string, value []byte) (s, reason string) {
	if value[0] != '"' {
		return "", wrongType(name, "a string", value)
	}
	s, ok := unquote(value)
	if !ok {
		return "", fmt.Sprintf("field %q holds half of a surrogate pair (\\ud800 to \\udfff)", name)
	}
	return s, ""
}

func wrongType(name, want string, value []byte) string {
	return fmt.Sprintf("field %q must be %s, not %s", name, want, kind(value))
}
