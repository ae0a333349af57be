package fleet

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// keep is how long the keys of a fleet outlive their last use.
const keep = 30 * 24 * time.Hour

const prefix = "penstock:fleet:"

var (
	//go:embed open.lua
	openText string
	//go:embed load.lua
	loadText string
	//go:embed alive.lua
	aliveText string
	//go:embed take.lua
	takeText string
	//go:embed settle.lua
	settleText string
	//go:embed beat.lua
	beatText string
	//go:embed tidy.lua
	tidyText string

	openScript   = rueidis.NewLuaScript(openText)
	loadScript   = rueidis.NewLuaScript(loadText)
	aliveScript  = rueidis.NewLuaScript(aliveText)
	takeScript   = rueidis.NewLuaScript(takeText)
	settleScript = rueidis.NewLuaScript(settleText)
	beatScript   = rueidis.NewLuaScript(beatText)
	tidyScript   = rueidis.NewLuaScript(tidyText)
)

// keys are those of a fleet: its state, its chunks, its workers.
func keys(name string) []string {
	state := prefix + "{" + name + "}"
	return []string{state, state + ":chunks", state + ":workers"}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// texts reads a reply that is a list of strings, of which there are at least n if
// the first is "ok".
func texts(r rueidis.RedisResult, n int) ([]string, error) {
	list, err := r.AsStrSlice()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0] == "ok" && len(list) < n {
		return nil, fmt.Errorf("fleet: a reply that is none of ours: %q", list)
	}
	return list, nil
}

func token() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// pause waits, and reports false if ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
