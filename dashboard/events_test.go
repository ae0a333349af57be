package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/dashboard"
	"github.com/penstock-go/penstock/report"
)

// An event as it comes.
type event struct{ name, data string }

// reader reads events.
func reader(t *testing.T, url string) (next func() (event, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("%s, %s", resp.Status, got)
	}
	lines := bufio.NewReader(resp.Body)
	return func() (e event, err error) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return e, err
			}
			line = strings.TrimSuffix(line, "\n")
			if line == "" {
				return e, nil
			}
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "event":
				e.name = value
			case "data":
				e.data += value
			}
		}
	}
}

func recorded(t *testing.T) *told {
	t.Helper()
	r := many(3)
	r.data.Seconds = 2
	r.data.Timeline = report.Timeline{
		Step: 1, T: []float64{0, 1}, OK: []int64{3, 4}, Failed: []int64{0, 1}, S2xx: []int64{3, 4}, S3xx: []int64{0, 0}, S4xx: []int64{0, 1},
		S5xx: []int64{0, 0}, Errors: []int64{0, 0}, Retries: []int64{0, 0}, Bytes: []int64{9, 9}, InFlight: []float64{1, 2}, Queued: []float64{0, 0},
		Backoff: []float64{0, 0}, Limit: []float64{8, 8}, Reason: []report.Reason{"", ""}, P50: []float64{1, 1}, P90: []float64{1, 1}, P99: []float64{1, 1},
	}
	return r
}

// A reader gets all at once, then what is new, and at the end the last state.
func TestEvents(t *testing.T) {
	r := recorded(t)
	page, url := serve(t, dashboard.Options{Run: r.run(), Title: "a title"})
	next := reader(t, url)
	for _, want := range []string{"status", "sections", "charts", "status"} {
		e, err := next()
		if err != nil || e.name != want || !json.Valid([]byte(e.data)) {
			t.Fatalf("%v: %s %.100s, want %s", err, e.name, e.data, want)
		}
		switch e.name {
		case "sections":
			var s report.Sections
			if err := json.Unmarshal([]byte(e.data), &s); err != nil || !strings.Contains(s.Figures, "accepted") || !strings.Contains(s.Tables, "host-001") {
				t.Errorf("%v: %+v", err, s)
			}
		case "charts":
			var c []report.Chart
			if !strings.Contains(e.data, `"throughput"`) {
				t.Errorf("%v", c)
			}
		}
	}
	r.mu.Lock()
	r.data.Ended = report.Finished
	r.mu.Unlock()
	page.Close()
	last := ""
	for {
		e, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.name == "status" {
			last = e.data
		}
	}
	if !strings.Contains(last, `"state":"finished"`) {
		t.Errorf("the last state is %.200s", last)
	}
}

// Readers that take nothing hold up neither the run nor the others, and there are
// not more of them than there may be.
func TestSlowReaders(t *testing.T) {
	r := recorded(t)
	r.data.Output = strings.Repeat("x", 1<<20) // so that no buffer holds it
	asked := 0
	run := r.run()
	data := run.Data
	run.Data = func() report.Data {
		d := data()
		r.mu.Lock()
		defer r.mu.Unlock()
		asked++
		return d
	}
	_, url := serve(t, dashboard.Options{Run: run})
	for range 63 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 200" {
			t.Fatalf("%q %v", answer, err)
		}
	}
	start := time.Now()
	next := reader(t, url)
	for range 9 { // three frames
		if _, err := next(); err != nil {
			t.Fatal(err)
		}
	}
	r.mu.Lock()
	frames, most := asked, int(time.Since(start)/(500*time.Millisecond))+70
	r.mu.Unlock()
	if frames > most {
		t.Errorf("the run was asked %d times, as if by each reader", frames)
	}
	if status, body := get(t, url+"/events"); status != http.StatusServiceUnavailable || !strings.Contains(body, "64 readers") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, url+"/status"); status != 200 {
		t.Errorf("status: %d", status)
	}
}
