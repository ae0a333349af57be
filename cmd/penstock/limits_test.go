package main

import (
	"strings"
	"testing"

	"github.com/penstock-go/penstock/redislimit"
)

// TestPrintLimits has a plain limit, a rate, and a limit that finds itself.
func TestPrintLimits(t *testing.T) {
	var b strings.Builder
	err := printLimits(&b, []redislimit.Info{
		{Name: "fetch", Limit: 20, Counted: true, InUse: 1, Holders: []redislimit.Holder{{Host: "vm1", PID: 7, InUse: 1}}},
		{Name: "fetch/a", Rates: "5/s", Holders: []redislimit.Holder{{Host: "vm1", PID: 7}}},
		{
			Name: "fetch/b", Limit: 23, Counted: true, Adaptive: true, InUse: 12,
			Holders: []redislimit.Holder{{Host: "vm2", PID: 8, InUse: 12, Leads: true}, {Host: "vm1", PID: 7}},
		},
	})
	const want = `NAME     LIMIT      RATE  IN USE  WAITING  LONGEST WAIT  HOLDERS
fetch    20         -     1       0        -             vm1:7 (1)
fetch/a  -          5/s   -       0        -             vm1:7
fetch/b  23 (auto)  -     12      0        -             vm2:8 (12, leads), vm1:7 (0)
`
	if b.String() != want || err != nil {
		t.Errorf("%v\n%s\nwant\n%s", err, &b, want)
	}
}
