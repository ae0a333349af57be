package dashboard

import (
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// A gate decides who may do what.
type gate struct {
	token  string
	always bool // the token is needed to read, too
	hosts  map[string]bool
	cross  *http.CrossOriginProtection
}

func newGate(o Options) gate {
	g := gate{token: o.Token, always: o.TokenToRead, hosts: map[string]bool{}, cross: http.NewCrossOriginProtection()}
	for _, h := range o.Hosts {
		g.hosts[strings.ToLower(strings.TrimSuffix(h, "."))] = true
	}
	return g
}

// open lets everyone in who asks for a host that may be this one.
func (g *gate) open(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.admits(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// toRead lets in who may read.
func (g *gate) toRead(next http.Handler) http.Handler {
	return g.open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if foreign(r) {
			text(w, http.StatusForbidden, "this request comes from a page of another origin")
			return
		}
		if g.needsToken(r) && !g.knows(r) {
			refuse(w, "to read this, ")
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// toChange lets in who may change something.
func (g *gate) toChange(next http.Handler) http.Handler {
	return g.open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.cross.Check(r); err != nil {
			text(w, http.StatusForbidden, "this request comes from a page of another origin")
			return
		}
		if !g.knows(r) {
			refuse(w, "to change something, ")
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// foreign says that a page of another origin has a browser ask for something. The
// page could not read the answer, but take the places of those who may. It may
// link here.
func foreign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

func refuse(w http.ResponseWriter, what string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="penstock"`) // Basic would have browsers ask, and remember
	text(w, http.StatusUnauthorized, what+"send the token that was printed at the start: Authorization: Bearer TOKEN")
}

// admits says whether the request is for a host that may be this one. An address
// is never another's name, and so may be any.
func (g *gate) admits(w http.ResponseWriter, r *http.Request) bool {
	name := hostOf(r)
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" || g.hosts[name] {
		return true
	}
	text(w, http.StatusForbidden, fmt.Sprintf("this is not %q: ask by address, as localhost, or by a name that was given at the start", name))
	return false
}

// hostOf is the name or address that a request is for.
func hostOf(r *http.Request) string {
	name := r.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// needsToken says that r must know the token even to read.
func (g *gate) needsToken(r *http.Request) bool {
	if g.always {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	name := hostOf(r)
	addr, err := netip.ParseAddr(name)
	return name != "localhost" && (err != nil || !addr.Unmap().IsLoopback())
}

// knows says that r knows the token.
func (g *gate) knows(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		_, given, ok = r.BasicAuth()
	}
	return ok && subtle.ConstantTimeCompare([]byte(given), []byte(g.token)) == 1
}
