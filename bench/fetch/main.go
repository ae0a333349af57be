// Fetch compares whole commands, side by side in one run: penstock, which writes
// a full record of each response to a file and forces it to the disk, and what
// else people use for a list of URLs. Servers are processes of their own (nginx,
// and for what it does not do one of ours). The rounds of all commands take
// turns; the table has the medians and, for the requests a second, the range.
//
//	go run ./fetch [-rounds 5] [-quick] [-scenario REGEXP] [-only REGEXP]
//
// It is Markdown, as it stands in docs/benchmarks.md. What is not installed is
// left out: setup.sh installs it on Debian.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
)

func main() {
	if what := os.Getenv(serverEnv); what != "" {
		check(serve(what))
		return
	}
	o := options{}
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of all commands, in turn")
	flag.BoolVar(&o.quick, "quick", false, "a hundredth of the requests: does it work?")
	scenarios := flag.String("scenario", ".", "only scenarios whose names match `REGEXP`")
	only := flag.String("only", ".", "only commands whose names match `REGEXP`")
	flag.StringVar(&o.penstock, "penstock", "", "the `COMMAND` to measure (default: one built from this tree)")
	flag.StringVar(&o.tmp, "tmp", "", "`FOLDER` for inputs and outputs (default: a temporary one)")
	flag.Parse()
	o.scenarios, o.only = regexp.MustCompile(*scenarios), regexp.MustCompile(*only)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	rounds          int
	quick           bool
	scenarios, only *regexp.Regexp
	penstock, tmp   string
	bin             string // where the programs are, if they are built already
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run measures all that o names, and writes a table for each scenario.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	dir, err := os.MkdirTemp(o.tmp, "bench-fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := o.bin
	if bin == "" {
		bin = filepath.Join(dir, "bin")
		if err := build(ctx, bin, o.penstock); err != nil {
			return err
		}
	}
	for _, s := range scenarios() {
		if !o.scenarios.MatchString(s.name) {
			continue
		}
		if err := s.run(ctx, o, dir, bin, out, progress); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// build compiles penstock, in its own module, and those peers that are Go programs.
func build(ctx context.Context, bin, penstock string) error {
	here, err := sourceDir()
	if err == nil {
		err = os.MkdirAll(bin, 0o755)
	}
	if err != nil {
		return err
	}
	if penstock != "" {
		path, err := filepath.Abs(penstock)
		if err == nil {
			err = os.Symlink(path, filepath.Join(bin, "penstock"))
		}
		if err != nil {
			return err
		}
	} else if err := compile(ctx, filepath.Dir(filepath.Dir(here)), bin, "./cmd/penstock"); err != nil {
		return err
	}
	return compile(ctx, here, bin, "./peers/errgroup", "./peers/fasthttp", "./peers/colly")
}

func compile(ctx context.Context, dir, bin string, packages ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath", "-o", bin + "/"}, packages...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build does
	return cmd.Run()
}
