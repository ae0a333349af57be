package policy

import (
	"net/url"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/keyed/site"
)

// A File is what a file says, together with the flags it was given by [File.With].
// It is a [fetch.Policy], is never changed, and may be used by many goroutines.
type File struct {
	name   string
	def    table
	rules  []table
	flags  Flags
	scopes []scope // of the rules, and at last of the default
	index  index
}

// Flags are what a command line says about the same things as a file.
type Flags struct {
	// Limits take the place of what [default] says, for itself and for the rules
	// that inherit it: Concurrency and Auto that of concurrency (with both,
	// Concurrency is max_concurrency) if one of them is not zero, Rate that
	// of rate if it is not empty. Retry is that of retry if it is not nil: its
	// Max even if that is 0, and its times unless they are 0. What a rule
	// says itself stands.
	Limits fetch.Limits
	// Retry is Options.Retry of the run. Where neither file nor Limits say
	// anything of retry, it holds; where they say some, it is the rest.
	Retry fetch.Retry
}

// Where the settings of Flags come from, as explanations have it.
const (
	fromPerHost     = "--per-host"
	fromPerHostRate = "--per-host-rate"
	fromRetries     = "--retries"
	fromNowhere     = "built in"
)

// builtIn is what holds where nobody says anything.
var builtIn = retries{
	base:          setting[time.Duration]{500 * time.Millisecond, fromNowhere, 0},
	cap:           setting[time.Duration]{30 * time.Second, fromNowhere, 0},
	maxRetryAfter: setting[time.Duration]{10 * time.Minute, fromNowhere, 0},
}

// Default is the policy of flags alone: one bucket per host, with these limits.
// Numbers below zero are no limits.
func Default(l fetch.Limits) *File {
	f := &File{def: table{name: "default"}}
	return f.With(Flags{Limits: l})
}

// With returns f as it is together with flags, which take the place of those of an
// earlier With.
func (f *File) With(flags Flags) *File {
	with := &File{name: f.name, def: f.def, rules: f.rules, flags: flags}
	with.resolve()
	return with
}

// A scope is [default] or a rule with what it inherits, ready for use.
type scope struct {
	*table

	all    limits // what it says and inherits
	bucket fetch.Bucket
	prefix string // of the keys of its buckets
}

func (f *File) resolve() {
	def := f.flags.settings().or(f.def.limits)
	rest := f.flags.rest()
	f.scopes = make([]scope, 0, len(f.rules)+1)
	for i := range f.rules {
		t := &f.rules[i]
		s := newScope(t, t.limits.or(def), rest)
		s.prefix = t.name + "/"
		s.bucket.Key = s.prefix + "*"
		f.scopes = append(f.scopes, s)
		f.index.add(i, t.match)
	}
	s := newScope(&f.def, def, rest)
	s.bucket.Key = "default"
	f.scopes = append(f.scopes, s)
}

func newScope(t *table, all limits, rest retries) scope {
	if !all.key.isSet() {
		all.key = setting[sharing]{byHost, fromNowhere, 0}
	}
	s := scope{table: t, all: all}
	s.bucket.Limits = fetch.Limits{Rate: all.rate.value}
	if c := all.concurrency.value; c.auto {
		s.bucket.Auto, s.bucket.Concurrency = true, all.most.value
	} else {
		s.bucket.Concurrency = c.n
	}
	if retry := all.retry; retry.isSet() {
		retry = retry.or(rest)
		s.bucket.Retry = &fetch.Retry{
			Max: retry.max.value, Base: retry.base.value, Cap: retry.cap.value, MaxRetryAfter: retry.maxRetryAfter.value,
		}
	}
	s.all.retry = all.retry.or(rest)
	return s
}

// settings are those that take the place of [default]'s.
func (fl *Flags) settings() limits {
	var l limits
	c := concurrency{n: max(0, fl.Limits.Concurrency), auto: fl.Limits.Auto}
	if c.auto {
		if c.n > 0 {
			l.most = setting[int]{c.n, fromPerHost, 0}
		}
		c.n = 0
	}
	if c != (concurrency{}) {
		l.concurrency = setting[concurrency]{c, fromPerHost, 0}
	}
	if len(fl.Limits.Rate) > 0 {
		l.rate.value, l.rate.from = fl.Limits.Rate, fromPerHostRate
	}
	if r := fl.Limits.Retry; r != nil {
		l.retry = timesOf(r)
		l.retry.max = setting[int]{r.Max, fromRetries, 0}
	}
	return l
}

// rest is what nobody else says of retry.
func (fl *Flags) rest() retries {
	r := timesOf(&fl.Retry)
	r.max = setting[int]{fl.Retry.Max, fromNowhere, 0}
	return r.or(builtIn)
}

func timesOf(r *fetch.Retry) retries {
	some := func(d time.Duration) (s setting[time.Duration]) {
		if d > 0 {
			s = setting[time.Duration]{d, fromRetries, 0}
		}
		return s
	}
	return retries{base: some(r.Base), cap: some(r.Cap), maxRetryAfter: some(r.MaxRetryAfter)}
}

// Bucket returns the bucket that a request to u falls under. It allocates no more
// than the bucket's key, and nothing for key = "rule". Rate and Retry are shared:
// leave them as they are.
func (f *File) Bucket(u *url.URL) fetch.Bucket {
	s, _ := f.find(u)
	b := s.bucket
	if key := s.keyOf(u); key != "" {
		b.Key = key
	}
	return b
}

// find returns the scope that u falls under, and which of its patterns matched.
func (f *File) find(u *url.URL) (*scope, *pattern) {
	last := len(f.scopes) - 1
	if last == 0 {
		return &f.scopes[0], nil
	}
	path := u.Path
	if path == "" {
		path = "/"
	}
	if e := f.index.find(u.Scheme, hostName(u), port(u), path); e != nil {
		return &f.scopes[e.rule], e.pattern
	}
	return &f.scopes[last], nil
}

// keyOf is the key of u's bucket, or "" if all of the scope share one.
func (s *scope) keyOf(u *url.URL) string {
	switch s.all.key.value {
	case byRule:
		return ""
	case bySite:
		return s.prefix + site.Of(u.Host)
	}
	return hostKey(s.prefix, u)
}
