package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/bodies"
	"github.com/penstock-go/penstock/fetch/policy"
	"github.com/penstock-go/penstock/rate"
	"github.com/spf13/cobra"
)

// fetchFlags are the flags of penstock fetch.
type fetchFlags struct {
	// input
	format, column, idColumn, baseURL, only string
	// limits
	concurrency  int
	auto         bool // -c auto
	rate         rate.List
	hosts        limitFlags
	ignoreQuotas bool
	// attempts
	retries                 int
	retriesSet              bool
	timeout, connectTimeout time.Duration
	maxBody                 int64
	accept                  fetch.StatusSet
	acceptText              string
	method, userAgent       string
	headers, data           []string
	location, insecure      bool
	denyPrivate             bool
	maxRedirects            int
	proxy                   string
	transportFlags
	// output
	output, order, fsync, report string
	bodies                       bodiesFlag
	bodyStore                    *bodies.Store // once it is open
	include, dryRun, resume      bool
	grace                        time.Duration
	spillMax, dedupMemory        int64
	dedup                        bool
	show                         showFlags
	listen                       listenFlags

	store storeFlags
	fleet fleetFlags
	// What the loader of the fleet has passed on, for penstock work.
	fleetHeader http.Header
	fleetBody   []byte

	policy *policy.Reloader // made by options
}

func (f *fetchFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.SortFlags = false
	f.format, f.order, f.fsync = "auto", "input", "1s"
	f.bodies.where = bodiesInline
	f.concurrency, f.retries, f.maxBody, f.maxRedirects = fetch.DefaultConcurrency, defaultRetries, fetch.DefaultMaxBody, fetch.DefaultRedirects
	f.acceptText, f.spillMax, f.dedupMemory = "200-399", fetch.DefaultSpillMax, fetch.DefaultDedupMemory

	fl.Var(choiceValue{&f.format, []string{"auto", "lines", "jsonl", "csv"}}, "format", "what the input is; auto goes by name and by line")
	fl.StringVar(&f.column, "column", "", "the `NAME` (or number) of the CSV column with the URL; implies --format csv")
	fl.StringVar(&f.idColumn, "id-column", "", "the `NAME` (or number) of the CSV column with the id")
	fl.StringVar(&f.baseURL, "base-url", "", "the `URL` that paths such as /v1/chat/completions are joined to")

	fl.StringVar(&f.only, "only", "", "fetch only these `ITEMS`, counted from 0: 0-99,500, or @FILE as penstock merge --missing writes it")

	fl.VarP(concurrencyValue{&f.concurrency, &f.auto}, "max-concurrent", "c", "most requests in flight at once; auto is as many as hosts and machine can take")
	fl.Var(rateValue{&f.rate}, "rate", "most requests started in a time: 100/s, 5000/m, 10/15s; several with commas")
	f.hosts.register(fl)
	fl.BoolVar(&f.ignoreQuotas, "ignore-quotas", false, "do not obey RateLimit and X-RateLimit-*; Retry-After counts all the same")

	fl.Var(sizeValue{&f.spillMax}, "spill-max", "most that items of blocked hosts take in a temporary file, so that reading goes on")

	fl.BoolVar(&f.dedup, "dedup", false, "make identical requests once; the others get a record that names the first")
	fl.Var(sizeValue{&f.dedupMemory}, "dedup-memory", "most that --dedup remembers; a duplicate of what does not fit is fetched")

	fl.Var(countValue{&f.retries, 0}, "retries", "retries of what may pass: no connection, reset, timeout, 408, 425, 429, 500, 502, 503, 504")
	fl.DurationVar(&f.timeout, "timeout", fetch.DefaultTimeout, "`TIME` for a whole attempt, redirects and body included; 0 is no limit")
	fl.DurationVar(&f.connectTimeout, "connect-timeout", 10*time.Second, "`TIME` for connecting, and once more for the TLS handshake")
	fl.Var(sizeValue{&f.maxBody}, "max-body", "most of a body, decompressed; more is an error of class too_large")
	fl.Var(acceptValue{&f.accept, &f.acceptText}, "accept", "statuses that count as success")
	fl.StringVarP(&f.method, "request", "X", "", "`METHOD` (default GET; POST with -d)")
	fl.StringArrayVarP(&f.headers, "header", "H", nil, "`HEADER` \"Name: value\" to send, or @FILE with one a line; repeatable")
	fl.StringArrayVarP(&f.data, "data", "d", nil, "`BODY` to send, or @FILE; repeated ones are joined with &")
	fl.StringVarP(&f.userAgent, "user-agent", "A", "penstock/"+version(), "the `NAME` to go by")
	fl.BoolVarP(&f.location, "location", "L", false, "follow redirects")
	fl.Var(countValue{&f.maxRedirects, 0}, "max-redirs", "most redirects to follow with -L")
	fl.BoolVarP(&f.insecure, "insecure", "k", false, "take any TLS certificate")
	fl.BoolVar(&f.denyPrivate, "deny-private", false, "do not connect to loopback, private and metadata addresses: for lists that strangers made")
	fl.StringVarP(&f.proxy, "proxy", "x", "", "proxy `URL` (default: HTTP_PROXY, HTTPS_PROXY, NO_PROXY)")

	f.transportFlags.register(fl)
	fl.StringVarP(&f.output, "output", "o", "", "write the records to `FILE`, which must not exist (.gz and .zst compress)")
	fl.BoolVar(&f.resume, "resume", false, "go on with the output of -o where an earlier run stopped")
	fl.Var(choiceValue{&f.fsync, []string{"always", "1s", "never"}}, "fsync", "when records are forced to the disk")
	fl.Var(choiceValue{&f.order, []string{"input", "completion"}}, "order", "order of the records")
	fl.Var(&f.bodies, "bodies", "where the bodies go: into the records, nowhere, into files named by their SHA-256, or with requests and headers into DIR/NAME.warc.gz")
	fl.BoolVarP(&f.include, "include", "i", false, "put the response's header into the record (cookies left out)")
	fl.StringVar(&f.report, "report", "", "make an HTML page of the run in `FILE` when it ends")
	f.show.register(fl)
	f.listen.register(fl)
	fl.DurationVar(&f.grace, "grace", 30*time.Second, "`TIME` that the first Ctrl-C leaves to what is in flight")
	fl.BoolVar(&f.dryRun, "dry-run", false, "read all input, say what would be done, send nothing")
}

// options is what the flags ask of the engine.
func (f *fetchFlags) options() (fetch.Options, error) {
	o := fetch.Options{
		Concurrency: f.concurrency, Timeout: f.timeout, IgnoreQuotas: f.ignoreQuotas,
		Retry: fetch.Retry{Max: f.retries}, MaxBody: f.maxBody, Accept: f.accept,
		Method: f.method, KeepHeader: f.include,
		KeepBody:      f.bodies.where == bodiesInline || f.bodies.where == bodiesFiles,
		KeepExchanges: f.bodies.where == bodiesWARC,
		SpillMax:      f.spillMax,
	}
	if f.dedup {
		o.Dedup = &fetch.Dedup{Memory: f.dedupMemory}
	}
	switch {
	case f.timeout < 0:
		return o, usagef("write --timeout 30s, or 0 for no limit", "--timeout: %v is negative", f.timeout)
	case f.connectTimeout <= 0:
		return o, usagef("write --connect-timeout 10s", "--connect-timeout: %v is not above 0", f.connectTimeout)
	case f.grace < 0:
		return o, usagef("write --grace 30s, or 0 to drop what is in flight at once", "--grace: %v is negative", f.grace)
	}
	if f.timeout == 0 {
		o.Timeout = -1
	}
	if f.location {
		o.Redirects = f.maxRedirects
	}
	if f.method != "" && !isToken(f.method) {
		return o, usagef("-X GET, -X POST, ...", "%q is not an HTTP method", f.method)
	}
	var err error
	if o.Body, err = f.body(); err != nil {
		return o, err
	}
	if o.Header, err = f.header(len(f.data) > 0); err != nil {
		return o, err
	}
	if f.policy, err = f.hosts.open(o.Retry, f.retriesSet); err != nil {
		return o, err
	}
	o.Policy = f.policy
	if len(f.rate) > 0 {
		limiter, err := rate.New(fetch.Paced(f.rate)...)
		if err != nil {
			return o, usagef("write --rate 100/s or --rate 5000/m", "--rate: %v", err)
		}
		o.Rate = limiter
	}
	transport := fetch.TransportOptions{
		MaxConns: f.concurrency, MaxConnsPerHost: f.concurrency,
		ConnectTimeout: f.connectTimeout, Insecure: f.insecure, DenyPrivate: f.denyPrivate,
	}
	if n := f.hosts.perHost.n; n > 0 && f.hosts.policy == "" && f.store.url == "" {
		transport.MaxConnsPerHost = min(f.concurrency, n)
	}
	if f.proxy != "" {
		if transport.Proxy, err = parseProxy(f.proxy); err != nil {
			return o, err
		}
	}
	if o.Transport, err = f.transportFlags.make(transport); err != nil {
		return o, err
	}
	if err := o.Check(); err != nil { // before a file is made
		hint := "penstock fetch --help lists the flags"
		if strings.Contains(err.Error(), "User-Agent") {
			hint = "-A my-crawler/1.0"
		}
		return o, usagef(hint, "%s", strings.TrimPrefix(err.Error(), "fetch: "))
	}
	return o, nil
}

func parseProxy(s string) (*url.URL, error) {
	full := s
	if !strings.Contains(s, "://") {
		full = "http://" + s // as curl does
	}
	u, err := url.Parse(full)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, usagef("--proxy http://127.0.0.1:3128, or socks5://...", "--proxy: not a URL that can be used")
	}
	return u, nil
}

// header reads the -H flags, as curl means them: "Name: value", "Name;" for
// an empty value, @FILE for a file of them.
func (f *fetchFlags) header(form bool) (http.Header, error) {
	h := http.Header{"User-Agent": {f.userAgent}, "Accept": {"*/*"}}
	if form {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return h, f.addHeaders(h, map[string]bool{})
}

// addHeaders adds what -H says to h; set are the names that it has from there.
func (f *fetchFlags) addHeaders(h http.Header, set map[string]bool) error {
	for _, arg := range f.headers {
		lines := []string{arg}
		if name, ok := strings.CutPrefix(arg, "@"); ok {
			data, err := os.ReadFile(name)
			if err != nil {
				return usagef("-H @FILE reads one header a line", "-H: %v", pathReason(err))
			}
			lines = strings.Split(strings.TrimRight(string(data), "\r\n"), "\n")
		}
		for _, line := range lines {
			if err := addHeader(h, set, strings.TrimRight(line, "\r")); err != nil {
				return err
			}
		}
	}
	return nil
}

func addHeader(h http.Header, set map[string]bool, line string) error {
	if line == "" {
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		name, ok = strings.CutSuffix(line, ";")
	}
	if !ok || !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
		// The line may hold a secret: it is not shown.
		return usagef(`-H "Accept: application/json"`, "-H: a header is \"Name: value\"")
	}
	name = http.CanonicalHeaderKey(name)
	if !set[name] {
		h.Del(name) // the first replaces our own, more of them add up
		set[name] = true
	}
	h.Add(name, strings.TrimSpace(value))
	return nil
}

// isToken says that s may be a method or a header's name (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// body reads the -d flags, as curl means them.
func (f *fetchFlags) body() ([]byte, error) {
	parts := make([]string, 0, len(f.data))
	for _, arg := range f.data {
		name, ok := strings.CutPrefix(arg, "@")
		if !ok {
			parts = append(parts, arg)
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, usagef("-d @FILE sends the file's content", "-d: %v", pathReason(err))
		}
		parts = append(parts, strings.NewReplacer("\r", "", "\n", "").Replace(string(data)))
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return []byte(strings.Join(parts, "&")), nil
}

// describe is the limits in words.
func (f *fetchFlags) describe() string {
	s := fmt.Sprintf("at most %d in flight", f.concurrency)
	if len(f.rate) > 0 {
		s += ", " + f.rate.String()
	}
	return s + f.hosts.describe()
}
