package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/penstock-go/penstock/redislimit"
	"github.com/spf13/pflag"
)

// storeFlags say which Redis keeps the limits that machines share, and what to
// do while it cannot be reached. They are the same for every command.
type storeFlags struct {
	url   string
	name  string // of the limits of a run, where it is not the default
	away  redislimit.Away
	lease time.Duration
}

// defaultLease is redislimit's own.
const defaultLease = 30 * time.Second

// register adds --store, --on-store-error and --lease.
func (f *storeFlags) register(fl *pflag.FlagSet) {
	f.registerURL(fl)
	fl.Var(awayValue{&f.away}, "on-store-error", "while the store is away: start nothing new, or pass on what this process holds until its lease ends, or go on with a share of its own")
	fl.DurationVar(&f.lease, "lease", defaultLease, "`TIME` after which what a dead process held is given to others; the same for all who share")
}

// registerURL adds --store alone, for what only looks.
func (f *storeFlags) registerURL(fl *pflag.FlagSet) {
	f.lease = defaultLease
	fl.StringVar(&f.url, "store", "", "share the limits with all who name the same Redis or Valkey: a `URL` such as redis://HOST:6379, rediss://, unix:///PATH")
}

// storePatience is how long the first answer of a store may take.
const storePatience = 10 * time.Second

// open connects to the store and sees that it answers. It returns nil where
// there is no --store. What happens to the store later is said to say in one
// line each, from any goroutine; nil is silence. The caller closes the Store.
func (f *storeFlags) open(ctx context.Context, say func(line string)) (*redislimit.Store, error) {
	if f.url == "" {
		return nil, nil
	}
	o := redislimit.Options{Lease: f.lease, Away: f.away}
	if say != nil {
		o.Logger = storeLogger(say)
	}
	if f.lease < 100*time.Millisecond {
		return nil, usagef("--lease 30s: longer than a failover of the store takes", "--lease %v is too short: the least is 100ms", f.lease)
	}
	s, err := redislimit.Open(f.url, o)
	if err != nil {
		wrong, _, _ := strings.Cut(fmt.Sprint(ofStore(err)), "; write ")
		return nil, usagef("write --store redis://HOST:6379, rediss://HOST:6379 for TLS, or unix:///PATH", "--store: %s", strings.TrimRight(wrong, ": "))
	}
	if err := checkStore(ctx, s, say); err != nil {
		return nil, errors.Join(f.unreachable(err), s.Close())
	}
	return s, nil
}

// checkStore sees that s answers, and waits for one that was just started and is still
// reading what it has kept, whatever else it says meanwhile. The error is the last that
// was not due to the end of that time.
func checkStore(parent context.Context, s *redislimit.Store, say func(line string)) error {
	ctx, stop := context.WithTimeout(parent, storePatience)
	defer stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	var loading, last error
	for {
		err := s.Check(ctx)
		if err != nil && isLoading(ofStore(err)) {
			if loading == nil && say != nil {
				say("the store is loading its data: waiting for it")
			}
			loading = err
		}
		if err == nil || loading == nil {
			return err
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return cmp.Or(context.Cause(parent), last, loading)
		}
	}
}

// isLoading says that Redis has answered so.
func isLoading(text string) bool { return strings.HasPrefix(text, "LOADING") }

// unreachable is why the store cannot be used.
func (f *storeFlags) unreachable(err error) error {
	where, text := f.where(), ofStore(err)
	for _, c := range []struct{ sign, hint string }{
		{"WRONGPASS", "put the user and the password into the URL, or into REDIS_USERNAME and REDIS_PASSWORD"},
		{"NOAUTH", "put the password into the URL, or into REDIS_PASSWORD (and REDIS_USERNAME, for a user of an ACL)"},
		{"NOPERM", "docs/sharing.md has the rights that a user of an ACL needs"},
	} {
		if strings.Contains(text, c.sign) {
			return usagef(c.hint, "--store %s refuses: %s", where, text)
		}
	}
	if errors.Is(err, redislimit.ErrVersion) {
		return usagef("redis-cli INFO server tells what runs there; limits are shared from Redis 7 or Valkey on", "--store %s: %s", where, text)
	}
	if isLoading(text) {
		return &hintedError{
			fmt.Errorf("--store %s is still loading its data after %v", where, storePatience),
			"try again when redis-cli -u " + quoted(where) + " ping answers PONG",
		}
	}
	return &hintedError{
		fmt.Errorf("--store %s cannot be reached: %s", where, text),
		"see that it runs and that this machine may connect to it: redis-cli -u " + quoted(where) + " ping",
	}
}

// where is the store's URL as it may be shown.
func (f *storeFlags) where() string {
	u, err := url.Parse(f.url)
	if err != nil {
		return "URL"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// ofStore is an error without the name of the package that made it.
func ofStore(err error) string {
	text := strings.ReplaceAll(err.Error(), "redislimit: ", "")
	return strings.TrimPrefix(text, "the store's URL: ")
}

// awayValue is the flag for what to do while the store is away.
type awayValue struct{ a *redislimit.Away }

func (v awayValue) String() string {
	if v.a == nil {
		return ""
	}
	return v.a.String()
}

func (v awayValue) Type() string { return "stop|lease|local" }

func (v awayValue) Set(s string) error {
	away, err := redislimit.ParseAway(s)
	if err != nil {
		return fmt.Errorf("%q is none of stop, lease, local", s)
	}
	*v.a = away
	return nil
}
