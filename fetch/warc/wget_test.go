package warc_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/warc"
	"github.com/penstock-go/penstock/internal/origin"
)

// The reader reads what GNU wget writes: a file by another hand, from the same
// standard.
func TestWget(t *testing.T) {
	wget, err := exec.LookPath("wget")
	if err != nil {
		if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "wget") {
			t.Fatal("no wget, which must be here")
		}
		t.Skip("no wget; on Debian: sudo apt-get install wget")
	}
	s, err := origin.Start(origin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	paths := []string{"/item/1", "/item/2", "/big/100000", "/gzip/1000", "/status/404"}
	for _, flag := range []string{"--warc-compression", "--no-warc-compression"} {
		dir := t.TempDir()
		args := []string{"--quiet", "--tries=1", "--no-proxy", "-O", os.DevNull, "--warc-file=" + filepath.Join(dir, "w"), flag}
		for _, p := range paths {
			args = append(args, s.URL()+p)
		}
		cmd := exec.CommandContext(t.Context(), wget, args...)
		cmd.Dir = dir
		// Exit code 8: the server answered 404.
		if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 8 {
			t.Fatalf("wget: %v\n%s", err, out)
		}
		name := filepath.Join(dir, "w.warc")
		if flag == "--warc-compression" {
			name += ".gz"
		}
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkWget(t, file, s.URL(), paths)
	}
}

func checkWget(t *testing.T, file []byte, base string, paths []string) {
	t.Helper()
	list, blocks := read(t, bytes.NewReader(file))
	if list[0].Type() != "warcinfo" || !strings.Contains(blocks[0], "software: Wget/") {
		t.Errorf("first: %s %q", list[0].Type(), blocks[0])
	}
	requests := map[string]bool{}
	var found []string
	for i, rec := range list {
		if d, err := rec.Date(); err != nil || time.Since(d) > time.Hour {
			t.Errorf("date %v, %v", d, err)
		}
		if rec.Header.Get("WARC-Block-Digest") == "" {
			t.Errorf("%s: no digest, so that nothing was checked", rec.Type())
		}
		switch rec.Type() {
		case "request":
			requests[rec.Header.Get("WARC-Record-ID")] = true
		case "response":
			if !requests[rec.Header.Get("WARC-Concurrent-To")] {
				t.Errorf("%s: no request", rec.TargetURI())
			}
			found = append(found, strings.TrimPrefix(rec.TargetURI(), base))
			checkAgain(t, rec, blocks[i])
		}
		// And each can be found by its place.
		alone, err := warc.NewReader(bytes.NewReader(file[rec.At:])).Next()
		if err != nil || alone.ID() != rec.ID() {
			t.Errorf("at %d: %v, %v", rec.At, alone, err)
		}
	}
	if strings.Join(found, " ") != strings.Join(paths, " ") {
		t.Errorf("responses %q, not %q", found, paths)
	}
}

// checkAgain holds a response that wget recorded against another of the same
// URL.
func checkAgain(t *testing.T, rec *warc.Record, block string) {
	t.Helper()
	recorded, err := http.ReadResponse(bufio.NewReader(strings.NewReader(block)), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(recorded.Body)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	header := http.Header{"Accept-Encoding": {"identity"}}
	if recorded.Header.Get("Content-Encoding") == "gzip" {
		header.Set("Accept-Encoding", "gzip")
	}
	x := fetched(t, tr, http.MethodGet, rec.TargetURI(), nil, header)
	if recorded.StatusCode != x.Response.StatusCode || !bytes.Equal(got, x.Body) {
		t.Errorf("%s: recorded %d and %d bytes, now %d and %d", rec.TargetURI(), recorded.StatusCode, len(got), x.Response.StatusCode, len(x.Body))
	}
}
