package policy_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/policy"
)

var _ fetch.Policy = (*policy.Reloader)(nil)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file that became bad, or went away, changes nothing; a good one counts, and
// the flags stay.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.toml")
	write(t, path, "[default]\nconcurrency = 1\n")
	r, err := policy.NewReloader(path, policy.Flags{Limits: fetch.Limits{Rate: rates(t, "9/s")}})
	if err != nil {
		t.Fatal(err)
	}
	u := parseURL(t, "http://x")
	limits := func(want int) {
		t.Helper()
		if b := r.Bucket(u); b.Concurrency != want || b.Rate.String() != "9/s" || b.Key != "x:80" {
			t.Errorf("%+v, want concurrency %d and 9/s", b, want)
		}
	}
	limits(1)
	first := r.File()

	write(t, path, "[default]\nconcurrency = 0\n")
	if f, err := r.Reload(); err == nil || f != first {
		t.Errorf("%v, %v", f, err)
	}
	limits(1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reload(); err == nil || r.File() != first {
		t.Error(err)
	}
	limits(1)

	write(t, path, "[default]\nconcurrency = 2\nrate = '1/s'\n")
	if f, err := r.Reload(); err != nil || f == first || f != r.File() {
		t.Errorf("%v, %v", f, err)
	}
	limits(2)
}

func TestReloaderFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.toml")
	write(t, path, "nonsense")
	if r, err := policy.NewReloader(path, policy.Flags{}); err == nil || r != nil {
		t.Errorf("%v, %v", r, err)
	}
}

func TestReloaderWithoutFile(t *testing.T) {
	r, err := policy.NewReloader("", policy.Flags{Limits: fetch.Limits{Concurrency: 3}})
	if err != nil {
		t.Fatal(err)
	}
	before := r.File()
	if f, err := r.Reload(); err != nil || f != before {
		t.Errorf("%v, %v", f, err)
	}
	if b := r.Bucket(parseURL(t, "https://x")); b.Key != "x:443" || b.Concurrency != 3 {
		t.Errorf("%+v", b)
	}
}

// Who asks while it is read again gets one file or the other, whole.
func TestReloadWhileUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.toml")
	texts := []string{
		"[default]\nconcurrency = 1\nrate = '1/s'\n",
		"[default]\nconcurrency = 2\nrate = '2/s'\n",
	}
	write(t, path, texts[0])
	r, err := policy.NewReloader(path, policy.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	u := parseURL(t, "http://x")
	quit := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for {
				if b := r.Bucket(u); int64(b.Concurrency) != b.Rate[0].Count {
					t.Errorf("half of each: %+v", b)
				}
				select {
				case <-quit:
					return
				default:
				}
			}
		})
	}
	for i := range 40 {
		next := filepath.Join(filepath.Dir(path), "next")
		write(t, next, texts[(i+1)%2])
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
		if f, err := r.Reload(); err != nil || f.Bucket(u).Concurrency != (i+1)%2+1 {
			t.Fatalf("reload %d: %v", i, err)
		}
	}
	close(quit)
	users.Wait()
}
