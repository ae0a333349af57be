package e2e_test

import (
	"os"
	"os/exec"
	"strings"

	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/rogpeppe/go-internal/testscript"
)

// redisKey finds a script's Redis among the values of its environment.
type redisKey struct{}

// haveRedis reports whether scripts that need a Redis are to run: where there
// has to be one they do, and fail without.
func haveRedis() bool {
	_, err := exec.LookPath("redis-server")
	return err == nil || strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "redis-server")
}

func cmdRedis(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "redis start [ARG...] | kill | cli ARG...")
	srv, ok := ts.Value(redisKey{}).(*redistest.Server)
	if !ok {
		ts.Fatalf("no place for a Redis in the script's environment")
	}
	switch args[0] {
	case "start":
		if srv.Addr == "" {
			var err error
			srv.Addr, err = redistest.FreeAddr()
			ts.Check(err)
			srv.Dir = ts.MkAbs("redis")
			ts.Check(os.Mkdir(srv.Dir, 0o700))
			srv.Args = args[1:]
			ts.Defer(srv.Kill)
			ts.Setenv("REDIS", srv.URL())
		}
		ts.Check(srv.Launch())
	case "kill":
		srv.Kill()
	case "cli":
		out, err := srv.Ask(args[1:]...)
		ts.Check(err)
		_, err = ts.Stdout().Write([]byte(out + "\n"))
		ts.Check(err)
	default:
		ts.Fatalf("redis %s: want start, kill or cli", args[0])
	}
}
