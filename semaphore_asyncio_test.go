package penstock_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// asyncioScript runs the steps that it reads from standard input on the real
// asyncio.Semaphore or BoundedSemaphore, and prints what has happened.
//
//go:embed testdata/asyncio_semaphore.py
var asyncioScript string

// A step is one thing that is done to both: op is acquire (by the caller with
// that number), release, or cancel (that caller).
type step struct {
	Op     string `json:"op"`
	Caller int    `json:"caller"`
}

// A script is a random sequence of steps. After each all is let come to rest.
type script struct {
	Bounded bool   `json:"bounded"`
	Value   int    `json:"value"`
	Steps   []step `json:"steps"`
}

func randomScript(r *rand.Rand) script {
	s := script{Bounded: r.IntN(2) == 0, Value: r.IntN(4)}
	var callers int
	for range 200 {
		switch k := r.IntN(10); {
		case k < 5:
			s.Steps = append(s.Steps, step{"acquire", callers})
			callers++
		case k < 8:
			s.Steps = append(s.Steps, step{"release", 0})
		case callers > 0:
			s.Steps = append(s.Steps, step{"cancel", max(0, callers-1-r.IntN(6))})
		}
	}
	return s
}

// run does the script's steps on ours, and returns what has happened: after each
// step the callers that came through or gave up, and whether there is room.
func (s script) run(t *testing.T) (events []string) {
	sem := newSemaphore(s.Value)
	if s.Bounded {
		sem = newBounded(s.Value)
	}
	calls := map[int]*caller{}
	var j journal
	for _, step := range s.Steps {
		var event []string
		switch step.Op {
		case "acquire":
			calls[step.Caller] = callAtOnce(t, &j, "", of(sem, 1))
		case "cancel":
			if c := calls[step.Caller]; c != nil {
				c.cancel(context.Canceled)
			}
		case "release":
			func() {
				defer func() {
					if recover() != nil {
						event = append(event, "over-release")
					}
				}()
				sem.Release(1)
			}()
		}
		synctest.Wait()
		for number, c := range calls {
			if isDone(c) {
				word := "got"
				if c.err != nil {
					word = "gone"
				}
				event = append(event, fmt.Sprintf("%s %d", word, number))
				delete(calls, number)
			}
		}
		slices.Sort(event)
		stats := sem.Stats()
		event = append(event, fmt.Sprintf("value %d", stats.Limit-stats.InUse))
		events = append(events, strings.Join(event, ", "))
	}
	for _, c := range calls {
		c.cancel(context.Canceled)
	}
	return events
}

func TestSemaphoreLikeAsyncio(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3 here, so not compared with asyncio")
	}
	if out, err := exec.Command(python, "-c", "import sys, asyncio; assert sys.version_info >= (3, 11), sys.version").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: python3 is not at least 3.11, so not compared with asyncio: %s", out)
	}
	seeds(t, 3, func(t *testing.T, r *rand.Rand) {
		scripts := make([]script, 20)
		for i := range scripts {
			scripts[i] = randomScript(r)
		}
		input, err := json.Marshal(scripts)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", asyncioScript)
		cmd.Stdin = strings.NewReader(string(input))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		var want [][]string
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatal(err)
		}
		for i, s := range scripts {
			synctest.Test(t, func(t *testing.T) {
				got := s.run(t)
				for k := range got {
					if got[k] != want[i][k] {
						t.Fatalf("script %d (bounded %v, value %d), step %d %+v: %q, asyncio %q",
							i, s.Bounded, s.Value, k, s.Steps[k], got[k], want[i][k])
					}
				}
			})
		}
	})
}
