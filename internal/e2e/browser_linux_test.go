package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A browser is a tab of a chromium, and what it has complained of.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // errors of the console, exceptions
	requests   []string // but for files
}

// newBrowser starts a chromium that the test ends. Without one the test is
// skipped.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "chromium") {
			t.Fatal("no chromium, but PENSTOCK_REQUIRE asks for it")
		}
		t.Skip("no chromium; on Debian: sudo apt-get install chromium")
	}
	profile, err := os.MkdirTemp("", "penstock-chromium-") //nolint:usetesting // t.TempDir fails on what chromium still writes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) })
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	timeout, cancel1 := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel1)
	alloc, cancel2 := chromedp.NewExecAllocator(timeout, options...)
	t.Cleanup(cancel2)
	ctx, cancel3 := chromedp.NewContext(alloc)
	t.Cleanup(cancel3)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until it has gone
	b := &browser{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	b.do(network.Enable(), log.Enable(), runtime.Enable())
	return b
}

// listen notes what a page does that it should not.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "file://") {
			b.requests = append(b.requests, e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			b.complaints = append(b.complaints, fmt.Sprintf("console.%s: %s", e.Type, arg.Value))
		}
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s", e.Entry.Level, e.Entry.Text))
	}
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what an expression of JavaScript is in the page.
func eval[T any](b *browser, expression string) (v T) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(expression, &v)); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// quiet fails if the page complained of anything, or asked for anything that
// was not a file and does not begin with allowed.
func (b *browser) quiet(allowed ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("the page complains: %s", c)
	}
requests:
	for _, url := range b.requests {
		for _, prefix := range allowed {
			if strings.HasPrefix(url, prefix) {
				continue requests
			}
		}
		b.t.Errorf("the page asked for %s", url)
	}
}

// size makes the window so wide; a phone's is one that touches.
func (b *browser) size(width int64, phone bool) {
	b.t.Helper()
	o := emulation.SetDeviceMetricsOverride(width, 900, 1, phone)
	b.do(o)
}

// media sets what the page is told of the user's taste.
func (b *browser) media(kind, scheme string) {
	b.t.Helper()
	b.do(emulation.SetEmulatedMedia().WithMedia(kind).WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// screenshot writes the whole page to a file that CI keeps, and returns it.
func (b *browser) screenshot(name string) image.Image {
	b.t.Helper()
	dir := os.Getenv("PENSTOCK_SCREENSHOTS")
	if dir == "" {
		dir = "screenshots"
	}
	var shot []byte
	b.do(chromedp.FullScreenshot(&shot, 100))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(dir, name+".png")
	if err := os.WriteFile(path, shot, 0o644); err != nil {
		b.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("%s: %dx%d", path, img.Bounds().Dx(), img.Bounds().Dy())
	return img
}

// colored counts the pixels of a picture that are no gray.
func colored(img image.Image) (n int) {
	r := img.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if max(c.R, c.G, c.B)-min(c.R, c.G, c.B) > 40 {
				n++
			}
		}
	}
	return n
}

// painted is how many pixels of each canvas have some color.
const painted = `[...document.querySelectorAll("canvas")].map(c => {
	const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
	let n = 0;
	for (let i = 0; i < d.length; i += 4)
		if (d[i + 3] > 20 && Math.max(d[i], d[i + 1], d[i + 2]) - Math.min(d[i], d[i + 1], d[i + 2]) > 20) n++;
	return n;
})`
