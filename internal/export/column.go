package export

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A column is a column of the table in every format.
type column struct {
	name string
	// tag is what parquet-go has to know beyond the type of the value.
	tag string
	// bounds says that the least and the greatest value help a query; those
	// of bodies only make the file larger.
	bounds bool
	// value is of the same Go type for every record: what Parquet stores.
	value func(r *record) any
}

// columns are all there are, in their order: at first that of the record's
// fields, and what is new at the end, since somebody counts.
var columns = []column{
	{name: "index", bounds: true, value: func(r *record) any { return *r.Index }},
	{name: "id", tag: "optional", bounds: true, value: func(r *record) any { return r.ID }},
	{name: "url", value: func(r *record) any { return *r.URL }},
	{name: "final_url", tag: "optional", value: func(r *record) any { return r.FinalURL }},
	{name: "status", bounds: true, value: func(r *record) any { return *r.Status }},
	{name: "ok", bounds: true, value: func(r *record) any { return *r.OK }},
	{name: "attempts", bounds: true, value: func(r *record) any { return r.Attempts }},
	{name: "error_class", tag: "optional,dict", bounds: true, value: func(r *record) any { return r.Error.Class }},
	{name: "error_message", tag: "optional", value: func(r *record) any { return r.Error.Message }},
	{name: "started", tag: "optional,timestamp(microsecond)", bounds: true, value: func(r *record) any { return r.started() }},
	{name: "queue_ms", bounds: true, value: func(r *record) any { return r.QueueMS }},
	{name: "ttfb_ms", bounds: true, value: func(r *record) any { return r.TTFBMS }},
	{name: "total_ms", bounds: true, value: func(r *record) any { return r.TotalMS }},
	{name: "bytes", bounds: true, value: func(r *record) any { return r.Bytes }},
	{name: "content_type", tag: "optional,dict", value: func(r *record) any { return r.ContentType }},
	{name: "headers", tag: "optional,list", value: func(r *record) any { return r.headers() }},
	{name: "body", tag: "optional", value: func(r *record) any { return r.Body }},
	{name: "body_binary", tag: "optional", value: func(r *record) any { return r.BodyBinary }},
	{name: "body_ref", tag: "optional", value: func(r *record) any { return r.BodyRef }},
	{name: "connect_ms", bounds: true, value: func(r *record) any { return r.ConnectMS }},
	{name: "proto", tag: "optional,dict", value: func(r *record) any { return r.Proto }},
}

// Columns are the names of all columns.
func Columns() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// choose returns the columns of those names; see Options.Columns.
func choose(names []string) ([]column, error) {
	chosen := map[string]bool{}
	var list []column
	without := len(names) > 0 && strings.HasPrefix(names[0], "-")
	for _, name := range names {
		bare, minus := strings.CutPrefix(name, "-")
		c, ok := find(bare)
		switch {
		case !ok:
			return nil, fmt.Errorf("there is no column %q", bare)
		case minus != without:
			return nil, fmt.Errorf("columns are either named or left out, not both: %q", strings.Join(names, ","))
		case chosen[bare]:
			return nil, fmt.Errorf("column %q twice", bare)
		}
		chosen[bare] = true
		list = append(list, c)
	}
	if len(names) > 0 && !without {
		return list, nil
	}
	list = nil
	for _, c := range columns {
		if !chosen[c.name] {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no column is left")
	}
	return list, nil
}

func find(name string) (column, bool) {
	for _, c := range columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

// goType is the type of c's values.
func (c *column) goType() reflect.Type {
	zero := &record{Index: new(int64), URL: new(string), Status: new(int32), OK: new(bool)}
	return reflect.TypeOf(c.value(zero))
}

// appendText appends a value as CSV has it, and says whether it is text by
// somebody else.
func appendText(b []byte, value any) (_ []byte, text bool) {
	switch v := value.(type) {
	case int64:
		return strconv.AppendInt(b, v, 10), false
	case int32:
		return strconv.AppendInt(b, int64(v), 10), false
	case float64:
		return strconv.AppendFloat(b, v, 'f', -1, 64), false
	case bool:
		return strconv.AppendBool(b, v), false
	case *time.Time:
		if v != nil {
			b = v.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
		}
		return b, false
	case string:
		return append(b, v...), true
	case *string:
		if v != nil {
			b = append(b, *v...)
		}
		return b, true
	case []byte:
		return base64.StdEncoding.AppendEncode(b, v), true
	case []header:
		return appendHeaders(b, v), true
	}
	panic(fmt.Sprintf("export: no text for a %T", value))
}

// appendHeaders writes an object of arrays, as in the record.
func appendHeaders(b []byte, list []header) []byte {
	if list == nil {
		return b
	}
	b = append(b, '{')
	for i, h := range list {
		switch {
		case i > 0 && list[i-1].Name == h.Name:
			b = append(b, ',')
		case i > 0:
			b = append(appendJSON(append(b, ']', ','), h.Name), ':', '[')
		default:
			b = append(appendJSON(b, h.Name), ':', '[')
		}
		b = appendJSON(b, h.Value)
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendJSON(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always can be
	return append(b, text...)
}
