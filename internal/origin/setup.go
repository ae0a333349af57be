package origin

import (
	"crypto/tls"
	"net"
)

// listen makes the hosts. On an error nothing is left listening.
func (s *Server) listen() error {
	var ls []net.Listener
	var err error
	if s.opts.Listen != nil {
		for i := range s.opts.Hosts {
			var l net.Listener
			if l, err = s.opts.Listen(i); err != nil {
				break
			}
			ls = append(ls, l)
		}
	} else {
		ls, err = listenAll(s.opts.Hosts, s.opts.Port)
	}
	if err != nil {
		for _, l := range ls {
			l.Close()
		}
		return err
	}
	scheme := "http"
	if s.opts.TLS != Plain {
		scheme = "https"
	}
	for i, l := range ls {
		h := &host{index: i, listener: l, url: scheme + "://" + l.Addr().String(), delay: s.opts.HostDelay[i], seen: newSeen()}
		h.arrivals = newArrivals(s.opts.JudgeRate)
		s.hosts = append(s.hosts, h)
	}
	if len(s.hosts) > 1 {
		s.total = &scope{arrivals: newArrivals(s.opts.JudgeRate)}
	}
	return nil
}

// certify makes the certificate, where there is to be one.
func (s *Server) certify() (*tls.Config, error) {
	if s.opts.TLS == Plain {
		return nil, nil
	}
	var err error
	if s.root, err = newAuthority(s.zero); err != nil {
		return nil, err
	}
	var ips []net.IP
	for _, h := range s.hosts {
		if a, ok := h.listener.Addr().(*net.TCPAddr); ok {
			ips = append(ips, a.IP)
		}
	}
	cert, err := s.root.issue(s.opts.TLS, ips, s.zero)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
}
