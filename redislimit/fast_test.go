package redislimit_test

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is what Redis names scripts by
	"encoding/hex"
	"os"
	"testing"

	"github.com/penstock-go/penstock/internal/redistest"
)

// TestFastWhere has permits that nobody waits for: the short way is gone at one server,
// which tells by its connection that it is the same, and not at a Cluster, where a node
// may be the primary for the second time at the same connection.
func TestFastWhere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("fast.lua")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum([]byte(string(text) + "-- short\n")) //nolint:gosec // as above
	script := hex.EncodeToString(sum[:])
	for name, srv := range map[string]*redistest.Server{"cluster": redistest.Cluster(t, 1)[0], "one": aged(t)} {
		srv.Age(quick.Lease)
		sem := semaphore(t, open(t, srv.URL(), quick), "short", 2)
		for range 100 {
			if err := sem.Do(t.Context(), 1, func(context.Context) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if known := srv.Must("SCRIPT", "EXISTS", script) == "1"; known != (name == "one") {
			t.Errorf("%s: the short way was gone: %v", name, known)
		}
	}
}
