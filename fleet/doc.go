// Package fleet shares the work of one list among many machines, over Redis 7 or
// Valkey.
//
// A [Loader] on one machine reads the list and puts it into Redis in chunks, a
// bounded number of them at a time. A [Worker] on each of any number of machines
// takes chunks and makes them items of a [fetch.Engine], whose records go to an
// output of the worker's own. Package fleet/merge makes one output of them all.
//
// # What is kept
//
// A chunk is acknowledged only when the records of all its items are on the
// worker's disk, and by no other than the worker that has it. A worker that is
// not heard of for a lease loses what it has in hand to others, at whose hands it
// is fetched again: so every item has a record at least once. Which of several
// counts is decided when the outputs are merged.
//
// The loader's place in the list is in Redis, in the same step with the chunk
// that it stands for. A loader that is started again with the same list goes on
// there. Redis that has lost its latest writes gets them again; Redis that
// has lost everything is loaded from the beginning, and a worker that goes on with
// its output fetches nothing anew that it has.
//
// # Keys
//
// A fleet NAME has the keys penstock:fleet:{NAME} (its state),
// penstock:fleet:{NAME}:chunks (a stream with the consumer group "workers") and
// penstock:fleet:{NAME}:workers (what each says of itself), all in one slot of a
// Cluster. They expire 30 days after their last use. Items are in there as they
// stand in the list, headers and bodies included.
package fleet
