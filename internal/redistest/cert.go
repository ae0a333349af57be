package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TLS starts a server that speaks TLS at the address that is returned with it,
// and plainly at its own. It takes clients that have the certificate cert, which
// is also its own, its authority's and good for a day.
func TLS(t testing.TB, args ...string) (s *Server, addr, cert, key string) {
	t.Helper()
	Require(t)
	cert, key = Cert(t)
	addr, err := FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	s = Start(t, append([]string{
		"--tls-port", Port(addr), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
	}, args...)...)
	return s, addr, cert, key
}

// Cert writes a certificate for 127.0.0.1 and its key into a folder of the
// test's.
func Cert(t testing.TB) (cert, key string) {
	t.Helper()
	cert, key, err := WriteCert(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// WriteCert writes a certificate for 127.0.0.1 and its key into dir, as cert.pem
// and key.pem.
func WriteCert(dir string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			return "", "", err
		}
	}
	return cert, key, nil
}
