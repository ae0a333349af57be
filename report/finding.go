package report

// A Finding is what limited a run.
type Finding struct {
	// Cause is one of the causes.
	Cause Cause `json:"cause"`
	// Share is of the run's time, 0 to 1.
	Share float64 `json:"share"`
	// Sentence says it, and Advice what would help and what would not.
	Sentence string `json:"sentence"`
	Advice   string `json:"advice,omitempty"`
}

// A Cause is the kind of thing that limited a run.
type Cause string

// The causes.
const (
	Unknown    Cause = "unknown"     // nothing was measured
	OwnLimit   Cause = "own-limit"   // -c or --per-host
	OwnRate    Cause = "own-rate"    // --rate or --per-host-rate
	HostLimit  Cause = "host-rate"   // a host's rate
	Holds      Cause = "retry-after" // a host that wanted to be left alone
	SlowServer Cause = "slow-server" // the servers took their time
	SlowClient Cause = "client-cpu"  // this machine's processor
	NoRoom     Cause = "shortage"    // this machine's files, ports or buffers
	SlowInput  Cause = "input"       // the source was slower than the servers
	LastOnes   Cause = "last-ones"   // all was started, the last ones took long
	Retrying   Cause = "retries"     // waiting for retries
	Nothing    Cause = "nothing"     // no limit held for long
)
