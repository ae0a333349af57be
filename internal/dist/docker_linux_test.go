package main_test

import (
	"bytes"
	"debug/elf"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user of distroless's images that are called nonroot.
const nobody = 65532

// A dockerfile is its instructions, stage by stage.
type dockerfile [][]string

func readDockerfile(t *testing.T) (d dockerfile) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "FROM "):
			d = append(d, []string{line})
		case len(d) == 0:
			t.Fatalf("%q stands before the first FROM", line)
		default:
			d[len(d)-1] = append(d[len(d)-1], line)
		}
	}
	return d
}

// TestDockerfile proves of the image what can be proved without Docker, and
// without the network from which its stages come: the line that builds the
// command is run, what it makes needs nothing but a kernel, and in an empty root,
// as the image's user, with certificates where the image has them, it fetches
// over TLS.
func TestDockerfile(t *testing.T) {
	needs(t, "git")
	d := readDockerfile(t)
	if len(d) != 2 {
		t.Fatalf("%d stages, want one that builds and one that runs", len(d))
	}
	for _, want := range []string{
		"FROM gcr.io/distroless/static-debian12:nonroot", "COPY --from=build /penstock /usr/bin/penstock",
		fmt.Sprintf("USER %d:%d", nobody, nobody), "WORKDIR /work", `ENTRYPOINT ["/usr/bin/penstock"]`,
	} {
		if !slices.Contains(d[1], want) {
			t.Errorf("the stage that runs has no %s", want)
		}
	}
	penstock := runBuild(t, d[0])
	t.Run("static", func(t *testing.T) { checkStatic(t, penstock) })
	t.Run("image", func(t *testing.T) { checkImage(t, penstock) })
}

// runBuild runs the RUN lines of the stage as Docker would, but that /penstock
// is in a folder of the test.
func runBuild(t *testing.T, stage []string) string {
	t.Helper()
	src, out := clone(t), filepath.Join(t.TempDir(), "penstock")
	ran := 0
	for _, line := range stage {
		if command, ok := strings.CutPrefix(line, "RUN "); ok {
			ran++
			must(t, src, "/bin/sh", "-c", strings.ReplaceAll(command, "-o /penstock", "-o "+out))
		}
	}
	if ran != 2 {
		t.Errorf("%d RUN lines, want go mod download and go build", ran)
	}
	return out
}

// checkStatic wants neither a loader nor a library in the program.
func checkStatic(t *testing.T, name string) {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it asks for a loader")
		}
	}
	if libs, err := f.ImportedLibraries(); len(libs) > 0 {
		t.Errorf("it needs %q, %v", libs, err)
	}
}

// checkImage makes the image's root, as far as Penstock has to do with it, and
// runs the command there.
func checkImage(t *testing.T, penstock string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	srv.StartTLS()
	defer srv.Close()
	root := imageRoot(t, penstock)
	certs := filepath.Join(root, "etc/ssl/certs/ca-certificates.crt") // where Debian has them, and distroless from it
	urls := filepath.Join(root, "work/urls.txt")
	if err := os.WriteFile(urls, []byte(srv.URL+"/1\n"+srv.URL+"/2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, code := inRoot(t, root, "version"); code != 0 || !strings.HasPrefix(said, "penstock ") {
		t.Fatalf("penstock version: exit %d: %s", code, said)
	}
	if said, code := inRoot(t, root, "fetch", "urls.txt", "--retries", "0"); code != 3 || !strings.Contains(said, `"class":"tls"`) {
		t.Errorf("without certificates: exit %d, not 3 of class tls: %s", code, said)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(certs, ca, 0o644); err != nil {
		t.Fatal(err)
	}
	said, code := inRoot(t, root, "fetch", "urls.txt", "-o", "out.jsonl", "--report", "out.html")
	text, err := os.ReadFile(filepath.Join(root, "work/out.jsonl"))
	if code != 0 || err != nil || bytes.Count(text, []byte(`"body":"hello"`)) != 2 {
		t.Errorf("exit %d: %s\n%s, %v", code, said, text, err)
	}
	if os.Getuid() == 0 {
		info, err := os.Stat(filepath.Join(root, "work/out.jsonl"))
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != nobody {
			t.Errorf("the output is of %+v, %v, not of %d", info.Sys(), err, nobody)
		}
		if said, code := inRoot(t, root, "fetch", "urls.txt", "-o", "/out.jsonl"); code != 2 || !strings.Contains(said, "permission denied") || !strings.Contains(said, "hint: ") {
			t.Errorf("where it may not write: exit %d: %s", code, said)
		}
	}
}

// imageRoot is a root with the command, a folder of certificates, a user, a place
// for temporary files, and the mounted folder: no shell, no library, no /proc.
func imageRoot(t *testing.T, penstock string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"usr/bin", "etc/ssl/certs", "tmp", "work"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(penstock)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "usr/bin/penstock"), program, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "etc/passwd"), fmt.Appendf(nil, "nonroot:x:%d:%d:nonroot:/home/nonroot:/sbin/nologin\n", nobody, nobody), 0o644)
	}
	if err == nil {
		err = errors.Join(os.Chmod(root, 0o755), os.Chmod(filepath.Join(root, "tmp"), 0o1777))
	}
	if err == nil && os.Getuid() == 0 {
		err = os.Chown(filepath.Join(root, "work"), nobody, nobody)
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// inRoot runs the command in root, in /work, as nobody, with an empty
// environment: as root by chroot, else in a user namespace, where there may be
// one.
func inRoot(t *testing.T, root string, args ...string) (said string, code int) {
	t.Helper()
	cmd := exec.Command("/usr/bin/penstock", args...)
	cmd.Err = nil // it is looked up in the new root
	cmd.Dir, cmd.Env = "/work", []string{"HOME=/home/nonroot"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL, Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: os.Getuid() != 0}}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		if errors.Is(err, syscall.EPERM) {
			t.Skipf("neither chroot nor a user namespace: %v", err)
		}
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
