// Package difftest_test runs the same random scripts of operations on asyncio's
// primitives, in a real Python, and on ours, and compares what happens line
// by line.
package difftest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/queue"
)

// The operations of each kind, as often as they are to come. A call gets a
// number; the others take no time.
var operations = map[string][]string{
	"Semaphore":        {"acquire", "acquire", "acquire", "release", "release", "cancel", "race"},
	"BoundedSemaphore": {"acquire", "acquire", "acquire", "release", "release", "cancel", "race"},
	"Queue":            {"put", "put", "get", "get", "putnow", "getnow", "cancel", "race", "done", "join"},
	"PriorityQueue":    {"put", "put", "get", "get", "putnow", "getnow", "cancel", "race", "done", "join"},
	"LifoQueue":        {"put", "put", "get", "get", "putnow", "getnow", "cancel", "race", "done", "join"},
}

// script returns a random script in the language of asyncio_driver.py.
//
// Where the two sides differ on purpose it does not go. Inside one step, with
// waiters that were served but have not run, asyncio lets a newcomer overtake
// them, and an item that was put first go to whoever runs first; ours does
// neither. What remains of such races is the cancellation of one waiter in
// the same instant in which something is given, in either order.
func script(kind string, r *rand.Rand, steps int) []string {
	lines := []string{fmt.Sprintf("new %s %d", kind, r.IntN(4))}
	number := 0
	for range steps {
		op := operations[kind][r.IntN(len(operations[kind]))]
		victim := fmt.Sprintf("cancel %d", max(0, number-r.IntN(8)))
		line := op
		switch op {
		case "acquire", "get", "join":
			number++
			line = fmt.Sprintf("%s %d", op, number)
		case "put":
			number++
			line = fmt.Sprintf("put %d %d", number, item(r))
		case "putnow":
			line = fmt.Sprintf("putnow %d", item(r))
		case "cancel":
			line = victim
		case "race":
			giving := []string{"getnow", fmt.Sprintf("putnow %d", item(r))}
			if strings.HasSuffix(kind, "Semaphore") {
				giving = []string{"release"}
			}
			both := []string{victim, giving[r.IntN(len(giving))]}
			r.Shuffle(2, func(i, j int) { both[i], both[j] = both[j], both[i] })
			line = strings.Join(both, "; ")
		}
		lines = append(lines, line)
	}
	return lines
}

// item is a number that is not likely to come twice: asyncio leaves open
// which of two equal items a PriorityQueue hands out first.
func item(r *rand.Rand) int { return r.IntN(1 << 40) }

func TestSameOrderOfEventsAsAsyncio(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3 on this machine, nothing compared with asyncio")
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("PENSTOCK_SEED"); s != "" {
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("PENSTOCK_SEED=%d", seed)
	many := 12
	if os.Getenv("PENSTOCK_LONG") != "" {
		many = 100
	}
	for _, kind := range slices.Sorted(maps.Keys(operations)) {
		t.Run(kind, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			var scripts [][]string
			for range many {
				scripts = append(scripts, script(kind, r, 150))
			}
			logs := runAsyncio(t, python, scripts)
			events := 0
			for i, s := range scripts {
				compare(t, s, logs[i])
				events += strings.Count(strings.Join(logs[i], "\n"), " ok")
			}
			if events < 25*many {
				t.Errorf("only %d operations succeeded: the scripts test little", events)
			}
		})
	}
}

// runAsyncio returns the log of each script.
func runAsyncio(t *testing.T, python string, scripts [][]string) (logs [][]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "asyncio_driver.py")
	cmd.Stdin = strings.NewReader(strings.Join(slices.Concat(scripts...), "\n") + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, s := range scripts {
		if len(lines) < len(s) {
			t.Fatalf("the log of asyncio ends early; stderr: %s", &stderr)
		}
		logs = append(logs, lines[:len(s)])
		lines = lines[len(s):]
	}
	return logs
}

// compare runs a script on our side and compares the logs.
//
// Unlike Python's tasks, a goroutine may come to run between the two halves
// of a race, and then a cancellation comes too late, which is as right. On
// one processor that is rare; a script in which it may have happened gets
// more chances.
func compare(t *testing.T, script, theirs []string) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const chances = 5
	for chance := range chances {
		ours := run(t, script)
		at := 0
		for at < len(ours) && ours[at] == theirs[at] {
			at++
		}
		if at == len(ours) {
			return
		}
		if raced := strings.Contains(strings.Join(ours[:at+1], ""), "; "); raced && chance < chances-1 {
			t.Log("once more: a goroutine may have run inside a race")
			continue
		}
		t.Fatalf("%s, after\n  %s\nours:    %s\nasyncio: %s",
			ours[0], strings.Join(ours[max(0, at-12):at], "\n  "), ours[at], theirs[at])
	}
}

// A call is an operation that may wait, in a goroutine of its own.
type call struct {
	cancel context.CancelFunc
	ended  bool
	result string
}

// A subject is one of our primitives.
type subject interface {
	// call waits, and says how that ended.
	call(ctx context.Context, op string, args []string) (string, error)
	// do does an operation that takes no time.
	do(op string, args []string) string
	state() string
}

// run returns our log of a script.
func run(t *testing.T, script []string) (log []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newSubject(t, strings.Fields(script[0]))
		calls := map[int]*call{}
		log = append(log, script[0])
		for _, line := range script[1:] {
			var events []string
			for operation := range strings.SplitSeq(line, "; ") {
				f := strings.Fields(operation)
				switch f[0] {
				case "cancel":
					if c := calls[number(t, f[1])]; c != nil {
						c.cancel()
					}
				case "acquire", "get", "put", "join":
					calls[number(t, f[1])] = begin(ctx, s, f[0], f[2:])
				default:
					events = append(events, s.do(f[0], f[1:]))
				}
			}
			synctest.Wait()
			for _, n := range slices.SortedFunc(maps.Keys(calls), cmp.Compare[int]) {
				if c := calls[n]; c.ended {
					events = append(events, fmt.Sprintf("%d %s", n, c.result))
					c.cancel()
					delete(calls, n)
				}
			}
			log = append(log, fmt.Sprintf("%s | %s | %s", line, strings.Join(events, ", "), s.state()))
		}
		cancel()
		synctest.Wait()
	})
	return log
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func begin(ctx context.Context, s subject, op string, args []string) *call {
	ctx, cancel := context.WithCancel(ctx)
	c := &call{cancel: cancel}
	go func() {
		result, err := s.call(ctx, op, args)
		switch {
		case errors.Is(err, context.Canceled):
			result = "cancelled"
		case err != nil:
			result = err.Error()
		}
		c.result, c.ended = result, true
	}()
	return c
}

func newSubject(t *testing.T, f []string) subject {
	t.Helper()
	size := number(t, f[2])
	switch f[1] {
	case "Semaphore":
		return semaphore{penstock.NewSemaphore(size)}
	case "BoundedSemaphore":
		return semaphore{penstock.NewBoundedSemaphore(size)}
	case "Queue":
		return fifo{queue.New[int](size)}
	case "PriorityQueue":
		return fifo{queue.NewOrdered[int](size)}
	case "LifoQueue":
		return fifo{queue.NewLIFO[int](size)}
	}
	t.Fatalf("no such kind: %s", f[1])
	return nil
}
