package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A release is what all platforms have in common.
type release struct {
	work    string // a folder for what is under way
	version string // without the v
	date    time.Time
	common  []file // documents, man pages, completions
}

// A file is one of an archive or a package.
type file struct {
	name string // in the archive, with slashes
	data []byte
	mode os.FileMode
}

var shells = map[string]string{
	"bash": "penstock.bash", "zsh": "_penstock", "fish": "penstock.fish", "powershell": "penstock.ps1",
}

// prepare builds the command for this machine and has it write its manual and
// its completions.
func prepare(ctx context.Context, work string) (*release, error) {
	r := &release{work: work}
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		out, err := output(ctx, "git", "log", "-1", "--format=%ct")
		if err != nil {
			return nil, err
		}
		epoch = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	r.date = time.Unix(seconds, 0).UTC()
	if err := os.Setenv("SOURCE_DATE_EPOCH", epoch); err != nil {
		return nil, err
	}
	host, err := r.build(ctx, runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	if r.version, err = versionOf(ctx, host); err != nil {
		return nil, err
	}
	for _, name := range []string{"LICENSE", "README.md"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		r.common = append(r.common, file{name, data, 0o644})
	}
	if err := r.addManual(ctx, host); err != nil {
		return nil, err
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script, err := output(ctx, host, "completion", shell)
		if err != nil {
			return nil, err
		}
		r.common = append(r.common, file{"completions/" + shells[shell], script, 0o644})
	}
	return r, nil
}

func (r *release) addManual(ctx context.Context, host string) error {
	dir := filepath.Join(r.work, "man1")
	if _, err := output(ctx, host, "man", "--dir", dir); err != nil {
		return err
	}
	pages, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, page := range pages {
		data, err := os.ReadFile(filepath.Join(dir, page.Name()))
		if err != nil {
			return err
		}
		r.common = append(r.common, file{"man/man1/" + page.Name(), data, 0o644})
	}
	return nil
}

// versionOf asks the command for its version, which is in its build info.
func versionOf(ctx context.Context, host string) (string, error) {
	out, err := output(ctx, host, "version", "--json")
	if err != nil {
		return "", err
	}
	var v struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return "", err
	}
	if !strings.HasPrefix(v.Version, "v") {
		return "0.0.0-devel", nil // not in a clone: go build found no commit
	}
	return v.Version[1:], nil
}

// build builds the command for a platform. Nothing of this machine gets into
// it: no C compiler, no paths, no settings of the user's.
func (r *release) build(ctx context.Context, goos, goarch string) (string, error) {
	name := filepath.Join(r.work, goos+"_"+goarch, "penstock")
	if goos == "windows" {
		name += ".exe"
	}
	if _, err := os.Stat(name); err == nil {
		return name, nil // it was made to write the manual
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=auto", "-ldflags=-s -w", "-o", name, "./cmd/penstock")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch,
		"GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off", "GOAMD64=v1", "GOARM64=v8.0")
	_, err := run(cmd)
	return name, err
}

// files is all that goes into the archive of a binary.
func (r *release) files(ctx context.Context, binary, goos string) ([]file, error) {
	data, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	notices, err := notices(ctx, binary)
	if err != nil {
		return nil, err
	}
	name := "penstock"
	if goos == "windows" {
		name += ".exe"
	}
	files := []file{{name, data, 0o755}, {"THIRD_PARTY_LICENSES", notices, 0o644}}
	return append(files, r.common...), nil
}

// writeSBOM writes which modules, at which versions, are in a binary, as the
// binary itself says.
func (r *release) writeSBOM(ctx context.Context, name, binary string) error {
	name, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	_, err = output(ctx, "go", "-C", "internal/dist", "tool", "cyclonedx-gomod", "bin",
		"-json", "-std", "-noserial", "-notimestamp", "-version", "v"+r.version, "-output", name, binary)
	return err
}

func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	return run(exec.CommandContext(ctx, name, args...))
}

func run(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, &stderr)
	}
	return out, nil
}
