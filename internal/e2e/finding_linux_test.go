package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
	"github.com/penstock-go/penstock/report"
)

// What limited a run is told right where it is known, because it was made so.
func TestLongFindings(t *testing.T) {
	long(t)
	srv := startOrigin(t, origin.Options{})
	lines := func(n int, path string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s"+path+"\n", srv.URL(), i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name, input string
		slowly      time.Duration // between the lines
		cause       report.Cause
		args        []string
	}{
		{"own limit", lines(300, "/delay/40/%d"), 0, report.OwnLimit, []string{"-c", "5"}},
		{"own limit to a host", lines(300, "/delay/40/%d"), 0, report.OwnLimit, []string{"-c", "50", "--per-host", "5"}},
		{"a host's rate", lines(60, "/delay/5/%d"), 0, report.HostLimit, []string{"-c", "20", "--per-host-rate", "25/s"}},
		{"own rate", lines(100, "/delay/5/%d"), 0, report.OwnRate, []string{"-c", "20", "--rate", "50/s"}},
		{"Retry-After", lines(4, "/retry-after/2/1/%d"), 0, report.Holds, []string{"-c", "1"}},
		{"retries", lines(20, "/flaky/3/%d"), 0, report.Retrying, []string{"-c", "50"}},
		{"slow server", lines(16, "/delay/700/%d"), 0, report.SlowServer, []string{"-c", "4"}},
		{"slow input", lines(20, "/delay/5/%d"), 100 * time.Millisecond, report.SlowInput, []string{"-c", "5"}},
		{"input exhausted", lines(20, "/delay/5/%d") + srv.URL() + "/drip/1000/2000\n", 0, report.LastOnes, []string{"-c", "50"}},
		{"client CPU", lines(60_000, "/item/%d"), 0, report.SlowClient, []string{"-c", "64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var env []string
			if c.cause == report.SlowClient {
				env = []string{"GOMAXPROCS=1"} // and a core for the server
			}
			d := measuredRun(t, env, c.input, c.slowly, c.args...)
			t.Logf("%s; %s (%+v in %.2f s)", d.Finding.Sentence, d.Finding.Advice, d.CPU, d.Seconds)
			if d.Finding.Cause != c.cause {
				t.Errorf("%s, want %s; shares %+v", d.Finding.Cause, c.cause, d.Shares)
			}
		})
	}
}

// measuredRun is what the command has measured of a run over that input, which
// it reads from a pipe.
func measuredRun(t *testing.T, env []string, input string, slowly time.Duration, args ...string) report.Data {
	t.Helper()
	dir := t.TempDir()
	cmd := command(t.Context(), dir, append([]string{"fetch", "-", "-o", "out.jsonl", "--bodies", "none"}, args...)...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stderr = r, os.Stderr
	cmd.Env = append(cmd.Env, env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if slowly == 0 {
		fmt.Fprint(w, input)
	}
	for line := range strings.Lines(input) {
		if slowly > 0 {
			fmt.Fprint(w, line)
			time.Sleep(slowly) // the slow input itself
		}
	}
	w.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out.summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := report.FromSummary(text)
	if err != nil || d == nil {
		t.Fatalf("%v, %v", d, err)
	}
	return *d
}
