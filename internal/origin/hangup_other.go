//go:build !linux

package origin

// hangups is known only on Linux. Elsewhere a client that leaves is counted
// until the server reads the end of its connection.
type hangups struct{}

func newHangups() (*hangups, error) { return &hangups{}, nil }
func (*hangups) watch(*conn) error  { return nil }
func (*hangups) forget(*conn)       {}
func (*hangups) settle()            {}
func (*hangups) close() error       { return nil }
