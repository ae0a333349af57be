package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An Error is one thing that is wrong in a file.
type Error struct {
	// File is the name that was given to Parse or Load.
	File string
	// Line counts from 1; 0 means the file as a whole.
	Line int
	// Message says what is wrong, Hint what to write instead.
	Message, Hint string
}

// Error is one line: "policy.toml:12: message; hint".
func (e *Error) Error() string { return e.Where() + ": " + e.Message + "; " + e.Hint }

// Where is the place alone: "policy.toml:12".
func (e *Error) Where() string { return where(e.File, e.Line) }

func where(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// All returns the errors that err, which came from this package, consists of, in
// the order of their lines.
func All(err error) []*Error {
	if one, ok := err.(*Error); ok { //nolint:errorlint // wrapped ones are looked into below
		return []*Error{one}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Error
		for _, e := range many.Unwrap() {
			all = append(all, All(e)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		return All(inner)
	}
	return nil
}

// join makes one error of all, the first line first.
func join(all []*Error) error {
	slices.SortStableFunc(all, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	if len(all) == 1 {
		return all[0]
	}
	errs := make([]error, len(all))
	for i, e := range all {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// quote shows a text of the file, in one line and not too much of it.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}
