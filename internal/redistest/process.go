package redistest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// A process is a redis-server, as a server or as a Sentinel.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed at its end
}

// spawn starts redis-server with args. What it logs is appended to the file log
// in dir.
func spawn(dir string, env []string, args ...string) (*process, error) {
	cmd := exec.CommandContext(context.Background(), "redis-server", args...)
	cmd.Env = append(os.Environ(), env...)
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
