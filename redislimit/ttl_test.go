package redislimit_test

import (
	"context"
	"testing"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// TestAllKeysExpire uses limits for less than a heartbeat: nothing of them stays in
// Redis for ever.
func TestAllKeysExpire(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	s := open(t, srv.URL(), quick)
	a := adaptiveOf(t, s, "brief", redislimit.AdaptiveOptions{})
	for range 3 {
		if err := a.Do(t.Context(), 1, func(context.Context) (penstock.Outcome, error) { return penstock.Success, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", ":queue", ":set", ":seen", ":lead"} {
		if ttl := srv.Must("TTL", "penstock:{brief}"+key); ttl == "-1" {
			t.Errorf("penstock:{brief}%s never expires", key)
		}
	}
}
