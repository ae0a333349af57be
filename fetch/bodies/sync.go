package bodies

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// syncers is how many files are synced at once: a file system commits those
// that wait together in one go.
const syncers = 16

// Sync forces to the disk what Put has returned for since the last Sync: the
// files, and their names. It blocks until that is done, and until an earlier
// Sync is; Put goes on meanwhile, for the next Sync.
//
// An error is final: the system may have thrown away what it could not write,
// and would not say so a second time. Files of which that may be true are
// removed, and every later call of Put and Sync returns the error.
func (s *Store) Sync() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	dirty, err := s.dirty, s.err
	s.dirty = map[sum]struct{}{}
	s.mu.Unlock()
	if err != nil || len(dirty) == 0 {
		return err
	}
	if err = s.sync(dirty); err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	return s.err
}

func (s *Store) sync(dirty map[sum]struct{}) error {
	files := make([]string, 0, len(dirty))
	folders := map[string]struct{}{}
	for h := range dirty {
		path := s.Path(ref(h))
		files = append(files, path)
		folders[filepath.Dir(path)] = struct{}{}
	}
	if err := s.syncAll(files, true); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there, and need not be
	}
	if err := s.syncAll(slices.Collect(maps.Keys(folders)), false); err != nil {
		return err
	}
	return s.syncPath(s.dir) // a folder in it may be new
}

// syncAll syncs files side by side.
func (s *Store) syncAll(paths []string, remove bool) error {
	errs := make([]error, len(paths))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(syncers, len(paths)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(paths); i = int(next.Add(1)) - 1 {
				errs[i] = s.syncPath(paths[i])
				if errs[i] != nil && remove {
					errs[i] = errors.Join(errs[i], ignoreMissing(os.Remove(paths[i])))
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err // the others will say the same
		}
	}
	return nil
}

// syncPath syncs by a descriptor of its own: keeping one open for each file
// would run out of them.
func (s *Store) syncPath(path string) error {
	mode := os.O_RDONLY
	if runtime.GOOS == "windows" {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(path, mode, 0)
	if err != nil {
		return err
	}
	return errors.Join(s.force(f), f.Close())
}
