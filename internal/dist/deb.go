package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

// installed says where a file of the archive goes in a Debian system; the
// others stay behind.
func installed(name string) string {
	switch name {
	case "penstock":
		return "/usr/bin/penstock"
	case "LICENSE":
		return "/usr/share/doc/penstock/copyright"
	case "README.md", "THIRD_PARTY_LICENSES":
		return "/usr/share/doc/penstock/" + name
	case "completions/penstock.bash":
		return "/usr/share/bash-completion/completions/penstock"
	case "completions/_penstock":
		return "/usr/share/zsh/vendor-completions/_penstock"
	case "completions/penstock.fish":
		return "/usr/share/fish/vendor_completions.d/penstock.fish"
	}
	if page, ok := strings.CutPrefix(name, "man/man1/"); ok {
		return "/usr/share/man/man1/" + page + ".gz"
	}
	return ""
}

// writeDeb writes a Debian package of the files, which are those of the
// archive for the same platform.
func (r *release) writeDeb(out, goarch string, all []file) error {
	info := &nfpm.Info{
		Name: "penstock", Arch: goarch, Platform: "linux",
		Version: debVersion(r.version), VersionSchema: "none",
		Section: "web", Priority: "optional", License: "Apache-2.0",
		Maintainer: "The Penstock authors <penstock@users.noreply.github.com>",
		Homepage:   "https://github.com/penstock-go/penstock",
		Description: "Fetch long lists of URLs, as fast as the resources allow\n" +
			"Many requests at once, never more than the servers and this machine allow:\n" +
			"limits in all, per host and in time, retries, resuming, a record for each URL.",
		MTime: r.date,
	}
	stage := filepath.Join(r.work, "deb_"+goarch)
	for _, f := range all {
		at := installed(f.name)
		if at == "" {
			continue
		}
		source := filepath.Join(stage, at)
		data, err := f.data, error(nil)
		if strings.HasSuffix(at, ".gz") {
			data, err = gzipped(data)
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(source, data, f.mode); err != nil {
			return err
		}
		info.Contents = append(info.Contents, &files.Content{
			Source: source, Destination: at,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: r.date},
		})
	}
	var packed bytes.Buffer
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	if err := deb.Default.Package(info, &packed); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "penstock_"+r.version+"_"+goarch+".deb"), packed.Bytes(), 0o644)
}

// debVersion is a version whose order is Debian's, too: 1.0.0~rc.1 comes
// before 1.0.0, and no hyphen begins a revision.
func debVersion(version string) string {
	release, pre, ok := strings.Cut(version, "-")
	if !ok {
		return version
	}
	return release + "~" + strings.ReplaceAll(pre, "-", ".")
}
