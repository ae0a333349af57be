package e2e_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/penstock-go/penstock/internal/origin"
	"github.com/rogpeppe/go-internal/testscript"
)

// startOrigin starts the audited server for a Go test.
func startOrigin(t *testing.T, opts origin.Options) *origin.Server {
	t.Helper()
	srv, err := origin.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv
}

// originKey finds a script's origin among the values of its environment.
type originKey struct{}

// originOf is the origin that the script has started.
func originOf(ts *testscript.TestScript) *origin.Server {
	srv, ok := ts.Value(originKey{}).(**origin.Server)
	if !ok || *srv == nil {
		ts.Fatalf("no origin: start it with the command origin")
	}
	return *srv
}

func cmdOrigin(ts *testscript.TestScript, neg bool, args []string) {
	// The command, under the race detector and beside other tests, may take a
	// while to read an answer that the server has sent.
	opts := origin.Options{HintGrace: 150 * time.Millisecond}
	flags := flag.NewFlagSet("origin", flag.ContinueOnError)
	flags.IntVar(&opts.Hosts, "hosts", 1, "")
	flags.Float64Var(&opts.JudgeRate, "rate", 0, "")
	flags.Func("tls", "", func(name string) (err error) {
		opts.TLS, err = origin.ParseCert(name)
		return err
	})
	if neg || flags.Parse(args) != nil {
		ts.Fatalf("usage: origin [-hosts N] [-rate PER_SECOND] [-tls KIND]")
	}
	srv, err := origin.Start(opts)
	ts.Check(err)
	ts.Defer(func() { ts.Check(srv.Close()) })
	at, ok := ts.Value(originKey{}).(**origin.Server)
	if !ok {
		ts.Fatalf("no place for an origin in the script's environment")
	}
	*at = srv
	ts.Setenv("ORIGIN", srv.URL())
	for i, url := range srv.URLs() {
		ts.Setenv("ORIGIN"+strconv.Itoa(i), url)
		ts.Setenv("ORIGIN_HOST"+strconv.Itoa(i), url[strings.Index(url, "://")+len("://"):])
	}
	if pem := srv.RootPEM(); pem != nil {
		ts.Check(os.WriteFile(ts.MkAbs("root.pem"), pem, 0o600))
	}
}

func cmdAudit(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 3, "audit [HOST.]FIGURE OP VALUE")
	got, err := figure(originOf(ts).Audit(), args[0])
	ts.Check(err)
	ok, err := compare(got, args[1], args[2])
	ts.Check(err)
	if !ok {
		ts.Fatalf("the server's %s is %s, want %s %s", args[0], got, args[1], args[2])
	}
}

// figure finds a figure of the audit by its name in JSON: of all hosts, or of
// one whose number stands before it. What was left out is 0.
func figure(a origin.Audit, name string) (string, error) {
	counts := a.Total
	if host, rest, ok := strings.Cut(name, "."); ok {
		if i, err := strconv.Atoi(host); err == nil {
			if i >= len(a.Hosts) {
				return "", fmt.Errorf("no host %d", i)
			}
			counts, name = a.Hosts[i], rest
		}
	}
	text, err := json.Marshal(counts)
	if err != nil {
		return "", err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return "", err
	}
	if got, ok := lookup(fields, name); ok {
		return got, nil
	}
	for _, omitted := range []string{"statuses.", "leaked", "no_status", "burst", "untracked", "protocols."} {
		if strings.HasPrefix(name, omitted) {
			return "0", nil
		}
	}
	return "", fmt.Errorf("no figure %q in %s", name, text)
}

func cmdHTTPBin(ts *testscript.TestScript, neg bool, _ []string) {
	if neg {
		ts.Fatalf("usage: httpbin")
	}
	srv := httptest.NewServer(httpbin.New())
	ts.Defer(srv.Close)
	ts.Setenv("HTTPBIN", srv.URL)
	ts.Setenv("HTTPBIN_HOST", strings.TrimPrefix(srv.URL, "http://"))
}
