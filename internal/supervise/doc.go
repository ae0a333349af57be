// Package supervise runs a command that must not outlive its permits.
//
// Two processes see to it. The one in front ([Command.Run]) knows the permits,
// passes signals on and lends the terminal. Its guard ([Guard]), which is the
// same program again, is the command's parent. It asks the one in front time and
// again how long the permits are still good, and ends the command when they are
// not, or when the one in front is gone: whoever is killed with kill -9 or
// stopped with SIGSTOP, the command does not go on without a permit. When the
// guard itself is killed the system kills the command with it (on Linux).
//
// The command has a process group of its own. To end it is SIGTERM to the group,
// and SIGKILL for what is left of it after a grace, or when the permits could be
// another's.
package supervise
