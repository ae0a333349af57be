package e2e_test

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// A session is a run of the command that the test talks with while it goes on.
type session struct {
	result // without what was read from out

	cmd   *exec.Cmd
	out   *bufio.Reader
	said  chan string // lines of stderr; closed at its end
	begin time.Time
}

// start starts the command; the test must see it end by finish.
func start(t *testing.T, stdin io.Reader, dir string, args ...string) *session {
	t.Helper()
	s := &session{cmd: command(t.Context(), dir, args...), said: make(chan string, 10_000), begin: time.Now()}
	s.cmd.Stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReader(stdout)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.said)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.said <- lines.Text()
		}
	}()
	return s
}

// read returns the next n whole lines of stdout.
func (s *session) read(t *testing.T, n int) []byte {
	t.Helper()
	var out []byte
	for range n {
		line, err := s.out.ReadBytes('\n')
		if err != nil {
			t.Fatalf("stdout ended with %v after %q", err, line)
		}
		out = append(out, line...)
	}
	return out
}

// await waits until stderr says something that matches.
func (s *session) await(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for line := range s.said {
		s.stderr.WriteString(line + "\n")
		if re.MatchString(line) {
			return
		}
	}
	t.Fatalf("stderr ended without a match of %q:\n%s", pattern, &s.stderr)
}

func (s *session) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// finish waits for the end and returns the rest of stdout.
func (s *session) finish(t *testing.T) []byte {
	t.Helper()
	var rest bytes.Buffer
	if _, err := rest.ReadFrom(s.out); err != nil {
		t.Fatal(err)
	}
	for line := range s.said {
		s.stderr.WriteString(line + "\n")
	}
	s.end(t, s.cmd, s.cmd.Wait())
	s.took = time.Since(s.begin)
	return rest.Bytes()
}
