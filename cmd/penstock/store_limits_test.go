package main

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

// TestBucketNames has buckets of all lengths: each has a name in the store, and so
// has its rate where the limit is auto.
func TestBucketNames(t *testing.T) {
	t.Parallel()
	store, err := redislimit.Open("redis://127.0.0.1:1", redislimit.Options{}) // it connects nowhere
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := &sharedLimits{store, defaultStoreName}
	limits := fetch.Limits{Auto: true, Rate: rate.List{{Count: 5, Per: time.Second}}}
	for n := 150; n < 260; n++ {
		if _, _, err := s.bucket(fetch.Bucket{Key: strings.Repeat("a", n), Limits: limits}); err != nil {
			t.Errorf("a bucket whose key has %d bytes: %v", n, err)
		}
	}
}
