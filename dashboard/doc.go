// Package dashboard is a live web page of a run, or of any limits: charts that
// move, figures in JSON and for Prometheus, profiles, and buttons to pause,
// resume and change a limit.
//
//	downloads := penstock.NewSemaphore(8)
//	page, err := dashboard.Handler(dashboard.Options{
//		Limiters: []dashboard.Limiter{dashboard.Semaphore("downloads", downloads)},
//	})
//	if err != nil {
//		return err
//	}
//	defer page.Close()
//	log.Printf("http://127.0.0.1:8080/#token=%s", page.Token())
//	return http.ListenAndServe("127.0.0.1:8080", page)
//
// # What it serves
//
//	GET  /               the page
//	GET  /events         what the page shows, as server-sent events, once a second
//	GET  /status         a [Status] in JSON
//	GET  /metrics        for Prometheus; docs/live.md lists them
//	GET  /healthz        "ok"
//	GET  /debug/pprof/   profiles, for go tool pprof
//	POST /pause, /resume of the run, or of the limiter that the form's field limiter names
//	POST /limit          sets the limit to the form's field limit, likewise
//
// All addresses in the page are relative, so that it can live under a prefix:
// http.Handle("/penstock/", http.StripPrefix("/penstock", page)).
//
// # Who may do what
//
// To change something, a request needs the token, and must not come from a page
// of another origin ([http.CrossOriginProtection]). To read, it needs the token
// too, unless it came over a loopback connection for localhost or a loopback
// address; Options.TokenToRead asks for it even then. The token goes into the
// header Authorization, as "Bearer TOKEN" or as the password of Basic. The
// page itself and /healthz, which know nothing, are open.
//
// A request whose Host is a name, and neither localhost nor one of
// Options.Hosts, is refused, lest a page somewhere else lead a browser here by
// a name of its own (DNS rebinding).
package dashboard
