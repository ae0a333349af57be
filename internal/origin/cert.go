package origin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Cert says which certificate the server shows. The zero value, Plain, is no
// TLS at all.
type Cert int

const (
	// Plain serves HTTP without TLS.
	Plain Cert = iota
	// Trusted is signed by the server's own root (Server.RootPEM) for its
	// addresses and for localhost: right in every way for a client that trusts
	// this root.
	Trusted
	// Expired is as Trusted, but its time ended yesterday.
	Expired
	// WrongHost is as Trusted, but for the name wrong.invalid only.
	WrongHost
	// SelfSigned is for the right addresses and times, but signed by its own
	// key and by no root.
	SelfSigned
)

var certNames = [...]string{"plain", "trusted", "expired", "wrong-host", "self-signed"}

// String is the kind's name as ParseCert takes it.
func (c Cert) String() string {
	if c < 0 || int(c) >= len(certNames) {
		return fmt.Sprintf("Cert(%d)", int(c))
	}
	return certNames[c]
}

// ParseCert reads the name of a certificate kind: plain, trusted, expired,
// wrong-host or self-signed.
func ParseCert(name string) (Cert, error) {
	for i, n := range certNames {
		if n == name {
			return Cert(i), nil
		}
	}
	return Plain, fmt.Errorf("unknown certificate kind %q: use plain, trusted, expired, wrong-host or self-signed", name)
}

// authority is the root that signs this server's certificate. It is made anew
// at each start and its key is never written anywhere.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "penstock origin test root"},
		NotBefore:             now.Add(-72 * time.Hour),
		NotAfter:              now.Add(365 * 24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue makes the server's certificate of the given kind.
func (a *authority) issue(kind Cert, addrs []net.IP, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "penstock origin"},
		NotBefore:    now.Add(-48 * time.Hour),
		NotAfter:     now.Add(90 * 24 * time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  addrs,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	parent, signer := a.cert, a.key
	switch kind {
	case Expired:
		template.NotAfter = now.Add(-24 * time.Hour)
	case WrongHost:
		template.DNSNames, template.IPAddresses = []string{"wrong.invalid"}, nil
	case SelfSigned:
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
