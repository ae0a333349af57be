package penstock

import (
	"context"
	"slices"
)

// All returns a Limiter whose permit is a permit of every one of limiters, for
// the same number of units of each (but see [PerCall]). Use it where several
// limits concern one operation: a total, a limit for each host, a rate.
//
//	limit := penstock.All(host, total, rate)
//
// What it promises, for limiters that are [Member]s:
//
//   - It takes all or none, in one step. It never holds a permit of one limiter
//     while it waits for another, so one that is full holds up nobody who does
//     not need it.
//   - It cannot deadlock, in whatever order limiters are composed, and one that
//     waits goes on as soon as all its limits have room at the same time and no
//     earlier one waits for the same room.
//   - Those who wait in one composed limiter are served in order of arrival, a
//     large demand before the small ones behind it. Those who wait for one
//     limit by way of several composed limiters, or directly, are served in
//     order of arrival too, but one whose other limits are full is passed by;
//     it keeps its place for when they are not.
//   - When ctx ends it holds nothing and nobody waits for it.
//
// One that wants two limits, each of which is kept full by others who want
// only that one, may never find both with room: to keep the one free for it
// until the other is would be to hold it.
//
// A demand larger than any one limit fails at once with an error that is
// ErrOverLimit, also while others wait; after a limit was lowered it does so
// when its turn comes. A limiter that stands twice in the list is
// taken once; a composed limiter counts as the limiters that it is made of.
// All of nothing limits nothing.
//
// Its permit is a [Settler] where that of one of limiters is. Where there is more
// than one limit it has a method Unwrap() []Permit, which returns theirs.
//
// Make a composed limiter once for each set of limits and keep it: those who
// wait in the same one queue up in it and cost the limits themselves nothing.
//
// A limiter that is no Member is asked by its two methods alone. It too is
// never held while the call waits for another. But a call may go back and
// forth between it and the others, and be passed by while it does, for as
// long as others queue for both; and its permit may be taken and given back,
// as Unused, several times.
func All(limiters ...Limiter) Limiter {
	var parts []part
	for _, l := range limiters {
		parts = appendParts(parts, l, false)
	}
	members := parts[:0:0]
	var foreign []Limiter
	for _, p := range parts {
		if p.member != nil {
			members = append(members, p)
		} else {
			foreign = append(foreign, p.limiter)
		}
	}
	if len(foreign) == 0 {
		return newTeam(members)
	}
	if len(members) > 0 {
		foreign = slices.Insert(foreign, 0, Limiter(newTeam(members)))
	}
	return &mixed{parts: foreign}
}

// PerCall returns l as a limit of operations rather than of units: it takes one
// unit of l whatever the operation costs. In an [All] it sets a limit that
// counts operations beside one that counts their cost:
//
//	penstock.All(penstock.PerCall(connections), tokensPerMinute)
//
// Its permit is no [Settler]: an operation is one, whatever it costs.
func PerCall(l Limiter) Limiter { return perCall{l} }

type perCall struct{ l Limiter }

func (p perCall) AcquirePermit(ctx context.Context, n int) (Permit, error) {
	if n < 0 {
		return nil, negativeWeight("acquire", n)
	}
	permit, err := p.l.AcquirePermit(ctx, 1)
	if err != nil {
		return nil, err
	}
	return ofCall(permit), nil
}

func (p perCall) TryAcquirePermit(n int) (Permit, bool) {
	if n < 0 {
		panic(negativeWeight("acquire", n))
	}
	permit, ok := p.l.TryAcquirePermit(1)
	if !ok {
		return nil, false
	}
	return ofCall(permit), true
}

// A part is one of the limits of a composed limiter.
type part struct {
	limiter Limiter
	member  Member // nil if limiter is none
	perCall bool
}

// appendParts appends the limits of l, taking composed ones apart.
func appendParts(parts []part, l Limiter, once bool) []part {
	switch l := l.(type) {
	case nil:
		panic("penstock: All of a nil Limiter")
	case perCall:
		return appendParts(parts, l.l, true)
	case *team:
		for _, p := range l.parts {
			parts = appendParts(parts, p.limiter, once || p.perCall)
		}
		return parts
	case *mixed:
		for _, p := range l.parts {
			parts = appendParts(parts, p, once)
		}
		return parts
	}
	member, _ := l.(Member)
	if member == nil && once {
		l = perCall{l}
	}
	return append(parts, part{limiter: l, member: member, perCall: once})
}

// mixed is a composed limiter some of whose parts are no Members: those that
// are make up the first part together.
type mixed struct {
	parts []Limiter
}

// AcquirePermit waits at one part, holding nothing, and then tries the others.
// The one that refuses is the one to wait at next.
//
// It is tempting to wait at the second while the first is held, in an order
// that is the same for all. It cannot deadlock either; but then who waits for
// a slow host keeps a permit of the total from all the others.
func (m *mixed) AcquirePermit(ctx context.Context, n int) (Permit, error) {
	permits := make([]Permit, len(m.parts))
	for at := 0; ; {
		p, err := m.parts[at].AcquirePermit(ctx, n)
		if err != nil {
			return nil, err
		}
		permits[at] = p
		refused, ok := m.tryRest(permits, at, n)
		if ok {
			return (&allPermit{permits: permits}).settler(), nil
		}
		at = refused
	}
}

// TryAcquirePermit is part of Limiter.
func (m *mixed) TryAcquirePermit(n int) (Permit, bool) {
	permits := make([]Permit, len(m.parts))
	if _, ok := m.tryRest(permits, -1, n); !ok {
		return nil, false
	}
	return (&allPermit{permits: permits}).settler(), true
}

// tryRest tries to take n of all parts but the one at have, which it has. If
// one refuses, tryRest gives back everything and tells which.
func (m *mixed) tryRest(permits []Permit, have, n int) (refused int, ok bool) {
	for i, part := range m.parts {
		if i == have {
			continue
		}
		p, ok := part.TryAcquirePermit(n)
		if ok {
			permits[i] = p
			continue
		}
		for j, p := range permits {
			if p != nil {
				p.Release(Unused)
				permits[j] = nil
			}
		}
		return i, false
	}
	return 0, true
}
