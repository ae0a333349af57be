package redislimit

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock/rate"
	"github.com/redis/rueidis"
)

//go:embed admin.lua
var adminText string

var adminScript = rueidis.NewLuaScript(adminText)

// SetLimit changes the limit of the semaphore name for all who share it, or for
// those who will. See [Semaphore.SetLimit].
func (s *Store) SetLimit(ctx context.Context, name string, n int) error {
	if n < 0 {
		return negative("limit", n)
	}
	return s.set(ctx, name, "limit", strconv.Itoa(n))
}

// SetRates changes the rates of the limit name for all who share it, or for
// those who will. See [Rate.SetRates].
func (s *Store) SetRates(ctx context.Context, name string, rates ...rate.Rate) error {
	if _, err := rate.New(rates...); err != nil {
		return err
	}
	return s.set(ctx, name, "rates", encode(rates))
}

func (s *Store) set(ctx context.Context, name, what, value string) error {
	if err := checkName(name); err != nil {
		return err
	}
	c, err := s.calls.reach(ctx)
	if err != nil {
		return fmt.Errorf("redislimit: set %s: %w", what, err)
	}
	answer, err := adminScript.Exec(ctx, c, keys(name), []string{what, value}).ToString()
	if err != nil {
		return fmt.Errorf("redislimit: set %s: %w", what, err)
	}
	if answer == "kind" {
		return ErrKind
	}
	return nil
}

// An Info is what Redis knows of a limit.
type Info struct {
	Name string `json:"name"`
	// Limit is the limit of permits, and Counted whether there is one: a Rate
	// has none.
	Limit   int  `json:"limit"`
	Counted bool `json:"counted"`
	// Adaptive says that an [Adaptive] is in use under the name: then Limit is what
	// was found last, and Rates too, if any were.
	Adaptive bool `json:"adaptive"`
	// Rates are its rates, as a person reads them: "300/s"; "" for none.
	Rates string `json:"rates,omitempty"`
	// InUse is how many units are held, over all processes; Waiting how many
	// demands wait, and LongestWait for how long the first of them has.
	InUse       int           `json:"in_use"`
	Waiting     int           `json:"waiting"`
	LongestWait time.Duration `json:"longest_wait_ns"`
	// Holders are the processes that share it, by host and pid.
	Holders []Holder `json:"holders"`
}

// A Holder is a process that shares a limit.
type Holder struct {
	Host  string `json:"host"`
	PID   int    `json:"pid"`
	InUse int    `json:"in_use"` // units it holds
	// Leads says that it finds an adaptive limit. For a moment nobody may.
	Leads bool `json:"leads,omitempty"`
}

// Look returns what Redis knows of the limit name now. The error is ErrUnknown
// if nobody uses it and no limit was set.
func (s *Store) Look(ctx context.Context, name string) (Info, error) {
	if err := checkName(name); err != nil {
		return Info{}, err
	}
	c, err := s.calls.reach(ctx)
	if err != nil {
		return Info{}, fmt.Errorf("redislimit: look: %w", err)
	}
	return look(ctx, c, name)
}

// List returns what Redis knows of all limits that are in use or were set, by
// name. It goes through all keys of the database, and so is for people.
func (s *Store) List(ctx context.Context) ([]Info, error) {
	c, err := s.calls.reach(ctx)
	if err != nil {
		return nil, fmt.Errorf("redislimit: list: %w", err)
	}
	names := make(map[string]bool)
	for _, node := range c.Nodes() {
		for cursor, more := uint64(0), true; more; more = cursor != 0 {
			e, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match("penstock:{*}*").Count(1000).Build()).AsScanEntry()
			if err != nil {
				return nil, fmt.Errorf("redislimit: list: %w", err)
			}
			cursor = e.Cursor
			for _, key := range e.Elements {
				name, _, _ := strings.Cut(strings.TrimPrefix(key, "penstock:{"), "}")
				names[name] = true
			}
		}
	}
	var list []Info
	for name := range names {
		info, err := look(ctx, c, name)
		if errors.Is(err, ErrUnknown) {
			continue // gone since, or not set and not in use
		}
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

func look(ctx context.Context, c rueidis.Client, name string) (Info, error) {
	info := Info{Name: name}
	m, err := adminScript.Exec(ctx, c, keys(name), []string{"look"}).ToArray()
	if err != nil {
		return info, fmt.Errorf("redislimit: look: %w", err)
	}
	if len(m) != 5 {
		return info, badReply(m)
	}
	state, err := pairs(m[0])
	if err != nil {
		return info, err
	}
	waiting, err := m[1].AsInt64()
	if err != nil {
		return info, err
	}
	wait, err := m[2].AsInt64()
	if err != nil {
		return info, err
	}
	used, err := m[4].AsInt64()
	if err != nil {
		return info, err
	}
	set, err := pairs(m[3])
	if err != nil {
		return info, err
	}
	limit, counted := state["l"]
	if len(state) == 0 {
		limit, counted = set["l"]
		if _, rates := set["r"]; !counted && !rates {
			return info, fmt.Errorf("%w: %s", ErrUnknown, name)
		}
	}
	info.Limit, info.Counted = int(id(limit)), counted
	_, info.Adaptive = state["a"]
	info.InUse, info.Waiting = int(used), int(waiting)
	info.LongestWait = max(micros(wait), 0)
	info.Holders = holders(state)
	spec := state["r"]
	if len(state) == 0 {
		spec = set["r"]
	}
	info.Rates = decode(spec)
	return info, nil
}

func pairs(m rueidis.RedisMessage) (map[string]string, error) {
	list, err := m.AsStrSlice()
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		fields[list[i]] = list[i+1]
	}
	return fields, nil
}

// packed is how long the numbers are that stand before who a process is.
const packed = 16

// holders reads them from the fields of a state.
func holders(state map[string]string) []Holder {
	units := make(map[string]int)
	for field, value := range state {
		if rest, ok := strings.CutPrefix(field, "h:"); ok {
			process, _, _ := strings.Cut(rest, ":")
			units[process] += unitsOf(value)
		}
	}
	var list []Holder
	for field, value := range state {
		process, ok := strings.CutPrefix(field, "p:")
		if !ok || len(value) < packed {
			continue
		}
		host, pid, _ := strings.Cut(value[packed:], ":")
		list = append(list, Holder{Host: host, PID: int(id(pid)), InUse: units[process], Leads: process == state["a"]})
	}
	slices.SortFunc(list, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(b.InUse, a.InUse), cmp.Compare(a.Host, b.Host), cmp.Compare(a.PID, b.PID))
	})
	return list
}

// unitsOf is how many units a demand is for that a text begins with.
func unitsOf(text string) int {
	if i := strings.IndexAny(text, " /"); i >= 0 {
		text = text[:i]
	}
	return int(id(text))
}

// decode is what encode has made of rates, for people: how many there are in the
// shortest unit of time in which it is one at least.
func decode(spec string) string {
	var texts []string
	for one := range strings.SplitSeq(spec, ";") {
		text, _, _ := strings.Cut(one, ":")
		interval, err := strconv.ParseFloat(text, 64)
		if err != nil || interval <= 0 {
			continue
		}
		for _, unit := range []struct {
			name string
			long time.Duration
		}{{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}} {
			if n := float64(unit.long.Microseconds()) / interval; n > 0.999 || unit.name == "d" {
				texts = append(texts, strconv.FormatFloat(n, 'g', 6, 64)+"/"+unit.name)
				break
			}
		}
	}
	return strings.Join(texts, ",")
}
