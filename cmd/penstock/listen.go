package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/machine"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/pflag"
	"golang.org/x/net/netutil"
)

// listenFlags say where the live page is.
type listenFlags struct {
	addr, tokenFile string
}

func (f *listenFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.addr, "listen", "", "serve a live page of the run, with /status and /metrics, at `ADDR:PORT`, such as 127.0.0.1:8080")
	fl.StringVar(&f.tokenFile, "listen-token", "", "read the token that the live page asks for from `FILE`, instead of making one up")
}

// A livePage is a live page of a run. It may be nil: there is none then.
type livePage struct {
	listener net.Listener
	opts     dashboard.Options
	page     *dashboard.Page
	server   *http.Server
	serving  sync.WaitGroup
	each     int // descriptors that a request may take
}

// leastToken is how many bytes a token of one's own has at the least.
const leastToken = 16

// open takes the address, before anything is sent. It returns nil where no page
// was asked for.
func (f *listenFlags) open() (*livePage, error) {
	if f.addr == "" {
		if f.tokenFile != "" {
			return nil, usagef("--listen 127.0.0.1:8080 --listen-token "+quoted(f.tokenFile), "--listen-token without --listen")
		}
		return nil, nil
	}
	host, _, err := net.SplitHostPort(f.addr)
	if err != nil {
		return nil, usagef("--listen 127.0.0.1:8080", "--listen %q is no address with a port", f.addr)
	}
	l := &livePage{opts: dashboard.Options{Title: "penstock", Version: version()}}
	if f.tokenFile != "" {
		if l.opts.Token, err = readToken(f.tokenFile); err != nil {
			return nil, err
		}
	}
	if l.listener, err = net.Listen("tcp", f.addr); err != nil {
		return nil, usagef("--listen 127.0.0.1:0 takes a port that is free", "--listen %s: %v", f.addr, reason(err))
	}
	if net.ParseIP(host) == nil && host != "" {
		l.opts.Hosts = []string{host}
	}
	if addr, ok := l.listener.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		l.opts.TokenToRead = true
		if name, err := os.Hostname(); err == nil {
			l.opts.Hosts = append(l.opts.Hosts, name)
		}
	}
	return l, nil
}

// reason is the part of an error of net that says why.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

func readToken(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", usagef("openssl rand -hex 16 > token.txt; --listen-token token.txt", "--listen-token: %v", err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < leastToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", usagef("openssl rand -hex 16 > "+quoted(name), "--listen-token %s: a token is one word of at least %d letters and digits", name, leastToken)
	}
	return token, nil
}

// mostConns is how many connections to the page there may be: the run needs the
// files.
const mostConns = 100

// start serves the page of a run, and says where it is.
func (l *livePage) start(engine *fetch.Engine, rec *report.Recorder, say func(string)) error {
	if l == nil {
		return nil
	}
	run := dashboard.Engine(engine, rec)
	pause, resume, setLimit := run.Pause, run.Resume, run.SetLimit
	run.SetLimit = func(n int) error {
		room := machine.Look()
		room.FilesEach = l.each
		if fits, why := room.Fit(n); why != "" {
			return fmt.Errorf("%d is more than this machine can do: %s; %d would do", n, why, fits)
		}
		if err := setLimit(n); err != nil {
			return err
		}
		say(fmt.Sprintf("live page: the limit is %d now", n))
		return nil
	}
	run.Pause = func() { pause(); say("live page: paused; what is in flight goes on") }
	run.Resume = func() { resume(); say("live page: resumed") }
	l.opts.Run = run
	page, err := dashboard.Handler(l.opts)
	if err != nil {
		return err
	}
	l.page = page
	l.server = &http.Server{
		Handler: page, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // of clients that have left
	}
	l.serving.Go(func() { _ = l.server.Serve(netutil.LimitListener(l.listener, mostConns)) }) // it ends with ErrServerClosed
	say("live page: " + l.url())
	return nil
}

// url is the page's address, with the token where no browser sends it.
func (l *livePage) url() string {
	addr, ok := l.listener.Addr().(*net.TCPAddr)
	if !ok {
		return "http://" + l.listener.Addr().String() + "/"
	}
	host, everywhere := addr.IP.String(), ""
	if addr.IP.IsUnspecified() {
		host, everywhere = "127.0.0.1", ", and at every other address of this machine"
	}
	return fmt.Sprintf("http://%s/#token=%s%s", net.JoinHostPort(host, fmt.Sprint(addr.Port)), l.page.Token(), everywhere)
}

// lastWords is how long readers have for the last state of the run.
const lastWords = 3 * time.Second

// close shows the last state to those who look, and ends the page.
func (l *livePage) close() {
	if l == nil {
		return
	}
	if l.server == nil {
		_ = l.listener.Close() // nothing was served
		return
	}
	_ = l.page.Close() // it is always nil
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close()
	}
	l.serving.Wait()
}
