package fetch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/fetch/warc"
)

// A job is an item on its way: what to send next, and what it has been
// through.
type job struct {
	item   Item
	lane   *lane // the queue it stands in, or was taken from
	grant  grant // of what limits the lane, while in flight
	method string
	url    *url.URL
	header http.Header
	body   []byte

	// What it holds of limits that are shared with other runs: its bucket's, and
	// the total. Nil for nothing.
	share, total Lease
	passed       bool // has given the total back, and is still counted in flight

	tooDear   bool // its cost is more than a rate will ever give
	attempts  int
	shortages int // times it stood back because this machine had run out of something
	redirects int
	admitted  time.Time     // when the reader handed it over
	picked    time.Time     // when it was its turn
	active    time.Duration // time spent in attempts, redirects included
	spent     time.Duration // time this attempt has used in earlier redirects
	started   time.Time     // start of this attempt

	// How many requests its lane had sent when it was sent, itself included, and
	// how many of them had ended.
	sent, done int64
	outcome    penstock.Outcome // of the attempt in flight
	retry      *Retry           // of its bucket; nil for that of the run
	key        requestKey       // where there is a Dedup
	hops       []warc.Exchange  // the redirects that were followed, for an archive
}

// blankJob is one that has been recycled, if there is one: half of the garbage of a
// small response would be its job.
func (e *Engine) blankJob() *job {
	if j, _ := e.jobs.Get().(*job); j != nil {
		return j
	}
	return new(job)
}

// recycle takes back a job that has its record, and that nothing refers to.
func (e *Engine) recycle(j *job) {
	*j = job{}
	e.jobs.Put(j)
}

// newJob is what an item asks for, with what the run adds to it.
func (e *Engine) newJob(it Item, now time.Time) (*job, *Error) {
	if it.Err != nil {
		return nil, &Error{Class: InvalidInput, Message: plain(it.Err), Err: it.Err}
	}
	u, err := url.Parse(it.URL)
	if err == nil {
		err = checkURL(u)
	}
	if err != nil {
		return nil, &Error{Class: InvalidInput, Message: badURL(it.URL, err)}
	}
	j := e.blankJob()
	*j = job{item: it, url: u, method: it.Method, header: e.header, body: it.Body, admitted: now}
	if j.body == nil {
		j.body = e.opts.Body
	}
	if j.method == "" {
		j.method = e.opts.Method
	}
	if j.method == "" {
		j.method = http.MethodGet
		if len(j.body) > 0 {
			j.method = http.MethodPost
		}
	}
	if err := checkRequest(j.method, it.Header); err != nil {
		return nil, &Error{Class: InvalidInput, Message: err.Error(), Err: err}
	}
	j.addHeader(it.Header)
	j.takeUserinfo()
	if e.dedup != nil {
		j.key = e.dedup.key(j)
	}
	return j, nil
}

// checkRequest refuses what cannot be sent (RFC 9110, sections 5.5 and 5.6.2).
// Values are not quoted: they may be secrets.
func checkRequest(method string, h http.Header) error {
	if !isToken(method) {
		return fmt.Errorf("%q is not a method", clip(method, 40))
	}
	for name, values := range h {
		if !isToken(name) {
			return fmt.Errorf("%q is not the name of a header", clip(name, 40))
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("header %s: control character in the value", name)
			}
		}
	}
	return nil
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("unsupported scheme %q: only http and https", u.Scheme)
	case u.Hostname() == "":
		return errors.New("no host in the URL")
	}
	return nil
}

// badURL says what is wrong with a URL. The errors of url.Parse quote parts of
// it, which may be those of a password: where there may be one, nothing is
// quoted, and the error itself is not kept.
func badURL(raw string, err error) string {
	if strings.Contains(raw, "@") {
		return "bad URL"
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return "bad URL: " + plain(err)
}

// addHeader sets the item's own header over the run's, which other jobs
// share.
func (j *job) addHeader(h http.Header) {
	if len(h) == 0 {
		return
	}
	j.header = j.header.Clone()
	for name, values := range h {
		j.header[http.CanonicalHeaderKey(name)] = values
	}
}

// takeUserinfo turns user:password@ into an Authorization header, as curl
// does, so that it is nowhere else.
func (j *job) takeUserinfo() {
	user := j.url.User
	if user == nil {
		return
	}
	bare := *j.url
	bare.User = nil
	j.url = &bare
	if j.header.Get("Authorization") != "" {
		return
	}
	password, _ := user.Password()
	token := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
	j.header = j.header.Clone()
	j.header.Set("Authorization", "Basic "+token)
}

// redactedURL is the item's URL as it may be shown. Of one that cannot be
// used, nothing is shown that stands before an @.
func redactedURL(raw string) string {
	at := strings.LastIndexByte(raw, '@')
	if at < 0 {
		return raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || checkURL(u) != nil:
		return "xxxxx" + raw[at:]
	case u.User == nil:
		return raw
	}
	u.User = url.User("xxxxx") // a name alone may be a token
	return u.String()
}
