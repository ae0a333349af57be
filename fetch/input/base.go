package input

import (
	"errors"
	"net/url"
	"strings"
)

// ParseBase reads a base URL, such as the value of --base-url. It must be
// absolute, http or https, without query and fragment.
func ParseBase(s string) (*url.URL, error) {
	if reason := checkURL(s); reason != "" {
		return nil, errors.New("base URL: " + reason)
	}
	base, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("base URL: " + parseFault(s, err))
	}
	if base.RawQuery != "" || base.Fragment != "" || base.ForceQuery {
		return nil, errors.New("base URL: leave the query and the fragment out")
	}
	return base, nil
}

// Join joins a path, which begins with a slash and may have a query, to a base
// URL. The path is put after the base's own, except for what the base's path
// already ends in: both https://api.example.com and https://api.example.com/v1
// make https://api.example.com/v1/files of /v1/files, and
// https://proxy.example/openai/v1 makes https://proxy.example/openai/v1/files.
// RFC 3986 would drop the base's path, and with it a proxy's prefix; the
// clients that write batch files count the version in.
func Join(base *url.URL, path string) string {
	j := newJoiner(base)
	return j.join(path)
}

// A joiner is a base URL in the parts that joining takes.
type joiner struct {
	origin string // scheme, user and host; "" if there is no base
	prefix string // path, without slashes at its end
}

func newJoiner(base *url.URL) joiner {
	u := *base
	u.Path, u.RawPath = "", ""
	return joiner{origin: u.String(), prefix: strings.TrimRight(base.EscapedPath(), "/")}
}

func (j *joiner) join(path string) string {
	prefix := j.prefix
	for i := range len(prefix) {
		if prefix[i] == '/' && overlaps(prefix[i:], path) {
			prefix = prefix[:i]
			break
		}
	}
	return j.origin + prefix + path
}

// overlaps reports whether path begins with the segments of end.
func overlaps(end, path string) bool {
	return strings.HasPrefix(path, end) && (len(path) == len(end) || path[len(end)] == '/' || path[len(end)] == '?')
}

// resolve joins u to the base if it is a path only.
func (o *Options) resolve(u string) string {
	if o.Base != nil && strings.HasPrefix(u, "/") && !strings.HasPrefix(u, "//") {
		return o.joiner.join(u)
	}
	return u
}
