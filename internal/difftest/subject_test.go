package difftest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/queue"
)

// A semaphore is either of our semaphores, driven like asyncio's.
type semaphore struct {
	s interface {
		Acquire(ctx context.Context, n int) error
		TryAcquire(n int) bool
		Release(n int)
	}
}

func (s semaphore) call(ctx context.Context, _ string, _ []string) (string, error) {
	return "ok", s.s.Acquire(ctx, 1)
}

func (s semaphore) do(string, []string) (event string) {
	defer func() {
		if err, ok := recover().(error); ok {
			event = "release " + err.Error()
			if errors.Is(err, penstock.ErrOverRelease) {
				event = "release too often"
			}
		}
	}()
	s.s.Release(1)
	return "release ok"
}

func (s semaphore) state() string {
	if s.s.TryAcquire(1) {
		s.s.Release(1)
		return "locked 0"
	}
	return "locked 1"
}

// A fifo is any of our queues, driven like asyncio's.
type fifo struct {
	q interface {
		Put(ctx context.Context, v int) error
		Get(ctx context.Context) (int, error)
		TryPut(v int) error
		TryGet() (int, error)
		TaskDone() error
		Join(ctx context.Context) error
		Len() int
		Empty() bool
		Full() bool
	}
}

func (f fifo) call(ctx context.Context, op string, args []string) (string, error) {
	switch op {
	case "put":
		v, err := strconv.Atoi(args[0])
		if err != nil {
			return "", err
		}
		return "ok", f.q.Put(ctx, v)
	case "get":
		v, err := f.q.Get(ctx)
		return strconv.Itoa(v), err
	default:
		return "ok", f.q.Join(ctx)
	}
}

func (f fifo) do(op string, args []string) string {
	result := "ok"
	var err error
	switch op {
	case "putnow":
		var v int
		if v, err = strconv.Atoi(args[0]); err == nil {
			err = f.q.TryPut(v)
		}
	case "getnow":
		var v int
		v, err = f.q.TryGet()
		result = strconv.Itoa(v)
	case "done":
		err = f.q.TaskDone()
	}
	switch {
	case errors.Is(err, queue.ErrFull):
		result = "full"
	case errors.Is(err, queue.ErrEmpty):
		result = "empty"
	case errors.Is(err, queue.ErrTaskDone):
		result = "too often"
	case err != nil:
		result = err.Error()
	}
	return op + " " + result
}

func (f fifo) state() string {
	return fmt.Sprintf("len %d empty %d full %d", f.q.Len(), bit(f.q.Empty()), bit(f.q.Full()))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
