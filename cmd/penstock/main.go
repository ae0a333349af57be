// Penstock fetches long lists of URLs, as fast as the servers and this
// machine allow and never faster.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
