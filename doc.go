// Package penstock does many asynchronous operations at once, as fast as the
// resources allow and never faster.
//
// It has a [Semaphore] of weighted permits, functions that run a task for every
// input under a limit (the gatherings), a [Group] for tasks that are not known
// beforehand, and the [Limiter] interface that ties these to rates, adaptive
// limits and limits per host, which are in the packages below this one. What
// these have in common is said here once.
//
// # Which one
//
//	the inputs are             what is wanted                       use
//	a slice                    all results, or the first error      Gather
//	a slice                    a result or an error of each         GatherAll
//	a sequence, maybe endless  results in input order, as they come Map
//	a sequence, maybe endless  results in order of completion       AsCompleted
//	a sequence, maybe endless  no results, only the first error     ForEach
//	found while tasks run      nothing, or what tasks store         Group
//	none: code of your own     to hold permits meanwhile            Semaphore.Do
//
// # Permits and limits
//
// A permit is the right to use one unit of something scarce: a connection, a
// megabyte. Of a limit of n permits never more than n are out, whatever fails or
// is cancelled. A demand may be for several at once, its weight, and takes all
// or none. A limit may change while in use: lowering it takes nothing away from
// anybody, and nothing is given out until the excess is back.
//
// The limit of a gathering is either a plain number of tasks, at least 1, which
// is fastest, or a Limiter by way of [By] or [ByCost], which may be shared.
//
// # Blocking and contexts
//
// What takes a context may block; nothing else does, but for [Group.Wait]. A wait
// ends with what it waited for or with its context, whichever comes first. Under
// a context that has ended already nothing is taken and no task begins, even
// where there is room. Who gives up holds nothing, and those behind move up; a
// permit that was granted in the same instant is handed on.
//
// A wait that its context ended returns an error that wraps context.Cause(ctx)
// and ctx.Err(): errors.Is finds either. A [Limiter] may also refuse at once to
// wait longer than the context's deadline allows.
//
// # Arrival order
//
// First come, first served: nobody who comes later overtakes one who waits, by
// no Try method either, and a large demand holds up the small ones behind it, so
// that it is not starved. [All] says what holds for several limits at once: one
// who waits there for another limit is passed by, and keeps its place. Gatherings
// begin their tasks in the order of the input; see [Gather] for tiny ones.
//
// # Errors
//
// An error is for errors.Is with the variables of this package. After an error of
// acquire nothing is held. Numbers from outside, such as a flag, come back as
// errors: [Semaphore.SetLimit], the limit of a gathering, the weight of an
// acquire that may wait. Which errors end a gathering is up to it: [Gather] and
// [ForEach] end at the first, and so does a Group; [GatherAll] at none; in [Map]
// and [AsCompleted] the loop decides.
//
// # Panics
//
// This package panics for what only a mistake in the program can cause: a nil
// function, [NewSemaphore] of a negative number, more released than a
// [BoundedSemaphore] has given out. A panic of a task is not caught: it ends
// the program, with the task's own stack, unless the task recovers by itself.
// [Semaphore.Do] runs its function on the caller's goroutine, and releases
// while the panic goes on.
//
// # Goroutines
//
// What is started is waited for: when a gathering has returned, when the loop
// over Map or AsCompleted has ended, by break too, or when Wait has returned, no
// task runs any more. A task that does not heed its context is waited for
// all the same. A semaphore starts no goroutine and needs no closing.
//
// # Nesting deadlocks
//
// A task that waits for permits of a limit of which it holds some may wait for
// ever: when all who hold some do so, nobody releases. It takes as many tasks at
// once as fill the limit, so tests with little to do may not show it. This goes
// for Acquire inside Do, for a gathering By(s) inside another By(s), for
// [Group.Go] in a task of the same full group. Take all at once, by weight or by [All], or give the inner
// work a limit of its own. A gathering under a plain number has a limit of its own.
//
// # Limiters and outcomes
//
// Everything that can say "wait" is a Limiter; [All] makes one of several, which
// takes all or none and never holds one while it waits for another. Its [Permit]
// is given back with an [Outcome], from which an adaptive limit learns;
// semaphores ignore it. A gathering derives it from the task's error: wrap
// [ErrOverload] in yours when the other side had too much to do.
//
// # Seeing what goes on
//
// [Semaphore.Stats] has counts, at all times, and fits expvar. When a program
// hangs, [Semaphore.SetTracing] has the semaphore remember who holds and who
// waits, for [Semaphore.Trace]; [Semaphore.LogHeld] warns of what is held too
// long. [Semaphore.Observe] is for metrics and tracers of your own.
package penstock
