package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/penstock-go/penstock/internal/origin"
	"github.com/penstock-go/penstock/report"
)

func (b *browser) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", selector))
}

func (b *browser) awaitText(selector, want string) {
	b.t.Helper()
	eventually(b.t, fmt.Sprintf("%s says %q", selector, want), func() bool { return strings.Contains(b.text(selector), want) })
}

// frames counts the states of the run that the page has got since it was asked
// for the first time: a state changes the number of seconds.
func (b *browser) awaitFrames(n int) {
	b.t.Helper()
	seen := map[string]bool{}
	eventually(b.t, fmt.Sprintf("there were %d more states", n), func() bool {
		seen[b.text("#summary h1")] = true
		return len(seen) > n
	})
}

// typed puts a value into a field as a person does, and sends it.
func (b *browser) typed(selector, value string) {
	b.t.Helper()
	b.do(
		chromedp.Click(selector, chromedp.ByQuery),
		chromedp.KeyEvent("a", chromedp.KeyModifiers(2)), // Ctrl
		chromedp.SendKeys(selector, value+kb.Enter, chromedp.ByQuery),
	)
}

// liveList is a list of which a run has more than enough for a test.
func liveList(t *testing.T, srv *origin.Server, dir string) {
	t.Helper()
	var urls strings.Builder
	for i := range 60_000 {
		path := fmt.Sprintf("/jitter/40-120/%d", i)
		switch {
		case i%23 == 0:
			path = fmt.Sprintf("/status/404/%d", i)
		case i%31 == 0:
			path = fmt.Sprintf("/flaky/1/%d", i)
		case i%41 == 0:
			path = fmt.Sprintf("/big/%d?id=%d", 20_000+i%7*10_000, i)
		}
		fmt.Fprintf(&urls, "%s%s\n", srv.URLs()[i%3], path)
	}
	if err := os.WriteFile(filepath.Join(dir, "urls.txt"), []byte(urls.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The live page of a real run of the real command, in a real browser: it moves,
// it is drawn, and what is clicked and typed there is what the servers then see.
func TestLongLivePageInBrowser(t *testing.T) {
	long(t)
	b := newBrowser(t)
	srv := startOrigin(t, origin.Options{Hosts: 3})
	dir := t.TempDir()
	liveList(t, srv, dir)
	run := start(t, nil, dir, "fetch", "-c", "8", "--order", "completion", "--progress", "none", "urls.txt", "-o", "out.jsonl", "--listen", "127.0.0.1:0")
	url := run.liveURL(t)
	base := url[:strings.Index(url, "#")]

	b.size(1280, false)
	b.media("screen", "light")
	b.do(chromedp.Navigate(url), chromedp.WaitVisible("canvas", chromedp.ByQuery))
	b.awaitText("#state", "running")
	b.awaitFrames(3)
	if got := eval[string](b, "location.href"); strings.Contains(got, "token") {
		t.Errorf("the token stays in the address: %s", got)
	}
	eventually(t, "all charts are drawn", func() bool {
		pixels := eval[[]int](b, painted)
		for _, n := range pixels {
			if n < 200 {
				return false
			}
		}
		return len(pixels) >= 6
	})

	pausedAndResumed(b, srv)
	limitsTyped(b, srv)

	b.awaitFrames(2)
	if n := colored(b.screenshot("live-light")); n < 10_000 {
		t.Errorf("%d pixels with a color", n)
	}
	b.media("screen", "dark")
	if got := eval[string](b, `getComputedStyle(document.body).backgroundColor`); got != "rgb(22, 24, 28)" {
		t.Errorf("in the dark the page is %s", got)
	}
	b.screenshot("live-dark")
	for _, scheme := range []string{"light", "dark"} {
		b.media("screen", scheme)
		b.size(390, true)
		b.awaitFrames(1)
		if got := eval[int64](b, `document.documentElement.scrollWidth`); got > 390 {
			t.Errorf("the page is %d pixels wide on a phone of 390", got)
		}
		b.screenshot("live-phone-" + scheme)
	}

	b.size(1280, false)
	run.signal(t, syscall.SIGINT)
	b.awaitText("#state", "stopped")
	run.finish(t)
	b.screenshot("live-stopped")
	b.quiet(base)
	if run.code != 130 {
		t.Errorf("exit %d\n%s", run.code, run.stderr.String())
	}
	accounted(t, filepath.Join(dir, "out.summary.json"))
}

// pausedAndResumed clicks on both.
func pausedAndResumed(b *browser, srv *origin.Server) {
	b.t.Helper()
	b.do(chromedp.Click("#pause", chromedp.ByQuery))
	b.awaitText("#state", "paused")
	b.awaitText("#now", " 0 of 8 in flight") // nor on the way to the server
	eventually(b.t, "nothing is in flight", func() bool { return srv.Audit().Total.InFlight == 0 })
	seen := srv.Audit().Total.Requests
	b.awaitFrames(3)
	b.screenshot("live-paused")
	if now := srv.Audit().Total.Requests; now != seen {
		b.t.Errorf("%d requests came while the run was paused", now-seen)
	}
	b.awaitText("#pause", "Resume")
	b.do(chromedp.Click("#pause", chromedp.ByQuery))
	b.awaitText("#state", "running")
	eventually(b.t, "requests come again", func() bool { return srv.Audit().Total.Requests > seen+20 })
}

// limitsTyped raises the limit and lowers it.
func limitsTyped(b *browser, srv *origin.Server) {
	b.t.Helper()
	if got := srv.Audit().Total.MaxInFlight; got != 8 {
		b.t.Errorf("at most %d were in flight under -c 8", got)
	}
	b.typed("#limit", "20")
	b.awaitText("#now", "of 20 in flight")
	eventually(b.t, "20 are in flight", func() bool { return srv.Audit().Total.MaxInFlight >= 20 })
	b.awaitFrames(2)
	if got := srv.Audit().Total.MaxInFlight; got != 20 {
		b.t.Errorf("at most %d were in flight under 20", got)
	}

	b.typed("#limit", "3")
	few := regexp.MustCompile(` [0-3] of 3 in flight`)
	eventually(b.t, "no more than 3 are on the way", func() bool { return few.MatchString(b.text("#now")) })
	eventually(b.t, "no more than 3 are in flight", func() bool { return srv.Audit().Total.InFlight <= 3 })
	srv.Reset()
	eventually(b.t, "60 more requests came", func() bool { return srv.Audit().Total.Requests >= 60 })
	if got := srv.Audit().Total.MaxInFlight; got != 3 {
		b.t.Errorf("at most %d were in flight under 3", got)
	}
	if got := eval[string](b, `document.querySelector("#limit").value`); got != "3" {
		b.t.Errorf("the field says %s", got)
	}
}

// accounted looks for what was done on the page in what the run has left.
func accounted(t *testing.T, name string) {
	t.Helper()
	var sum struct {
		Report report.Data `json:"report"`
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &sum); err != nil {
		t.Fatal(err)
	}
	paused := 0.0
	for _, s := range sum.Report.Shares {
		if s.Reason == "paused" {
			paused += s.Seconds
		}
	}
	if paused < 1 {
		t.Errorf("paused for %g s: %v", paused, sum.Report.Shares)
	}
	var changes []string
	for _, c := range sum.Report.Changes {
		if c.Host == "" {
			changes = append(changes, fmt.Sprintf("%s %g-%g %s", c.Kind, c.From, c.To, c.Why))
		}
	}
	if got := strings.ReplaceAll(strings.Join(changes, "; "), " by hand, on the live page", ""); got != "paused 0-1; paused 1-0; concurrency 8-20; concurrency 20-3" {
		t.Errorf("changes: %s", got)
	}
}
