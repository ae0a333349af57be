package report

import (
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// Format is the version of Data's JSON. It grows when a field changes its
// meaning or goes away; new fields do not change it.
const Format = 1

// Data is what is known of a run. Times are seconds and latencies
// milliseconds, as the names in JSON say. It is a value: who has one may keep
// it, but not change what its slices and maps hold.
type Data struct {
	Format int `json:"format"`
	// Version is Penstock's.
	Version string `json:"version,omitempty"`
	// Output is the file with the records; "" for standard output.
	Output string `json:"output,omitempty"`
	// FromRecords says that there was no summary, so that this was made of the
	// records alone.
	FromRecords bool      `json:"from_records,omitempty"`
	Started     time.Time `json:"started"`
	// Seconds is how long the run has worked; where it was resumed, in all its
	// parts together.
	Seconds float64 `json:"seconds"`
	Ended   Ended   `json:"ended,omitempty"`
	// Notes say in sentences what the figures do not cover.
	Notes []string `json:"notes,omitempty"`
	// Parts are the runs that this one consists of, if it was resumed.
	Parts []Part `json:"parts,omitempty"`

	Limits   Limits        `json:"limits"`
	Counts   Counts        `json:"counts"`
	Statuses map[int]int64 `json:"statuses,omitempty"`
	// Errors are the classes of errors, the most frequent first.
	Errors   []ErrorClass `json:"errors,omitempty"`
	Latency  Latency      `json:"latency"`
	Timeline Timeline     `json:"timeline"`
	// Hosts are the most frequent ones; Rest is all others together.
	Hosts []Host `json:"hosts,omitempty"`
	Rest  *Host  `json:"rest,omitempty"`
	// HostCount is how many there are, and HostsOver says that there are more.
	HostCount int  `json:"host_count"`
	HostsOver bool `json:"hosts_over,omitempty"`
	// Changes are those of limits while the run went on, the latest 1,000.
	Changes []Change `json:"changes,omitempty"`
	// Shares is why not one more request was started, the longest first.
	Shares []Share `json:"shares,omitempty"`
	CPU    CPU     `json:"cpu"`
	// Finding is what limited the run, in a sentence.
	Finding Finding `json:"finding"`
}

// Ended is how a run came to its end.
type Ended string

// The ways for a run to end. The empty one is that of a run that goes on.
const (
	Finished Ended = "finished" // every item has its record
	Stopped  Ended = "stopped"  // by a signal; resumable
	Failed   Ended = "failed"   // the run itself
	Killed   Ended = "killed"   // there is no summary
)

// Limits are those that a run was started with.
type Limits struct {
	// Concurrency is the most in flight at once, PerHost that to one host;
	// 0 means none.
	Concurrency int `json:"concurrency,omitempty"`
	PerHost     int `json:"per_host,omitempty"`
	// Auto and PerHostAuto say that these are found while the run goes on.
	Auto        bool `json:"auto,omitempty"`
	PerHostAuto bool `json:"per_host_auto,omitempty"`
	// Policy is the file with the limits of hosts.
	Policy string `json:"policy,omitempty"`
	// Rate and HostRate are as flags have them: "100/s".
	Rate     string `json:"rate,omitempty"`
	HostRate string `json:"host_rate,omitempty"`
}

// Counts are a run's sums.
type Counts struct {
	Items       int64 `json:"items"` // read from the input
	Records     int64 `json:"records"`
	OK          int64 `json:"ok"`
	Failed      int64 `json:"failed"`
	Retries     int64 `json:"retries"`
	Redirects   int64 `json:"redirects"`
	Shortages   int64 `json:"shortages"` // attempts for which this machine had no file, port or buffer
	Bytes       int64 `json:"bytes"`     // of bodies, decompressed
	Spilled     int64 `json:"spilled"`   // items that waited in a temporary file
	SpillBytes  int64 `json:"spill_bytes"`
	MaxInFlight int   `json:"max_in_flight"`
}

// A Part is one run of several that wrote the same output.
type Part struct {
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Records int64     `json:"records"`
	Ended   Ended     `json:"ended,omitempty"`
	// Unmeasured says that only its records are counted.
	Unmeasured bool `json:"unmeasured,omitempty"`
}

// An ErrorClass counts the records that failed in one way.
type ErrorClass struct {
	Class fetch.Class `json:"class"`
	Count int64       `json:"count"`
	// URL and Message are those of one of them.
	URL     string `json:"url,omitempty"`
	Message string `json:"message,omitempty"`
}

// Latency is where the time of a record's last attempt went, and what was
// before it. The four phases follow each other; Total is the last three.
type Latency struct {
	// Waiting is inside Penstock: for permits, rates and backoff.
	Waiting Distribution `json:"waiting"`
	// Connect is until there was a connection; 0 where one was at hand.
	Connect Distribution `json:"connect"`
	// FirstByte is from there to the response's header.
	FirstByte Distribution `json:"first_byte"`
	// Body is from there to the body's end.
	Body  Distribution `json:"body"`
	Total Distribution `json:"total"`
}

// A Distribution is that of latencies, in milliseconds.
type Distribution struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
	// To and N are a histogram: N[i] of the values are more than To[i-1] and at
	// most To[i]; from one bar to the next it is about a tenth.
	To []float64 `json:"to_ms,omitempty"`
	N  []int64   `json:"n,omitempty"`
	// HDR is the whole distribution in microseconds, as HdrHistogram V2
	// compressed, base64; only in a Data that is complete.
	HDR string `json:"hdr,omitempty"`
}

// A Timeline is the run in steps of equal length; its slices are columns of
// equal length. A step in which nothing was measured is left out.
type Timeline struct {
	// Step is the length of a step in seconds. The last one may be shorter.
	Step float64 `json:"step_s"`
	// T is where a step begins, in seconds of work since Started.
	T []float64 `json:"t"`
	// How many records came in a step: accepted and not, ...
	OK     []int64 `json:"ok"`
	Failed []int64 `json:"failed"`
	// ... and by status; Errors are those without a response.
	S1xx   []int64 `json:"s1xx,omitempty"`
	S2xx   []int64 `json:"s2xx"`
	S3xx   []int64 `json:"s3xx"`
	S4xx   []int64 `json:"s4xx"`
	S5xx   []int64 `json:"s5xx"`
	Errors []int64 `json:"errors"`
	// Retries that were decided on, and bytes of bodies.
	Retries []int64 `json:"retries"`
	Bytes   []int64 `json:"bytes"`
	// Means over the step: requests in flight, items that wait for a limit and
	// for their retry, the limit of all requests together (0 for unknown).
	InFlight []float64 `json:"in_flight"`
	Queued   []float64 `json:"queued"`
	Backoff  []float64 `json:"backoff"`
	Limit    []float64 `json:"limit"`
	// Reason is the one that held for most of the step.
	Reason []Reason `json:"reason"`
	// Percentiles of Latency.Total, within 5 %; 0 where no record came.
	P50 []float64 `json:"p50_ms"`
	P90 []float64 `json:"p90_ms"`
	P99 []float64 `json:"p99_ms"`
}

// A Host is what is known of one: a name and port, in lower case.
type Host struct {
	Host   string  `json:"host,omitempty"`
	Items  int64   `json:"items"`
	OK     int64   `json:"ok"`
	Failed int64   `json:"failed"`
	Bytes  int64   `json:"bytes"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	// Held is for how long it had asked to be left alone.
	Held float64 `json:"held_s,omitempty"`
	// Limit is the most in flight to it, at the end; 0 for none of its own.
	// Rate is as flags have it.
	Limit int    `json:"limit,omitempty"`
	Rate  string `json:"rate,omitempty"`
	// Missed is how many more records it may have had, at the most, before it
	// was among the frequent ones.
	Missed int64 `json:"missed,omitempty"`
}

// A Change is one of a limit while the run went on.
type Change struct {
	T float64 `json:"t"` // seconds of work since Started
	// Host is "" for the limit of all requests together.
	Host string `json:"host,omitempty"`
	// Kind is "concurrency", "rate" (per second), or "paused" (To is 1 for a pause, and
	// 0 for its end).
	Kind string  `json:"kind"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Why  string  `json:"why,omitempty"`
}

// A Share is for how long one cause kept the run from starting more.
type Share struct {
	Why

	Seconds float64 `json:"seconds"`
	Share   float64 `json:"share"` // of the whole, 0 to 1
}

// CPU is what this process has used; Seconds is 0 where that is not known.
type CPU struct {
	Seconds float64 `json:"seconds"`
	// Waited is for how many seconds its threads, which could have run, waited for
	// a processor that other processes had; 0 also where that is not known.
	Waited float64 `json:"waited,omitempty"`
	Cores  int     `json:"cores"`
}
