package origin

import (
	"fmt"
	"net/http"
	"strconv"
)

var redirectRoutes = []route{
	{name: "redirect", form: "/redirect/N[/...][?status=CODE]", example: "/redirect/3", help: "a chain of N redirects that ends with 200", serve: serveRedirect},
	{name: "redirect-to", form: "/redirect-to?url=URL[&status=CODE]", example: "/redirect-to?url=/item/1&status=307", help: "to any URL, as it is written", serve: serveRedirectTo},
	{name: "redirect-loop", form: "/redirect-loop[/...]", example: "/redirect-loop", help: "to itself, for ever", serve: serveRedirectLoop},
	{name: "redirect-host", form: "/redirect-host/I[?status=CODE]", example: "/redirect-host/1", help: "to /landed of host I (from 0)", serve: serveRedirectHost},
	{name: "landed", form: "/landed[/...]", example: "/landed", help: "as /echo; the audit counts the credentials that come here", serve: serveLanded},
}

// redirect answers with a Location.
func (x *exchange) redirect(status int, location string) {
	x.w.Header().Set("Location", location)
	x.text(status, "to %s", location)
}

// redirectStatus is the query's, 302 by default.
func (x *exchange) redirectStatus() int {
	status, err := strconv.Atoi(x.query("status"))
	if err != nil || status < 300 || status > 399 {
		return http.StatusFound
	}
	return status
}

func serveRedirect(x *exchange, r *route) {
	n, ok := x.number(1 << 30)
	if !ok {
		x.refuse(r)
		return
	}
	if n == 0 {
		x.ok()
		return
	}
	location := fmt.Sprintf("/redirect/%d", n-1)
	if x.rest != "" {
		location += "/" + x.rest
	}
	if x.r.URL.RawQuery != "" {
		location += "?" + x.r.URL.RawQuery
	}
	x.redirect(x.redirectStatus(), location)
}

func serveRedirectTo(x *exchange, _ *route) {
	x.redirect(x.redirectStatus(), x.query("url"))
}

func serveRedirectLoop(x *exchange, _ *route) {
	x.redirect(http.StatusFound, x.r.RequestURI)
}

func serveRedirectHost(x *exchange, r *route) {
	i, ok := x.number(int64(len(x.srv.hosts) - 1))
	if !ok {
		x.refuse(r)
		return
	}
	x.redirect(x.redirectStatus(), x.srv.hosts[i].url+"/landed")
}

// credentials are the headers that must not follow a redirect to another host.
var credentials = []string{"Authorization", "Cookie", "Proxy-Authorization"}

func serveLanded(x *exchange, r *route) {
	for _, name := range credentials {
		if x.r.Header.Get(name) != "" {
			x.host.leak(name)
		}
	}
	serveEcho(x, r)
}

func (h *host) leak(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leaks == nil {
		h.leaks = make(map[string]uint64)
	}
	h.leaks[name]++
}
