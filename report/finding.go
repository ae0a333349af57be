package report

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/penstock-go/penstock/fetch"
)

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
	OwnRate    Cause = "own-rate"    // --rate
	HostLimit  Cause = "host-rate"   // a host's rate
	Holds      Cause = "retry-after" // a host that wanted to be left alone
	SlowServer Cause = "slow-server" // the servers took their time
	SlowClient Cause = "client-cpu"  // this machine's processor
	NoRoom     Cause = "shortage"    // this machine's files, ports or buffers
	SlowInput  Cause = "input"       // the source was slower than the servers
	LastOnes   Cause = "last-ones"   // all was started, the last ones took long
	Retrying   Cause = "retries"     // waiting for retries
	HeldBack   Cause = "order"       // an item was too far behind the others
	OnPause    Cause = "paused"      // somebody had paused it
	SharedBy   Cause = "shared"      // a limit that other machines share
	Nothing    Cause = "nothing"     // no limit held for long
)

const (
	busyCores   = 0.85 // of all cores: more is a processor that limits
	goodPart    = 0.1  // of all cores: less is not what a run was busy with
	shortest    = 0.2  // seconds: a shorter run has had no time to be busy
	tooLittle   = 0.2  // of the time: less is no finding
	slowAnswer  = 500  // milliseconds to the first byte
	mostOfItems = 0.8  // of the time spent on hosts: that host is named
)

// causes says which reasons are one cause.
var causes = map[Reason]Cause{
	fetch.Concurrency: OwnLimit, fetch.HostConcurrency: OwnLimit, fetch.TotalRate: OwnRate, fetch.HostRate: HostLimit,
	fetch.RetryAfter: Holds, fetch.Backoff: Retrying, fetch.Input: SlowInput, fetch.Shortage: NoRoom, fetch.Last: LastOnes,
	fetch.SlowHead: HeldBack, fetch.Paused: OnPause, fetch.Elsewhere: SharedBy,
}

// Explain says what limited the run that d tells of. It goes by the reason
// that held longest, by the processor time, and by how long answers took: a
// full limit in front of a slow server is the server's doing.
func Explain(d Data) Finding {
	if f, is := d.CPU.finding(d.Seconds); is {
		return f
	}
	if len(d.Shares) == 0 {
		return Finding{Cause: Unknown, Sentence: "what limited it is not known: the run left no summary"}
	}
	cause, share, why := leading(d)
	if most := int64(d.Limits.Concurrency); cause == LastOnes && d.Counts.Records <= most {
		if d.Counts.Records == 0 {
			return Finding{Cause: Nothing}
		}
		return Finding{Cause: LastOnes, Share: share, Sentence: "as fast as the slowest answer: there was room for all of them at once"}
	}
	if share < tooLittle {
		return Finding{Cause: Nothing, Share: share, Sentence: "no limit held it back for long"}
	}
	if slow := d.Latency.FirstByte; cause == OwnLimit && slow.P50 >= slowAnswer && 2*slow.Mean >= d.Latency.Total.Mean {
		cause = SlowServer
	}
	f := Finding{Cause: cause, Share: share}
	f.Sentence, f.Advice = words(d, cause, why)
	if share >= 0.995 {
		f.Sentence += " all the time"
	} else {
		f.Sentence += fmt.Sprintf(" for %.0f %% of the time", 100*share)
	}
	switch cause {
	case SlowServer:
		f.Sentence += fmt.Sprintf(": half of them took %s or longer to begin", Milliseconds(d.Latency.FirstByte.P50))
	case LastOnes:
		f.Sentence += ", when all others were done"
	}
	return f
}

// finding says whether the processor limited a run of that length. With other
// processes about, a run can have no more of it than they leave: what it used
// and what it waited for count together then, if it used a good part itself. A
// run that mostly waits for servers also waits for the processor at each answer,
// and uses little.
func (c CPU) finding(took float64) (f Finding, is bool) {
	cores := float64(c.Cores)
	if cores == 0 || took < shortest {
		return f, false
	}
	busy, wanted := c.Seconds/took, (c.Seconds+c.Waited)/took
	f = Finding{Cause: SlowClient, Advice: "raising -c would not help"}
	switch {
	case busy >= busyCores*cores:
		f.Share = min(1, busy/cores)
		f.Sentence = fmt.Sprintf("limited by this machine's processor: %.1f of %d cores were busy", busy, c.Cores)
	case busy >= goodPart*cores && wanted >= busyCores*cores:
		f.Share = min(1, wanted/cores)
		f.Sentence = fmt.Sprintf("limited by this machine's processor, which others used as well: it had %.1f of %d cores", busy, c.Cores)
	default:
		return f, false
	}
	return f, true
}

// leading is the cause that held longest, for what part of the time, and
// which of its reasons did; without a host where several share it.
func leading(d Data) (Cause, float64, Why) {
	held := map[Cause]float64{}
	first := map[Cause]Share{}
	best := Nothing
	for _, s := range d.Shares { // the longest first
		cause, ok := causes[s.Reason]
		if !ok {
			continue
		}
		held[cause] += s.Share
		if _, known := first[cause]; !known {
			first[cause] = s
		}
	}
	for _, s := range d.Shares { // in this order, so that equals go one way
		if cause, ok := causes[s.Reason]; ok && held[cause] > held[best]+1e-9 {
			best = cause
		}
	}
	why := Why{Reason: first[best].Reason}
	why.Host = mainly(d.Shares, best, func(s Share) string { return s.Host })
	why.Limit = mainly(d.Shares, best, func(s Share) string { return s.Limit })
	return best, min(1, held[best]), why
}

// mainly is the value that most of a cause's time had, or "".
func mainly(shares []Share, cause Cause, value func(Share) string) string {
	held, all := map[string]float64{}, 0.0
	for _, s := range shares {
		if causes[s.Reason] == cause {
			held[value(s)] += s.Share
			all += s.Share
		}
	}
	for v, part := range held {
		if part >= mostOfItems*all {
			return v
		}
	}
	return ""
}

// words are the sentence, as far as the share, and the advice.
func words(d Data, cause Cause, why Why) (sentence, advice string) {
	host := cmp.Or(why.Host, d.mainHost())
	whose, rates := host+"'s", " rate"
	if host == "" {
		whose, rates = "the servers'", " rates"
	}
	server := cmp.Or(host, "the servers")
	switch cause {
	case OwnLimit:
		if why.Reason == fetch.HostConcurrency && d.Limits.PerHostAuto {
			return "limited by what " + server + " could take at once" + found(why.Limit), "raising -c would not help"
		}
		if why.Reason == fetch.HostConcurrency {
			return fmt.Sprintf("limited by %s to %s", flagged("--per-host", why.Limit, d.Limits.PerHost), server),
				"raising -c would not help; raising --per-host would, if " + server + " can take more"
		}
		return "limited by " + flagged("-c", why.Limit, d.Limits.Concurrency), "raising -c would help, if " + server + " can take more"
	case SharedBy:
		if why.Host != "" {
			return "limited by what all machines together may do at " + why.Host, "penstock limits ls tells who holds what; penstock limits set changes it"
		}
		return "limited by what all machines together may do (--store)", "penstock limits ls tells who holds what; penstock limits set changes it"
	case OwnRate:
		return "limited by --rate " + cmp.Or(why.Limit, d.Limits.Rate), "raising -c would not help; raising --rate would, if the servers allow it"
	case HostLimit:
		if why.Limit == "" {
			return "limited by " + whose + rates, "raising -c would not help"
		}
		return "limited by " + whose + rates + " of " + why.Limit, "raising -c would not help"
	case Holds:
		return "limited by " + server + " asking to be left alone (Retry-After)",
			"raising -c would not help; a --rate that is under what is allowed there would avoid such waits"
	case SlowServer:
		return "limited by " + whose + " slow answers", "raising -c would help only if more at once make them no slower"
	case NoRoom:
		return "limited by this machine's files, ports or buffers", "raising -c would not help; ulimit -n may"
	case SlowInput:
		return "limited by the input, which had nothing to offer", "raising -c would not help"
	case LastOnes:
		return "limited by the last requests", "raising -c would not help; a shorter --timeout would cut them off"
	case HeldBack:
		return "limited by one item that was too far behind the others", "--order completion does not wait for it"
	case OnPause:
		return "paused by hand", ""
	case Retrying:
		return "limited by retries that were not due", "raising -c would not help; fewer --retries would end it sooner"
	}
	return "limited by something unknown", ""
}

// flagged is a limit as it was typed, or the number alone if it is another one
// by now.
func flagged(flag, limit string, asked int) string {
	if asked > 0 && limit == strconv.Itoa(asked) {
		return fmt.Sprintf("%s %d", flag, asked)
	}
	if limit == "" {
		return "how many requests may be in flight at once"
	}
	return fmt.Sprintf("the %s requests that may be in flight at once", limit)
}

// found is a limit that was found by itself.
func found(limit string) string {
	if limit == "" {
		return ""
	}
	return ", found to be " + limit + ","
}

// mainHost is the host that most of the time was spent on, if there is one.
func (d Data) mainHost() string {
	best, most, all := "", 0.0, 0.0
	for _, h := range d.Hosts {
		t := float64(h.Items) * max(h.P50, 0.001)
		if all += t; t > most {
			best, most = h.Host, t
		}
	}
	if d.Rest != nil {
		all += float64(d.Rest.Items) * max(d.Latency.Total.P50, 0.001)
	}
	if most < mostOfItems*all {
		return ""
	}
	return best
}
