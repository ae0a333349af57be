package redislimit_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"
)

// A scriptedRate is a rate whose calls a test makes itself, by a clock of its own.
type scriptedRate struct {
	t           *testing.T
	client      rueidis.Client
	state, spec string
	long, short string // hashes of the scripts
	look        *rueidis.Lua
	number      int
	synced      map[string]int64
	rateState
}

// A rateState is what Redis has of a rate.
type rateState struct {
	epoch   string
	fence   int
	numbers string // all but when leases end, and how many processes there are
	ttl     int    // in milliseconds
}

const scriptedLease = 3_000_000 // no longer than the server of Shared is up

const lookText = `local m = redis.call('HGET', KEYS[1], 'm')
	if not m then return {'0', '0', '', '0'} end
	local epoch, fence, used, L, R, T, grace, _, ticket, _, kept, queue = struct.unpack('<dddddddddddd', m)
	local all = {used, L, R, T, grace, ticket, kept, queue}
	for i, x in ipairs(all) do all[i] = string.format('%.0f', x) end
	return {string.format('%.0f', epoch), tostring(fence), table.concat(all, ' ') .. ' paid ' .. (redis.call('HGET', KEYS[1], 't') or ''),
		tostring(redis.call('PTTL', KEYS[1]))}`

func newScriptedRate(t *testing.T, client rueidis.Client, name, spec string) *scriptedRate {
	r := &scriptedRate{
		t: t, client: client, state: "penstock:{" + name + "}", spec: spec,
		look: rueidis.NewLuaScript(lookText), synced: make(map[string]int64),
	}
	clocked := func(file string) string {
		text := readScript(t, file)
		changed := strings.Replace(text, "call('TIME')", "call('HMGET', '"+r.state+":clock', 's', 'u')", 1)
		if changed == text {
			t.Fatalf("%s does not ask for the time", file)
		}
		return r.do("SCRIPT", "LOAD", changed)[0]
	}
	r.long, r.short = clocked("limit.lua"), clocked("fastrate.lua")
	t.Cleanup(func() {
		client.Do(context.Background(), client.B().Del().Key(r.state, r.state+":set", r.state+":clock").Build())
	})
	return r
}

// do makes a call and returns what is text or a number in its answer.
func (r *scriptedRate) do(words ...string) []string {
	r.t.Helper()
	m, err := r.client.Do(r.t.Context(), r.client.B().Arbitrary(words...).Build()).ToMessage()
	if err != nil {
		r.t.Fatal(err)
	}
	if n, err := m.AsInt64(); err == nil {
		return []string{strconv.FormatInt(n, 10)}
	}
	if !m.IsArray() {
		text, err := m.ToString()
		if err != nil {
			r.t.Fatal(err)
		}
		return []string{text}
	}
	list, err := m.ToArray()
	if err != nil {
		r.t.Fatal(err)
	}
	var texts []string
	for _, e := range list {
		text, _ := e.ToString()
		texts = append(texts, text)
	}
	return texts
}

func (r *scriptedRate) at(clock int64) {
	r.do("HSET", r.state+":clock", "s", strconv.FormatInt(clock/1_000_000, 10), "u", strconv.FormatInt(clock%1_000_000, 10))
	r.see()
}

// see looks at the state.
func (r *scriptedRate) see() {
	r.t.Helper()
	m, err := r.look.Exec(r.t.Context(), r.client, []string{r.state}, nil).AsStrSlice()
	if err != nil {
		r.t.Fatal(err)
	}
	r.epoch, r.numbers = m[0], m[2]
	r.fence, _ = strconv.Atoi(m[1])
	r.ttl, _ = strconv.Atoi(m[3])
}

// call is one of limit.lua; it returns what became of it.
func (r *scriptedRate) call(process, kind string, args ...string) string {
	r.t.Helper()
	r.number++
	all := append([]string{
		"EVALSHA", r.long, "3", r.state, r.state + ":queue", r.state + ":set",
		process, strconv.Itoa(r.number), kind, strconv.Itoa(scriptedLease), "", r.spec, r.epoch, "test",
	}, args...)
	return r.do(all...)[0]
}

// sync has a process tell that it waits for nothing.
func (r *scriptedRate) sync(process string, clock int64) {
	r.t.Helper()
	kind := "s"
	if r.synced[process] == 0 {
		kind = "j"
	}
	if got := r.call(process, kind, "0", "0", "0"); got != "ok" {
		r.t.Fatalf("a sync: %q", got)
	}
	r.synced[process] = clock
	r.see()
}

// ask asks for units, by the short way if it can be gone and else by the long one, and
// gives up what has to wait. It returns how many were had, and whether by the short way.
func (r *scriptedRate) ask(process string, clock int64, quick bool, costs []int) (had int, short bool) {
	r.t.Helper()
	if clock-r.synced[process] >= scriptedLease/4 {
		r.sync(process, clock)
	}
	before := r.fence
	defer func() {
		r.see()
		had = r.fence - before
	}()
	if quick && r.askShort(process, costs) {
		return 0, true
	}
	var asks []string
	for i, n := range costs {
		asks = append(asks, strconv.Itoa(i+1), strconv.Itoa(n))
	}
	count := strconv.Itoa(len(costs))
	call := func() string {
		return r.call(process, "c", slices.Concat([]string{"0", "0", "0", "0", count}, asks, []string{"0"})...)
	}
	got := call()
	if got == "sync" { // its lease has ended
		r.sync(process, clock)
		got = call()
	}
	if got != "ok" {
		r.t.Fatalf("a call: %q", got)
	}
	r.call(process, "c", slices.Concat([]string{"0", "0", count}, asks, []string{"0", "0", "0"})...)
	return 0, false
}

// askShort reports whether fastrate.lua has granted it all.
func (r *scriptedRate) askShort(process string, costs []int) bool {
	r.t.Helper()
	all, last, most := 0, 0, 0
	for _, n := range costs {
		all, most = all+n, max(most, n)
		if n > 0 {
			last = n
		}
	}
	r.number++
	words := []string{"EVALSHA", r.short, "1", r.state, process, strconv.Itoa(r.number), r.epoch, strconv.Itoa(scriptedLease)}
	for _, n := range []int{len(costs), all, last, most} {
		words = append(words, strconv.Itoa(n))
	}
	return r.do(words...)[0] != "-1"
}
