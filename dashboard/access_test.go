package dashboard_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/dashboard"
)

const token = "correct-horse-battery"

// Where a request comes in.
var (
	loopback  net.Addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	loopback6 net.Addr = &net.TCPAddr{IP: net.IPv6loopback, Port: 8080}
	lan       net.Addr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8080}
	socket    net.Addr = &net.UnixAddr{Name: "/run/penstock.sock", Net: "unix"}
)

// Who may do what.
func TestAccess(t *testing.T) {
	const bearer, wrong = "Bearer " + token, "Bearer " + token + "!"
	basic := "Basic eDpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=" // x:correct-horse-battery
	for _, row := range []struct {
		name   string
		on     net.Addr
		always bool // Options.TokenToRead
		do     string
		host   string
		auth   string
		header string // "Name: value"
		want   int
	}{
		// Over loopback everyone may read,
		{"page", loopback, false, "GET /", "127.0.0.1:8080", "", "", 200},
		{"status", loopback, false, "GET /status", "127.0.0.1:8080", "", "", 200},
		{"status by name", loopback, false, "GET /status", "localhost:8080", "", "", 200},
		{"status by NAME", loopback, false, "GET /status", "LOCALHOST.:8080", "", "", 200},
		{"status without port", loopback, false, "GET /status", "localhost", "", "", 200},
		{"status by IPv6", loopback6, false, "GET /status", "[::1]:8080", "", "", 200},
		{"status by IPv6 without port", loopback6, false, "GET /status", "[::1]", "", "", 200},
		{"status with the token", loopback, false, "GET /status", "127.0.0.1:8080", bearer, "", 200},
		{"status with a wrong token", loopback, false, "GET /status", "127.0.0.1:8080", wrong, "", 200},
		{"HEAD of status", loopback, false, "HEAD /status", "127.0.0.1:8080", "", "", 200},
		{"metrics", loopback, false, "GET /metrics", "127.0.0.1:8080", "", "", 200},
		{"events", loopback, false, "GET /events", "127.0.0.1:8080", "", "", 200},
		{"profiles", loopback, false, "GET /debug/pprof/", "127.0.0.1:8080", "", "", 200},
		{"a profile", loopback, false, "GET /debug/pprof/goroutine?debug=1", "127.0.0.1:8080", "", "", 200},
		{"health", loopback, false, "GET /healthz", "127.0.0.1:8080", "", "", 200},
		{"a script", loopback, false, "GET /assets/live.js", "127.0.0.1:8080", "", "", 200},
		// which a page of another site cannot use: it gets no CORS header (see TestHeaders).
		{"status for another site", loopback, false, "GET /status", "127.0.0.1:8080", "", "Origin: https://evil.example", 200},

		{"status from its page", loopback, false, "GET /status", "127.0.0.1:8080", "", "Sec-Fetch-Site: same-origin", 200},
		{"status typed", loopback, false, "GET /status", "127.0.0.1:8080", "", "Sec-Fetch-Site: none", 200},
		{"events from another site", loopback, false, "GET /events", "127.0.0.1:8080", "", "Sec-Fetch-Site: cross-site", 403},
		{"events from another port", loopback, false, "GET /events", "127.0.0.1:8080", "", "Sec-Fetch-Site: same-site", 403},
		{"a link from another site", loopback, false, "GET /", "127.0.0.1:8080", "", "Sec-Fetch-Site: cross-site", 200},

		// but not by a name that somebody else has made lead here,
		{"rebinding: page", loopback, false, "GET /", "evil.example:8080", "", "", 403},
		{"rebinding: status", loopback, false, "GET /status", "evil.example:8080", "", "", 403},
		{"rebinding: metrics", loopback, false, "GET /metrics", "evil.example", "", "", 403},
		{"rebinding: events", loopback, false, "GET /events", "evil.example", "", "", 403},
		{"rebinding: script", loopback, false, "GET /assets/live.js", "evil.example", "", "", 403},
		{"rebinding: pause, the token known", loopback, false, "POST /pause", "evil.example", bearer, "", 403},
		{"rebinding: localhost in it", loopback, false, "GET /status", "localhost.evil.example", "", "", 403},
		{"rebinding: no host", loopback, false, "GET /status", "", "", "", 403},
		{"rebinding: an address in it", loopback, false, "GET /status", "127.0.0.1.evil.example:8080", "", "", 403},
		// nor, without the token, by an address that is not of this loopback.
		{"another address", loopback, false, "GET /status", "192.0.2.7:8080", "", "", 401},
		{"another address, with the token", loopback, false, "GET /status", "192.0.2.7:8080", bearer, "", 200},
		{"no address", loopback, false, "GET /status", "0.0.0.0:8080", "", "", 401},
		{"a given name", loopback, false, "GET /status", "penstock.example:8080", "", "", 401},
		{"a given name, with the token", loopback, false, "GET /status", "Penstock.Example:8080", bearer, "", 200},

		// To change something needs the token, also there,
		{"pause", loopback, false, "POST /pause", "127.0.0.1:8080", bearer, "", 200},
		{"pause by Basic", loopback, false, "POST /pause", "127.0.0.1:8080", basic, "", 200},
		{"resume", loopback, false, "POST /resume", "127.0.0.1:8080", bearer, "", 200},
		{"limit", loopback, false, "POST /limit", "127.0.0.1:8080", bearer, "", 200},
		{"pause without token", loopback, false, "POST /pause", "127.0.0.1:8080", "", "", 401},
		{"pause, wrong token", loopback, false, "POST /pause", "127.0.0.1:8080", wrong, "", 401},
		{"pause, part of the token", loopback, false, "POST /pause", "127.0.0.1:8080", bearer[:len(bearer)-1], "", 401},
		{"pause, empty token", loopback, false, "POST /pause", "127.0.0.1:8080", "Bearer ", "", 401},
		{"pause, token of no kind", loopback, false, "POST /pause", "127.0.0.1:8080", token, "", 401},
		{"pause, token in the address", loopback, false, "POST /pause?token=" + token, "127.0.0.1:8080", "", "", 401},
		{"limit without token", loopback, false, "POST /limit", "127.0.0.1:8080", "", "", 401},
		{"resume without token", loopback, false, "POST /resume", "127.0.0.1:8080", "", "", 401},
		// and a page of one's own, or none,
		{"pause from the page", loopback, false, "POST /pause", "127.0.0.1:8080", bearer, "Sec-Fetch-Site: same-origin", 200},
		{"pause from the page, by Origin", loopback, false, "POST /pause", "127.0.0.1:8080", bearer, "Origin: http://127.0.0.1:8080", 200},
		{"pause from another site", loopback, false, "POST /pause", "127.0.0.1:8080", bearer, "Sec-Fetch-Site: cross-site", 403},
		{"pause from another port", loopback, false, "POST /pause", "127.0.0.1:8080", bearer, "Sec-Fetch-Site: same-site", 403},
		{"pause from another port, by Origin", loopback, false, "POST /pause", "127.0.0.1:8080", bearer, "Origin: http://127.0.0.1:9090", 403},
		{"pause from a file", loopback, false, "POST /pause", "127.0.0.1:8080", bearer, "Origin: null", 403},
		{"limit from another site", loopback, false, "POST /limit", "127.0.0.1:8080", bearer, "Origin: https://evil.example", 403},
		// and POST.
		{"pause by GET", loopback, false, "GET /pause", "127.0.0.1:8080", bearer, "", 405},
		{"limit by PUT", loopback, false, "PUT /limit", "127.0.0.1:8080", bearer, "", 405},
		{"status by POST", loopback, false, "POST /status", "127.0.0.1:8080", bearer, "", 405},
		{"nothing", loopback, false, "GET /nothing", "127.0.0.1:8080", bearer, "", 404},

		// From elsewhere, and where the token is always asked for, it is needed to read,
		{"lan: status", lan, false, "GET /status", "192.0.2.7:8080", "", "", 401},
		{"lan: status with the token", lan, false, "GET /status", "192.0.2.7:8080", bearer, "", 200},
		{"lan: status by Basic", lan, false, "GET /status", "192.0.2.7:8080", basic, "", 200},
		{"lan: status, wrong token", lan, false, "GET /status", "192.0.2.7:8080", wrong, "", 401},
		{"lan: status as localhost", lan, false, "GET /status", "localhost:8080", "", "", 401},
		{"lan: metrics", lan, false, "GET /metrics", "192.0.2.7:8080", "", "", 401},
		{"lan: events", lan, false, "GET /events", "192.0.2.7:8080", "", "", 401},
		{"lan: events with the token", lan, false, "GET /events", "192.0.2.7:8080", bearer, "", 200},
		{"lan: profiles", lan, false, "GET /debug/pprof/", "192.0.2.7:8080", "", "", 401},
		{"lan: pause", lan, false, "POST /pause", "192.0.2.7:8080", "", "", 401},
		{"lan: pause with the token", lan, false, "POST /pause", "192.0.2.7:8080", bearer, "", 200},
		{"lan: a name that nobody gave", lan, false, "GET /status", "evil.example:8080", bearer, "", 403},
		{"always: status", loopback, true, "GET /status", "127.0.0.1:8080", "", "", 401},
		{"always: status with the token", loopback, true, "GET /status", "127.0.0.1:8080", bearer, "", 200},
		{"always: metrics", loopback, true, "GET /metrics", "127.0.0.1:8080", "", "", 401},
		{"a socket: status", socket, false, "GET /status", "localhost", "", "", 401},
		{"from nowhere: status", nil, false, "GET /status", "localhost", "", "", 401},
		// but the empty page and its health are open.
		{"lan: page", lan, false, "GET /", "192.0.2.7:8080", "", "", 200},
		{"lan: script", lan, false, "GET /assets/charts.js", "192.0.2.7:8080", "", "", 200},
		{"lan: health", lan, false, "GET /healthz", "192.0.2.7:8080", "", "", 200},
		{"lan: health by any name", lan, false, "GET /healthz", "pod-7.cluster.local", "", "", 200},
		{"always: page", loopback, true, "GET /", "127.0.0.1:8080", "", "", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			sem := penstock.NewSemaphore(8)
			page, err := dashboard.Handler(dashboard.Options{
				Token: token, TokenToRead: row.always, Hosts: []string{"penstock.example"},
				Run: fakeRun(), Limiters: []dashboard.Limiter{dashboard.Semaphore("downloads", sem)},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer page.Close()
			method, path, _ := strings.Cut(row.do, " ")
			ctx, cancel := context.WithCancel(t.Context())
			if row.on != nil {
				ctx = context.WithValue(ctx, http.LocalAddrContextKey, row.on)
			}
			cancel() // events end after the first frame
			r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader("limiter=downloads&limit=9"))
			r.Host = row.host
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if row.auth != "" {
				r.Header.Set("Authorization", row.auth)
			}
			if name, value, ok := strings.Cut(row.header, ": "); ok {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			page.ServeHTTP(w, r)
			if w.Code != row.want {
				t.Errorf("%s: %d, want %d: %s", row.do, w.Code, row.want, w.Body)
			}
			if changed := sem.Limit() != 8; changed != (method == "POST" && row.want == 200 && path != "/resume") {
				t.Errorf("the limit is %d", sem.Limit())
			}
		})
	}
}

// What every answer says, whoever asks.
func TestHeaders(t *testing.T) {
	page, err := dashboard.Handler(dashboard.Options{Run: fakeRun()})
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	for _, path := range []string{"/", "/status", "/metrics", "/healthz", "/nothing", "/assets/live.js", "/debug/pprof/"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, loopback), "GET", path, nil)
		r.Host = "127.0.0.1:8080"
		page.ServeHTTP(w, r)
		h := w.Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" || h.Get("Cache-Control") != "no-store" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
		for name := range h {
			if strings.HasPrefix(name, "Access-Control") {
				t.Errorf("%s: %s", path, name)
			}
		}
	}
}
