package origin_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
)

// client is an HTTP client that trusts the server's root.
func client(s *origin.Server) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.RootPEM())
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:  true,
		DisableCompression: true,
	}}
}

func TestCertificates(t *testing.T) {
	tests := []struct {
		kind origin.Cert
		is   func(error) bool
	}{
		{origin.Trusted, func(err error) bool { return err == nil }},
		{origin.Expired, func(err error) bool {
			e, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && e.Reason == x509.Expired
		}},
		{origin.WrongHost, func(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok }},
		{origin.SelfSigned, func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }},
	}
	for _, tt := range tests {
		t.Run(tt.kind.String(), func(t *testing.T) {
			s := start(t, origin.Options{Hosts: 2, TLS: tt.kind})
			c := client(s)
			defer c.CloseIdleConnections()
			for _, url := range s.URLs() {
				if _, _, err := get(c, url+"/item/1"); !tt.is(err) {
					t.Errorf("%s: %v", url, err)
				}
			}
			if kind, err := origin.ParseCert(tt.kind.String()); kind != tt.kind || err != nil {
				t.Errorf("its name is read as %v, %v", kind, err)
			}
		})
	}
	if _, err := origin.ParseCert("other"); err == nil {
		t.Error("ParseCert takes any name")
	}
}

// TestHTTP2 asks for every kind of answer over HTTP/2; what is made of bytes
// resets the stream, and nothing disturbs the streams beside it.
func TestHTTP2(t *testing.T) {
	s := start(t, origin.Options{TLS: origin.Trusted})
	c := client(s)
	defer c.CloseIdleConnections()
	for _, path := range []string{"/item/1", "/big/100000", "/chunked/3", "/drip/100/0", "/echo", "/flaky/0/a"} {
		if resp, _ := mustGet(t, c, s.URL()+path, 200); resp.Proto != "HTTP/2.0" {
			t.Errorf("%s: %s", path, resp.Proto)
		}
	}
	for _, path := range []string{"/garbage", "/raw/two-lengths", "/truncate/100", "/slowheaders/1", "/nolength/5"} {
		if _, _, err := get(c, s.URL()+path); err == nil || !strings.Contains(err.Error(), "stream error") {
			t.Errorf("%s: %v, want a reset stream", path, err)
		}
	}
	if a := s.Audit().Total; a.Opened != 1 || a.Protocols["HTTP/2.0"] != a.Requests {
		t.Errorf("%d connections, protocols %v", a.Opened, a.Protocols)
	}
	h1 := start(t, origin.Options{TLS: origin.Trusted, HTTP1: true})
	c1 := client(h1)
	defer c1.CloseIdleConnections()
	if resp, _ := mustGet(t, c1, h1.URL()+"/item/1", 200); resp.Proto != "HTTP/1.1" {
		t.Errorf("with HTTP1 set: %s", resp.Proto)
	}
}
