//go:build unix

package fetch_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// scarce is a machine with few descriptors: dialling fails while more than
// room requests are under way.
type scarce struct {
	room     int64
	errno    syscall.Errno
	inFlight atomic.Int64
	refused  atomic.Int64
}

func (s *scarce) RoundTrip(*http.Request) (*http.Response, error) {
	defer s.inFlight.Add(-1)
	if s.inFlight.Add(1) > s.room {
		s.refused.Add(1)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", s.errno)}
	}
	time.Sleep(10 * time.Millisecond)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok"))}, nil
}

// A machine that runs out makes the run slower; no item fails, and it is no
// attempt of theirs.
func TestShortageSlowsDownAndFailsNothing(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS} {
		t.Run(errno.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scarce{room: 7, errno: errno}
				sum, err := fetch.Run(t.Context(), gets(slices.Concat(many(700, "a"), many(700, "b"), many(600, "c"))...), fetch.SinkFunc(func(r *fetch.Record) error {
					if !r.OK || r.Attempts != 1 {
						t.Errorf("record %+v", r)
					}
					return nil
				}), fetch.Options{Concurrency: 100, Transport: s})
				if err != nil || sum.OK != 2000 || sum.Shortages != s.refused.Load() || sum.Retries != 0 {
					t.Errorf("summary %+v, %d refused, error %v", sum, s.refused.Load(), err)
				}
				// Not by trying over and over: 2000 items at 7 a time, 10 ms each,
				// take 3 s at the least.
				if sum.Elapsed > 4*time.Second || s.refused.Load() > 200 {
					t.Errorf("%v, %d refused", sum.Elapsed, s.refused.Load())
				}
			})
		})
	}
}

// What can never be had is not waited for without end.
func TestShortageWithoutEndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		s := &scarce{room: 0, errno: syscall.EADDRNOTAVAIL}
		sum, err := fetch.Run(ctx, gets(many(3, "a")...), newShelf(), fetch.Options{Transport: s})
		if err != nil || sum.Failed != 3 || sum.Classes[fetch.Connect] != 3 {
			t.Errorf("summary %+v, error %v", sum, err)
		}
	})
}
