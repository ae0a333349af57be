package snippets_test

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

func Example_rate() {
	ctx := context.Background()

	rates, err := rate.Parse("100/s burst 10")
	if err != nil {
		fmt.Println(err)
		return
	}
	perSecond, err := rate.New(rates...)
	if err != nil {
		fmt.Println(err)
		return
	}
	limit := penstock.All(penstock.NewSemaphore(10), perSecond) // ten at once, 100 a second
	pages, err := penstock.Gather(ctx, penstock.By(limit), []string{"a.example", "b.example"}, download)

	fmt.Println(len(pages), err)
	// Output: 2 <nil>
}

// The requests and the tokens of an API, each a minute, and the number of calls
// under way.
func Example_quota() {
	type prompt struct {
		text   string
		tokens int
	}
	ctx := context.Background()
	prompts := []prompt{{"short", 10}, {"long", 900}}
	ask := func(_ context.Context, p prompt) (string, error) { return "answer to " + p.text, nil }

	quota, err := rate.New(
		rate.Rate{Count: 90_000, Per: time.Minute, Burst: 9_000, Unit: rate.Tokens},
		rate.Rate{Count: 500, Per: time.Minute, Burst: 5, Unit: rate.Requests},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	calls := penstock.PerCall(penstock.NewSemaphore(20)) // one a call, whatever it costs
	limit := penstock.ByCost(penstock.All(calls, quota), func(p prompt) int { return p.tokens })
	answers, err := penstock.Gather(ctx, limit, prompts, ask)

	fmt.Println(answers, err)
	// Output: [answer to short answer to long] <nil>
}
