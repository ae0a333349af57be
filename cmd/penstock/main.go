// Penstock fetches long lists of URLs, as fast as the servers and this
// machine allow and never faster.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/penstock-go/penstock/internal/supervise"
)

// gcPercent is less than Go's 100: there is so little garbage that a tenth less of
// memory costs next to nothing. GOGC, if set, is another.
const gcPercent = 70

func main() {
	if supervise.IsGuard() {
		supervise.Guard()
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
