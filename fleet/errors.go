package fleet

import (
	"errors"
	"fmt"

	"github.com/penstock-go/penstock/internal/sharedname"
)

// Errors of this package. Test for them with errors.Is.
var (
	// ErrName says that a name is none for a fleet.
	ErrName = errors.New("not a name for a fleet")
	// ErrNone says that there is no fleet of that name.
	ErrNone = errors.New("there is no such fleet")
	// ErrOtherInput says that the fleet was begun with another list.
	ErrOtherInput = errors.New("the fleet was begun with another input")
	// ErrOtherRequest says that the fleet was begun with another LoadOptions.Request.
	ErrOtherRequest = errors.New("the fleet was begun with other options")
	// ErrReplaced says that another Loader of the same list has taken over.
	ErrReplaced = errors.New("another loader has taken over")
	// ErrGone says that the fleet was removed from Redis, or lost by it, while
	// it was worked at.
	ErrGone = errors.New("the fleet is no longer in Redis")
	// ErrBehind says that Redis has lost more than the Loader still had.
	ErrBehind = errors.New("redis has lost more than its latest writes")
	// ErrAway says that Redis could not be reached for as long as one may wait.
	ErrAway = errors.New("redis is away")
	// ErrVersion says that another version of penstock has made the fleet.
	ErrVersion = errors.New("made by another version of penstock")
)

// CheckName returns an error that is ErrName if name is none for a fleet: it has
// letters, digits and . _ - : / @ + and at most 200 of them.
func CheckName(name string) error {
	if err := sharedname.Check(name); err != nil {
		return fmt.Errorf("%w: %w", ErrName, err)
	}
	return nil
}
