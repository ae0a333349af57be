// Package sharedname says what may be the name of something that machines share:
// a limit or a fleet.
package sharedname

import (
	"errors"
	"fmt"
	"strings"
)

// Check returns why name is none, or nil: it has letters, digits and
// . _ - : / @ + and at most 200 of them. In the globs and hash tags of Redis these
// characters mean themselves.
func Check(name string) error {
	bad := strings.IndexFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("._-:/@+", r)
	})
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > 200:
		return errors.New("it is longer than 200 bytes")
	case bad >= 0:
		return fmt.Errorf("%q; use letters, digits and . _ - : / @ +", name)
	}
	return nil
}
