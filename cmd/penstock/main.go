// Penstock fetches long lists of URLs, as fast as the servers and this
// machine allow and never faster.
package main

import (
	"context"
	"os"

	"github.com/penstock-go/penstock/internal/supervise"
)

func main() {
	if supervise.IsGuard() {
		supervise.Guard()
		return
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
