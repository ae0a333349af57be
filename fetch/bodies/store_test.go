package bodies_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/bodies"
)

// FIPS 180-2, appendix B.1.
const abc = "ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func open(t testing.TB, dir string) *bodies.Store {
	t.Helper()
	s, err := bodies.Open(dir, bodies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *bodies.Store, body string) string {
	t.Helper()
	ref, err := s.Put([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// check goes through the folder: each file holds what its name says, and
// nothing is left over. It returns how many there are.
func check(t testing.TB, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		h := sha256.Sum256(body)
		rel, _ := filepath.Rel(dir, path)
		if name := hex.EncodeToString(h[:]); filepath.ToSlash(rel) != name[:2]+"/"+name[2:] {
			t.Errorf("%s holds %s, %d bytes", rel, name, len(body))
		}
		n++
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestPut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	s := open(t, dir)
	if ref := put(t, s, "abc"); ref != abc || bodies.Ref([]byte("abc")) != abc {
		t.Errorf("ref %s", ref)
	}
	if got, err := os.ReadFile(s.Path(abc)); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	empty := put(t, s, "")
	if info, err := os.Stat(s.Path(empty)); err != nil || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
	if err := s.Sync(); err != nil {
		t.Error(err)
	}
	if n := check(t, dir); n != 2 {
		t.Errorf("%d files", n)
	}
}

// A body that is there is not written again, be it from this Store or before.
func TestOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "abc")
	file, err := os.Open(s.Path(abc)) // held, so that no other file gets its number
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	first, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		put(t, s, "abc")
		s = open(t, dir)
		put(t, s, "abc")
	}
	if again, err := os.Stat(s.Path(abc)); err != nil || !os.SameFile(first, again) {
		t.Errorf("another file, %v", err)
	}
	if n := check(t, dir); n != 1 {
		t.Errorf("%d files", n)
	}
}

// What a power failure left of a body is replaced.
func TestBroken(t *testing.T) {
	body := strings.Repeat("0123456789", 20_000) // more than one read
	for name, left := range map[string]string{
		"empty": "", "short": body[:100_000], "long": body + "x",
		"zeros": strings.Repeat("\x00", len(body)), "last byte": body[:len(body)-1] + "x",
	} {
		dir := t.TempDir()
		s := open(t, dir)
		path := s.Path(bodies.Ref([]byte(body)))
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(left), 0o644); err != nil {
			t.Fatal(err)
		}
		put(t, s, body)
		if n := check(t, dir); n != 1 {
			t.Errorf("%s: %d files", name, n)
		}
	}
}

func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	stores := []*bodies.Store{open(t, dir), open(t, dir)} // as if in two processes
	var wg sync.WaitGroup
	for g := range 16 {
		s := stores[g%2]
		wg.Go(func() {
			for i := range 60 {
				if _, err := s.Put(bytes.Repeat([]byte{byte(i)}, 1+i*997)); err != nil {
					t.Error(err)
				}
				if i%20 == g {
					if err := s.Sync(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := check(t, dir); n != 60 {
		t.Errorf("%d files, not 60", n)
	}
}

// A folder that cannot be written to fails its own bodies and no others, and
// leaves nothing behind.
func TestPutError(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "ba"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if ref, err := s.Put([]byte("abc")); err == nil || ref != "" {
		t.Errorf("put abc into a file: %q, %v", ref, err)
	}
	put(t, s, "other")
	if err := os.Remove(filepath.Join(dir, "ba")); err != nil {
		t.Fatal(err)
	}
	put(t, s, "abc")
	if err := s.Sync(); err != nil {
		t.Error(err)
	}
	if n := check(t, dir); n != 2 {
		t.Errorf("%d files", n)
	}
	if _, err := bodies.Open(s.Path(abc), bodies.Options{}); err == nil {
		t.Error("opened a file as a folder")
	}
}

// Sync looks at every body since the last one, and its error is final.
func TestSyncError(t *testing.T) {
	for _, noSync := range []bool{false, true} {
		s, err := bodies.Open(t.TempDir(), bodies.Options{NoSync: noSync})
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, "early")
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(s.Path(bodies.Ref([]byte("early")))); err != nil {
			t.Fatal(err)
		}
		put(t, s, "late")
		if err := s.Sync(); err != nil {
			t.Errorf("looked at what was synced before: %v", err)
		}
		put(t, s, "abc")
		if err := os.Remove(s.Path(abc)); err != nil {
			t.Fatal(err)
		}
		err = s.Sync()
		if noSync {
			if err != nil {
				t.Errorf("NoSync: %v", err)
			}
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a body is gone: %v", err)
		}
		if again := s.Sync(); again != err {
			t.Errorf("then Sync: %v", again)
		}
		if _, again := s.Put([]byte("x")); again != err {
			t.Errorf("then Put: %v", again)
		}
	}
}

func TestTidy(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	for name, age := range map[string]time.Duration{"old": 61 * time.Minute, "new": 59 * time.Minute} {
		path := filepath.Join(dir, ".tmp", name)
		if err := os.WriteFile(path, []byte("half a bo"), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	left, err := os.ReadDir(filepath.Join(dir, ".tmp"))
	if err != nil || len(left) != 1 || left[0].Name() != "new" {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A process that is killed leaves whole bodies, whenever that happens.
func TestKill(t *testing.T) {
	if dir := os.Getenv("BODIES_TEST_DIR"); dir != "" {
		s := open(t, dir)
		for i := 0; ; i++ {
			put(t, s, strings.Repeat(fmt.Sprintln(i), 20_000))
			if i == 0 {
				fmt.Println("under way")
			}
		}
	}
	if runtime.GOOS == "windows" {
		t.Skip("a process that was killed may keep its files locked")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	for range 10 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "BODIES_TEST_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Error(err)
		}
		kill := time.AfterFunc(time.Duration(random.IntN(40_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("the writer ended by itself: %v", err)
		}
		kill.Stop()
		if err := os.RemoveAll(filepath.Join(dir, ".tmp")); err != nil { // as Open would, in an hour
			t.Fatal(err)
		}
	}
	if n := check(t, dir); n == 0 {
		t.Error("not one body was written")
	}
}
