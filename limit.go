package penstock

import "fmt"

// A Limit bounds a gathering of tasks over inputs of type In. It is one of
//
//   - a plain number: so many tasks run at once, and at least 1;
//   - [By], a Limiter that is asked for one unit a task;
//   - [ByCost], a Limiter that is asked for what the task's input costs.
//
// A plain number is the fastest: its tasks run on workers that take the next
// input themselves, and no permit is passed around.
type Limit[In any] interface {
	int | Limited | Costed[In]
}

// Limited is what [By] makes of a Limiter: a Limit of one unit a task.
type Limited struct{ limiter Limiter }

// Costed is what [ByCost] makes of a Limiter: a Limit whose tasks cost
// different amounts.
type Costed[In any] struct {
	limiter Limiter
	cost    func(In) int
}

// By makes l the limit of a gathering: every task takes one unit of it while
// it runs. Several gatherings may share l. By panics when l is nil.
//
// A task that itself waits for l, by a gathering within it or otherwise, waits
// for what it and its like may hold: when they hold all, none goes on until a
// context ends. Take what a task needs at once, or use a limit of its own.
//
// A gathering asks l for one permit at a time, in the order of its input, and
// gives each back with the [Outcome] of its task: [Success] for a nil error,
// [Overload] for an error that is [ErrOverload], [Ignored] for a task that
// reports the end of its own context or ends its goroutine, [Unused] where the
// context ended before the task began, and [Failure] for the rest.
func By(l Limiter) Limited {
	if l == nil {
		panic("penstock: By of a nil Limiter")
	}
	return Limited{limiter: l}
}

// ByCost is like [By], but a task takes cost(input) units: the tokens of a
// prompt, the bytes of a file. cost is called once an input, on one goroutine
// at a time. An input that costs more than l could ever grant fails with an
// error that is [ErrOverLimit], as a task that failed would. ByCost panics
// when l or cost is nil.
func ByCost[In any](l Limiter, cost func(In) int) Costed[In] {
	if l == nil || cost == nil {
		panic("penstock: ByCost of a nil Limiter or a nil cost")
	}
	return Costed[In]{limiter: l, cost: cost}
}

// bound is a Limit taken apart. limiter is nil for a plain number, and cost is
// nil where every task costs one unit.
type bound[In any] struct {
	tasks   int
	limiter Limiter
	cost    func(In) int
}

func boundOf[In any](limit any) (bound[In], error) {
	switch l := limit.(type) {
	case int:
		if l < 1 {
			return bound[In]{}, fmt.Errorf("%w: %d", ErrLimit, l)
		}
		return bound[In]{tasks: l}, nil
	case Limited:
		return bound[In]{limiter: By(l.limiter).limiter}, nil
	case Costed[In]:
		c := ByCost(l.limiter, l.cost)
		return bound[In]{limiter: c.limiter, cost: c.cost}, nil
	}
	panic("penstock: a Limit of an unknown type") // the constraint allows no other
}

func (b bound[In]) costOf(v In) int {
	if b.cost == nil {
		return 1
	}
	return b.cost(v)
}
