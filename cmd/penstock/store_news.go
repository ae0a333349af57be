package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// storeLogger is a logger that says what happens to a store in one line each.
func storeLogger(say func(line string)) *slog.Logger {
	return slog.New(&storeNews{say: say, last: map[string]time.Time{}})
}

// storeNews is a slog.Handler for what package redislimit logs. Every limit
// logs that data were lost; a person is told once.
type storeNews struct {
	say func(line string)

	mu   sync.Mutex
	last map[string]time.Time // when it was said
}

// sameNews is for how long the same is not said again.
const sameNews = 5 * time.Second

func (h *storeNews) Enabled(context.Context, slog.Level) bool { return true }

func (h *storeNews) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value
		return true
	})
	var line string
	switch r.Message {
	case "redis is away":
		line = fmt.Sprintf("the store is away (%s): %s", oneLine(attrs["error"].String()), awayMeans[attrs["then"].String()])
	case "redis is back":
		line = fmt.Sprintf("the store is back after %s", attrs["after"])
	case "redis may have lost data: nothing new is given out for a while":
		if !h.news(r.Message, r.Time) {
			return nil
		}
		line = fmt.Sprintf("the store is new or may have lost data: nothing new starts for %s, in which all who share tell it what they hold", attrs["wait"])
	default:
		line = "store: " + r.Message
		for key, value := range attrs {
			line += fmt.Sprintf(", %s %s", key, value)
		}
	}
	h.say(line)
	return nil
}

// awayMeans is what --on-store-error does, in words.
var awayMeans = map[string]string{
	"stop":  "nothing new starts; what runs goes on until its lease ends",
	"lease": "what this process holds is passed on until its lease ends",
	"local": "going on with a share of this process's own; the limit may be exceeded",
}

// news reports whether what was not said just now.
func (h *storeNews) news(what string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.last[what]; ok && now.Sub(last) < sameNews {
		return false
	}
	h.last[what] = now
	return true
}

func (h *storeNews) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *storeNews) WithGroup(string) slog.Handler      { return h }
