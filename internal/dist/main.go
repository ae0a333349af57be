// Dist makes what is published of Penstock, into the folder dist: an archive
// of the static command for each platform, Debian packages, a bill of
// materials (CycloneDX) of each binary, and the checksums. Run it by make
// dist, at the root of the repository:
//
//	dist [-o FOLDER] [OS/ARCH...]
//
// The same commit, Go version and SOURCE_DATE_EPOCH (by default the time of
// the commit) give the same bytes, in any folder and on any machine.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

var platforms = []string{
	"linux/amd64", "linux/arm64",
	"darwin/amd64", "darwin/arm64",
	"windows/amd64", "windows/arm64",
}

func main() {
	out := flag.String("o", "dist", "the `FOLDER` to make; an old one is replaced")
	flag.Parse()
	targets := flag.Args()
	if len(targets) == 0 {
		targets = platforms
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := dist(ctx, *out, targets)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// dist makes everything in out.
func dist(ctx context.Context, out string, targets []string) error {
	if _, err := os.Stat("cmd/penstock"); err != nil {
		return errors.New("run it at the root of the repository: make dist")
	}
	work, err := os.MkdirTemp("", "penstock-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	r, err := prepare(ctx, work)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if err := r.make(ctx, out, target); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return checksums(out)
}

// make makes what there is for one platform.
func (r *release) make(ctx context.Context, out, target string) error {
	goos, goarch, ok := strings.Cut(target, "/")
	if !ok {
		return errors.New("a platform is OS/ARCH, such as linux/arm64")
	}
	binary, err := r.build(ctx, goos, goarch)
	if err != nil {
		return err
	}
	files, err := r.files(ctx, binary, goos)
	if err != nil {
		return err
	}
	name := filepath.Join(out, fmt.Sprintf("penstock_%s_%s_%s", r.version, goos, goarch))
	folder := filepath.Base(name)
	switch goos {
	case "windows":
		err = writeZip(name+".zip", folder, files, r.date)
	default:
		err = writeTarGz(name+".tar.gz", folder, files, r.date)
	}
	if err == nil && goos == "linux" {
		err = r.writeDeb(out, goarch, files)
	}
	if err != nil {
		return err
	}
	return r.writeSBOM(ctx, name+".cdx.json", binary)
}

// checksums writes SHA256SUMS, as sha256sum -c reads it.
func checksums(out string) error {
	entries, err := os.ReadDir(out) // sorted
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
