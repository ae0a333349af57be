package display_test

import (
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
)

// TestMeter runs for a minute at 100/s, of which one host has 10/s and the most
// to do.
func TestMeter(t *testing.T) {
	var m display.Meter
	var s display.State
	for at := time.Duration(0); at <= time.Minute; at += 250 * time.Millisecond {
		st := fetch.Stats{Hosts: 2, ReadAll: at > 30*time.Second, Wait: fetch.Wait{Reason: fetch.HostRate, Bucket: "slow", Rate: "10/s"}}
		st.Items, st.Records, st.Elapsed = 10_000, int64(100*at.Seconds()), at
		if at%time.Second == 0 { // for an instant: it is not to be seen
			st.Wait = fetch.Wait{Reason: fetch.Input}
		}
		s = m.Add(noon.Add(at), st, func(int) []fetch.BucketStats {
			return []fetch.BucketStats{
				{Key: "slow", Sent: int64(10 * at.Seconds()), Queued: 2000},
				{Key: "quick", Sent: int64(90 * at.Seconds()), Queued: 1500},
			}
		})
		if at == 30*time.Second && (s.Total != 0 || s.Left != 0) {
			t.Errorf("total %d, %v left before the input was read", s.Total, s.Left)
		}
	}
	if s.Rate != 100 || s.Average != 100 || s.Total != 10_000 {
		t.Errorf("rate %v, average %v, total %d", s.Rate, s.Average, s.Total)
	}
	if want := (display.Slowest{Name: "slow", Queue: 2000, Left: 200 * time.Second}); s.Slowest != want || s.Left != want.Left {
		t.Errorf("slowest %+v, %v left", s.Slowest, s.Left)
	}
	if s.Wait.Reason != fetch.HostRate {
		t.Errorf("waiting for %q", s.Wait.Reason)
	}
}

// TestMeterHeld counts the hold of a host to what is left of it.
func TestMeterHeld(t *testing.T) {
	m := display.Meter{Total: 100}
	st := fetch.Stats{Hosts: 1}
	st.Items, st.Records, st.Elapsed = 100, 50, 10*time.Second
	s := m.Add(noon, st, func(int) []fetch.BucketStats {
		return []fetch.BucketStats{{Key: "h", Sent: 50, Queued: 50, Held: 5 * time.Second, HeldUntil: noon.Add(20 * time.Second)}}
	})
	if s.Left != 25*time.Second { // 20 s, and 50 items at 50 in the 5 s it was not held
		t.Errorf("%v left", s.Left)
	}
	if s.Slowest.Name != "" && s.Stats.Hosts == 1 {
		t.Errorf("the only host is named as the slowest: %+v", s.Slowest)
	}
}
