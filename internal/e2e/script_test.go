package e2e_test

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/penstock-go/penstock/internal/origin"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", binDir+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("GORACE", "halt_on_error=1")
			env.Vars = append(env.Vars, transportOfTheDay()...)
			env.Values[originKey{}] = new(*origin.Server)
			env.Values[redisKey{}] = new(redistest.Server)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "redis" {
				return haveRedis(), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"audit":    cmdAudit,
			"bodyref":  cmdBodyRef,
			"compress": cmdCompress,
			"exits":    cmdExits,
			"expand":   cmdExpand,
			"genurls":  cmdGenURLs,
			"httpbin":  cmdHTTPBin,
			"origin":   cmdOrigin,
			"record":   cmdRecord,
			"records":  cmdRecords,
			"redis":    cmdRedis,
			"warc":     cmdWARC,
		},
	})
}

// usage ends the script unless args are at least want and not negated.
func usage(ts *testscript.TestScript, neg bool, args []string, want int, text string) {
	if neg || len(args) < want {
		ts.Fatalf("usage: %s", text)
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "exits CODE PROGRAM ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit status %d, want %d", code, want)
	}
}

// cmdExpand puts the script's variables into files, of which testscript leaves
// the text as it is.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "expand FILE...")
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func cmdGenURLs(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 3, "genurls FILE COUNT TEMPLATE")
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(writeURLs(ts.MkAbs(args[0]), count, args[2]))
}

// writeURLs writes count lines of template, whose {i} counts from 0.
func writeURLs(name string, count int, template string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range count {
		fmt.Fprintln(w, strings.ReplaceAll(template, "{i}", strconv.Itoa(i)))
	}
	return errors.Join(w.Flush(), f.Close())
}

func cmdRecords(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "records FILE COUNT [inorder|complete] [ok|failed]")
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	recs, err := parseRecords([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(checkRecords(recs, count, args[2:]...))
}

func cmdRecord(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 3, "record FILE INDEX CONDITION...")
	index, err := strconv.Atoi(args[1])
	ts.Check(err)
	recs, err := parseRecords([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	for _, r := range recs {
		if r.Index != index {
			continue
		}
		for _, cond := range args[2:] {
			if err := meets(r.line, cond); err != nil {
				ts.Fatalf("%v\nin %s", err, r.line)
			}
		}
		return
	}
	ts.Fatalf("no record has the index %d", index)
}

// cmdCompress writes FILE.gz or FILE.zst in several members, as appended files
// and parallel compressors do.
func cmdCompress(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "compress gz|zst FILE")
	out, err := os.Create(ts.MkAbs(args[1] + "." + args[0]))
	ts.Check(err)
	defer out.Close()
	text := []byte(ts.ReadFile(args[1]))
	for _, part := range [][]byte{text[:len(text)/2], text[len(text)/2:]} {
		w, err := compressor(out, args[0])
		ts.Check(err)
		_, err = w.Write(part)
		ts.Check(err)
		ts.Check(w.Close())
	}
}

func compressor(w io.Writer, format string) (io.WriteCloser, error) {
	switch format {
	case "gz":
		return gzip.NewWriter(w), nil
	case "zst":
		return zstd.NewWriter(w)
	}
	return nil, fmt.Errorf("unknown format %q", format)
}
