package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/bodies"
)

// Where bodies can go.
const (
	bodiesNone   = "none"
	bodiesInline = "inline"
	bodiesFiles  = "files"
	bodiesWARC   = "warc"
)

// bodiesFlag is the flag --bodies.
type bodiesFlag struct{ where, dir string }

func (v *bodiesFlag) String() string {
	if v.dir != "" {
		return v.where + ":" + v.dir
	}
	return v.where
}

func (v *bodiesFlag) Type() string { return "none|inline|files:DIR|warc:DIR" }

func (v *bodiesFlag) Set(s string) error {
	where, dir, _ := strings.Cut(s, ":")
	switch where {
	case bodiesNone, bodiesInline:
		if where == s {
			*v = bodiesFlag{where: where}
			return nil
		}
	case bodiesFiles, bodiesWARC:
		if dir != "" {
			*v = bodiesFlag{where, filepath.Clean(dir)}
			return nil
		}
		return fmt.Errorf("%q: a folder is missing; write %s:bodies", s, where)
	}
	return fmt.Errorf("%q is none of none, inline, files:DIR, warc:DIR; write %s", s, nearest(s, []string{bodiesNone, bodiesInline, "files:bodies", "warc:archive"}))
}

// openBodies opens the folder of --bodies files:DIR, and says what stands
// before a body's name in the records; nil where bodies do not go to files.
func (f *fetchFlags) openBodies() (*bodies.Store, string, error) {
	switch f.bodies.where {
	case bodiesWARC:
		return nil, "", usagef("-o out.jsonl --bodies "+f.bodies.String(), "--bodies warc needs -o: the journal says how much of an archive is whole")
	case bodiesFiles:
	default:
		return nil, "", nil
	}
	dir := f.bodies.dir
	if err := f.mustBeThere(dir); err != nil {
		return nil, "", err
	}
	stdout := f.output == "" || f.output == "-"
	store, err := bodies.Open(dir, bodies.Options{NoSync: stdout || f.fsync == "never"})
	if err != nil {
		return nil, "", f.folderError(err)
	}
	f.bodyStore = store
	return store, f.refTo(dir) + "/", nil
}

// openArchive makes the folder of --bodies warc:DIR, and tells the file in it
// and its name in the records.
func (f *fetchFlags) openArchive() (path, ref string, err error) {
	dir := f.bodies.dir
	if err := f.mustBeThere(dir); err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", f.folderError(err)
	}
	path = filepath.Join(dir, filepath.Base(fetch.ArchivePath(f.output)))
	return path, f.refTo(path), nil
}

// mustBeThere wants the folder of a run that is gone on with.
func (f *fetchFlags) mustBeThere(dir string) error {
	if _, err := os.Stat(fetch.JournalPath(f.output)); err != nil || !f.resume {
		return nil //nolint:nilerr // who opens the journal says so
	}
	if _, err := os.Stat(dir); err != nil {
		return usagef("is the folder mounted, and is this where the run began?", "the bodies of this run are gone: %v", pathReason(err))
	}
	return nil
}

func (f *fetchFlags) folderError(err error) error {
	return usagef("name a folder that can be made and written to", "--bodies %s: %v", &f.bodies, pathReason(err))
}

// refTo is how the records name a path: as it is where it is absolute, else
// from the folder of the output, so that both can be moved together.
func (f *fetchFlags) refTo(path string) string {
	if !filepath.IsAbs(path) && f.output != "" && f.output != "-" {
		if from, err := filepath.Abs(filepath.Dir(f.output)); err == nil {
			if to, err := filepath.Abs(path); err == nil {
				if rel, err := filepath.Rel(from, to); err == nil {
					path = rel
				}
			}
		}
	}
	return filepath.ToSlash(path)
}
