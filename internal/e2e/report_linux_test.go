package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/penstock-go/penstock/internal/origin"
)

// reportOf runs the command over a mixed list and returns the path of the
// page that it made.
func reportOf(t *testing.T) string {
	t.Helper()
	srv := startOrigin(t, origin.Options{Hosts: 4})
	var urls strings.Builder
	for i := range 3000 {
		path := fmt.Sprintf("/jitter/2-40/%d", i)
		switch {
		case i%23 == 0:
			path = fmt.Sprintf("/status/404/%d", i)
		case i%29 == 0:
			path = fmt.Sprintf("/flaky/1/%d", i)
		case i%37 == 0:
			path = fmt.Sprintf("/redirect/1/%d", i)
		case i%41 == 0:
			path = fmt.Sprintf("/big/%d?id=%d", 1000+i*10, i)
		case i%401 == 0:
			path = fmt.Sprintf("/reset/%d", i)
		}
		fmt.Fprintf(&urls, "%s%s\n", srv.URLs()[i%7%4], path)
	}
	urls.WriteString("no URL at all\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "urls.txt"), []byte(urls.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run := penstock(t, dir, "fetch", "-c", "20", "--retries", "1", "urls.txt", "-o", "out.jsonl", "--report", "report.html")
	if run.code != 3 {
		t.Fatalf("exit %d\n%s", run.code, run.stderr.String())
	}
	t.Log("\n" + run.stderr.String())
	return filepath.Join(dir, "report.html")
}

// The report is opened from the disk with the network off, in light and dark,
// on a phone, printed, and without JavaScript.
func TestLongReportInBrowser(t *testing.T) {
	long(t)
	b := newBrowser(t)
	url := "file://" + reportOf(t)
	b.do(network.OverrideNetworkState(true, 0, 0, 0))
	b.size(1280, false)
	b.media("screen", "light")
	b.do(chromedp.Navigate(url), chromedp.WaitVisible("canvas", chromedp.ByQuery))

	figures := eval[int](b, `document.querySelectorAll("figure").length`)
	pixels := eval[[]int](b, painted)
	if figures < 6 || len(pixels) != figures {
		t.Errorf("%d charts, %d canvases", figures, len(pixels))
	}
	for i, n := range pixels {
		if n < 200 {
			t.Errorf("canvas %d has %d pixels with a color", i, n)
		}
	}
	if light := colored(b.screenshot("report-light")); light < 20_000 {
		t.Errorf("%d pixels with a color", light)
	}
	sortedHosts(b)

	b.media("screen", "dark")
	if got := eval[string](b, `getComputedStyle(document.body).backgroundColor`); got != "rgb(22, 24, 28)" {
		t.Errorf("in the dark the page is %s", got)
	}
	b.screenshot("report-dark")

	b.media("print", "light")
	if eval[bool](b, `getComputedStyle(document.querySelector(".plot")).display !== "none"`) {
		t.Error("printed are the canvases, not the drawings")
	}
	b.do(chromedp.ActionFunc(printed))
	b.media("screen", "light")

	for _, width := range []int64{360, 390} {
		b.size(width, true)
		b.do(chromedp.Navigate(url), chromedp.WaitVisible("canvas", chromedp.ByQuery))
		if got := eval[int64](b, `document.documentElement.scrollWidth`); got > width {
			t.Errorf("the page is %d pixels wide on a phone of %d", got, width)
		}
		b.screenshot(fmt.Sprintf("report-phone-%d", width))
	}
	b.quiet()
	withoutScript(b, url)
	b.quiet()
}

// sortedHosts clicks on headings of the table of hosts.
func sortedHosts(b *browser) {
	b.t.Helper()
	column := func(n int) []float64 {
		return eval[[]float64](b, fmt.Sprintf(`[...document.querySelectorAll(".sortable tbody tr")].map(r => +r.cells[%d].dataset.v)`, n))
	}
	for _, n := range []int{1, 6} {
		heading := fmt.Sprintf(".sortable th:nth-child(%d) button", n+1)
		b.do(chromedp.Click(heading, chromedp.ByQuery))
		down := column(n)
		b.do(chromedp.Click(heading, chromedp.ByQuery))
		up := column(n)
		if len(up) != 4 || !slices.IsSorted(up) {
			b.t.Errorf("column %d sorted up is %v", n, up)
		}
		slices.Reverse(up)
		if !slices.Equal(up, down) {
			b.t.Errorf("column %d sorted down is %v", n, down)
		}
	}
}

// withoutScript looks at the page as who has no JavaScript does.
func withoutScript(b *browser, url string) {
	b.t.Helper()
	b.size(1280, false)
	b.do(emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(url))
	if n := colored(b.screenshot("report-no-script")); n < 20_000 {
		b.t.Errorf("without JavaScript there are %d pixels with a color", n)
	}
	b.size(390, true)
	b.screenshot("report-no-script-phone")
}

// printed puts the page on paper.
func printed(ctx context.Context) error {
	pdf, _, err := page.PrintToPDF().WithPrintBackground(true).Do(ctx)
	if err == nil && len(pdf) < 10_000 {
		err = fmt.Errorf("a PDF of %d bytes", len(pdf))
	}
	return err
}
