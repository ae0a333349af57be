package origin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// inFlight starts n requests and lets them come to rest at the server.
func inFlight(t *testing.T, c *http.Client, url string, n int, wg *sync.WaitGroup) {
	for i := range n {
		wg.Go(func() {
			if resp, _, err := get(c, fmt.Sprintf("%s/%d", url, i)); err != nil || resp.StatusCode != 200 {
				t.Errorf("%s: %v, %v", url, resp, err)
			}
		})
	}
	synctest.Wait()
}

func TestMostInFlight(t *testing.T) {
	bubble(t, origin.Options{Hosts: 2}, func(t *testing.T, s *origin.Server, c *http.Client) {
		var wg sync.WaitGroup
		inFlight(t, c, s.URLs()[0]+"/delay/1000", 7, &wg)
		time.Sleep(500 * ms)
		inFlight(t, c, s.URLs()[1]+"/delay/1000/x", 4, &wg)
		a := s.Audit()
		if a.Total.InFlight != 11 || a.Hosts[0].InFlight != 7 || a.Hosts[1].InFlight != 4 {
			t.Errorf("in flight %d = %d + %d, want 11 = 7 + 4", a.Total.InFlight, a.Hosts[0].InFlight, a.Hosts[1].InFlight)
		}
		time.Sleep(501 * ms) // the first seven are done
		inFlight(t, c, s.URLs()[1]+"/delay/1000/y", 2, &wg)
		wg.Wait()
		a = s.Audit()
		if a.Total.InFlight != 0 {
			t.Errorf("in flight %d after all were answered", a.Total.InFlight)
		}
		if a.Total.MaxInFlight != 11 || a.Hosts[0].MaxInFlight != 7 || a.Hosts[1].MaxInFlight != 6 {
			t.Errorf("most in flight %d, %d, %d; want 11, 7, 6", a.Total.MaxInFlight, a.Hosts[0].MaxInFlight, a.Hosts[1].MaxInFlight)
		}
		if a.Total.MaxOpen != 13 || a.Hosts[0].MaxOpen != 7 || a.Hosts[1].MaxOpen != 6 || a.Total.Opened != 13 {
			t.Errorf("most open %d, %d, %d, opened %d; want 13, 7, 6, 13", a.Total.MaxOpen, a.Hosts[0].MaxOpen, a.Hosts[1].MaxOpen, a.Total.Opened)
		}
	})
}

func TestArrivals(t *testing.T) {
	bubble(t, origin.Options{Hosts: 2, JudgeRate: 10}, func(t *testing.T, s *origin.Server, c *http.Client) {
		began := time.Now()
		for i := range 30 { // ten a second, then a pause, then twenty a second
			mustGet(t, c, fmt.Sprintf("%s/item/%d", s.URLs()[i%2], i), 200)
			switch {
			case i < 10:
				time.Sleep(100 * ms)
			case i == 10:
				time.Sleep(10 * time.Second)
			default:
				time.Sleep(50 * ms)
			}
		}
		a := s.Audit()
		if a.Total.MaxPerSecond != 19 || a.Total.MaxPer100ms != 2 || a.Total.Burst != 10 {
			t.Errorf("total: %d a second, %d in 100 ms, burst %v; want 19, 2, 10", a.Total.MaxPerSecond, a.Total.MaxPer100ms, a.Total.Burst)
		}
		if h := a.Hosts[0]; h.MaxPerSecond != 9 || h.MaxPer100ms != 1 || h.Burst != 1 {
			t.Errorf("host 0: %d a second, %d in 100 ms, burst %v; want 9, 1, 1", h.MaxPerSecond, h.MaxPer100ms, h.Burst)
		}
		if want := began.Add(11*time.Second + 18*50*ms); !a.Total.First.Equal(began) || !a.Total.Last.Equal(want) {
			t.Errorf("first %v, last %v; want %v, %v", a.Total.First, a.Total.Last, began, want)
		}
	})
}

func TestRepeatsAndStatuses(t *testing.T) {
	bubble(t, origin.Options{Hosts: 2}, func(t *testing.T, s *origin.Server, c *http.Client) {
		for _, path := range []string{
			"/item/1", "/item/2", "/item/1", "/item/1?x=1", "/status/404", "/status/404", "/status/503?id=7", "/delay/1?id=7", "/hm",
		} {
			if _, _, err := get(c, s.URL()+path); err != nil {
				t.Fatal(err)
			}
		}
		mustGet(t, c, s.URLs()[1]+"/item/1", 200) // another host, another URL
		a := s.Audit()
		if a.Total.Requests != 10 || a.Total.Distinct != 7 || a.Total.Repeats != 3 || a.Hosts[1].Repeats != 0 {
			t.Errorf("%d requests, %d distinct, %d repeats, %d on host 1; want 10, 7, 3, 0",
				a.Total.Requests, a.Total.Distinct, a.Total.Repeats, a.Hosts[1].Repeats)
		}
		want := map[int]uint64{200: 6, 404: 3, 503: 1}
		if !reflect.DeepEqual(a.Total.Statuses, want) || a.Total.NoStatus != 0 {
			t.Errorf("statuses %v and %d without, want %v", a.Total.Statuses, a.Total.NoStatus, want)
		}
		if want := map[string]uint64{"HTTP/1.1": 10}; !reflect.DeepEqual(a.Total.Protocols, want) {
			t.Errorf("protocols %v, want %v", a.Total.Protocols, want)
		}
	})
}

// TestTooEarly sends at exact distances from a hint.
func TestTooEarly(t *testing.T) {
	tests := []struct {
		name string
		hint string // the path that gives it
		at   time.Duration
		path string
		want uint64
	}{
		{"was under way", "/retry-after/2/1/a", 19 * ms, "/item/1", 0},
		{"just past the grace", "/retry-after/2/1/a", 20 * ms, "/item/1", 1},
		{"just before the end", "/retry-after/2/1/a", 1998 * ms, "/item/1", 1},
		{"within the clocks' slack", "/retry-after/2/1/a", 1999 * ms, "/item/1", 0},
		{"the end", "/retry-after/2/1/a", 2000 * ms, "/item/1", 0},
		{"the same path comes back early", "/retry-after/2/1/a", 1000 * ms, "/retry-after/2/1/a", 1},
		{"a date", "/retry-after/2/1/a?headers=date", 1000 * ms, "/item/1", 1},
		{"after the date", "/retry-after/2/1/a?headers=date", 3000 * ms, "/item/1", 0},
		{"an answer that gives no hint", "/429/1/a", 100 * ms, "/item/1", 0},
		{"the last of a quota, told so", "/quota/1/5?headers=ratelimit", 4 * time.Second, "/item/1", 1},
		{"the last of a quota, not told", "/quota/1/5", 4 * time.Second, "/item/1", 0},
		{"a refusal by milliseconds", "/retry-after/1/1/a?headers=openai", 500 * ms, "/item/1", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, origin.Options{Hosts: 2}, func(t *testing.T, s *origin.Server, c *http.Client) {
				if _, _, err := get(c, s.URL()+tt.hint); err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.at)
				for _, url := range s.URLs() { // the other host has said nothing
					if _, _, err := get(c, url+tt.path); err != nil {
						t.Fatal(err)
					}
				}
				a := s.Audit()
				if a.Hosts[0].TooEarly != tt.want || a.Hosts[1].TooEarly != 0 || a.Total.TooEarly != tt.want {
					t.Errorf("too early: %d and %d, in all %d; want %d and 0", a.Hosts[0].TooEarly, a.Hosts[1].TooEarly, a.Total.TooEarly, tt.want)
				}
			})
		})
	}
}

func TestLeaked(t *testing.T) {
	bubble(t, origin.Options{Hosts: 2}, func(t *testing.T, s *origin.Server, c *http.Client) {
		resp, _ := mustGet(t, c, s.URLs()[1]+"/redirect-host/0", 302)
		if got := resp.Header.Get("Location"); got != s.URL()+"/landed" {
			t.Fatalf("redirected to %s", got)
		}
		mustGet(t, c, s.URL()+"/landed", 200)
		if a := s.Audit(); a.Total.Leaked != nil {
			t.Fatalf("leaked %v, though nothing was sent", a.Total.Leaked)
		}
		req, _ := http.NewRequest("GET", s.URL()+"/landed", nil)
		req.Header.Set("Authorization", "Bearer secret")
		req.AddCookie(&http.Cookie{Name: "session", Value: "secret"})
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want := map[string]uint64{"Authorization": 1, "Cookie": 1}
		if a := s.Audit(); !reflect.DeepEqual(a.Hosts[0].Leaked, want) || !reflect.DeepEqual(a.Total.Leaked, want) {
			t.Errorf("leaked %v, %v; want %v", a.Hosts[0].Leaked, a.Total.Leaked, want)
		}
	})
}

// TestControl: the control paths answer on hosts, and are not counted.
func TestControl(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		mustGet(t, c, s.URL()+"/item/1", 200)
		before := s.Audit()
		_, body := mustGet(t, c, s.URL()+"/_audit", 200)
		var got origin.Audit
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if got.Total.Requests != 1 || got.Hosts[0].Bytes != before.Total.Bytes || got.Hosts[0].URL != s.URL() {
			t.Errorf("over HTTP %+v, want %+v", got, before)
		}
		mustGet(t, c, s.URL()+"/_reset", 405)
		if a := s.Audit(); !reflect.DeepEqual(a.Hosts, before.Hosts) {
			t.Errorf("the control requests were counted: %+v, was %+v", a.Hosts, before.Hosts)
		}

		mustGet(t, c, s.URL()+"/flaky/1/a", 503)
		mustGet(t, c, s.URL()+"/flaky/1/a", 200)
		resp, err := c.Post(s.URL()+"/_reset", "", nil)
		if err != nil || resp.StatusCode != 204 {
			t.Fatalf("reset: %v, %v", resp, err)
		}
		resp.Body.Close()
		a := s.Audit()
		zero := origin.Counts{URL: s.URL(), Open: 1, MaxOpen: 1, Statuses: map[int]uint64{}, Protocols: map[string]uint64{}}
		if !reflect.DeepEqual(a.Hosts[0], zero) {
			t.Errorf("after a reset %+v, want %+v", a.Hosts[0], zero)
		}
		mustGet(t, c, s.URL()+"/flaky/1/a", 503) // its memory was reset too
		if a := s.Audit(); a.Total.Repeats != 0 || a.Total.Distinct != 1 {
			t.Errorf("after a reset %d repeats, %d distinct; want 0, 1", a.Total.Repeats, a.Total.Distinct)
		}
	})
}

// TestResetKeepsWhatIsThere: requests at work during a reset are the new peak.
func TestResetKeepsWhatIsThere(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		var wg sync.WaitGroup
		inFlight(t, c, s.URL()+"/delay/1000", 9, &wg)
		inFlight(t, c, s.URL()+"/delay/3000", 3, &wg)
		time.Sleep(2 * time.Second)
		s.Reset()
		if a := s.Audit().Total; a.InFlight != 3 || a.MaxInFlight != 3 || a.Requests != 0 {
			t.Errorf("in flight %d, most %d, requests %d; want 3, 3, 0", a.InFlight, a.MaxInFlight, a.Requests)
		}
		wg.Wait()
		if a := s.Audit().Total; a.InFlight != 0 || a.MaxInFlight != 3 {
			t.Errorf("in flight %d, most %d; want 0, 3", a.InFlight, a.MaxInFlight)
		}
	})
}

// TestClientLeaves: a request that its client gave up is soon not at work.
func TestClientLeaves(t *testing.T) {
	for _, path := range []string{"/hang", "/hang-body", "/delay/60000", "/drip/100/60000", "/workers/1/60000"} {
		t.Run(path[1:], func(t *testing.T) {
			bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 100*ms)
				defer cancel()
				for range 2 { // /workers: one has room, one waits
					req, _ := http.NewRequestWithContext(ctx, "GET", s.URL()+path, nil)
					if resp, err := c.Do(req); err == nil {
						defer resp.Body.Close()
						go io.Copy(io.Discard, resp.Body)
					}
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if a := s.Audit().Total; a.InFlight != 0 || a.Requests == 0 {
					t.Errorf("in flight %d of %d", a.InFlight, a.Requests)
				}
			})
		})
	}
}
