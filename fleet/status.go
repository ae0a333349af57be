package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Status is a fleet as Redis knows it.
type Status struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// Input is what the Loader was given.
	Input json.RawMessage `json:"-"`
	Lease time.Duration   `json:"-"`
	// Loaded counts the items that were loaded; with LoadedAll these are all.
	Loaded    int64 `json:"loaded"`
	LoadedAll bool  `json:"loaded_all"`
	// LoaderSeen is how long ago the loader was last heard of; it is silent when
	// it has loaded all.
	LoaderSeen time.Duration `json:"-"`
	// Done counts the items of settled chunks, which have their records; Failed are
	// those of them that were not accepted.
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	// Ahead counts the records of chunks in hand, as far as their workers have
	// said.
	Ahead int64 `json:"ahead"`
	// Chunks are in Redis, of which Pending are in the hands of workers.
	Chunks  int64 `json:"chunks"`
	Pending int64 `json:"chunks_in_hand"`
	// Rate is how many records a second those at work make together.
	Rate    float64        `json:"rate"`
	Workers []WorkerStatus `json:"workers"`
}

// WorkerStatus is what a worker has last said of itself.
type WorkerStatus struct {
	ID string `json:"id"`
	told
	// Seen is how long ago that was.
	Seen time.Duration `json:"-"`
	// Chunks in hand, by Redis.
	Hand int64 `json:"chunks_in_hand"`
}

// Finished says that every item has a record.
func (s *Status) Finished() bool { return s.LoadedAll && s.Chunks == 0 }

// Alive says whether the worker was heard of within a lease, and has not left.
func (s *Status) Alive(w *WorkerStatus) bool { return w.State != stateLeft && w.Seen <= s.Lease }

// ETA is how long the rest takes at the rate of now; false where that cannot be
// told, because not all is loaded or nobody works.
func (s *Status) ETA() (time.Duration, bool) {
	switch {
	case s.Finished():
		return 0, true
	case !s.LoadedAll || s.Rate <= 0:
		return 0, false
	}
	left := max(0, s.Loaded-s.Done-s.Ahead)
	return time.Duration(float64(left) / s.Rate * float64(time.Second)), true
}

// Look tells how a fleet is. The error is ErrName, ErrNone, ErrGone, or Redis'.
func Look(ctx context.Context, client rueidis.Client, name string) (*Status, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	m, err := readMeta(ctx, client, keys(name)[0])
	if err != nil {
		return nil, err
	}
	k := keys(name)
	b := client.B
	replies := client.DoMulti(ctx,
		b().Hgetall().Key(k[0]).Build(), b().Hgetall().Key(k[2]).Build(), b().Xlen().Key(k[1]).Build(),
		b().Xpending().Key(k[1]).Group("workers").Build(), b().Time().Build(),
	)
	state, err1 := replies[0].AsStrMap()
	workers, err2 := replies[1].AsStrMap()
	length, err3 := replies[2].AsInt64()
	pending, err4 := replies[3].ToArray()
	clock, err5 := replies[4].AsStrSlice()
	if lostStream(err4) {
		return nil, ErrGone
	}
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	s := &Status{
		Name: name, Lease: m.lease, Loaded: number(state["items"]), LoadedAll: state["ended"] == "1",
		Input: m.input, Created: time.UnixMilli(number(state["created"])).UTC(),
		Done: number(state["done"]), Failed: number(state["failed"]), Chunks: length, Workers: []WorkerStatus{},
	}
	now := number(clock[0])*1000 + number(clock[1])/1000
	s.LoaderSeen = since(now, number(state["seen"]))
	hands := inHand(pending)
	for id, text := range workers {
		seen, said, _ := strings.Cut(text, " ")
		w := WorkerStatus{ID: id, Seen: since(now, number(seen)), Hand: hands[id]}
		_ = json.Unmarshal([]byte(said), &w.told) // what cannot be read is not told
		if w.State == stateLeft {
			w.Hand = 0 // it has given back what still goes by its name
		}
		s.Workers = append(s.Workers, w)
		if s.Pending += w.Hand; s.Alive(&w) {
			s.Rate += w.Rate
			s.Ahead += w.Ahead
		}
	}
	s.Ahead = min(s.Ahead, max(0, s.Loaded-s.Done)) // what is acknowledged meanwhile is still in it
	slices.SortFunc(s.Workers, func(a, b WorkerStatus) int {
		if n := strings.Compare(a.Host, b.Host); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return s, nil
}

// inHand reads XPENDING's summary: how many chunks each worker has.
func inHand(reply []rueidis.RedisMessage) map[string]int64 {
	hands := map[string]int64{}
	if len(reply) < 4 {
		return hands
	}
	list, err := reply[3].ToArray()
	if err != nil {
		return hands // nobody has any
	}
	for _, pair := range list {
		if p, err := pair.AsStrSlice(); err == nil && len(p) == 2 {
			hands[p[0]] = number(p[1])
		}
	}
	return hands
}

func since(now, then int64) time.Duration {
	if then == 0 {
		return -1
	}
	return time.Duration(max(0, now-then)) * time.Millisecond
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// List returns the names of all fleets, in order.
func List(ctx context.Context, client rueidis.Client) ([]string, error) {
	var names []string
	for _, node := range client.Nodes() {
		cursor := uint64(0)
		for {
			r, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(prefix+"{*}").Count(1000).Build()).AsScanEntry()
			if err != nil {
				return nil, err
			}
			for _, key := range r.Elements {
				names = append(names, strings.TrimSuffix(strings.TrimPrefix(key, prefix+"{"), "}"))
			}
			if cursor = r.Cursor; cursor == 0 {
				break
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil // replicas have the same
}

// Remove takes a fleet out of Redis; those who work at it end with ErrGone. The
// error is ErrName, ErrNone, or Redis'.
func Remove(ctx context.Context, client rueidis.Client, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	n, err := client.Do(ctx, client.B().Del().Key(keys(name)...).Build()).AsInt64()
	if err == nil && n == 0 {
		err = ErrNone
	}
	return err
}
