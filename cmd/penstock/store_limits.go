package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/penstock-go/penstock"
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
func (f *fetchFlags) share(o *fetch.Options, store *redislimit.Store, name string, say func(string)) error {
	s := &sharedLimits{store, name}
	total, err := s.total(f.concurrency, f.auto, f.rate)
	if err != nil {
		return shareError(err)
	}
	if sem, ok := total.(semaphoreShare); ok {
		total = firstShare{sem, f.concurrency, say, new(sync.Once)}
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

// total is the limit of all requests. With -c auto the hosts' limits are what holds.
func (s *sharedLimits) total(n int, auto bool, rates rate.List) (fetch.Share, error) {
	if auto {
		return s.limit(s.name, 0, rates)
	}
	return s.limit(s.name, n, rates)
}

// bucket is what keeps the limits of b. What auto finds is found by all together.
func (s *sharedLimits) bucket(b fetch.Bucket) (fetch.Share, fetch.Limits, error) {
	rest := fetch.Limits{Retry: b.Retry}
	name := bucketName(s.name, b.Key)
	if b.Auto {
		share, err := s.auto(name, b.Limits)
		return share, rest, err
	}
	share, err := s.limit(name, b.Concurrency, b.Rate)
	return share, rest, err
}

// rateSuffix is what the name of the rate of a bucket with auto ends with.
const rateSuffix = "/rate"

// auto is a limit that finds itself, under limits.Rate, which has a name of its own.
func (s *sharedLimits) auto(name string, limits fetch.Limits) (fetch.Share, error) {
	a, err := s.store.Adaptive(name, redislimit.AdaptiveOptions{Max: limits.Concurrency})
	if err != nil {
		return nil, err
	}
	paced, err := s.limit(name+rateSuffix, 0, limits.Rate)
	if err != nil {
		return nil, err
	}
	return autoShare{a, paced}, nil
}

// limit is a limit of n, 0 for none, and rates; nil for neither.
func (s *sharedLimits) limit(name string, n int, rates rate.List) (fetch.Share, error) {
	switch {
	case n > 0:
		sem, err := s.store.Semaphore(name, n, fetch.Paced(rates)...)
		if err != nil {
			return nil, err
		}
		return semaphoreShare{sem, name}, nil
	case len(rates) > 0:
		r, err := s.store.Rate(name, fetch.Paced(rates)...)
		if err != nil {
			return nil, err
		}
		return rateShare{r, name}, nil
	}
	return nil, nil
}

// bucketName is the name of the limit of the bucket key: for one of all of a rule,
// the rule's. What may not stand in one is written as in a URL, with + for %.
func bucketName(name, key string) string {
	key = strings.TrimSuffix(key, "/*")
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
	if b.Len() <= 200-len(rateSuffix) {
		return b.String()
	}
	sum := sha256.Sum256([]byte(key))
	return b.String()[:160] + "+" + hex.EncodeToString(sum[:16])
}

// A semaphoreShare counts each request once, and its cost of the rates.
type semaphoreShare struct {
	s    *redislimit.Semaphore
	name string
}

func (s semaphoreShare) Acquire(ctx context.Context, cost int) (fetch.Lease, error) {
	p, err := s.s.AcquireCost(ctx, 1, cost)
	return asLease(p, named(s.name, err))
}

func (s semaphoreShare) Limit() int { return s.s.Stats().Limit }

// An autoShare has its tokens of the rate, if there is one, before its permit, which
// is to be out for as long as the request takes.
type autoShare struct {
	a     *redislimit.Adaptive
	paced fetch.Share // nil for no rate
}

func (s autoShare) Acquire(ctx context.Context, cost int) (fetch.Lease, error) {
	if s.paced == nil {
		return asLease(s.a.Acquire(ctx, 1))
	}
	token, err := s.paced.Acquire(ctx, cost)
	if err != nil {
		return nil, err
	}
	p, err := s.a.Acquire(ctx, 1)
	if err != nil {
		token.Release(penstock.Unused)
		return nil, err
	}
	return pacedLease{p, token}, nil
}

func (s autoShare) Limit() int { return s.a.Limit() }

// A pacedLease is a permit and its tokens.
type pacedLease struct {
	*redislimit.Permit

	token fetch.Lease
}

func (l pacedLease) Release(o penstock.Outcome) {
	l.Permit.Release(o)
	l.token.Release(o)
}

type rateShare struct {
	r    *redislimit.Rate
	name string
}

func (s rateShare) Acquire(ctx context.Context, cost int) (fetch.Lease, error) {
	p, err := s.r.Acquire(ctx, cost)
	return asLease(p, named(s.name, err))
}

// named says of which limit err is, where that is what is wrong.
func named(name string, err error) error {
	if errors.Is(err, redislimit.ErrKind) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return err
}

// A firstShare is the total, which tells once that others have said another number
// than n.
type firstShare struct {
	semaphoreShare

	n    int
	say  func(string)
	once *sync.Once
}

func (s firstShare) Acquire(ctx context.Context, cost int) (fetch.Lease, error) {
	p, err := s.semaphoreShare.Acquire(ctx, cost)
	if err == nil {
		s.once.Do(func() {
			if limit := s.Limit(); limit != s.n && limit != 0 {
				s.say(fmt.Sprintf("in the store the limit of %s is %d, and not the %d of -c: penstock limits set %s %d changes it",
					s.name, limit, s.n, s.name, s.n))
			}
		})
	}
	return p, err
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
	if errors.Is(err, redislimit.ErrKind) {
		return &hintedError{
			fmt.Errorf("--store %s: %s", f.where(), ofStore(shared.Err)),
			"all who share a --store-name need the same kinds of limits: a number, a rate or both; or take another --store-name",
		}
	}
	return &exitError{exitStopped, &hintedError{
		fmt.Errorf("the store is away: %s", oneLine(ofStore(shared.Err))),
		"the same command with --resume goes on when it is back; --on-store-error local goes on without it",
	}}
}
