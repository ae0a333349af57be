package fetch

import (
	"strings"
	"time"
)

// A Plan is what Run would do with an item.
type Plan struct {
	// Host is where its request would go: the host of the URL in lower case, with
	// its port if that is written. "" with Err.
	Host string
	// Duplicate says that Options.Dedup would make no request for it.
	Duplicate bool
	// Err is why there is no request; nil if there is one. Its class is
	// InvalidInput.
	Err *Error
}

// Plan says what Run would do with an item, and sends nothing. Of an Engine with
// Options.Dedup it is to be asked for the items in their order, and remembers
// their requests as far as Dedup.Memory goes: that Engine is not to be run.
// Not safe for concurrent use.
func (e *Engine) Plan(it Item) Plan {
	j, bad := e.newJob(it, time.Time{})
	if bad != nil {
		return Plan{Err: bad}
	}
	p := Plan{Host: strings.ToLower(j.url.Host)}
	if d := e.dedup; d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if _, p.Duplicate = d.known.get(j.key); !p.Duplicate {
			d.remember(j.key, firstItem{index: it.Index})
		}
	}
	return p
}

// Unremembered is how many requests Plan had no room to remember: further
// duplicates may be among those that followed.
func (e *Engine) Unremembered() int64 { return e.dedup.notDeduped() }
