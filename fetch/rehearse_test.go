package fetch_test

import (
	"fmt"
	"testing"

	"github.com/penstock-go/penstock/fetch"
)

// Plan tells what Run does, without a network.
func TestPlan(t *testing.T) {
	e, err := fetch.New(fetch.Options{Dedup: &fetch.Dedup{}})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		item fetch.Item
		want fetch.Plan
	}{
		{fetch.Item{URL: "http://H/a"}, fetch.Plan{Host: "h"}},
		{fetch.Item{URL: "http://h:80/a#b"}, fetch.Plan{Host: "h:80", Duplicate: true}},
		{fetch.Item{URL: "http://h/a", Method: "POST"}, fetch.Plan{Host: "h"}},
		{fetch.Item{URL: "http://h/a", Method: "POST", ID: "x"}, fetch.Plan{Host: "h", Duplicate: true}},
	} {
		c.item.Index = int64(i)
		if got := e.Plan(c.item); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.item, got, c.want)
		}
	}
	for _, bad := range []fetch.Item{{URL: "nothing"}, {URL: "ftp://h/"}, {Err: fmt.Errorf("line 1")}, {URL: "http://h/", Method: "A B"}} {
		if p := e.Plan(bad); p.Err == nil || p.Err.Class != fetch.InvalidInput || p.Duplicate {
			t.Errorf("%+v: %+v", bad, p)
		}
	}
	if n := e.Unremembered(); n != 0 {
		t.Errorf("%d not remembered", n)
	}
}

// Without Dedup nothing is a duplicate; without room it is said.
func TestPlanForgets(t *testing.T) {
	for _, c := range []struct {
		dedup     *fetch.Dedup
		duplicate bool
		forgotten bool
	}{{nil, false, false}, {&fetch.Dedup{Memory: 1}, false, true}} {
		e, err := fetch.New(fetch.Options{Dedup: c.dedup})
		if err != nil {
			t.Fatal(err)
		}
		e.Plan(fetch.Item{URL: "http://h/"})
		if p := e.Plan(fetch.Item{Index: 1, URL: "http://h/"}); p.Duplicate != c.duplicate {
			t.Errorf("%+v: duplicate %v", c.dedup, p.Duplicate)
		}
		if n := e.Unremembered(); n > 0 != c.forgotten {
			t.Errorf("%+v: %d not remembered", c.dedup, n)
		}
	}
}
