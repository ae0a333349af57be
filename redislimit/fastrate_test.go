package redislimit_test

import (
	"crypto/sha1" //nolint:gosec // it is what Redis names scripts by
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

func readScript(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// goShort takes units of r one by one until it has gone the short way, which nobody else
// does at that server, and returns how many.
func goShort(t *testing.T, s *redislimit.Store, r *redislimit.Rate) int {
	t.Helper()
	sum := sha1.Sum([]byte(readScript(t, "fastrate.lua"))) //nolint:gosec // as above
	client, err := s.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 100; n++ {
		if _, err := r.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		eventually(t, patience, "it listens, and need not be told everything again", func() bool {
			heard, err := client.Do(t.Context(), client.B().PubsubShardchannels().Build()).AsStrSlice()
			return err == nil && len(heard) == 1
		})
		known, err := client.Do(t.Context(), client.B().ScriptExists().Sha1(hex.EncodeToString(sum[:])).Build()).AsIntSlice()
		if err != nil {
			t.Fatal(err)
		}
		if known[0] == 1 {
			return n
		}
	}
	t.Fatal("the short way was not gone")
	return 0
}

// TestFastRateIsUsed: a Rate goes the short way where nobody waits, also at a Cluster and
// by a client of the caller's.
func TestFastRateIsUsed(t *testing.T) {
	t.Parallel()
	one, nodes := aged(t), redistest.Cluster(t, 1)
	theirs, _ := slowStore(t, aged(t), quick)
	for name, s := range map[string]*redislimit.Store{"one": open(t, one.URL(), quick), "cluster": open(t, nodes[0].URL(), quick), "client": theirs} {
		t.Run(name, func(t *testing.T) {
			r, err := s.Rate("used", rate.Rate{Count: 1000, Per: time.Second, Burst: 1000})
			if err != nil {
				t.Fatal(err)
			}
			goShort(t, s, r)
		})
	}
}

// TestFastRateDeclines has fastrate.lua asked for a unit of a state that is as it should
// be, and of states that are not: there it changes nothing.
func TestFastRateDeclines(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	const state = "penstock:{declines}"
	_, run, _ := strings.Cut(srv.Must("INFO", "server"), "run_id:")
	run = run[:40]
	ask := func(change ...string) string {
		t.Helper()
		srv.Must("DEL", state)
		srv.Must("EVAL", `local now = redis.call('TIME')
			redis.call('HSET', KEYS[1], 'i', ARGV[1], 'r', '1000000:3000000:0:c', 't', '0',
			'm', struct.pack('<dddddddddddd', 5, 6, 0, 10, 10, now[1] * 1000000 + now[2], ARGV[2], 0, 100, 1, 0, ARGV[3]),
			'p:a', struct.pack('<dd', 1e9, 7))`, "1", state, change[0], change[1], change[2])
		if len(change) > 4 {
			srv.Must("HSET", state, change[4], change[5])
		}
		fields := []string{"HMGET", state, "m", "t", "i", "l", "r", "p:a", "p:b"}
		before := srv.Must(fields...)
		got := srv.Must(append([]string{"EVAL", readScript(t, "fastrate.lua"), "1", state}, strings.Fields(change[3])...)...)
		if got == "-1" && srv.Must(fields...) != before {
			t.Errorf("%q: it declined, and has changed the state", change)
		}
		return got
	}
	const none, two = "a 8 5 3000000 1 0 0 0", "a 8 5 3000000 2 2 1 1"
	for _, c := range [][]string{
		{run, "0", "0", two},
		{run, "0", "0", none},
		{run, "0", "0", "a 8 5 3000000 1 3 3 3"},
	} {
		if got := ask(c...); !strings.HasPrefix(got, "6\n") {
			t.Errorf("%q: %q", c, got)
		}
	}
	for why, c := range map[string][]string{
		"another server":          {strings.Repeat("f", 40), "0", "0", two},
		"a server that is unsure": {"", "0", "0", two},
		"the grace after a loss":  {run, "1e9", "0", two},
		"somebody waits":          {run, "0", "1", two},
		"another epoch":           {run, "0", "0", "a 8 4 3000000 2 2 1 1"},
		"a late call":             {run, "0", "0", "a 7 5 3000000 2 2 1 1"},
		"another process":         {run, "0", "0", "b 8 5 3000000 2 2 1 1"},
		"more than fits":          {run, "0", "0", "a 8 5 3000000 2 4 1 3"},
		"more than ever fits":     {run, "0", "0", "a 8 5 3000000 1 4 4 4"},
		"it would with a slack":   {run, "0", "0", "a 8 5 3000000 1 4 4 4", "r", "1000000:3000000:9000000:c"},
		"paid until later":        {run, "0", "0", two, "t", "2000000"},
		"a semaphore":             {run, "0", "0", two, "l", "9"},
	} {
		if got := ask(c...); got != "-1" {
			t.Errorf("%s: %q", why, got)
		}
	}
	srv.Must("DEL", state)
}

// TestUsedUpRateIsNotTriedInVain has one caller wait each time: it asks, and asks again when
// it is due, and does not try the short way in between.
func TestUsedUpRateIsNotTriedInVain(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	r, err := open(t, srv.URL(), quick).Rate("rate", rate.Rate{Count: 40, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := r.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	_, calls, _ := strings.Cut(srv.Must("INFO", "commandstats"), "cmdstat_evalsha:calls=")
	calls, _, _ = strings.Cut(calls, ",")
	if n, err := strconv.Atoi(calls); err != nil || n < 20 || n > 50 {
		t.Errorf("%s calls for 20 permits", calls)
	}
}
