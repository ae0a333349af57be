package fetch

import (
	"net/http"
	"testing"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

// However many answers ask for the same hold, what is added to it is as random as
// if one had: the longest of many random numbers would always be near the most.
func TestHoldIsSpreadOnce(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	hints := httplimit.ParseHints(http.Header{"Retry-After": {"10"}}, http.StatusTooManyRequests, now)
	const holds, most = 1000, 200 * time.Millisecond
	var sum time.Duration
	for range holds {
		l := &lane{}
		for i := range 50 {
			l.heed(&job{lane: l}, hints, now.Add(time.Duration(i)*time.Microsecond), time.Hour)
		}
		late := l.held.Sub(now) - 10*time.Second
		if late < 0 || late > most+time.Millisecond {
			t.Fatalf("held for %v more than was asked for", late)
		}
		sum += late
	}
	if mean := sum / holds; mean < most*45/100 || mean > most*55/100 { // 5 standard deviations
		t.Errorf("held for %v more on average, want %v", mean, most/2)
	}
}
