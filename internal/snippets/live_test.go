package snippets_test

import (
	"fmt"
	"net/http"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/report"
)

// exampleLimitsPage is only compiled: it serves for ever.
func exampleLimitsPage() error {
	downloads := penstock.NewSemaphore(8)
	perSecond, err := rate.New(rate.Rate{Count: 100, Per: 1e9})
	if err != nil {
		return err
	}
	// A rate does not tell how it stands: watched is the same limit, and counts.
	watched, shown := dashboard.Watch("api.example.com", perSecond)

	page, err := dashboard.Handler(dashboard.Options{
		Title:    "crawler",
		Limiters: []dashboard.Limiter{dashboard.Semaphore("downloads", downloads), shown},
	})
	if err != nil {
		return err
	}
	defer page.Close()
	fmt.Println("http://127.0.0.1:8080/#token=" + page.Token())
	go crawl(downloads, watched)
	return http.ListenAndServe("127.0.0.1:8080", page)
}

func crawl(...penstock.Limiter) {}

// exampleRunPage is only compiled, too.
func exampleRunPage(o fetch.Options) (*dashboard.Page, error) {
	engine, err := fetch.New(o)
	if err != nil {
		return nil, err
	}
	recorder := report.NewRecorder(report.Options{Stats: engine.Stats, Buckets: engine.Buckets})
	page, err := dashboard.Handler(dashboard.Options{Run: dashboard.Engine(engine, recorder)})
	if err != nil {
		return nil, err
	}
	http.Handle("/penstock/", http.StripPrefix("/penstock", page))
	// Then recorder.Start, engine.Run(ctx, src, recorder.Wrap(sink)), recorder.Stop, page.Close.
	return page, nil
}

var _, _ = exampleLimitsPage, exampleRunPage
