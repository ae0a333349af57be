package h1_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/internal/origin"
)

// certificate makes one that signs itself, for 127.0.0.1 and name.test.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"name.test"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// serveTLS is serve over TLS, with a configuration that trusts it.
func serveTLS(t *testing.T, serve func(p *peer)) (url string, trusting *tls.Config) {
	t.Helper()
	cert, roots := certificate(t)
	return "https://" + serveOn(t, &tls.Config{Certificates: []tls.Certificate{cert}}, serve), &tls.Config{RootCAs: roots}
}

func TestCertificates(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		for _, kind := range []origin.Cert{origin.Trusted, origin.Expired, origin.WrongHost, origin.SelfSigned} {
			s := startOrigin(t, origin.Options{TLS: kind, HTTP1: true})
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(s.RootPEM())
			tr := anew(h1.Options{TLSConfig: &tls.Config{RootCAs: roots}})
			_, err := tr.RoundTrip(request(t, "GET", s.URL()+"/item/1", nil))
			switch kind {
			case origin.Trusted:
				if resp, body := get(t, tr, s.URL()+"/item/1"); err != nil || resp.TLS == nil || body != string(origin.AppendItem(nil, 1)) {
					t.Errorf("%v: %v, %q", kind, err, body)
				}
			default:
				if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
					t.Errorf("%v: %v", kind, err)
				}
			}
			if kind == origin.Expired {
				any := anew(h1.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
				get(t, any, s.URL()+"/item/1")
			}
		}
	})
}

// The server hears the name of the URL, and its certificate must be for it; a
// name in the configuration takes its place.
func TestServerName(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		cert, roots := certificate(t)
		names := make(chan string, 1)
		addr := serveOn(t, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			names <- hello.ServerName
			return &cert, nil
		}}, func(p *peer) {
			if p.request() != nil {
				p.say(one, p.number)
			}
		})
		_, port, _ := net.SplitHostPort(addr)
		dial := dialTo(addr)
		for _, tt := range []struct {
			host, name, heard string
			ok                bool
		}{{"name.test:" + port, "", "name.test", true}, {"name.test", "", "name.test", true}, {"127.0.0.1:" + port, "", "", true}, {"other.test", "", "other.test", false}, {"other.test", "name.test", "name.test", true}} {
			tr := anew(h1.Options{DialContext: dial, TLSConfig: &tls.Config{RootCAs: roots, ServerName: tt.name}})
			_, err := tr.RoundTrip(request(t, "GET", "https://"+tt.host, nil))
			if heard := <-names; heard != tt.heard || (err == nil) != tt.ok {
				t.Errorf("%s: the server heard %q: %v", tt.host, heard, err)
			}
		}
	})
}

func TestClientCertificate(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		cert, roots := certificate(t)
		mine, _ := certificate(t)
		addr := serveOn(t, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}, func(p *peer) {
			if p.request() != nil {
				p.say(one, len(p.Conn.(*tls.Conn).ConnectionState().PeerCertificates))
			}
		})
		with := anew(h1.Options{TLSConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{mine}}})
		if _, got := get(t, with, "https://"+addr); got != "1" {
			t.Errorf("the server saw %s certificates", got)
		}
		if _, err := anew(h1.Options{TLSConfig: &tls.Config{RootCAs: roots}}).RoundTrip(request(t, "GET", "https://"+addr, nil)); err == nil {
			t.Error("without one it went as well")
		}
	})
}

// A session is resumed on the next connection; ours needs no cache for that.
func TestSessionResumption(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			url, config := serveTLS(t, func(p *peer) {
				if p.request() != nil {
					p.say("%sConnection: close\r\nContent-Length: 0\r\n\r\n", ok)
				}
			})
			config.MaxVersion = version
			if byNetHTTP(t) {
				config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
			}
			tr := anew(h1.Options{TLSConfig: config})
			for i := range 3 {
				if resp, _ := get(t, tr, url); resp.TLS.DidResume != (i > 0) {
					t.Errorf("TLS %x, connection %d: resumed %v", version, i, resp.TLS.DidResume)
				}
			}
		}
	})
}

func TestPlainServerToHTTPS(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		url := serve(t, func(p *peer) { p.say("HTTP/1.1 400 Bad Request\r\n\r\n") })
		client := &http.Client{Transport: anew(h1.Options{})}
		if _, err := client.Do(request(t, "GET", strings.Replace(url, "http:", "https:", 1), nil)); !errors.Is(err, http.ErrSchemeMismatch) {
			t.Error(err)
		}
	})
}
