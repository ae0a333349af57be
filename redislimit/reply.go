package redislimit

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

//go:embed limit.lua
var limitText string

var limitScript = rueidis.NewLuaScript(limitText)

var (
	errKind = errors.New("redislimit: another kind")
	errNo   = errors.New("redislimit: not to be had now")
)

// A reply is what limit.lua returns.
type reply struct {
	status  string
	epoch   uint64
	limit   int
	procs   int
	due     time.Duration // until the first of the queue, if it is ours, can be had; below 0 for none
	grace   time.Duration // until anything new is given out
	grants  []grant
	refused []uint64
	lost    []uint64
	queued  []place
	no      []uint64
	spec    string // the rates
	run     string // id of the server, of a call that told everything
	waiting int    // how many wait, of all processes
}

type grant struct {
	id, counter uint64
	ends        string
	cost        int
}

type place struct {
	id    uint64
	place string
}

func readReply(result rueidis.RedisResult) (*reply, error) {
	m, err := result.ToArray()
	if err != nil {
		return nil, err
	}
	r := &reply{due: -1}
	if r.status, err = text(m, 0); err != nil {
		return nil, err
	}
	switch {
	case r.status == "kind":
		return nil, errKind
	case r.status != "ok":
		return r, nil
	case len(m) != 14:
		return nil, badReply(m)
	}
	var n [6]int64
	for i := 1; i < 6; i++ {
		if n[i], err = m[i].AsInt64(); err != nil {
			return nil, badReply(m)
		}
	}
	r.epoch, r.limit, r.procs = uint64(n[1]), int(n[2]), int(n[3])
	r.due, r.grace = micros(n[4]), micros(n[5])
	if err := r.lists(m[7:12]); err != nil {
		return nil, err
	}
	if r.spec, err = text(m, 6); err != nil {
		return nil, err
	}
	if r.run, err = text(m, 12); err != nil {
		return nil, err
	}
	waiting, err := m[13].AsInt64()
	r.waiting = int(waiting)
	return r, err
}

// lists reads the lists at the end of a reply.
func (r *reply) lists(m []rueidis.RedisMessage) error {
	var lists [5][]string
	for i := range lists {
		var err error
		if lists[i], err = m[i].AsStrSlice(); err != nil {
			return err
		}
	}
	g, q := lists[0], lists[3]
	if len(g)%4 != 0 || len(q)%2 != 0 {
		return badReply(m)
	}
	for ; len(g) > 0; g = g[4:] {
		r.grants = append(r.grants, grant{id: id(g[0]), counter: id(g[1]), ends: g[2], cost: costOf(g[3])})
	}
	for ; len(q) > 0; q = q[2:] {
		r.queued = append(r.queued, place{id: id(q[0]), place: q[1]})
	}
	r.refused, r.lost, r.no = ids(lists[1]), ids(lists[2]), ids(lists[4])
	return nil
}

func text(m []rueidis.RedisMessage, i int) (string, error) {
	if i >= len(m) {
		return "", badReply(m)
	}
	return m[i].ToString()
}

func badReply(m []rueidis.RedisMessage) error {
	return fmt.Errorf("redislimit: a reply that is none of ours: %d elements", len(m))
}

// id reads a number; what is none is 0, which no waiter has.
func id(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// costOf is what a demand takes of rates.
func costOf(demand string) int {
	units, cost, ok := strings.Cut(demand, "/")
	if !ok {
		cost = units
	}
	return int(id(cost))
}

func ids(texts []string) []uint64 {
	var list []uint64
	for _, s := range texts {
		list = append(list, id(s))
	}
	return list
}
