package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// A screenCase is a terminal, and what it is to show in each act of a stage,
// besides what each shows.
type screenCase struct {
	columns      int
	env          []string
	closed, open []string // while nothing is answered, while it goes on
	held         []string // while only a Retry-After is waited for
	color        bool
	top          bool // the window is empty before; else it is full
}

// TestScreen looks at a run as a person does: in a terminal (tmux's), at several
// widths, from the first frame to what is left when it is over.
func TestScreen(t *testing.T) {
	bar := []string{`^done +[=━]*[-─]+ +2 of 1,294 +0 %`}
	wide := []string{
		`^done +\S+ +[1-9]\d* of 1,294 +\d+ %`, `[\d.]+/s average`, `\d KiB\b`, `KiB/s|[1-9]\d* B/s`,
		`^statuses .*200: .*404: .*503: |^statuses .*200: .*404: `,
	}
	widest := []string{`[1-9][\d,]* queued`, `[1-9]\d* to be retried`}
	for _, test := range []struct {
		name string
		screenCase
	}{
		{"40", screenCase{columns: 40, env: []string{"LC_ALL=C.UTF-8"}, color: true}},
		{"80", screenCase{
			columns: 80, env: []string{"LC_ALL=C.UTF-8"}, color: true,
			closed: append(bar, `127\.0\.0\.\d:\d+ \d of 3 \(policy\)`), open: wide, held: []string{`1 host on hold`},
		}},
		{"200", screenCase{
			columns: 200, env: []string{"LC_ALL=C.UTF-8"}, color: true,
			closed: append(bar, `(127\.0\.0\.\d:\d+ \d of 3 \(policy\) +){2}`, `queued`), open: append(wide, widest...),
			held: []string{`1 host on hold`, `queued .*to be retried .*on hold`},
		}},
		{"80, NO_COLOR, ASCII", screenCase{
			columns: 80, env: []string{"LC_ALL=C", "NO_COLOR=1"}, top: true,
			closed: []string{`^done +[-]+ +2 of 1,294 +0 %`}, open: wide, held: []string{`1 host on hold`},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

func (c *screenCase) run(t *testing.T) {
	s := newStage(t)
	before := "seq -f 'before %.0f' 30\n"
	if c.top {
		before = ""
	}
	m := newTerminal(t, c.columns, 24, c.env, before+typed("penstock fetch urls.txt -c 6 --policy policy.toml -o out.jsonl"))
	s.write(t, m.dir)
	m.begin()
	check := func(rows []string) {
		// What is seen while a frame is on its way is no frame: only what stays counts.
		for range 20 {
			if oneBlock(rows) {
				return
			}
			time.Sleep(100 * time.Millisecond)
			rows = m.screen()
		}
		t.Errorf("not one block in one piece:\n%s", strings.Join(rows, "\n"))
	}

	// Nothing is answered yet: all is known of the input, and what is waited for.
	m.see(check, append([]string{
		`^done .*\b2 of 1,294`, `^rate +0/s now`, `^in flight +6 of 6 \(-c\)`, `^waiting +for -c 6`, `^statuses +none yet`, `\d+( s|m\d\ds) so far`,
	}, c.closed...)...)

	// It goes on.
	s.begin()
	m.see(check, append([]string{
		`^done .*\b[1-9]\d* of 1,294`, `^done .*\d+( s|m\d\ds) left`, `^rate +[1-9][\d.]*/s now`,
		`^in flight +[1-6] of 6 \(-c\)`, `^statuses .*\b200: [1-9]`, `^statuses .*\b404: [1-9]`,
		`^failed +[1-9]\d*`, `status: [1-9]`, `invalid_input: 2|^failed .*status: `, `[1-9]\d* retr(y|ies)`, `^slowest +[1-9]m\d\ds left: 127\.0\.0\.2`,
	}, c.open...)...)

	// What is said stands above the block.
	for range 3 {
		m.hangUp(check)
	}

	// Only the host that wants peace is left: the time runs down.
	s.hurry()
	m.see(check, append([]string{`^waiting +for Retry-After [1-9]m\d\ds: 127`, `^done .*1,234 of 1,294`}, c.held...)...)
	m.countdown(check)
	colored := slices.ContainsFunc(m.screen("-e"), func(row string) bool { return strings.Contains(row, "\x1b[31m") })
	if colored != c.color {
		t.Errorf("something is red: %v, want %v", colored, c.color)
	}

	// A window that is made narrower, and wide again, has one block in it. At the
	// top of a window tmux itself moves the cursor then.
	if !c.top {
		m.resize(62)
		m.resize(c.columns)
	}

	// Ctrl-C: nothing is in flight, and it is over.
	m.keys("C-c")
	m.see(func([]string) {}, `^exit 130$`)
	c.checkAfter(t, m)
	if raw, escapes := m.raw(), regexp.MustCompile(`\x1b\[[0-9;]*m`); !c.color && escapes.Match(raw) {
		t.Errorf("colors in spite of NO_COLOR: %q", escapes.Find(raw))
	}
}

// hangUp lets the run read its policy again, and waits until it has said so
// above the block.
func (m *terminal) hangUp(check func([]string)) {
	m.t.Helper()
	said := func() (n int) {
		for _, row := range m.history() {
			if strings.HasPrefix(row, "SIGHUP: policy.toml is read again") {
				n++
			}
		}
		return n
	}
	before := said()
	m.signal(syscall.SIGHUP)
	m.wait("what a SIGHUP does is said", func() bool { return said() > before })
	m.see(check, `(?s)SIGHUP: policy.toml is read again.*\ndone .*\nin flight `)
}

// countdown waits until there is less to wait for than there was.
func (m *terminal) countdown(check func([]string)) {
	m.t.Helper()
	first := 0
	m.wait("a countdown", func() bool {
		rows := m.screen()
		check(rows)
		left := regexp.MustCompile(`for Retry-After (\d)m(\d\d)s`).FindStringSubmatch(strings.Join(rows, "\n"))
		if left == nil {
			return false
		}
		minutes, _ := strconv.Atoi(left[1])
		seconds, _ := strconv.Atoi(left[2])
		now := minutes*60 + seconds
		first = max(first, now)
		return now < first
	})
}

// resize makes the window so wide, and waits until the command has been told,
// and has drawn one block that fits.
func (m *terminal) resize(columns int) {
	m.t.Helper()
	m.must("resize-window", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(m.rows))
	tty, err := os.Open(strings.TrimSpace(m.must("display-message", "-p", "#{pane_tty}")))
	if err != nil {
		m.t.Fatal(err)
	}
	defer tty.Close()
	m.wait("the new size is known", func() bool { // tmux takes its time
		size, err := unix.IoctlGetWinsize(int(tty.Fd()), unix.TIOCGWINSZ)
		return err == nil && int(size.Col) == columns
	})
	indent := 12
	if columns < 60 {
		indent = 10
	}
	m.wait("one block that fits the new window", func() bool {
		rows := m.screen()
		return strings.Contains(strings.Join(rows, "\n"), fmt.Sprintf("\n%-*s", indent, "in flight")+"0 of") && oneBlock(rows)
	})
}

// oneBlock says that there is one block at most, at the bottom, in one piece,
// and nothing of it wrapped.
func oneBlock(rows []string) bool {
	names := []string{"done ", "rate ", "in flight ", "waiting ", "statuses ", "failed ", "retried ", "slowest "}
	last := -1
	for _, row := range rows {
		n := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(row, name) })
		if last >= 0 && row != "" && n <= last {
			return false
		}
		last = max(last, n)
	}
	return true // also while the block is just being drawn, or erased
}

// checkAfter wants what was said, the summary and the shell's line, and nothing
// of the block, be it scrolled away.
func (c *screenCase) checkAfter(t *testing.T, m *terminal) {
	t.Helper()
	all := m.history()
	text := strings.Join(all, "\n")
	for _, gone := range []string{`(?m)^(\^C)?in flight `, `(?m)^(\^C)?waiting +for`, `(?m)^slowest `, `(?m)^done `, `\x1b`} {
		if match := regexp.MustCompile(gone).FindString(text); match != "" {
			t.Errorf("%q is left when it is over:\n%s", match, text)
		}
	}
	if !c.top && strings.Count(text, "before ") != 30 {
		t.Errorf("what was there before is not there any more:\n%s", text)
	}
	if n := strings.Count(text, "SIGHUP: policy.toml is read again"); n != 3 {
		t.Errorf("what was said 3 times is there %d times:\n%s", n, text)
	}
	for _, want := range []string{
		`(?m)^1,234 items: `, `(?m)^statuses +200: 1,202`, `(?m)^errors +`, `(?m)^latency +p50`, `(?m)^hosts `,
		`(?s)stopped by Ctrl-C: 1234 records\s+are\s+safe.*--resume`, `(?m)^exit 130$`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %s when it is over:\n%s", want, text)
		}
	}
	// A row that a terminal had to break is longer, joined. What was said and
	// what is to be copied are not cut; figures are.
	for _, row := range m.joined() {
		if utf8.RuneCountInString(row) > c.columns && !regexp.MustCompile(`^(stopped by|SIGHUP|\^?C?Ctrl-C|next|            penstock)`).MatchString(row) {
			t.Errorf("a row of %d columns in %d: %q", utf8.RuneCountInString(row), c.columns, row)
		}
	}
}

// TestScreenDumb is a terminal that can move no cursor: plain lines, and not one
// escape.
func TestScreenDumb(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := newTerminal(t, 80, 40, nil, typed("env TERM=dumb penstock fetch urls.txt -c 6 --policy policy.toml -o out.jsonl"))
	s.write(t, m.dir)
	s.begin()
	m.begin()
	nothing := func([]string) {}

	// A line after ten seconds; it is longer than the window.
	line := ""
	m.wait("a plain line", func() bool {
		for _, row := range m.joined() {
			if strings.Contains(row, " done, ") {
				line = row
			}
		}
		return line != ""
	})
	for _, want := range []string{
		`^[1-9]\d* of 1,294 done, `, `, [\d.]+/s now, `, `, [1-9][\d.]*/s average, `, `, [0-6] of 6 in flight \(-c\), `, `, waiting for `,
		`, [1-9]\d* to be retried, `, `, 1 host on hold, `, `, [1-9]\d* failed, `, `, \d+ s so far, `, `, (\d+ s|\d+m\d\ds) left$`,
	} {
		if !regexp.MustCompile(want).MatchString(line) {
			t.Errorf("no %s in %q", want, line)
		}
	}

	// Who asks is told in more lines.
	m.signal(syscall.SIGUSR1)
	m.see(nothing, `^done .*\b[1-9]\d* of 1,294`, `^rate +[\d.]+/s now +[1-9][\d.]*/s average`, `^in flight +[0-6] of 6 \(-c\)`,
		`^waiting +for `, `^statuses +200: [1-9]\d*`, `404: 30`, `^failed +[1-9]`, `status: [1-9]`, `retries`, `^slowest +\dm\d\ds left: 127\.0\.0\.2`)
	m.signal(syscall.SIGHUP)
	m.see(nothing, `^SIGHUP: policy.toml is read again$`)
	m.keys("C-c")
	m.see(nothing, `^exit 130$`)
	text := strings.Join(m.history(), "\n")
	for _, want := range []string{`(?m)^(\^C)?Ctrl-C: finishing the \d requests in flight; once more drops them$`, `stopped by Ctrl-C: .*--resume`, `(?m)^latency +p50`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %s:\n%s", want, text)
		}
	}
	if raw := m.raw(); strings.ContainsAny(string(raw), "\x1b\x07\b") || strings.Contains(strings.ReplaceAll(string(raw), "\r\n", ""), "\r") {
		t.Errorf("a dumb terminal was sent more than lines: %q", raw)
	}
}

// TestScreenOfRecords: where the records go to the terminal too, nothing is
// drawn between them.
func TestScreenOfRecords(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.begin()
	m := newTerminal(t, 80, 40, nil, typed("penstock fetch urls.txt -c 6 --bodies none"))
	text := "http://" + s.addrs[0] + "/item/1\nhttp://" + s.addrs[0] + "/missing/2\n"
	if err := os.WriteFile(filepath.Join(m.dir, "urls.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m.begin()
	m.see(func([]string) {}, `^exit 3$`)
	if raw := string(m.raw()); strings.Contains(raw, "\x1b[J") || strings.Contains(raw, "in flight ") || strings.Count(raw, `{"index":`) != 2 {
		t.Errorf("among the records: %q", raw)
	}
}
