package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// A result is one round of one command.
type result struct {
	n      int // requests that it was to make
	wall   time.Duration
	rate   float64       // responses a second
	cpu    time.Duration // user and system, a request
	rss    int64         // bytes at the most
	lost   int
	others time.Duration // until all hosts but the slow one were done
	delay  time.Duration // that the server really made
}

// longest is for one run of one command.
const longest = 3 * time.Minute

// measure runs the command once, in an empty folder.
func (p *peer) measure(ctx context.Context, j job, srv *server) (r result, err error) {
	if err := os.Mkdir(j.dir, 0o755); err != nil {
		return r, err
	}
	defer os.RemoveAll(j.dir)
	args, err := p.args(j)
	if err != nil {
		return r, err
	}
	if err := srv.reset(); err != nil {
		return r, err
	}
	syscall.Sync() // what others wrote is not this one's to wait for
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path(j.bin), args...)
	cmd.Dir = j.dir
	cmd.SysProcAttr = dieWithParent()
	var text, errText bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &tail{&errText}
	if p.stdout {
		f, err := os.Create(filepath.Join(j.dir, "out"))
		if err != nil {
			return r, err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	start := time.Now()
	err = cmd.Run()
	r.wall = time.Since(start)
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0 || ctx.Err() != nil) {
		return r, fmt.Errorf("%w: %s", err, errText.Bytes())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return r, errors.New("no rusage on this system")
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	r.rss = usage.Maxrss
	if runtime.GOOS == "linux" {
		r.rss <<= 10
	}
	r.n = j.n
	if j.s.delay > 0 {
		if r.delay, err = srv.delayed(); err != nil {
			return r, err
		}
	}
	if p.ceil {
		if r.n, r.rate, err = wrkSays(text.String()); err != nil {
			return r, err
		}
		r.cpu = cpu / time.Duration(r.n)
		return r, nil
	}
	got, err := count(j.dir, j.n)
	if err != nil {
		return r, err
	}
	r.lost = j.n - got
	if r.lost == j.n {
		return r, fmt.Errorf("nothing was fetched: %v %s", cmd.Args, errText.Bytes())
	}
	r.rate = float64(got) / r.wall.Seconds()
	r.cpu = cpu / time.Duration(got)
	if j.s.others {
		r.others, err = srv.othersTook()
	}
	return r, err
}

var (
	wrkRate  = regexp.MustCompile(`Requests/sec: +([0-9.]+)`)
	wrkCount = regexp.MustCompile(`([0-9]+) requests in`)
)

func wrkSays(text string) (n int, rate float64, err error) {
	m, c := wrkRate.FindStringSubmatch(text), wrkCount.FindStringSubmatch(text)
	if m == nil || c == nil {
		return 0, 0, fmt.Errorf("not understood: %q", text)
	}
	n, err1 := strconv.Atoi(c[1])
	rate, err2 := strconv.ParseFloat(m[1], 64)
	return max(n, 1), rate, errors.Join(err1, err2)
}

// A tail keeps the first few bytes of what a command complains of.
type tail struct{ b *bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if room := 2000 - t.b.Len(); room > 0 {
		t.b.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// sourceDir is where this program's source is.
func sourceDir() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("where is the source?")
	}
	return filepath.Dir(file), nil
}
