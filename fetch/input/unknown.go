package input

import (
	"fmt"
	"strconv"
	"strings"
)

// Lines of JSON carry more than a request: titles, dates, whatever the query
// that made them had. To refuse that would send everybody through jq first;
// to ignore every unknown name would send ten million requests without their
// header for one missing s. So a name is refused if a request was probably
// meant to have it, and ignored if not. A wrong refusal is seen at the first
// line and cured by a rename, a wrong request only when it is too late.

// meant are the names of other tools for things that a request has, each with
// the advice to give.
var meant = map[string]string{
	"header":       didYouMeanField("headers"),
	"data":         didYouMeanField("body"),
	"json":         didYouMeanField("body"),
	"payload":      didYouMeanField("body"),
	"request_body": didYouMeanField("body"),
	"verb":         didYouMeanField("method"),
	"http_method":  didYouMeanField("method"),
	"costs":        didYouMeanField("cost"),
	"customid":     didYouMeanField("custom_id"),
	"params":       ": write the parameters into the url",
	"cookies":      `: write a Cookie header into "headers"`,
	"cookie":       `: write a Cookie header into "headers"`,
	"auth":         `: write an Authorization header into "headers"`,
	"timeout":      ": one for all is set with --timeout",
	"retries":      ": one for all is set with --retries",
	"max_retries":  ": one for all is set with --retries",
	"proxy":        ": one for all is set with --proxy",
}

var known = [...]string{"url", "id", "custom_id", "method", "headers", "body", "cost"}

// unknownField says why a name that is not known cannot just be ignored, or
// "".
func unknownField(name string) string {
	// A name of ten letters is at most one slip away from those below.
	if len(name) > 12 {
		return ""
	}
	lower := strings.ToLower(name)
	if hint, ok := meant[lower]; ok {
		return "unknown field " + strconv.Quote(name) + hint
	}
	for _, k := range known {
		// Short names have too many neighbours of their own: ids, uid, host.
		if lower == k || len(k) >= 6 && isTypo(lower, k) {
			return "unknown field " + strconv.Quote(name) + didYouMeanField(k)
		}
	}
	return ""
}

func didYouMeanField(name string) string {
	return fmt.Sprintf("; did you mean %q?", name)
}

// looksLikeURL reports whether a name is what a url may be called elsewhere.
func looksLikeURL(name string) bool {
	switch lower := strings.ToLower(name); lower {
	case "uri", "link", "href", "address", "endpoint", "loc", "location", "website", "homepage":
		return true
	default:
		return isTypo(lower, "url") || strings.HasSuffix(lower, "url")
	}
}
