package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
)

// reloadOnHangup reads the policy file again at each SIGHUP, until the function
// that it returns is called. A file that is wrong changes nothing.
func (r *fetchRun) reloadOnHangup(engine *fetch.Engine, show *display.Display) (stop func()) {
	if r.policyFile == "" || hangup == nil {
		return func() {}
	}
	ch, quit := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(ch, hangup)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-ch:
				show.Say(r.reload(engine))
			case <-quit:
				return
			}
		}
	})
	return func() {
		signal.Stop(ch)
		close(quit)
		done.Wait()
	}
}

// reload says in a line what became of it.
func (r *fetchRun) reload(engine *fetch.Engine) string {
	_, err := r.policy.Reload()
	if err == nil {
		err = engine.SetPolicy(r.policy)
	}
	if err == nil {
		return fmt.Sprintf("SIGHUP: %s is read again", r.policyFile)
	}
	err = policyError(r.policyFile, err)
	text := "SIGHUP: the limits stay as they were: " + oneLine(err.Error())
	if usage, ok := errors.AsType[*usageError](err); ok && usage.hint != "" {
		text += "; hint: " + usage.hint
	}
	return text
}
