package redislimit_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/redislimit"
)

// handOver has two processes pass a permit back and forth: calls, scripts and
// messages all work.
func handOver(t *testing.T, urls ...string) {
	t.Helper()
	a := semaphore(t, open(t, urls[0], quick), "hand", 1)
	b := semaphore(t, open(t, urls[len(urls)-1], quick), "hand", 1)
	p, err := a.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		next, got := b, make(chan *redislimit.Permit)
		if i%2 == 1 {
			next = a
		}
		go func() {
			q, err := next.Acquire(t.Context(), 1)
			if err != nil {
				t.Error(err)
			}
			got <- q
		}()
		eventually(t, 5*time.Second, "one waits", func() bool { return next.Stats().Waiting == 1 })
		pause(t, 5*time.Millisecond)
		start := time.Now()
		p.Release(penstock.Success)
		q := <-got
		if q == nil {
			return
		}
		if took := time.Since(start); i > 1 && took > quick.Lease/8 {
			t.Errorf("handed over after %v: not by a message", took)
		}
		if q.Fence().Compare(p.Fence()) <= 0 {
			t.Errorf("%v after %v", q.Fence(), p.Fence())
		}
		p = q
	}
	p.Release(penstock.Success)
}

func TestCluster(t *testing.T) {
	t.Parallel()
	a := startServer(t, "--cluster-enabled", "yes", "--cluster-port", portOf(freeAddr(t)))
	b := startServer(t, "--cluster-enabled", "yes", "--cluster-port", portOf(freeAddr(t)))
	a.must("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
	b.must("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
	a.must("CONFIG", "GET", "port")
	_, port, _ := net.SplitHostPort(b.addr)
	bus := strings.Fields(b.must("CONFIG", "GET", "cluster-port"))[1]
	a.must("CLUSTER", "MEET", "127.0.0.1", port, bus)
	for _, s := range []*server{a, b} {
		eventually(t, 20*time.Second, "the cluster is whole", func() bool {
			return strings.Contains(s.must("CLUSTER", "INFO"), "cluster_state:ok") &&
				strings.Contains(s.must("CLUSTER", "SLOTS"), "16383") && strings.Contains(s.must("CLUSTER", "SLOTS"), "8191")
		})
		s.age()
	}
	handOver(t, a.url(), b.url())
	store := open(t, a.url(), quick)
	var kept []*redislimit.Permit
	for i := range 10 { // on both nodes
		p, err := semaphore(t, store, fmt.Sprint("name", i), 1).Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, p)
	}
	if list, err := store.List(t.Context()); err != nil || len(list) != 11 {
		t.Errorf("%v: %+v", err, list)
	}
	if x, y := a.must("DBSIZE"), b.must("DBSIZE"); x == "0" || y == "0" {
		t.Errorf("%s and %s keys: not on both nodes", x, y)
	}
	for _, p := range kept {
		p.Release(penstock.Success)
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// TestACL gives the user what the package's documentation says, and no more.
func TestACL(t *testing.T) {
	srv := aged(t)
	srv.must("ACL", "SETUSER", "limits", "on", ">secret", "~penstock:*", "&penstock:*",
		"+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+info", "+time")
	srv.must("ACL", "SETUSER", "default", "off")
	handOver(t, "redis://limits:secret@"+srv.addr)
	t.Setenv("REDIS_USERNAME", "limits")
	t.Setenv("REDISCLI_AUTH", "secret")
	if err := open(t, srv.url(), quick).Ping(t.Context()); err != nil {
		t.Errorf("user and password from the environment: %v", err)
	}
	if _, err := open(t, srv.url(), quick).List(t.Context()); err != nil {
		t.Errorf("list: %v", err)
	}
	t.Setenv("REDISCLI_AUTH", "wrong")
	err := open(t, srv.url(), quick).Ping(t.Context())
	if err == nil || strings.Contains(err.Error(), "wrong") && !strings.HasPrefix(err.Error(), "WRONGPASS") {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestURLsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"redis://u:hunter2@host:port/0", "http://u:hunter2@host", "redis://u:hunter2@host/x/y",
		"redis://u:hunter2@host/hunter2", "redis://u:hun/ter2@host", "redis://u:%zz-hunter2@host", "rediss://u:hunter2@host?ca=/none",
	} {
		_, err := redislimit.Open(url, redislimit.Options{})
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2") || strings.Contains(err.Error(), "hun/") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := writeCert(t, dir)
	addr := freeAddr(t)
	srv := aged(t, "--tls-port", portOf(addr), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	_ = srv
	handOver(t, "rediss://"+addr+"?ca="+cert+"&cert="+cert+"&key="+key)
	if err := open(t, "rediss://"+addr+"?cert="+cert+"&key="+key, quick).Ping(t.Context()); err == nil {
		t.Error("a certificate of nobody's was taken")
	}
}

// writeCert writes a certificate for 127.0.0.1 and its key.
func writeCert(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestFailover kills the primary of a primary, two replicas and three Sentinels,
// while a fleet works: whole, and after the replicas were cut off for a while,
// so that they miss what was written last.
func TestFailover(t *testing.T) {
	long(t)
	for _, lose := range []bool{false, true} {
		t.Run(fmt.Sprintf("WritesLost=%v", lose), func(t *testing.T) {
			t.Parallel()
			primary := startServer(t)
			seen := primary.addr
			link := startProxy(t, primary.addr)
			for range 2 {
				startServer(t, "--replicaof", "127.0.0.1", portOf(link.addr), "--repl-timeout", "60",
					"--replica-announce-ip", "127.0.0.1", "--repl-diskless-sync-delay", "0")
			}
			eventually(t, 20*time.Second, "two replicas are online", func() bool {
				return strings.Count(primary.must("INFO", "replication"), "state=online") == 2
			})
			var addrs []string
			for range 3 {
				addrs = append(addrs, startSentinel(t, seen))
			}
			eventually(t, 30*time.Second, "the Sentinels know each other and the replicas", func() bool {
				out := sentinelInfo(addrs[0])
				return strings.Contains(out, "slaves=2,sentinels=3")
			})
			primary.age()
			url := "redis://" + addrs[0] + "?addr=" + addrs[1] + "&addr=" + addrs[2] + "&master_set=m"
			f := startFleet(t, primary, 3, job{URL: url, Limit: 5, Hold: 20 * time.Millisecond, Lease: 4 * time.Second})
			if lose {
				link.cut.Store(true)
				pause(t, 800*time.Millisecond)
			}
			_, _, _, _, before := f.judge.look()
			start := time.Now()
			primary.kill()
			f.judge.goesOn(t, 50, 40*time.Second, "the failover")
			t.Logf("work went on %v after the primary was killed", time.Since(start))
			f.end(t)
			if _, _, _, _, after := f.judge.look(); after.Compare(before) <= 0 {
				t.Errorf("the fences are at %v, and were at %v before", after, before)
			}
		})
	}
}

func startSentinel(t *testing.T, primary string) (addr string) {
	t.Helper()
	dir := t.TempDir()
	addr = freeAddr(t)
	conf := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor m 127.0.0.1 %s 2\nsentinel down-after-milliseconds m 600\nsentinel failover-timeout m 5000\n",
		portOf(addr), dir, portOf(primary))
	if err := os.WriteFile(filepath.Join(dir, "sentinel.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	startProcess(t, "redis-server", filepath.Join(dir, "sentinel.conf"), "--sentinel")
	return addr
}

func sentinelInfo(addr string) string {
	s := &server{addr: addr}
	out, _ := s.cli("INFO", "sentinel")
	return out
}
