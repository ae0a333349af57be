package redislimit

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// listen hears of what other processes' calls have granted here. Messages are
// only hints: what they say is in Redis too, and told again when it is asked
// for everything. The caller has the lock.
//
// It begins after the first call, so that a channel without a state tells of a
// state that was lost (see limit.lua).
func (l *shared) listen() {
	ctx, cancel := context.WithCancel(l.store.ctx)
	done := make(chan struct{})
	l.unlisten = cancel
	l.store.wg.Go(func() {
		defer close(done)
		defer cancel()
		channel := keys(l.name)[0] + ":" + l.store.id
		hooked := rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
			if s.Kind == "ssubscribe" {
				l.resync() // of what was said before nobody has heard
			}
		})
		for ctx.Err() == nil {
			client, err := l.store.news.reach(ctx)
			if err == nil {
				subscribe := client.B().Ssubscribe().Channel(channel).Build()
				err = client.Receive(hooked, subscribe, func(m rueidis.PubSubMessage) { l.hear(m.Message, time.Now()) })
			}
			if ctx.Err() == nil && err != nil {
				sleep(ctx, min(l.store.o.Lease/16, time.Second))
			}
		}
		l.unsubscribe(channel)
	})
}

// unsubscribe ends the subscription, unless a new one has begun: the same
// process has the same channel.
func (l *shared) unsubscribe(channel string) {
	l.mu.Lock()
	again := l.unlisten != nil
	l.mu.Unlock()
	if again {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), min(l.store.o.Lease/4, time.Second))
	defer stop()
	if client, err := l.store.news.reach(ctx); err == nil {
		client.Do(ctx, client.B().Sunsubscribe().Channel(channel).Build())
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// resync has Redis told everything, and it say everything.
func (l *shared) resync() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.joined {
		l.sync = true
		l.poke()
	}
}

// hear does what a message says: the epoch, and then any of
//
//	g ID COUNTER ENDS N granted
//	r ID                refused: more than the limit
//	d MICROSECONDS      first in the queue, and to be had after that
//	w                   the limit was changed
//	o                   something was refused by the other side, to the leader
func (l *shared) hear(message string, now time.Time) {
	words := strings.Fields(message)
	if len(words) == 0 {
		return
	}
	epoch := id(words[0])
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running || epoch < l.epoch {
		return
	}
	for words = words[1:]; len(words) > 0; {
		switch {
		case words[0] == "g" && len(words) >= 5:
			ends := strings.ReplaceAll(strings.Trim(words[3], "-"), ",", " ")
			l.granted(epoch, grant{id: id(words[1]), counter: id(words[2]), ends: ends, cost: costOf(words[4])}, now)
			words = words[5:]
		case words[0] == "r" && len(words) >= 2:
			if w := l.waiting[id(words[1])]; w != nil {
				l.refuse(w, overLimit(w.n))
			}
			words = words[2:]
		case words[0] == "d" && len(words) >= 2:
			if n, err := strconv.ParseInt(words[1], 10, 64); err == nil {
				l.due = now.Add(micros(n))
				l.poke()
			}
			words = words[2:]
		case words[0] == "o":
			if l.lead != nil {
				l.lead.refused()
			}
			words = words[1:]
		default:
			l.sync = true
			l.poke()
			return
		}
	}
}
