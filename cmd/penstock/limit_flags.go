package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/policy"
	"github.com/penstock-go/penstock/rate"
	"github.com/spf13/pflag"
)

// defaultRetries is --retries where nobody sets it.
const defaultRetries = 3

// limitFlags are the limits of hosts, sites and rules.
type limitFlags struct {
	perHost     perHost
	perHostRate rate.List
	policy      string
}

// A perHost is what --per-host says: a number, or auto. The zero value is that
// nothing was said.
type perHost struct {
	n    int
	auto bool
}

func (f *limitFlags) register(fl *pflag.FlagSet) {
	fl.Var(perHostValue{&f.perHost}, "per-host", "most requests in flight to one host, or auto to find it (default: no limit of its own)")
	fl.Var(rateValue{&f.perHostRate}, "per-host-rate", "most requests started in a time to one host: 10/s, 500/m; several with commas")
	fl.StringVar(&f.policy, "policy", "", "read limits by host, site and rule from `FILE.toml`; --per-host and --per-host-rate take the place of its [default]")
}

// describe is the limits in words, after those of the run.
func (f *limitFlags) describe() (s string) {
	switch {
	case f.perHost.auto:
		s += ", as many per host as it takes"
	case f.perHost.n > 0:
		s += fmt.Sprintf(", %d per host", f.perHost.n)
	}
	if len(f.perHostRate) > 0 {
		s += ", " + f.perHostRate.String() + " per host"
	}
	if f.policy != "" {
		s += ", and what " + f.policy + " says"
	}
	return s
}

// limits is what the flags say of each host.
func (f *limitFlags) limits() fetch.Limits {
	return fetch.Limits{Concurrency: f.perHost.n, Auto: f.perHost.auto, Rate: f.perHostRate}
}

// open reads the file, if there is one. With setRetries, retry is what the user
// asked for and takes the place of the file's default, else it is what holds
// where the file says nothing.
func (f *limitFlags) open(retry fetch.Retry, setRetries bool) (*policy.Reloader, error) {
	flags := policy.Flags{Limits: f.limits(), Retry: retry}
	if setRetries {
		flags.Limits.Retry = &retry
	}
	r, err := policy.NewReloader(f.policy, flags)
	return r, policyError(f.policy, err)
}

// policyError is an error of the file in one line and a hint: the first, and where
// the others are.
func policyError(name string, err error) error {
	if err == nil {
		return nil
	}
	all := policy.All(err)
	if len(all) == 0 {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return usagef("--policy names a file such as policy.toml; docs/policy.md says what is in it", "--policy %s: %v", name, err)
	}
	hint := all[0].Hint
	if more := all[1:]; len(more) > 0 {
		hint += "; then " + otherLines(more)
	}
	return usagef(hint, "%s: %s", all[0].Where(), all[0].Message)
}

// otherLines says where else there is something to put right.
func otherLines(errs []*policy.Error) string {
	const most = 10
	var lines []string
	for _, e := range errs[:min(most, len(errs))] {
		if line := strconv.Itoa(e.Line); len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	}
	text := "line " + strings.Join(lines, ", ")
	if len(errs) > most {
		text += fmt.Sprintf(" and %d more", len(errs)-most)
	}
	return text
}

// perHostValue is the flag for a perHost.
type perHostValue struct{ p *perHost }

func (v perHostValue) String() string {
	switch {
	case v.p == nil || *v.p == perHost{}:
		return ""
	case v.p.auto:
		return "auto"
	}
	return strconv.Itoa(v.p.n)
}

func (v perHostValue) Type() string { return "N|auto" }

func (v perHostValue) Set(s string) error {
	if s == "auto" {
		*v.p = perHost{auto: true}
		return nil
	}
	n := 5 // to be told of
	if err := (countValue{&n, 1}).Set(s); err != nil {
		return fmt.Errorf("%w, or auto", err)
	}
	*v.p = perHost{n: n}
	return nil
}
