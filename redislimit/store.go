package redislimit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock/rate"
	"github.com/redis/rueidis"
)

// A Store is this process's connection to a Redis that holds shared limits. It
// is made by Open or New, is safe for concurrent use, and must be closed.
type Store struct {
	o     Options
	id    string // of this process, in keys
	label string // of this process, for people: host:pid
	// calls and news are two connections: one that also listens answers a
	// call more slowly.
	calls, news *line
	owned       bool
	dials       dials           // of calls
	cluster     atomic.Bool     // calls go to a Cluster, as far as is known
	ctx         context.Context // ends with Close
	end         context.CancelFunc
	wg          sync.WaitGroup // of all goroutines

	mu     sync.Mutex
	limits map[string]*shared
	closed bool
	away   map[*shared]bool // those that cannot reach it
	since  time.Time        // when it went
}

// Open returns a Store for the Redis at url: redis://[USER:PASSWORD@]HOST:PORT[/DB],
// rediss:// for TLS, unix://PATH. A Cluster is found by any of its nodes;
// further ones are ?addr=HOST:PORT. ?master_set=NAME says that the addresses
// are Sentinels'. ?ca=FILE, ?cert=FILE and ?key=FILE are for TLS. A user or
// password that url leaves out is taken from REDIS_USERNAME and REDIS_PASSWORD
// or REDISCLI_AUTH.
//
// Open does not connect: the first use of a limit does, and so does Ping. The
// error is about url or o, and never shows a password.
func Open(url string, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := clientOption(url, o.Lease)
	if err != nil {
		return nil, err
	}
	s := newStore(o, nil, newLine(func() (rueidis.Client, error) { return rueidis.NewClient(client) }))
	counted := client
	s.dials.count(&counted)
	s.calls = newLine(func() (rueidis.Client, error) {
		c, err := rueidis.NewClient(counted)
		if err == nil {
			s.cluster.Store(c.Mode() == rueidis.ClientModeCluster)
		}
		return c, err
	})
	s.owned = true
	return s, nil
}

// New returns a Store that uses client, which stays the caller's to close. Its
// ConnWriteTimeout should be well below the lease.
func New(client rueidis.Client, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	same := newLine(func() (rueidis.Client, error) { return client, nil })
	return newStore(o, same, same), nil
}

func newStore(o Options, calls, news *line) *Store {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	s := &Store{
		o:      o,
		id:     hex.EncodeToString(id),
		label:  host + ":" + strconv.Itoa(os.Getpid()),
		calls:  calls,
		news:   news,
		limits: make(map[string]*shared),
		away:   make(map[*shared]bool),
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// Ping returns nil if Redis answers, or why not.
func (s *Store) Ping(ctx context.Context) error {
	c, err := s.calls.reach(ctx)
	if err != nil {
		return err
	}
	return c.Do(ctx, c.B().Ping().Build()).Error()
}

// Check returns nil if limits can be kept at the Redis, or why not: it cannot be
// reached, refuses the user, or is older than Redis 7 (ErrVersion). It changes
// nothing there.
func (s *Store) Check(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	_, err := s.Look(ctx, "check")
	switch {
	case err == nil, errors.Is(err, ErrUnknown):
		return nil
	case strings.Contains(err.Error(), "compiling script"):
		return fmt.Errorf("%w: %w", ErrVersion, err)
	}
	return err
}

// Semaphore returns the shared semaphore of that name. limit, and rates if any,
// hold if nobody uses the name yet; else those in Redis do (see SetLimit). A
// limit of 0 refuses nobody; all wait until SetLimit provides. A permit of a
// semaphore with rates is one of both, taken in one step.
//
// Calls for the same name return the same Semaphore, and the later ones' limit
// and rates change nothing. The error is ErrName, ErrKind,
// penstock.ErrNegativeLimit, ErrClosed, or a rate's.
func (s *Store) Semaphore(name string, limit int, rates ...rate.Rate) (*Semaphore, error) {
	if limit < 0 {
		return nil, negative("limit", limit)
	}
	l, err := s.limit(name, &limit, rates)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lead != nil {
		return nil, ErrKind
	}
	l.plain = true
	return &Semaphore{l}, nil
}

// Rate returns the shared rates of that name, which are taken together or not
// at all. They hold if nobody uses the name yet; else those in Redis do (see
// SetRates). The error is ErrName, ErrKind, ErrClosed, or a rate's.
func (s *Store) Rate(name string, rates ...rate.Rate) (*Rate, error) {
	if _, err := rate.New(rates...); err != nil {
		return nil, err
	}
	l, err := s.limit(name, nil, rates)
	if err != nil {
		return nil, err
	}
	return &Rate{l}, nil
}

func (s *Store) limit(name string, limit *int, rates rate.List) (*shared, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	for _, r := range rates {
		if err := r.Validate(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	l := s.limits[name]
	if l == nil {
		l = newShared(s, name, limit, rates)
		s.limits[name] = l
	}
	if l.counts != (limit != nil) {
		return nil, ErrKind
	}
	return l, nil
}

// Close gives back all that this process holds, waits until Redis knows or for
// a second, and ends the connection if Open has made it. Those who wait get
// ErrClosed, and the contexts of permits end with it. It returns nil.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	limits := s.limits
	s.mu.Unlock()
	late := time.AfterFunc(min(time.Second, s.o.Lease), s.end)
	defer late.Stop()
	for _, l := range limits {
		l.close()
	}
	for _, l := range limits {
		l.ended()
	}
	s.end()
	s.wg.Wait()
	if s.owned {
		s.calls.close()
		s.news.close()
	}
	return nil
}

// went notes that l cannot reach Redis, and says so if it is the first.
func (s *Store) went(l *shared, err error) {
	s.mu.Lock()
	first := len(s.away) == 0
	s.away[l] = true
	if first {
		s.since = time.Now()
	}
	s.mu.Unlock()
	if first {
		s.o.Logger.Warn("redis is away", "error", err, "then", s.o.Away.String())
	}
}

// came notes that l has reached it again.
func (s *Store) came(l *shared) {
	s.mu.Lock()
	delete(s.away, l)
	last, since := len(s.away) == 0, s.since
	s.mu.Unlock()
	if last {
		s.o.Logger.Info("redis is back", "after", time.Since(since).Round(time.Millisecond))
	}
}

// quiet notes that l has nothing to ask it any more.
func (s *Store) quiet(l *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.away, l)
}

// Client returns the connection that the Store's calls go by, making it if that
// was never done: for what else is kept at the same Redis. It ends with Close.
func (s *Store) Client(ctx context.Context) (rueidis.Client, error) { return s.calls.reach(ctx) }
