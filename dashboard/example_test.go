package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/dashboard"
)

func Example() {
	downloads := penstock.NewSemaphore(8)
	page, err := dashboard.Handler(dashboard.Options{
		Title:    "crawler",
		Limiters: []dashboard.Limiter{dashboard.Semaphore("downloads", downloads)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Close()

	// In a program: http.ListenAndServe("127.0.0.1:8080", page), and print
	// "http://127.0.0.1:8080/#token=" + page.Token().
	server := httptest.NewServer(page)
	defer server.Close()

	if err := downloads.Acquire(context.Background(), 3); err != nil {
		fmt.Println(err)
		return
	}
	defer downloads.Release(3)
	resp, err := http.Get(server.URL + "/status")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	var status dashboard.Status
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		fmt.Println(err)
		return
	}
	l := status.Limiters[0]
	fmt.Printf("%s: %d of %d\n", l.Name, l.InUse, l.Limit)
	// Output: downloads: 3 of 8
}
