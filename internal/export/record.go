package export

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A record is a line of a run; see fetch.Record. Pointers tell what is not
// there from what is empty.
type record struct {
	Index       *int64              `json:"index"`
	ID          *string             `json:"id"`
	URL         *string             `json:"url"`
	FinalURL    *string             `json:"final_url"`
	Status      *int32              `json:"status"`
	OK          *bool               `json:"ok"`
	Attempts    int32               `json:"attempts"`
	Error       recordError         `json:"error"`
	Started     time.Time           `json:"started"`
	QueueMS     float64             `json:"queue_ms"`
	TTFBMS      float64             `json:"ttfb_ms"`
	TotalMS     float64             `json:"total_ms"`
	Bytes       int64               `json:"bytes"`
	ContentType *string             `json:"content_type"`
	Headers     map[string][]string `json:"headers"`
	Body        *string             `json:"body"`
	BodyBinary  []byte              `json:"body_base64"`
	BodyRef     *string             `json:"body_ref"`
	ConnectMS   float64             `json:"connect_ms"`
	Proto       *string             `json:"proto"`
}

type recordError struct {
	Class   *string `json:"class"`
	Message *string `json:"message"`
}

// check says whether r is a record at all, and not some other JSON.
func (r *record) check() error {
	for _, has := range []struct {
		field string
		yes   bool
	}{{"index", r.Index != nil}, {"url", r.URL != nil}, {"status", r.Status != nil}, {"ok", r.OK != nil}} {
		if !has.yes {
			return fmt.Errorf("no %q", has.field)
		}
	}
	return nil
}

// A header is a field of a response's header.
type header struct {
	Name  string `parquet:"name,dict"`
	Value string `parquet:"value"`
}

// headers are in the order of their names; nil where none were kept.
func (r *record) headers() []header {
	if r.Headers == nil {
		return nil
	}
	list := []header{}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		for _, value := range r.Headers[name] {
			list = append(list, header{name, value})
		}
	}
	return list
}

// started is nil for an item that never was.
func (r *record) started() *time.Time {
	if r.Started.IsZero() {
		return nil
	}
	return &r.Started
}

// size is about how many bytes of memory r takes, and some for its place.
func (r *record) size() int {
	n := 200 + len(*r.URL) + len(r.BodyBinary)
	for _, s := range []*string{r.ID, r.FinalURL, r.Error.Message, r.ContentType, r.Body, r.BodyRef, r.Proto} {
		if s != nil {
			n += len(*s)
		}
	}
	for name, values := range r.Headers {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}
