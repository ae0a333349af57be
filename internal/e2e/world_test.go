package e2e_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// A world plays all hosts there are, so that https://example.com in a document
// can be fetched as it is written and nothing leaves this machine: a proxy
// that HTTP_PROXY and HTTPS_PROXY name, with certificates of an authority that
// SSL_CERT_FILE names. The origin answers for every host; a path that it does
// not have is a small page.
type world struct {
	proxy *httptest.Server
	pages http.Handler
	root  string // file of the authority's certificate
	ca    *x509.Certificate
	key   *ecdsa.PrivateKey

	mu    sync.Mutex
	certs map[string]*tls.Certificate
}

func startWorld(t *testing.T) *world {
	t.Helper()
	w := &world{certs: map[string]*tls.Certificate{}, root: filepath.Join(t.TempDir(), "root.pem")}
	w.certify(t)
	base, err := url.Parse(startOrigin(t, origin.Options{}).URL())
	if err != nil {
		t.Fatal(err)
	}
	w.pages = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(base) },
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusNotFound {
				r.StatusCode, r.Status = http.StatusOK, "200 OK"
			}
			return nil
		},
	}
	w.proxy = httptest.NewServer(w)
	t.Cleanup(w.proxy.Close)
	return w
}

// certify makes the authority.
func (w *world) certify(t *testing.T) {
	t.Helper()
	var err error
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.ca = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "penstock docs test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, w.ca, w.ca, &w.key.PublicKey, w.key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(w.root, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate is the one of a host, made when it is first asked for.
func (w *world) certificate(host string) (*tls.Certificate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.certs[host]; c != nil {
		return c, nil
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(w.certs) + 2)), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: w.ca.NotBefore, NotAfter: w.ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca, &w.key.PublicKey, w.key)
	if err != nil {
		return nil, err
	}
	w.certs[host] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: w.key}
	return w.certs[host], nil
}

// ServeHTTP is the proxy.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.pages.ServeHTTP(rw, r)
		return
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	cert, err := w.certificate(host)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	w.serveTLS(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"}}))
}

// serveTLS answers the requests of one tunnel, one after another.
func (w *world) serveTLS(conn *tls.Conn) {
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		answer := httptest.NewRecorder()
		w.pages.ServeHTTP(answer, r)
		if answer.Result().Write(conn) != nil {
			return
		}
	}
}

// environ is what a block sees: the command, the proxy, and nothing of the
// machine that could change what it does.
func (w *world) environ(home string) []string {
	env := []string{
		"PATH=" + binDir + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home,
		"SSL_CERT_FILE=" + w.root, "CURL_CA_BUNDLE=" + w.root, "GORACE=halt_on_error=1",
	}
	for _, name := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, name+"="+w.proxy.URL)
	}
	return env
}
