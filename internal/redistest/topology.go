package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Cluster starts a Cluster of so many primaries, and returns when it is whole.
func Cluster(t testing.TB, nodes int) []*Server {
	t.Helper()
	const slots = 16384
	list := make([]*Server, nodes)
	buses := make([]string, nodes)
	for i := range list {
		bus, err := FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		buses[i] = Port(bus)
		list[i] = Start(t, "--cluster-enabled", "yes", "--cluster-port", buses[i])
		list[i].Must("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(slots*i/nodes), fmt.Sprint(slots*(i+1)/nodes-1))
		list[i].Must("CLUSTER", "SET-CONFIG-EPOCH", fmt.Sprint(i+1))
	}
	for i, s := range list[1:] {
		list[0].Must("CLUSTER", "MEET", "127.0.0.1", Port(s.Addr), buses[i+1])
	}
	for _, s := range list {
		Eventually(t, patience, "the cluster is whole", func() bool {
			info := s.Must("CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, fmt.Sprint("cluster_slots_assigned:", slots)) &&
				strings.Contains(info, fmt.Sprint("cluster_known_nodes:", nodes))
		})
	}
	return list
}

// Replicas starts so many replicas of the server at addr, which may be a
// [Proxy]'s before it, and returns when primary sees them online.
func Replicas(t testing.TB, primary *Server, addr string, n int) []*Server {
	t.Helper()
	list := make([]*Server, n)
	for i := range list {
		list[i] = Start(t, "--replicaof", "127.0.0.1 "+Port(addr), "--repl-timeout", "60",
			"--replica-announce-ip", "127.0.0.1", "--repl-diskless-sync-delay", "0")
	}
	Eventually(t, patience, "the replicas are online", func() bool {
		return strings.Count(primary.Must("INFO", "replication"), "state=online") == n
	})
	return list
}

// Sentinels starts three Sentinels for primary, under the name "m", and returns
// their addresses when they know each other and so many replicas. They hold a
// primary for dead that was silent for 0.6 s.
func Sentinels(t testing.TB, primary *Server, replicas int) []string {
	t.Helper()
	addrs := make([]string, 3)
	for i := range addrs {
		addrs[i] = sentinel(t, primary.Addr)
	}
	for _, addr := range addrs {
		s := &Server{Addr: addr}
		Eventually(t, patience, "the Sentinels know each other and the replicas", func() bool {
			out, _ := s.Ask("INFO", "sentinel")
			return strings.Contains(out, fmt.Sprintf("slaves=%d,sentinels=3", replicas))
		})
	}
	return addrs
}

// SentinelURL is the URL of the primary that such Sentinels watch.
func SentinelURL(addrs []string) string {
	return "redis://" + addrs[0] + "?addr=" + strings.Join(addrs[1:], "&addr=") + "&master_set=m"
}

func sentinel(t testing.TB, primary string) (addr string) {
	t.Helper()
	addr, err := FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor m 127.0.0.1 %s 2\n"+
		"sentinel down-after-milliseconds m 600\nsentinel failover-timeout m 5000\n", Port(addr), dir, Port(primary))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := spawn(dir, nil, conf, "--sentinel")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return addr
}
