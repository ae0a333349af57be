package fetch

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// What is put aside comes back as it was, and what was damaged is an error: at
// whatever byte it ends.
func TestSpilled(t *testing.T) {
	now := time.Now()
	items := []Item{
		{},
		{Index: 1 << 40, Line: 7, Source: "in.txt", URL: "http://a/", Raw: []byte("http://a/")},
		{Index: 2, ID: "x", URL: "http://a/b?c", Raw: []byte{0, 255}, Body: []byte{}, Method: "PUT", Cost: 12},
		{URL: "http://a/", Body: []byte("body\n"), Raw: []byte{}, Header: http.Header{"A": {"1", ""}, "B": {"2"}}},
	}
	var b []byte
	ends := map[int]bool{0: true}
	for i := range items {
		b = appendSpilled(b, &items[i], now.Add(time.Duration(i)))
		ends[len(b)] = true
	}
	r := spillReader{b: b}
	for i, want := range items {
		got, admitted, err := r.item()
		if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) || admitted.Sub(now) != time.Duration(i) {
			t.Errorf("%+v at %v, want %+v, error %v", got, admitted, want, err)
		}
	}
	for n := range b {
		r := spillReader{b: b[:n]}
		var err error
		for len(r.b) > 0 && err == nil {
			_, _, err = r.item()
		}
		if (err == nil) != ends[n] {
			t.Errorf("%d of %d bytes: %v", n, len(b), err)
		}
	}
}
