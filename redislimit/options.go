package redislimit

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/penstock-go/penstock/internal/sharedname"
)

// Away says what a Store does while Redis cannot be reached.
type Away uint8

const (
	// Stop gives out nothing new. What is held goes on until its lease ends
	// and is lost then. Who waits goes on waiting for a lease; from then on
	// acquires fail with ErrAway, until Redis is back.
	Stop Away = iota
	// Lease passes on what the process holds, from one who releases to the
	// next who waits in the same process, until the lease ends; then it is
	// Stop. The limit is kept. Nothing new is given out under a rate.
	Lease
	// Local goes on by a share of its own: the limit, and each rate, divided
	// by the number of processes that used it when Redis was last seen, and
	// at least 1; one process's if it never was. Nothing is lost at the end
	// of a lease. The limit may be exceeded.
	Local
)

// String returns "stop", "lease" or "local".
func (a Away) String() string {
	switch a {
	case Stop:
		return "stop"
	case Lease:
		return "lease"
	case Local:
		return "local"
	}
	return "unknown"
}

// ParseAway reads "stop", "lease" or "local".
func ParseAway(s string) (Away, error) {
	for a := Stop; a <= Local; a++ {
		if s == a.String() {
			return a, nil
		}
	}
	return Stop, fmt.Errorf("redislimit: %q is none of stop, lease, local", s)
}

// Options are the settings of a Store. The zero Options are good.
type Options struct {
	// Lease is how long a process that is not heard of keeps its permits. It
	// should be longer than a failover takes. All who share a limit should
	// have the same. The default, 0, is 30 s; the least is 100 ms.
	Lease time.Duration
	// Away is what to do while Redis cannot be reached. The default is Stop.
	Away Away
	// Logger is told when Redis goes away, comes back or has lost data. The
	// default, nil, is silence.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Lease == 0 {
		o.Lease = 30 * time.Second
	}
	if o.Lease < 100*time.Millisecond {
		return o, fmt.Errorf("redislimit: a lease of %v is too short, the least is 100ms", o.Lease)
	}
	if o.Away > Local {
		return o, errors.New("redislimit: Options.Away is none of Stop, Lease, Local")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// checkName returns an error that is ErrName if name is none of a limit.
func checkName(name string) error {
	if err := sharedname.Check(name); err != nil {
		return fmt.Errorf("%w: %w", ErrName, err)
	}
	return nil
}
