package dashboard

import (
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/keyed"
)

// A Limiter is a limit that a page shows.
type Limiter struct {
	// Name tells it from the others.
	Name string
	// Stats is how it stands. It is called twice a second, and must not block.
	Stats func() Figures
	// SetLimit changes the limit; nil means that the page cannot. Its error is
	// shown to who asked for it. The page pauses a limit by setting it to 0, and
	// resumes it by setting it to what it was.
	SetLimit func(n int) error
}

// Figures are how a limit stands.
type Figures struct {
	// Limit is how much may be out at once; 0 means that it has no such limit,
	// or is paused.
	Limit int `json:"limit"`
	// InUse is how much is out now, and Waiting how many wait.
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`
	// Acquired is how many acquires have succeeded, Cancelled how many waits
	// ended without, and TotalWait how long all waits took together.
	Acquired  int64         `json:"acquired"`
	Cancelled int64         `json:"cancelled"`
	TotalWait time.Duration `json:"total_wait_ns"`
	// Rate is how many may begin a second, or 0 for any number.
	Rate float64 `json:"rate,omitempty"`
}

// A Resizable is a *penstock.Semaphore or a *penstock.BoundedSemaphore.
type Resizable interface {
	Stats() penstock.SemaphoreStats
	SetLimit(n int) error
}

// Semaphore shows s, whose limit can be changed on the page.
func Semaphore(name string, s Resizable) Limiter {
	return Limiter{Name: name, SetLimit: s.SetLimit, Stats: func() Figures {
		st := s.Stats()
		return Figures{
			Limit: st.Limit, InUse: st.InUse, Waiting: st.Waiting,
			Acquired: st.Acquired, Cancelled: st.Cancelled, TotalWait: st.TotalWait,
		}
	}}
}

// Adaptive shows a limit that finds itself.
func Adaptive(name string, l *adaptive.Limiter) Limiter {
	return Limiter{Name: name, Stats: func() Figures {
		st := l.Stats()
		return Figures{
			Limit: st.Limit, InUse: st.InFlight, Waiting: st.Waiting, Rate: st.Rate,
			Acquired: st.Acquired, Cancelled: st.Cancelled, TotalWait: st.TotalWait,
		}
	}}
}

// Keyed shows what all keys of l do together. It looks at each of them twice a
// second.
func Keyed[K comparable, L penstock.Limiter](name string, l *keyed.Limiter[K, L]) Limiter {
	return Limiter{Name: name, Stats: func() Figures {
		st := l.Stats(0)
		return Figures{InUse: st.InUse, Waiting: st.Waiting}
	}}
}
