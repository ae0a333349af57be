package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
)

// limitConn answers 503 at once to the eleventh request that is at work. The
// requests go on to a server that takes a while, so that those of a client that
// sends more than ten at a time do meet: answered from memory they would be
// over before the next arrives, and the judge would see nothing.
const limitConn = `
	limit_conn_zone $server_name zone=all:1m;
	upstream slow { server %s; keepalive 32; }
	server {
		listen LISTEN backlog=511;
		server_name judge;
		location / {
			limit_conn all 10;
			proxy_pass http://slow;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
	}`

func TestNginxJudgesConcurrency(t *testing.T) {
	slow := startOrigin(t, origin.Options{})
	url := nginx(t, fmt.Sprintf(limitConn, strings.TrimPrefix(slow.URL(), "http://")))
	dir := t.TempDir()
	const count = 10_000
	if err := writeURLs(filepath.Join(dir, "urls.txt"), count, url+"/delay/2?id={i}"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		limit string
		kept  bool
	}{
		{"10", true},
		{"11", false},
		{"20", false},
	} {
		t.Run("c="+test.limit, func(t *testing.T) {
			got := judged(t, dir, test.kept, count, "-c", test.limit)
			if refused := got[503]; test.kept != (refused == 0) || got[200]+refused != count {
				t.Errorf("at -c %s nginx answered %v", test.limit, got)
			}
		})
	}
}

// limitReq answers 503 to what comes faster than 100 a second.
//
// nginx's limit is a leaky bucket in milliseconds. A client that starts its
// requests exactly 10 ms apart would overflow a bucket of burst 0 as soon as one
// of them is held up on its way by a millisecond more than the next. So the
// burst is what the way may add: 20 is 200 ms of delay, far more than a busy
// machine's scheduler has been seen to take and far less than what a wrong rate
// adds in eight seconds: 20% too fast is 160 requests too many.
const limitReq = `
	limit_req_zone $server_name zone=all:1m rate=100r/s;
	server {
		listen LISTEN;
		server_name judge;
		root .;
		location / { limit_req zone=all burst=20 nodelay; try_files /nginx.conf =404; }
	}`

func TestNginxJudgesRate(t *testing.T) {
	dir := t.TempDir()
	const count = 1_000
	for _, test := range []struct {
		name string
		args []string
		kept bool
	}{
		{"at the rate", []string{"--rate", "100/s"}, true},
		{"at the rate, a minute's", []string{"--rate", "6000/m"}, true},
		{"20% over", []string{"--rate", "120/s"}, false},
		{"without a rate", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := nginx(t, limitReq)
			dir := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "-"))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := writeURLs(filepath.Join(dir, "urls.txt"), count, url+"/?id={i}"); err != nil {
				t.Fatal(err)
			}
			got := judged(t, dir, test.kept, count, test.args...)
			if refused := got[503]; test.kept != (refused == 0) || got[200]+refused != count {
				t.Errorf("with %q nginx answered %v", test.args, got)
			}
		})
	}
}

// judged fetches dir's urls.txt without retries and counts the statuses. All of
// them are 200 exactly if the command is to keep within the limit.
func judged(t *testing.T, dir string, kept bool, count int, args ...string) map[int]int {
	t.Helper()
	r := penstock(t, dir, append([]string{"fetch", "urls.txt", "--retries", "0"}, args...)...)
	want := 3
	if kept {
		want = 0
	}
	if r.code != want {
		t.Errorf("exit %d, want %d; stderr:\n%s", r.code, want, &r.stderr)
	}
	recs, err := parseRecords(r.stdout.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := checkRecords(recs, count, "inorder"); err != nil {
		t.Error(err)
	}
	got := statuses(recs)
	t.Logf("%q: %v", args, got)
	return got
}
