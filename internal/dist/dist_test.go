package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// clone puts the repository's last commit into a new folder: there go build
// finds its commit, which it does not in a worktree.
func clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, "", "git", "clone", "-q", "--no-hardlinks", filepath.Join("..", ".."), dir)
	return dir
}

func must(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, &stderr)
	}
	return string(out)
}

// distBinary builds this program.
func distBinary(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "dist")
	must(t, "", "go", "build", "-o", name, ".")
	return name
}

// needs skips the test where a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("no %s on this machine", p)
		}
	}
}

// TestPackages makes the packages of one commit twice, in different folders,
// and uses what came out.
func TestPackages(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the packages that are tried are Linux's")
	}
	needs(t, "git")
	dist := distBinary(t)
	first, second := clone(t), clone(t)
	t.Setenv("SOURCE_DATE_EPOCH", "") // and back at the end
	os.Unsetenv("SOURCE_DATE_EPOCH")
	must(t, first, dist, "linux/"+runtime.GOARCH)
	t.Setenv("TZ", "Asia/Kathmandu")
	must(t, second, dist, "linux/"+runtime.GOARCH)

	t.Run("reproducible", func(t *testing.T) { same(t, filepath.Join(first, "dist"), filepath.Join(second, "dist")) })
	commit := strings.TrimSpace(must(t, first, "git", "rev-parse", "HEAD"))
	t.Run("checksums", func(t *testing.T) {
		needs(t, "sha256sum")
		must(t, filepath.Join(first, "dist"), "sha256sum", "-c", "--strict", "SHA256SUMS")
	})
	t.Run("bill of materials", func(t *testing.T) { checkSBOM(t, one(t, first, "*.cdx.json")) })
	t.Run("archive", func(t *testing.T) {
		dir := t.TempDir()
		must(t, dir, "tar", "xzf", one(t, first, "*.tar.gz"), "--strip-components=1")
		checkTree(t, filepath.Join(dir, "penstock"), filepath.Join(dir, "man", "man1"), filepath.Join(dir, "completions", "penstock.bash"), commit)
	})
	t.Run("deb", func(t *testing.T) {
		needs(t, "dpkg-deb", "dpkg")
		dir := install(t, one(t, first, "*.deb"))
		checkTree(t, filepath.Join(dir, "usr/bin/penstock"), filepath.Join(dir, "usr/share/man/man1"),
			filepath.Join(dir, "usr/share/bash-completion/completions/penstock"), commit)
	})
}

// one is the only file in root's dist that matches.
func one(t *testing.T, root, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "dist", pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s: %q, %v; want one", pattern, names, err)
	}
	return names[0]
}

// same holds two folders against each other, byte by byte.
func same(t *testing.T, a, b string) {
	t.Helper()
	files, err := os.ReadDir(a)
	if err != nil || len(files) != 4 {
		t.Fatalf("%d files, %v; want archive, package, bill of materials and checksums", len(files), err)
	}
	for _, f := range files {
		x, errX := os.ReadFile(filepath.Join(a, f.Name()))
		y, errY := os.ReadFile(filepath.Join(b, f.Name()))
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			t.Errorf("%s: the second build differs: %d and %d bytes, %v, %v", f.Name(), len(x), len(y), errX, errY)
		}
	}
}

// install lets dpkg install the package: as root with all that dpkg does, into
// a folder of its own; else it is unpacked.
func install(t *testing.T, deb string) string {
	t.Helper()
	dir := t.TempDir()
	if os.Getuid() != 0 {
		must(t, "", "dpkg-deb", "-x", deb, dir)
		return dir
	}
	admin := filepath.Join(dir, "var/lib/dpkg")
	for _, d := range []string{"info", "updates", "triggers"} {
		if err := os.MkdirAll(filepath.Join(admin, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(admin, "status"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "", "dpkg", "--root="+dir, "--log="+filepath.Join(dir, "log"), "--force-not-root", "-i", deb)
	if got := must(t, "", "dpkg", "--root="+dir, "-s", "penstock"); !strings.Contains(got, "Status: install ok installed") {
		t.Errorf("dpkg -s says\n%s", got)
	}
	return dir
}

// checkTree runs the command, reads its manual and completes a line with it.
func checkTree(t *testing.T, penstock, pages, completion, commit string) {
	t.Helper()
	dir := t.TempDir()
	var v struct {
		Commit   string
		Modified bool
	}
	if err := json.Unmarshal([]byte(must(t, dir, penstock, "version", "--json")), &v); err != nil || v.Commit != commit || v.Modified {
		t.Errorf("penstock version says %+v, %v; the commit is %s, and nothing is modified", v, err, commit)
	}
	must(t, dir, penstock, "demo", "--items", "100")
	if info, err := os.Stat(filepath.Join(pages, "penstock-fetch.1.gz")); err != nil || info.Size() == 0 {
		if info, err = os.Stat(filepath.Join(pages, "penstock-fetch.1")); err != nil || info.Size() == 0 {
			t.Errorf("no man page of fetch in %s: %v", pages, err)
		}
	}
	if _, err := exec.LookPath("man"); err == nil {
		name, err := filepath.Glob(filepath.Join(pages, "penstock-fetch.1*"))
		if err != nil || len(name) != 1 {
			t.Fatalf("man pages of fetch: %q, %v", name, err)
		}
		if text := must(t, dir, "man", "-l", name[0]); !strings.Contains(text, "--max-concurrent") {
			t.Errorf("man shows no --max-concurrent:\n%s", text)
		}
	}
	// What bash does when a person types "penstock fetch --order " and TAB.
	script := `
_get_comp_words_by_ref() { :; }
source "$1"; export PATH="$(dirname "$2"):$PATH"
words=(penstock fetch --order ""); cword=3; cur=""; prev=--order
COMP_WORDS=("${words[@]}"); COMP_CWORD=3; COMP_TYPE=9
_init_completion() { return 0; }
__penstock_get_completion_results
echo "$out"`
	if got := must(t, dir, "bash", "-c", script, "bash", completion, penstock); !strings.Contains(got, "completion") {
		t.Errorf("bash offers %q for --order, not completion", got)
	}
}

// checkSBOM looks for modules that are surely in the binary.
func checkSBOM(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat  string
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(data, &bom); err != nil || bom.BOMFormat != "CycloneDX" {
		t.Fatalf("format %q, %v", bom.BOMFormat, err)
	}
	found := map[string]bool{}
	for _, c := range bom.Components {
		found[c.Name] = c.Version != ""
	}
	for _, want := range []string{"std", "github.com/spf13/cobra", "github.com/klauspost/compress"} {
		if !found[want] {
			t.Errorf("%s is not in the bill of materials", want)
		}
	}
}
