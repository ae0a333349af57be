package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
	"github.com/spf13/pflag"
)

// defaultStoreName is what the limits of penstock fetch go by.
const defaultStoreName = "fetch"

// registerName adds --store-name, for the commands that share the limits of a
// run.
func (f *storeFlags) registerName(fl *pflag.FlagSet) {
	fl.StringVar(&f.name, "store-name", "", "the `NAME` that the limits have in the store: NAME for all, NAME/HOST:PORT for a host (default: fetch, or the fleet's)")
}

// sharedLimits are the limits of a run as a store keeps them: NAME is that of
// all requests, NAME/KEY that of the bucket KEY.
type sharedLimits struct {
	store *redislimit.Store
	name  string
}

// share lets the store keep o's limits, together with all who use the same name
// there.
func (f *fetchFlags) share(o *fetch.Options, store *redislimit.Store, name string) error {
	s := &sharedLimits{store, name}
	total, err := s.total(f.concurrency, f.auto, f.rate)
	if err != nil {
		return shareError(err)
	}
	o.Rate = nil
	o.Shared = &fetch.Shared{Total: total, Bucket: s.bucket}
	return nil
}

// shareError is why a name cannot be used.
func shareError(err error) error {
	if errors.Is(err, redislimit.ErrName) {
		return usagef("--store-name crawl, say", "--store-name: %s", ofStore(err))
	}
	return err
}

// total is the limit of all requests. What -c auto finds is each machine's own.
func (s *sharedLimits) total(n int, auto bool, rates rate.List) (fetch.Share, error) {
	if auto {
		return s.limit(s.name, 0, rates)
	}
	return s.limit(s.name, n, rates)
}

// bucket is what keeps the limits of b. What --per-host auto finds is found by all
// who use the same name together; beside a rate it is each machine's own.
func (s *sharedLimits) bucket(b fetch.Bucket) (fetch.Share, fetch.Limits, error) {
	rest := fetch.Limits{Retry: b.Retry}
	n := b.Concurrency
	if b.Auto && len(b.Rate) == 0 {
		found, err := s.store.Adaptive(bucketName(s.name, b.Key), redislimit.AdaptiveOptions{Max: n})
		if err != nil {
			return nil, rest, err
		}
		return adaptiveShare{found}, rest, nil
	}
	if b.Auto {
		rest.Auto, rest.Concurrency, n = true, n, 0
	}
	share, err := s.limit(bucketName(s.name, b.Key), n, b.Rate)
	return share, rest, err
}

// limit is a limit of n, 0 for none, and rates; nil for neither.
func (s *sharedLimits) limit(name string, n int, rates rate.List) (fetch.Share, error) {
	switch {
	case n > 0:
		sem, err := s.store.Semaphore(name, n, fetch.Paced(rates)...)
		if err != nil {
			return nil, err
		}
		return semaphoreShare{sem}, nil
	case len(rates) > 0:
		r, err := s.store.Rate(name, fetch.Paced(rates)...)
		if err != nil {
			return nil, err
		}
		return rateShare{r}, nil
	}
	return nil, nil
}

// bucketName is the name of the limit of the bucket key. What may not stand in
// one is written as in a URL, with + for %.
func bucketName(name, key string) string {
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte('/')
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("._-:/@", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "+%02X", c)
		}
	}
	if b.Len() <= 200 {
		return b.String()
	}
	sum := sha256.Sum256([]byte(key))
	return b.String()[:160] + "+" + hex.EncodeToString(sum[:16])
}

// A semaphoreShare counts each request once, and its cost of the rates.
type semaphoreShare struct{ s *redislimit.Semaphore }

func (s semaphoreShare) Acquire(ctx context.Context, cost int) (fetch.Lease, error) {
	return asLease(s.s.AcquireCost(ctx, 1, cost))
}

// An adaptiveShare counts each request once, whatever it costs.
type adaptiveShare struct{ a *redislimit.Adaptive }

func (s adaptiveShare) Acquire(ctx context.Context, _ int) (fetch.Lease, error) {
	return asLease(s.a.Acquire(ctx, 1))
}

type rateShare struct{ r *redislimit.Rate }

func (s rateShare) Acquire(ctx context.Context, cost int) (fetch.Lease, error) {
	return asLease(s.r.Acquire(ctx, cost))
}

func asLease(p *redislimit.Permit, err error) (fetch.Lease, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// storeEnded says more of why a run has ended, where that was the store's doing.
func (f *storeFlags) storeEnded(err error) error {
	shared, ok := errors.AsType[*fetch.SharedError](err)
	if !ok {
		return err
	}
	switch {
	case errors.Is(err, redislimit.ErrKind):
		return &hintedError{
			fmt.Errorf("--store %s: %s", f.where(), ofStore(shared.Err)),
			"all who share a --store-name need the same kinds of limits: a number and a rate, or both; or take another --store-name",
		}
	}
	return &exitError{exitStopped, &hintedError{
		fmt.Errorf("the store is away: %s", oneLine(ofStore(shared.Err))),
		"the same command with --resume goes on when it is back; --on-store-error local goes on without it",
	}}
}
