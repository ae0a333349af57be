package e2e_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/penstock-go/penstock/internal/origin"
)

// A mistake is what a hand may type, and what it is told: in a line what is
// wrong, and in another what to type instead. ORIGIN in args is a server.
type mistake struct {
	args string // words; there are no blanks in any
	says string // regular expressions
	hint string
}

// mistakes are made in a folder with what mistakesFolder puts there.
var mistakes = []mistake{
	// commands
	{"fecth urls.txt", `unknown command "fecth"`, `^penstock fetch$`},
	{"urls.txt", `unknown command "urls.txt"`, `penstock fetch urls.txt`},
	{"ORIGIN/item/1", `unknown command`, `penstock fetch http`},
	{"help fecth", `no command "fecth"`, `penstock help fetch`},
	{"version now", `no arguments, not "now"`, `^penstock version$`},
	{"completion tcsh", `tcsh`, `fish`},
	{"completion", `shell`, `penstock completion bash`},
	{"man fecth", `fecth`, `penstock help fetch`},
	{"man --dir urls.txt", `cannot make urls.txt`, `.`},
	{"demo urls.txt", `no arguments, not "urls.txt"`, `^penstock demo$`},

	// flags
	{"fetch --max-concurent 5 urls.txt", `max-concurent`, `--max-concurrent\?`},
	{"fetch --concurrency 5 urls.txt", `concurrency`, `^--max-concurrent\?`},
	{"fetch --limit-rate 5 urls.txt", `limit-rate`, `^--rate\?`},
	{"fetch --frobnicate urls.txt", `frobnicate`, `penstock fetch --help`},
	{"fetch -z urls.txt", `-z`, `penstock fetch --help`},
	{"fetch -c", `-c, --max-concurrent needs a value`, `^-c N`},
	{"fetch -c 0 urls.txt", `-c, --max-concurrent: 0 is less than 1`, `-c 10`},
	{"fetch -c -5 urls.txt", `-5 is less than 1`, `-c 10`},
	{"fetch -c ten urls.txt", `"ten" is not a whole number`, `-c 10`},
	{"fetch -c 2.5 urls.txt", `"2.5" is not a whole number`, `-c 10`},
	{"fetch -c 99999999 urls.txt", `more than 1000000`, `^write -c 10, or auto$`},
	{"fetch --per-host 0 urls.txt", `--per-host: 0 is less than 1`, `--per-host 5`},
	{"fetch --rate 100 urls.txt", `100`, `100/s`},
	{"fetch --rate 0/s urls.txt", `0/s`, `100/s`},
	{"fetch --rate fast urls.txt", `fast`, `100/s`},
	{"fetch --rate 100/fortnight urls.txt", `fortnight`, `100/s`},
	{"fetch --rate -5/s urls.txt", `-5/s`, `100/s`},
	{"fetch --per-host-rate 7 urls.txt", `7`, `7/s`},
	{"fetch --retries -1 urls.txt", `--retries: -1 is less than 0`, `--retries 3`},
	{"fetch --retries many urls.txt", `"many" is not a whole number`, `--retries 3`},
	{"fetch --timeout 5 urls.txt", `--timeout: "5" is not a time`, `--timeout 5s`},
	{"fetch --timeout soon urls.txt", `--timeout: "soon" is not a time`, `--timeout 30s`},
	{"fetch --timeout=-1s urls.txt", `--timeout`, `--timeout 30s`},
	{"fetch --connect-timeout 0s urls.txt", `--connect-timeout`, `--connect-timeout 10s`},
	{"fetch --grace=-1s urls.txt", `--grace`, `--grace 30s`},
	{"fetch --max-body lots urls.txt", `"lots" is not a size`, `10MB`},
	{"fetch --max-body 0 urls.txt", `"0" is not a size`, `10MB`},
	{"fetch --accept teapot urls.txt", `teapot`, `200-299`},
	{"fetch --accept 2000 urls.txt", `2000`, `200-299`},
	{"fetch --order random urls.txt", `"random" is none of input, completion`, `^write --order input$`},
	{"fetch --order complete urls.txt", `"complete" is none of`, `^write --order completion$`},
	{"fetch --bodies some urls.txt", `"some" is none of`, `--bodies none`},
	{"fetch --bodies files: urls.txt", `a folder is missing`, `--bodies files:bodies`},
	{"fetch --bodies warc:archive urls.txt", `needs -o`, `-o out.jsonl`},
	{"fetch --format xml urls.txt", `"xml" is none of`, `^write --format (auto|jsonl)$`},
	{"fetch --fsync sometimes urls.txt", `"sometimes" is none of`, `^write --fsync (always|1s)$`},
	{"fetch --progress loud urls.txt", `"loud" is none of`, `^write --progress (auto|plain)$`},
	{"fetch -X GE/T urls.txt", `"GE/T" is not an HTTP method`, `-X POST`},
	{"fetch -H NoColon urls.txt", `NoColon|-H`, `-H "Accept: application/json"`},
	{"fetch -H @none.txt urls.txt", `none.txt: no such file`, `-H @`},
	{"fetch -H @folder urls.txt", `folder.*is a directory`, `-H @`},
	{"fetch -d @none.txt urls.txt", `none.txt: no such file`, `-d @`},
	{"fetch --proxy ://nonsense urls.txt", `proxy`, `http://127.0.0.1:3128`},
	{"fetch --proxy gopher://h:70 urls.txt", `proxy`, `http://127.0.0.1:3128`},
	{"fetch --base-url example.com urls.txt", `example.com`, `--base-url https://`},
	{"fetch --http1.1 --http2 urls.txt", `exclude each other`, `one of them`},
	{"fetch --transport slow urls.txt", `"slow" is none of`, `--transport (std|fast)`},
	{"fetch -q=maybe urls.txt", `maybe`, `^write -q=true$`},
	{"fetch -A a\x01b urls.txt", `User-Agent`, `-A`},

	// input
	{"fetch none.txt", `none.txt: no such file`, `^is the name right\? ls \.$`},
	{"fetch urls.txt none.txt -o out.jsonl", `none.txt: no such file`, `is the name right`},
	{"fetch example.com -o out.jsonl", `example.com: no such file`, `https://example.com`},
	{"fetch localhost:8080/x -o out.jsonl", `localhost:8080/x: no such file`, `http://localhost:8080/x`},
	{"fetch folder -o out.jsonl", `folder is a directory`, `name a file of URLs`},
	{"fetch urls.txt/more -o out.jsonl", `urls.txt/more: not a directory`, `is the name right`},
	{"fetch loop.txt -o out.jsonl", `loop.txt: too many`, `is the name right`},
	{"fetch broken.txt.gz -o out.jsonl", `broken.txt.gz`, `whole .gz`},
	{"fetch --column site urls.txt -o out.jsonl", `urls.txt:1: no column "?site`, `leave out --column`},
	{"fetch sites.csv -o out.jsonl", `sites.csv:1: no column "url"`, `^write --column site$`},
	{"fetch --column 9 sites.csv -o out.jsonl", `sites.csv:1: no column 9: the first record has 2 fields`, `--column NAME`},
	{"fetch --column wbsite sites.csv -o out.jsonl", `no column "wbsite"`, `^write --column site$`},
	{"fetch --id-column nr sites.csv --column site -o out.jsonl", `no column "nr"`, `^write --id-column name$`},
	{"fetch --format jsonl --column url batch.jsonl", `no columns`, `--format csv`},

	// output
	{"fetch urls.txt -o done.jsonl", `done.jsonl exists and is not overwritten`, `--resume`},
	{"fetch urls.txt -o folder", `folder is not a file`, `-o out.jsonl`},
	{"fetch urls.txt -o none/out.jsonl", `cannot write none/out.jsonl: no such file`, `folder`},
	{"fetch urls.txt -o urls.txt/out.jsonl", `cannot write urls.txt/out.jsonl: not a directory`, `folder`},
	{"fetch urls.txt -o urls.txt", `urls.txt exists`, `^choose another name`},
	{"fetch urls.txt --resume", `-o is missing`, `-o out.jsonl --resume`},
	{"fetch urls.txt -o none.jsonl --resume", `no none.jsonl to go on with`, `leave out --resume`},
	{"fetch other.txt -o done.jsonl --resume", `the input is not the one`, `same input`},
	{"fetch urls.txt -o done.jsonl --resume --order completion", `--order completion: not as`, `as it was`},
	{"fetch urls.txt -o sites.csv --resume", `sites.csv cannot be gone on with`, `leave out --resume`},
	{"fetch urls.txt -o out.jsonl --bodies files:urls.txt", `--bodies files:urls.txt`, `folder`},
	{"fetch urls.txt -o out.jsonl --report none/page.html", `no folder none`, `folder`},
	{"fetch urls.txt -o out.jsonl --report sites.csv", `sites.csv exists and is no report`, `another name`},

	// policy
	{"fetch urls.txt --policy none.toml", `none.toml: no such file`, `policy.toml`},
	{"fetch urls.txt --policy folder", `folder.*is a directory`, `policy.toml`},
	{"fetch urls.txt -o out.jsonl --policy bad.toml", `bad.toml:2`, `.`},
	{"fetch urls.txt -o out.jsonl --policy sites.csv", `sites.csv:1`, `.`},
	{"explain", `URL`, `penstock explain --policy policy.toml https://`},
	{"explain example.com", `example.com`, `https://example.com`},

	// the live page, many machines
	{"fetch --listen nonsense urls.txt", `no address with a port`, `--listen 127.0.0.1:8080`},
	{"fetch --listen-token token urls.txt", `--listen-token without --listen`, `--listen 127.0.0.1:8080`},
	{"fetch --only x urls.txt", `"x" is not an item`, `--only 0-99,500`},
	{"fetch --only @none urls.txt", `--only: none: no such file`, `--only @missing.txt`},
	{"fetch --store localhost urls.txt", `--store: redis: invalid URL scheme$`, `redis://HOST:6379`},
	{"fetch --on-store-error shrug urls.txt", `"shrug" is none of stop, lease, local`, `^write --on-store-error stop$`},
	{"fetch --lease 5 urls.txt", `--lease: "5" is not a time`, `--lease 5s`},
	{"fetch --fleet a urls.txt", `needs a --store`, `--store redis://`},
	{"work", `--fleet is missing`, `penstock work --fleet NAME`},
	{"work --fleet a", `-o is missing`, `-o out.jsonl`},
	{"merge", `name the outputs`, `penstock merge a.jsonl b.jsonl`},
	{"merge none.jsonl -o out.jsonl", `none.jsonl: no such file`, `is the name right`},
	{"merge urls.txt -o out.jsonl", `urls.txt:1: this is no record`, `penstock fetch`},
	{"merge done.jsonl -o sites.csv", `sites.csv exists`, `another`},
	{"run", `needs a command`, `penstock run --limit NAME=1`},
	{"run --limit a true", `"a" has no number`, `^write --limit a=1`},
	{"limits ls", `needs a --store`, `--store redis://`},
	{"limits set a", `takes a name and what it is to be`, `penstock limits set`},
	{"fleet status", `takes the name of one fleet`, `penstock fleet status crawl-7`},

	// what is made of a run
	{"report", `takes one RUN`, `penstock report out.jsonl`},
	{"report none.jsonl", `none.jsonl`, `-o file of penstock fetch`},
	{"report sites.csv", `sites.csv`, `-o file of penstock fetch`},
	{"report folder", `folder`, `-o file of penstock fetch`},
	{"report done.jsonl -o sites.csv", `sites.csv exists and is no report`, `another name`},
	{"report done.jsonl -o none/page.html", `no folder none`, `folder`},
	{"export", `takes one RUN`, `penstock export out.jsonl`},
	{"export none.jsonl", `none.jsonl: no such file`, `-o file of penstock fetch`},
	{"export sites.csv -o out.csv", `sites.csv, line 1`, `-o file of penstock fetch`},
	{"export done.jsonl -o out.xlsx", `out.xlsx`, `--format csv`},
	{"export done.jsonl -o out.parquet.gz", `compressed already`, `leave out .gz`},
	{"export done.jsonl -o sites.csv", `sites.csv exists`, `another -o`},
	{"export done.jsonl --columns url,stauts", `no column "stauts"`, `^write --columns=url,status$`},
	{"origin --port 99999", `99999`, `--port`},
	{"origin --tls maybe", `"maybe" is none of`, `^write --tls plain$`},
	{"origin --slow 5", `"5" is not a time`, `--slow 500ms`},
}

// mistakesFolder is where they are made.
func mistakesFolder(t *testing.T, url string) string {
	t.Helper()
	dir := t.TempDir()
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s/item/%d\n", url, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"urls.txt": lines(3), "other.txt": lines(4), "batch.jsonl": fmt.Sprintf("{\"url\":%q}\n", url),
		"sites.csv": "name,site\na," + url + "/item/1\n", "bad.toml": "[default]\nconcurency = 3\n", "broken.txt.gz": "\x1f\x8b\x08 and no more",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("loop.txt", filepath.Join(dir, "loop.txt")); err != nil {
		t.Skip(err) // a Windows that lets nobody make links
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := penstock(t, dir, "fetch", "urls.txt", "-o", "done.jsonl", "-q"); r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, &r.stderr)
	}
	return dir
}

// tree is what is in a folder, a line a file, with its size.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && path != dir {
			fmt.Fprintln(&b, strings.TrimPrefix(path, dir), info.Mode(), info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// ofProgrammers is what no user should have to read.
var ofProgrammers = regexp.MustCompile(`strconv\.|syscall|goroutine|panic|%!|0x[0-9a-f]{4}|\bnil\b|pflag|parsing ".*":|invalid argument|\*os\.|: : `)

// TestMistakes makes them: each is told in a line and a hint, exits 2, sends
// nothing and leaves nothing behind.
func TestMistakes(t *testing.T) {
	srv := startOrigin(t, origin.Options{})
	dir := mistakesFolder(t, srv.URL())
	srv.Reset()
	before := tree(t, dir)
	for _, m := range mistakes {
		t.Run(m.args, func(t *testing.T) {
			r := penstock(t, dir, strings.Split(strings.ReplaceAll(m.args, "ORIGIN", srv.URL()), " ")...)
			said := r.stderr.String()
			t.Logf("\n%s", said)
			if r.code != 2 || r.stdout.Len() > 0 {
				t.Errorf("exit %d, want 2; stdout %q", r.code, &r.stdout)
			}
			lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
			if len(lines) != 2 || !strings.HasPrefix(lines[0], "penstock: ") || !strings.HasPrefix(lines[1], "hint: ") {
				t.Fatalf("not an error and a hint, a line each")
			}
			wrong, hint := strings.TrimPrefix(lines[0], "penstock: "), strings.TrimPrefix(lines[1], "hint: ")
			if !regexp.MustCompile(m.says).MatchString(wrong) {
				t.Errorf("the error does not say %s", m.says)
			}
			if !regexp.MustCompile(m.hint).MatchString(hint) {
				t.Errorf("the hint does not say %s", m.hint)
			}
			if ugly := ofProgrammers.FindString(said); ugly != "" {
				t.Errorf("of programmers: %q", ugly)
			}
			if n := utf8.RuneCountInString(lines[0]); n > 160 {
				t.Errorf("an error of %d letters", n)
			}
			if after := tree(t, dir); after != before {
				t.Errorf("the folder has changed:\n%s\nbefore:\n%s", after, before)
				before = after
			}
		})
	}
	if got := srv.Audit().Total; got.Requests != 0 || got.Opened != 0 {
		t.Errorf("%d requests and %d connections for mistakes", got.Requests, got.Opened)
	}
}
