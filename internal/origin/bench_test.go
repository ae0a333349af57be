package origin_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
)

// BenchmarkItem is the rate of /item/N over kept connections. The client is the
// cheapest there can be, a write and reads until the known length is there, so
// that what is measured is mostly the server; both share the machine.
func BenchmarkItem(b *testing.B) {
	for _, conns := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			s, err := origin.Start(origin.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range conns {
				wg.Go(func() { fetchItems(b, s.URL(), &next) })
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
			if got := s.Audit().Total; got.Requests != uint64(b.N) || got.Repeats != 0 || got.MaxInFlight > conns {
				b.Fatalf("the server counted %d requests, %d repeats, %d in flight; %d were sent over %d connections",
					got.Requests, got.Repeats, got.MaxInFlight, b.N, conns)
			}
		})
	}
}

// fetchItems fetches items until b.N have been.
func fetchItems(b *testing.B, url string, next *atomic.Int64) {
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		b.Error(err)
		return
	}
	defer nc.Close()
	var request []byte
	buffer := make([]byte, 4096)
	for {
		n := next.Add(1)
		if n > int64(b.N) {
			return
		}
		request = fmt.Appendf(request[:0], "GET /item/%d HTTP/1.1\r\nHost: origin\r\nUser-Agent: bench\r\nAccept-Encoding: gzip\r\n\r\n", n)
		if _, err := nc.Write(request); err != nil {
			b.Error(err)
			return
		}
		for got := 0; !strings.HasSuffix(string(buffer[:got]), "}\n"); {
			m, err := nc.Read(buffer[got:])
			if err == io.EOF || err != nil {
				b.Error(err)
				return
			}
			got += m
		}
	}
}
