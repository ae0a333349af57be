// Penstock fetches long lists of URLs, as fast as the servers and this
// machine allow and never faster.
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/penstock-go/penstock/internal/supervise"
)

// gcPercent is less than Go's 100: there is so little garbage that a tenth less of
// memory costs next to nothing. Until the first collection it is more, so that this
// one does not come before there are some 8 MB: three would come while the command
// starts, which takes a fifth of that time. GOGC, if set, is another.
const gcPercent, firstGCPercent = 70, 200

func collectLittle() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(firstGCPercent)
	runtime.AddCleanup(new([64]byte), func(percent int) { debug.SetGCPercent(percent) }, gcPercent)
}

func main() {
	if supervise.IsGuard() {
		supervise.Guard()
		return
	}
	collectLittle()
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
