// Redislimit measures limits over Redis side by side: penstock's redislimit,
// rueidislock, redsync and bsm/redislock. It starts a redis-server of its own
// for each run, and four processes of 250 callers that all want one of ten
// permits. The peers are locks: to them ten permits are ten locks of a hundred
// callers each.
//
//	go run ./redislimit [-rounds 3] [-time 4s]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// A run is what one worker process is to do.
type run struct {
	Peer, Addr      string
	First           int // number of its first caller
	Callers, Limit  int
	Hold            time.Duration
	Warm, Time      time.Duration
	Count           []int           // out: permits of each caller
	Waits           []time.Duration // out: a sample of the waits
	Errors          int
	LastError, Kind string
}

func main() {
	if text := os.Getenv("BENCH_RUN"); text != "" {
		var r run
		check(json.Unmarshal([]byte(text), &r))
		r.work()
		check(json.NewEncoder(os.Stdout).Encode(r))
		return
	}
	rounds := flag.Int("rounds", 3, "interleaved rounds")
	length := flag.Duration("time", 4*time.Second, "length of each run")
	only := flag.String("only", "", "only this `part`: empty, held, latency, rate")
	peers := flag.String("peers", "", "only those of the fleet's `names`, by commas: "+strings.Join(names, ","))
	flag.Parse()
	if *peers != "" {
		names = strings.Split(*peers, ",")
	}
	if part := *only; part == "" || part == "empty" {
		fleet(*rounds, *length, 0)
	}
	if part := *only; part == "" || part == "held" {
		fleet(*rounds, *length, 10*time.Millisecond)
	}
	if part := *only; part == "" || part == "latency" {
		latency(*rounds)
	}
	if part := *only; part == "" || part == "rate" {
		rates(*rounds, *length)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A result is one round of one peer.
type result struct {
	perSecond, jain, perPair float64
	p50, p99                 time.Duration
	cpu, serverCPU           time.Duration // of the processes and of Redis, a pair
	errors                   int
	lastError                string
}

func fleet(rounds int, length, hold time.Duration) {
	fmt.Fprintf(os.Stdout, "limit 10, 1,000 callers in 4 processes, %v inside; medians of %d rounds of %v\n", hold, rounds, length)
	results := make(map[string][]result)
	for range rounds {
		for _, peer := range names {
			results[peer] = append(results[peer], oneFleet(peer, length, hold))
		}
	}
	best := 0.0
	for _, peer := range names[min(1, len(names)-1):] {
		best = max(best, median(results[peer], func(r result) float64 { return r.perSecond }))
	}
	for _, peer := range names {
		rs := results[peer]
		rate := median(rs, func(r result) float64 { return r.perSecond })
		p50 := time.Duration(median(rs, func(r result) float64 { return float64(r.p50) }))
		p99 := time.Duration(median(rs, func(r result) float64 { return float64(r.p99) }))
		fmt.Fprintf(os.Stdout, "%-12s %9.0f pairs/s (%.2f of the best peer)  Jain %.3f  p50 %8v  p99 %8v (%.2f)  %6.1f commands a pair",
			peer, rate, rate/best, median(rs, func(r result) float64 { return r.jain }),
			p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), float64(p99)/float64(max(p50, 1)),
			median(rs, func(r result) float64 { return r.perPair }))
		fmt.Fprintf(os.Stdout, ", CPU %3.0f us and %3.0f us at Redis",
			median(rs, func(r result) float64 { return float64(r.cpu) / 1e3 }), median(rs, func(r result) float64 { return float64(r.serverCPU) / 1e3 }))
		if n := rs[0].errors; n > 0 {
			fmt.Fprintf(os.Stdout, "  %d errors: %s", n, rs[0].lastError)
		}
		fmt.Fprintln(os.Stdout)
	}
	fmt.Fprintln(os.Stdout)
}

func median(rs []result, f func(result) float64) float64 {
	var xs []float64
	for _, r := range rs {
		xs = append(xs, f(r))
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// oneFleet runs four worker processes to their end.
func oneFleet(peer string, length, hold time.Duration) result {
	srv := startServer()
	defer srv.stop()
	const processes, callers = 4, 250
	self, err := os.Executable()
	check(err)
	var cmds []*exec.Cmd
	outs := make([]strings.Builder, processes)
	for i := range processes {
		r := run{
			Peer: peer, Addr: srv.addr, First: i * callers, Callers: callers, Limit: 10,
			Hold: hold, Warm: 2 * time.Second, Time: length,
		}
		text, err := json.Marshal(r)
		check(err)
		cmd := exec.CommandContext(context.Background(), self)
		cmd.Env = append(os.Environ(), "BENCH_RUN="+string(text))
		cmd.Stdout, cmd.Stderr = &outs[i], os.Stderr
		check(cmd.Start())
		cmds = append(cmds, cmd)
	}
	var res result
	time.Sleep(2 * time.Second)
	before, cpu := srv.commands(), srv.cpu()
	for _, cmd := range cmds {
		res.cpu -= cpuOf(cmd.Process.Pid)
	}
	time.Sleep(length)
	for _, cmd := range cmds {
		res.cpu += cpuOf(cmd.Process.Pid)
	}
	after := srv.commands()
	res.serverCPU = srv.cpu() - cpu
	var counts []int
	var waits []time.Duration
	for i, cmd := range cmds {
		check(cmd.Wait())
		var r run
		check(json.Unmarshal([]byte(outs[i].String()), &r))
		counts = append(counts, r.Count...)
		waits = append(waits, r.Waits...)
		res.errors += r.Errors
		if r.LastError != "" {
			res.lastError = r.LastError
		}
	}
	sum, squares := 0.0, 0.0
	for _, n := range counts {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	slices.Sort(waits)
	res.perSecond = sum / length.Seconds()
	res.jain = sum * sum / max(squares*float64(len(counts)), 1)
	res.perPair = float64(after-before) / max(sum, 1)
	res.cpu /= time.Duration(max(sum, 1))
	res.serverCPU /= time.Duration(max(sum, 1))
	if len(waits) > 0 {
		res.p50, res.p99 = waits[len(waits)/2], waits[len(waits)*99/100]
	}
	return res
}
