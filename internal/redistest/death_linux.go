package redistest

import (
	"os/exec"
	"syscall"
)

// DieWithParent has cmd, which is not started yet, killed when this process
// ends, however it ends.
func DieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
