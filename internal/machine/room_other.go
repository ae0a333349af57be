//go:build !linux

package machine

// Look knows nothing of this system: what runs out is noticed as it does.
func Look() Room { return Room{} }
