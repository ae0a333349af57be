package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A job is one run of one command.
type job struct {
	s              scenario
	dir, bin, list string
	n              int
	first          string // a URL
}

// A peer is a command that is compared.
type peer struct {
	name    string
	program string // looked for in bin, then in the PATH
	// share says that it gets one of so many of the URLs: it is slow, and the
	// figures are per request.
	share int
	// args makes its command line, with what it reads; output goes to dir.
	args   func(j job) ([]string, error)
	stdout bool // it writes the responses there
	ceil   bool // it keeps nothing, and runs for a time
}

func (p *peer) path(bin string) string {
	if path := filepath.Join(bin, p.program); exists(path) {
		return path
	}
	path, err := exec.LookPath(p.program)
	if err != nil {
		return ""
	}
	return path
}

// ours says that a failure of the command is one of the benchmark.
func (p *peer) ours() bool { return p.program == "penstock" }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (p *peer) installed(bin string) bool {
	if p.name == "asyncio" {
		//nolint:noctx // over in a moment
		return exec.Command("/usr/bin/python3", "-c", "import aiohttp").Run() == nil
	}
	return p.path(bin) != ""
}

// peersFor lists the commands for a scenario, penstock first.
func peersFor(s scenario) []*peer {
	list := []*peer{{name: "penstock", program: "penstock", args: penstock("-o", "out.jsonl")}}
	if s.big {
		list = []*peer{
			{name: "penstock, into files", program: "penstock", args: penstock("-o", "out.jsonl", "--bodies", "files:bodies")},
			{name: "penstock, into records", program: "penstock", args: penstock("-o", "out.jsonl")},
			{name: "penstock, into files, --fsync never", program: "penstock", args: penstock("-o", "out.jsonl", "--bodies", "files:bodies", "--fsync", "never")},
			{name: "curl, into files", program: "curl", args: curl(true)},
			{name: "curl, into one", program: "curl", args: curl(false), stdout: true},
		}
	} else {
		list = append(list, &peer{name: "curl", program: "curl", args: curl(false), stdout: true})
	}
	list = append(list,
		&peer{name: "errgroup", program: "errgroup", args: ours},
		&peer{name: "fasthttp", program: "fasthttp", args: ours},
		&peer{name: "colly", program: "colly", share: 2, args: ours},
		&peer{name: "asyncio", program: "/usr/bin/python3", share: 10, args: asyncio},
		&peer{name: "wget2", program: "wget2", share: 10, args: wget2},
		&peer{name: "aria2", program: "aria2c", share: 50, args: aria2},
	)
	if !s.retries && !s.others && s.hosts <= 1 && !s.big {
		list = append(list, &peer{name: "wrk", program: "wrk", args: wrk, ceil: true})
	}
	for _, p := range list {
		switch {
		case s.big && p.share > 1:
			p.share = 4
		case s.retries || s.others || s.delay > 0:
			p.share = 1
		}
	}
	return list
}

func penstock(more ...string) func(j job) ([]string, error) {
	return func(j job) ([]string, error) {
		args := []string{"fetch", "-c", strconv.Itoa(j.s.conns), "--progress", "none"}
		if j.s.tls {
			args = append(args, "-k")
		}
		if j.s.perHost > 0 {
			args = append(args, "--per-host", strconv.Itoa(j.s.perHost))
		}
		return append(append(args, more...), j.list), nil
	}
}

// curl gets its URLs from a config file, and writes all bodies to one file, or
// each to a file of its own.
func curl(files bool) func(j job) ([]string, error) {
	return func(j job) ([]string, error) {
		args := []string{"-sS", "--parallel", "--parallel-immediate", "--parallel-max", strconv.Itoa(j.s.conns), "-K", j.list + ".curl"}
		if files {
			args[len(args)-1] = j.list + ".curl-files"
		}
		if j.s.tls {
			args = append(args, "-k")
		}
		if j.s.retries {
			args = append(args, "--retry", "50")
		}
		i := -1
		return args, convert(j.list, args[6], func(url string) string {
			if i++; files {
				return fmt.Sprintf("url = %q\noutput = %d\n", url, i)
			}
			return fmt.Sprintf("url = %q\n", url)
		})
	}
}

// convert makes another file of a list of URLs, once.
func convert(list, to string, line func(url string) string) error {
	if exists(to) {
		return nil
	}
	in, err := os.Open(list)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		_, _ = w.WriteString(line(lines.Text()))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Close()
}

// ours are the programs in peers.
func ours(j job) ([]string, error) {
	args := []string{"-c", strconv.Itoa(j.s.conns), "-o", "out.jsonl"}
	if j.s.perHost > 0 {
		args = append(args, "-per-host", strconv.Itoa(j.s.perHost))
	}
	return append(args, j.list), nil
}

func asyncio(j job) ([]string, error) {
	here, err := sourceDir()
	if err != nil {
		return nil, err
	}
	return []string{filepath.Join(here, "peers", "asyncio", "fetch.py"), strconv.Itoa(j.s.conns), strconv.Itoa(j.s.perHost), j.list, "out.jsonl"}, nil
}

func wget2(j job) ([]string, error) {
	args := []string{
		"-q", "--no-config", "--no-robots", "--no-netrc", "--compression=none",
		"--max-threads=" + strconv.Itoa(j.s.conns), "-i", j.list, "-O", "out.txt",
	}
	if j.s.tls {
		args = append(args, "--no-check-certificate", "--no-ocsp", "--hsts=off", "--hpkp=off")
	}
	return args, nil
}

func aria2(j job) ([]string, error) {
	args := []string{
		"-q", "--no-conf", "--file-allocation=none", "--allow-overwrite=true", "--auto-file-renaming=false", "--summary-interval=0",
		"-j", strconv.Itoa(j.s.conns), "-i", j.list + ".aria2", "--max-tries=50", "--retry-wait=1",
	}
	if j.s.tls {
		args = append(args, "--check-certificate=false")
	}
	i := -1
	return args, convert(j.list, j.list+".aria2", func(url string) string {
		i++
		return fmt.Sprintf("%s\n out=%d\n", url, i)
	})
}

func wrk(j job) ([]string, error) {
	return []string{"-t1", "-c" + strconv.Itoa(j.s.conns), "-d1s", j.first}, nil
}

func isOutput(name string) bool { return !strings.HasSuffix(name, ".journal") }
