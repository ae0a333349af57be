package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(serverEnv); what != "" {
		check(serve(what))
		return
	}
	os.Exit(m.Run())
}

// TestQuick runs a few commands of each kind over a few requests: nothing is
// lost, and the table has a line for each.
func TestQuick(t *testing.T) {
	want := map[string][]string{
		"delay": {"penstock", "errgroup"}, "big": {"penstock, into files", "penstock, into records", "errgroup"},
		"slow-host": {"penstock", "errgroup"}, "quota": {"penstock", "errgroup"},
	}
	if _, err := exec.LookPath("nginx"); err == nil {
		want["small-10"], want["tls"], want["hosts"] = want["delay"], want["delay"], want["delay"]
	}
	bin := t.TempDir()
	if err := build(t.Context(), bin, ""); err != nil {
		t.Fatal(err)
	}
	for scenario, peers := range want {
		t.Run(scenario, func(t *testing.T) {
			var out strings.Builder
			o := options{
				rounds: 1, quick: true, tmp: t.TempDir(), bin: bin,
				scenarios: regexp.MustCompile("^" + scenario + "$"), only: regexp.MustCompile("^(penstock|errgroup)"),
			}
			if err := run(t.Context(), o, &out, t.Output()); err != nil {
				t.Fatal(err)
			}
			for _, p := range peers {
				if !regexp.MustCompile(`(?m)^\| (\*\*)?` + p + `(\*\*)? \|.* \| 0 \|`).MatchString(out.String()) {
					t.Errorf("no line for %s in which nothing was lost:\n%s", p, out.String())
				}
			}
		})
	}
}

// TestCount holds that marks are found across the borders of buffers, and that
// what is no mark is not one.
func TestCount(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "%s/item/%d;%s", strings.Repeat("x", i%97), i, "/item/5,/item/;/item/99999999999;")
	}
	if err := os.WriteFile(dir+"/a", []byte(b.String()+"/item/1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := count(dir, 3100); got != 3000 || err != nil {
		t.Fatal(got, err)
	}
}
