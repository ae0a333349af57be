package penstock

import (
	"context"
	"errors"
	"fmt"
)

// contextError returns the error of a wait that the end of ctx has ended. It
// wraps context.Cause(ctx), and ctx.Err() too where that is another error: who
// asks for context.Canceled finds it, whatever the cause.
func contextError(ctx context.Context) error {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, err) {
		return fmt.Errorf("penstock: acquire: %w", cause)
	}
	return fmt.Errorf("penstock: acquire: %w (%w)", cause, err)
}
