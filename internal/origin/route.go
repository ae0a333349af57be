package origin

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// route is one kind of behaviour, chosen by the first segment of the path.
type route struct {
	name    string
	form    string // of the whole path
	example string
	help    string
	serve   func(*exchange, *route)
	// ownDelay routes call x.delay themselves, because what they guard must
	// last through it.
	ownDelay bool
}

// routes is filled by init from the tables of the paths_*.go files; they cannot
// name it themselves, since the index is one of them.
var (
	routes     = make(map[string]*route)
	routeOrder []*route
)

func init() {
	for _, table := range [][]route{
		basicRoutes, echoRoutes, limitRoutes, redirectRoutes, codingRoutes, cutRoutes, rawRoutes,
	} {
		for i := range table {
			routes[table[i].name] = &table[i]
			routeOrder = append(routeOrder, &table[i])
		}
	}
}

// route answers by path.
func (s *Server) route(x *exchange) {
	path := x.r.URL.Path
	if n, ok := itemNumber(path); ok {
		if x.delay() {
			x.send(http.StatusOK, jsonType, AppendItem(nil, n))
		}
		return
	}
	if path == "/" {
		x.send(http.StatusOK, textType, index())
		return
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	r := routes[name]
	if r == nil {
		x.text(http.StatusNotFound, "%s: no such path (GET / lists all paths)", path)
		return
	}
	x.rest = rest
	if r.ownDelay || x.delay() {
		r.serve(x, r)
	}
}

// index is the page at /.
func index() []byte {
	var b strings.Builder
	b.WriteString("penstock origin: a server that counts and misbehaves.\n" +
		"GET /_audit reads the counts, POST /_reset sets them to zero.\n" +
		"[/...] may be anything, to make URLs distinct. ?delay=MS delays any answer. ?id=ID names the request for the repeats.\n\n")
	for _, r := range routeOrder {
		fmt.Fprintf(&b, "%-34s %s\n%34s e.g. %s\n", r.form, r.help, "", r.example)
	}
	b.WriteString(quotaHelp)
	b.WriteString(rawIndex())
	return []byte(b.String())
}

// maxDelay bounds every delay that a path can ask for.
const maxDelay = time.Hour

// delay waits for the host's delay and the query's; false when the client left.
func (x *exchange) delay() bool {
	d := x.host.delay
	if x.r.URL.RawQuery != "" {
		d += millis(x.query("delay"))
	}
	return d == 0 || x.wait(d)
}

// millis reads a whole number of milliseconds, 0 if it is none.
func millis(text string) time.Duration {
	ms, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(ms)*time.Millisecond, maxDelay)
}

// query is the value of a query parameter.
func (x *exchange) query(name string) string {
	values, _ := url.ParseQuery(x.r.URL.RawQuery) // the pairs that can be read
	return values.Get(name)
}

// arg takes the next segment of the path.
func (x *exchange) arg() string {
	var arg string
	arg, x.rest, _ = strings.Cut(x.rest, "/")
	return arg
}

// millis takes the next segment as milliseconds, to an hour.
func (x *exchange) millis() (time.Duration, bool) {
	n, ok := x.number(int64(maxDelay / time.Millisecond))
	return time.Duration(n) * time.Millisecond, ok
}

// number takes the next segment as a whole number from 0 to most.
func (x *exchange) number(most int64) (int64, bool) {
	n, err := strconv.ParseInt(x.arg(), 10, 64)
	return n, err == nil && n >= 0 && n <= most
}
