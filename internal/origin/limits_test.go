package origin_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

func packageText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// statuses fetches a path n times, one after the other.
func statuses(t *testing.T, s *origin.Server, c *http.Client, path string, n int) string {
	t.Helper()
	var got []string
	for range n {
		resp, _, err := get(c, s.URL()+path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strconv.Itoa(resp.StatusCode))
	}
	return strings.Join(got, " ")
}

func TestFirstKFail(t *testing.T) {
	tests := []struct{ path, want string }{
		{"/flaky/2/a", "503 503 200 200"},
		{"/flaky/0/a", "200 200 200 200"},
		{"/flaky/1/a?status=500", "500 200 200 200"},
		{"/flaky/0.0/a", "200 200 200 200"},
		{"/flaky/1.0/a", "503 503 503 503"},
		{"/429/1/a", "429 200 200 200"},
		{"/retry-after/0/2/a", "429 429 200 200"},
		{"/retry-after/0/2/a?status=503", "503 503 200 200"},
	}
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		for _, tt := range tests {
			s.Reset()
			if got := statuses(t, s, c, tt.path, 4); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.path, got, tt.want)
			}
		}
		if got := statuses(t, s, c, "/429/1/b", 2); got != "429 200" {
			t.Errorf("another ID: %s, want 429 200", got)
		}
	})
}

// TestFlakyByChance: about P of the requests fail, the same for the same seed.
func TestFlakyByChance(t *testing.T) {
	const n = 400
	failed := func(seed uint64) string {
		var got strings.Builder
		bubble(t, origin.Options{Seed: seed}, func(t *testing.T, s *origin.Server, c *http.Client) {
			for i := range n / 2 {
				got.WriteString(statuses(t, s, c, fmt.Sprint("/flaky/0.2/", i), 2) + " ")
			}
		})
		return got.String()
	}
	first := failed(1)
	if bad := strings.Count(first, "503"); bad < 50 || bad > 110 {
		t.Errorf("%d of %d failed, want about 80", bad, n)
	}
	if failed(1) != first {
		t.Error("the same seed failed otherwise")
	}
	if failed(2) == first {
		t.Error("another seed failed the same")
	}
}

// together starts n requests at once and counts their statuses.
func together(c *http.Client, url string, n int) map[int]int {
	var mu sync.Mutex
	got := make(map[int]int)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			resp, _, err := get(c, url)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				got[0]++
			} else {
				got[resp.StatusCode]++
			}
		})
	}
	wg.Wait()
	return got
}

func TestCap(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		for _, path := range []string{"/cap/10/100/a", "/cap/10/0/a?delay=100"} {
			began := time.Now()
			if got := together(c, s.URL()+path, 13); got[200] != 10 || got[503] != 3 {
				t.Errorf("13 at once: %v, want 10 times 200 and 3 times 503", got)
			}
			if took := time.Since(began); took != 100*ms {
				t.Errorf("took %v, want 100 ms", took)
			}
		}
		for range 3 { // all places were given back
			if got := together(c, s.URL()+"/cap/10/100/a", 10); got[200] != 10 {
				t.Errorf("10 at once: %v", got)
			}
		}
		if got := together(c, s.URL()+"/cap/1/100?status=429", 3); got[200] != 1 || got[429] != 2 {
			t.Errorf("3 at once, one allowed: %v", got)
		}
	})
}

func TestWorkers(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		began := time.Now()
		if got := together(c, s.URL()+"/workers/5/100", 12); got[200] != 12 {
			t.Errorf("12 at once: %v", got)
		}
		if took := time.Since(began); took != 300*ms {
			t.Errorf("12 by five that take 100 ms each took %v, want 300 ms", took)
		}
		if a := s.Audit().Total; a.MaxInFlight != 12 {
			t.Errorf("most in flight %d, want 12: who waits is at the server", a.MaxInFlight)
		}
	})
}

func TestRate(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		if got := statuses(t, s, c, "/rate/10?burst=3", 5); got != "200 200 200 429 429" {
			t.Errorf("five at once, burst 3: %s", got)
		}
		time.Sleep(100 * ms)
		if got := statuses(t, s, c, "/rate/10?burst=3", 2); got != "200 429" {
			t.Errorf("two after a tenth: %s", got)
		}
		time.Sleep(time.Hour)
		if got := together(c, s.URL()+"/rate/10?burst=3", 100); got[200] != 3 {
			t.Errorf("a hundred after an hour: %v, want 3 times 200", got)
		}
		if got := together(c, s.URL()+"/rate/10", 100); got[200] != 10 {
			t.Errorf("a hundred, default burst: %v, want 10 times 200", got)
		}
		resp, _ := mustGet(t, c, s.URL()+"/rate/10", 429)
		if got := resp.Header.Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After: %s, want 1", got)
		}
		if got := statuses(t, s, c, "/rate/10/for-the-path?burst=3", 1); got != "429" {
			t.Errorf("another path of the same limit: %s", got)
		}
	})
}

func TestQuota(t *testing.T) {
	bubble(t, origin.Options{Hosts: 2}, func(t *testing.T, s *origin.Server, c *http.Client) {
		if got := statuses(t, s, c, "/quota/3/10", 4); got != "200 200 200 429" {
			t.Errorf("four in a window: %s", got)
		}
		mustGet(t, c, s.URLs()[1]+"/quota/3/10", 200)
		time.Sleep(9 * time.Second)
		resp, _ := mustGet(t, c, s.URL()+"/quota/3/10", 429)
		if got := resp.Header.Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After: %s, want 1", got)
		}
		time.Sleep(time.Second)
		if got := statuses(t, s, c, "/quota/3/10", 4); got != "200 200 200 429" {
			t.Errorf("four in the next: %s", got)
		}
	})
}

func TestShape(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		for range 2 {
			began := time.Now()
			if got := together(c, s.URL()+"/shape/100", 51); got[200] != 51 {
				t.Errorf("51 at once: %v", got)
			}
			if took := time.Since(began); took != 500*ms {
				t.Errorf("51 at 100 a second took %v, want 500 ms", took)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestQuotaHeaders: a bubble's clock starts at 2000-01-01 00:00:00 UTC.
func TestQuotaHeaders(t *testing.T) {
	const epoch = 946684800
	tests := []struct {
		kind    string
		granted map[string]string // the first of two, with 1 left, 300 ms into the clock
		refused map[string]string // the third, 700 ms later
	}{
		{"retry-after", map[string]string{"Retry-After": ""}, map[string]string{"Retry-After": "9"}},
		{"date", map[string]string{"Retry-After": ""}, map[string]string{"Retry-After": "Sat, 01 Jan 2000 00:00:10 GMT"}},
		{"none", map[string]string{"Retry-After": ""}, map[string]string{"Retry-After": ""}},
		{
			"ratelimit",
			map[string]string{"RateLimit-Policy": `"default";q=2;w=9`, "RateLimit": `"default";r=1;t=9`},
			map[string]string{"RateLimit-Policy": `"default";q=2;w=9`, "RateLimit": `"default";r=0;t=9`, "Retry-After": ""},
		},
		{
			"ratelimit-old",
			map[string]string{"RateLimit-Limit": "2", "RateLimit-Remaining": "1", "RateLimit-Reset": "9"},
			map[string]string{"RateLimit-Limit": "2", "RateLimit-Remaining": "0", "RateLimit-Reset": "9"},
		},
		{
			"x",
			map[string]string{"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "9"},
			map[string]string{"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"},
		},
		{
			"x-epoch",
			map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": strconv.Itoa(epoch + 10)},
			map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.Itoa(epoch + 10)},
		},
		{
			"openai",
			map[string]string{"x-ratelimit-limit-requests": "2", "x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "9s"},
			map[string]string{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "8.3s"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
				time.Sleep(300 * ms)
				check := func(status int, want map[string]string) {
					t.Helper()
					resp, _ := mustGet(t, c, s.URL()+"/quota/2/9?headers="+tt.kind, status)
					for name, value := range want {
						if got := resp.Header.Get(name); got != value {
							t.Errorf("%s: %s, want %s", name, got, value)
						}
					}
				}
				check(200, tt.granted)
				time.Sleep(700 * ms)
				check(200, nil)
				check(429, tt.refused)
			})
		})
	}
}

// TestCapOutlivesClient: a place whose client has left is free again.
func TestCapOutlivesClient(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		hasty := *c
		hasty.Timeout = 10 * ms
		if _, _, err := get(&hasty, s.URL()+"/cap/1/60000"); err == nil {
			t.Fatal("answered at once")
		}
		synctest.Wait()
		mustGet(t, c, s.URL()+"/cap/1/60000", 200)
	})
}
