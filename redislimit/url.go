package redislimit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// clientOption reads url. No error quotes it: it may hold a password.
func clientOption(url string, lease time.Duration) (rueidis.ClientOption, error) {
	u, err := neturl.Parse(url)
	if err != nil {
		if bad, ok := errors.AsType[*neturl.Error](err); ok {
			err = bad.Err
		}
		if strings.Contains(err.Error(), "port") { // it quotes what may be a password with a slash in it
			err = errors.New("the port is no number, or the password has characters to be written as %XX")
		}
		return rueidis.ClientOption{}, fmt.Errorf("redislimit: the store's URL: %w", err)
	}
	o, err := rueidis.ParseURL(url)
	if err != nil {
		return o, fmt.Errorf("redislimit: the store's URL: %s; write redis://HOST:6379 or rediss://HOST:6379", reason(err, u))
	}
	if o.Username == "" {
		o.Username = os.Getenv("REDIS_USERNAME")
	}
	if o.Password == "" {
		o.Password = os.Getenv("REDIS_PASSWORD")
	}
	if o.Password == "" {
		o.Password = os.Getenv("REDISCLI_AUTH")
	}
	if err := files(u.Query(), o.TLSConfig); err != nil {
		return o, err
	}
	if o.TLSConfig != nil && o.Sentinel.MasterSet != "" {
		o.Sentinel.TLSConfig = o.TLSConfig
	}
	// A peer that has gone silent is to be found out within a heartbeat.
	patience := max(lease/4, 50*time.Millisecond)
	if o.Dialer.Timeout == 0 {
		o.Dialer.Timeout = min(patience, 5*time.Second)
	}
	if o.ConnWriteTimeout == 0 {
		o.ConnWriteTimeout = patience
	}
	o.PipelineMultiplex = -1 // one connection
	o.DisableCache = true
	o.ReadBufferEachConn, o.WriteBufferEachConn = 64<<10, 64<<10
	return o, nil
}

// reason is what err says without what may be secret in u.
func reason(err error, u *neturl.URL) string {
	text := err.Error()
	if password, ok := u.User.Password(); ok && password != "" {
		text = strings.ReplaceAll(text, password, "xxxxx")
	}
	return text
}

// files reads the certificates that the query names into c.
func files(q neturl.Values, c *tls.Config) error {
	ca, cert, key := q.Get("ca"), q.Get("cert"), q.Get("key")
	if ca == "" && cert == "" && key == "" {
		return nil
	}
	if c == nil {
		return errors.New("redislimit: the store's URL: ca, cert and key are for rediss://")
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("redislimit: the store's ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("redislimit: the store's ca: no certificate in %s", ca)
		}
	}
	if cert == "" && key == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("redislimit: the store's cert and key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}
