package fetch

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// redirect turns j into the request that a redirect asks for. It reports
// false where the response is the answer: no redirect, or none wanted.
func (e *Engine) redirect(j *job, a *attempt) (bool, *Error) {
	if e.opts.Redirects == 0 || !isRedirect(a.status) {
		return false, nil
	}
	location := a.header.Get("Location")
	if location == "" {
		return false, nil
	}
	if j.redirects >= e.opts.Redirects {
		return false, &Error{Class: Protocol, Message: fmt.Sprintf("stopped after %d redirects", j.redirects)}
	}
	to, err := j.url.Parse(location)
	if err == nil {
		err = checkURL(to)
	}
	if err != nil {
		return false, &Error{Class: Protocol, Message: "redirect to a " + badURL(location, err)}
	}
	j.follow(to, a.status)
	return true, nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow points j at another URL. RFC 9110, section 15.4: 303 makes it a
// GET, and so do 301 and 302 for a POST, as every browser does.
func (j *job) follow(to *url.URL, status int) {
	toGet := status == http.StatusSeeOther && j.method != http.MethodHead ||
		status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect && j.method == http.MethodPost
	if toGet && j.method != http.MethodGet {
		j.method, j.body = http.MethodGet, nil
		j.dropHeader("Content-Type", "Content-Length", "Content-Encoding")
	}
	if HostKey(to) != HostKey(j.url) || to.Scheme != j.url.Scheme {
		j.keepHarmless()
	}
	if to.Fragment == "" {
		to.Fragment = j.url.Fragment
	}
	j.url = to
	j.redirects++
	j.takeUserinfo()
}

// harmless are the fields that go along to another host: they say what is wanted.
// Any other may be a key, as X-Api-Key, Private-Token and Cookie are: their names
// are without number, and the host that a redirect names is the redirecting
// server's choice. So are fields that begin with If- or Accept-.
var harmless = map[string]bool{
	"Accept": true, "Cache-Control": true, "Content-Encoding": true, "Content-Language": true, "Content-Type": true,
	"Dnt": true, "Idempotency-Key": true, "Pragma": true, "Prefer": true, "Range": true, "User-Agent": true,
}

// keepHarmless leaves out of j's header what is not for another host.
func (j *job) keepHarmless() {
	j.header = j.header.Clone()
	for name := range j.header {
		if !harmless[name] && !strings.HasPrefix(name, "If-") && !strings.HasPrefix(name, "Accept-") {
			delete(j.header, name)
		}
	}
}

func (j *job) dropHeader(names ...string) {
	j.header = j.header.Clone()
	for _, name := range names {
		j.header.Del(name)
	}
}
