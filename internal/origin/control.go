package origin

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
)

const (
	auditPath = "/_audit"
	resetPath = "/_reset"
)

func isControl(path string) bool {
	return len(path) == len(auditPath) && path[1] == '_' && (path == auditPath || path == resetPath)
}

// serveAudit answers the control paths.
func (s *Server) serveAudit(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == auditPath && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.Encode(s.Audit()) // an error is the client's having left
	case r.URL.Path == resetPath && r.Method == http.MethodPost:
		s.Reset()
		w.WriteHeader(http.StatusNoContent)
	case isControl(r.URL.Path):
		http.Error(w, "GET "+auditPath+" reads the counts, POST "+resetPath+" sets them to zero", http.StatusMethodNotAllowed)
	default:
		http.Error(w, "only "+auditPath+" and "+resetPath+" are here", http.StatusNotFound)
	}
}

// serveControl starts the control address, whose connections are not counted.
// Without it (no listener to be had) the control paths of the hosts are left.
func (s *Server) serveControl() {
	if s.opts.Listen != nil {
		return
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		s.opts.Logger.Debug("origin: no control address", "err", err)
		return
	}
	s.address = l.Addr()
	s.control = &http.Server{
		Handler:   http.HandlerFunc(s.serveAudit),
		ErrorLog:  slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug),
		ConnState: s.connState,
	}
	s.serving.Go(func() { s.control.Serve(l) })
}

// ControlURL is the base URL of an address of its own, always without TLS, for
// GET /_audit and POST /_reset: what goes on there is in none of the counts. The
// hosts serve these paths too, where the request is not counted but the
// connection is. It is empty for a server with Options.Listen.
func (s *Server) ControlURL() string {
	if s.address == nil {
		return ""
	}
	return "http://" + s.address.String()
}
