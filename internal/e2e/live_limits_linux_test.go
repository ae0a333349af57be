package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	limit "github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/rate"
)

// busy keeps a limit in use by so many goroutines, until the test ends.
func busy(t *testing.T, l limit.Limiter, workers int, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for {
				p, err := l.AcquirePermit(ctx, 1)
				if err != nil {
					return
				}
				time.Sleep(took/2 + rand.N(took)) // the work
				p.Release(limit.Success)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

// The page of the limits of a Go program, without any run.
func TestLongLimitsPageInBrowser(t *testing.T) {
	long(t)
	b := newBrowser(t)
	downloads, database := limit.NewSemaphore(8), limit.NewBoundedSemaphore(4)
	found, err := adaptive.New(adaptive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pace, err := rate.New(rate.Rate{Count: 40, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	api, apiShown := dashboard.Watch("api.example.com", limit.All(limit.NewSemaphore(10), pace))
	busy(t, downloads, 12, 100*time.Millisecond)
	busy(t, database, 3, 30*time.Millisecond)
	busy(t, found, 20, 50*time.Millisecond)
	busy(t, api, 12, 60*time.Millisecond)
	page, err := dashboard.Handler(dashboard.Options{Title: "crawler", Version: "1.2.3", TokenToRead: true, Limiters: []dashboard.Limiter{
		dashboard.Semaphore("downloads", downloads), dashboard.Semaphore("database", database),
		dashboard.Adaptive("found", found), apiShown,
	}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux() // under a path, beside other things
	mux.Handle("/penstock/", http.StripPrefix("/penstock", page))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		page.Close()
		server.Close()
	})

	// Without the token there is nothing to be seen, and no request that is
	// refused; it is typed.
	b.size(1280, false)
	b.media("screen", "light")
	b.do(chromedp.Navigate(server.URL+"/penstock/"), chromedp.WaitVisible("#token", chromedp.ByQuery))
	b.screenshot("live-token")
	if n := eval[int](b, `document.querySelectorAll("canvas").length`); n != 0 {
		t.Errorf("%d charts for a stranger", n)
	}
	b.typed("#token", page.Token())
	b.do(chromedp.WaitVisible("canvas", chromedp.ByQuery))
	b.awaitText("#summary h1", "crawler")

	row := func(n int) string { return fmt.Sprintf("#limiters tbody tr:nth-child(%d)", n) }
	b.awaitText(row(1), "downloads")
	if got := eval[int](b, `document.querySelectorAll("#limiters tbody tr").length`); got != 4 {
		t.Errorf("%d limits", got)
	}
	moves(b, row(1)+" td:nth-child(5)")

	b.typed(row(1)+" input", "3")
	eventually(t, "the limit is 3", func() bool { return downloads.Limit() == 3 })
	eventually(t, "3 are in use on the page", func() bool { return b.text(row(1)+" td:nth-child(2)") == "3" })
	b.do(chromedp.Click(row(2)+" td:last-child button", chromedp.ByQuery))
	b.awaitText(row(2)+" td:last-child", "Resume")
	eventually(t, "nothing is in use", func() bool { return database.Stats().InUse == 0 })
	eventually(t, "0 are in use on the page", func() bool { return b.text(row(2)+" td:nth-child(2)") == "0" })
	before := database.Stats().Acquired
	moves(b, row(1)+" td:nth-child(5)")
	if now := database.Stats().Acquired; now != before {
		t.Errorf("%d permits while it was paused", now-before)
	}
	eventually(t, "there are charts with something on them", func() bool {
		pixels := eval[[]int](b, painted)
		for _, n := range pixels {
			if n < 200 {
				return false
			}
		}
		return len(pixels) == 8
	})
	b.screenshot("live-limits-light")
	b.do(chromedp.Click(row(2)+" td:last-child button", chromedp.ByQuery))
	eventually(t, "the limit is what it was", func() bool { return database.Limit() == 4 })
	b.awaitText(row(2)+" td:last-child", "Pause")

	b.media("screen", "dark")
	b.screenshot("live-limits-dark")
	for _, scheme := range []string{"light", "dark"} {
		b.media("screen", scheme)
		b.size(390, true)
		if got := eval[int64](b, `document.documentElement.scrollWidth`); got > 390 {
			t.Errorf("the page is %d pixels wide on a phone of 390", got)
		}
		b.screenshot("live-limits-phone-" + scheme)
	}
	b.quiet(server.URL + "/penstock/")
}

// moves waits until a number on the page has grown twice.
func moves(b *browser, selector string) {
	b.t.Helper()
	number := func() int {
		n, _ := strconv.Atoi(strings.ReplaceAll(b.text(selector), ",", ""))
		return n
	}
	for range 2 {
		was := number()
		eventually(b.t, selector+" has grown", func() bool { return number() > was })
	}
}
