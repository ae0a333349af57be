package main

import (
	"context"
	"fmt"
	"log/slog"
)

// fleetLogger is a logger that says what happens to a worker in one line each.
func fleetLogger(say func(line string)) *slog.Logger { return slog.New(fleetNews{say}) }

// fleetNews is a slog.Handler for what package fleet logs.
type fleetNews struct{ say func(line string) }

func (h fleetNews) Enabled(context.Context, slog.Level) bool { return true }

func (h fleetNews) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value
		return true
	})
	switch r.Message {
	case "redis is away: what is in hand goes on":
		h.say(fmt.Sprintf("the store is away (%s): what is in hand goes on", oneLine(attrs["error"].String())))
	case "redis is back":
		h.say(fmt.Sprintf("the store is back after %s", attrs["after"]))
	case "taken over":
		h.say(fmt.Sprintf("items %s to %s: taken over from a worker that was not heard of", attrs["first"], attrs["last"]))
	case "lost to another worker: not heard of for a lease":
		h.say(fmt.Sprintf("items %s to %s: lost to another worker, as this one was not heard of for a lease", attrs["first"], attrs["last"]))
	default:
		line := "fleet: " + r.Message
		if err, ok := attrs["error"]; ok {
			line += ": " + oneLine(err.String())
		}
		h.say(line)
	}
	return nil
}

func (h fleetNews) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h fleetNews) WithGroup(string) slog.Handler      { return h }
