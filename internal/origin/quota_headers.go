package origin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// budget is what a limit has to say of itself.
type budget struct {
	limit   int64
	left    int64
	reset   time.Duration // until something is left again
	window  time.Duration
	refused bool
}

// quotaHelp lists the values of ?headers for the index.
const quotaHelp = `
?headers=KIND says how /retry-after, /rate and /quota tell of their limits:
  retry-after    Retry-After in seconds, on refusals (the default)
  date           Retry-After as a date, on refusals
  none           nothing
  ratelimit      RateLimit and RateLimit-Policy, on every answer (draft-ietf-httpapi-ratelimit-headers-10)
  ratelimit-old  RateLimit-Limit, -Remaining and -Reset, on every answer (draft 06)
  x              X-RateLimit-Limit, -Remaining and -Reset in seconds, on every answer
  x-epoch        the same with the reset as Unix time (GitHub)
  openai         x-ratelimit-limit-requests, -remaining-requests and -reset-requests (as 1.5s), on every answer
`

// quotaHeaders tells the client of a limit in the way that the query's headers
// parameter asks for. When it has told that nothing is left, the client is held
// to it from now on.
func (x *exchange) quotaHeaders(b budget) {
	now := time.Now()
	said := roundUp(b.reset)
	at := now.Add(b.reset + time.Second - 1).Truncate(time.Second)
	set := x.w.Header().Set
	switch x.query("headers") {
	case "", "retry-after":
		if !b.refused {
			return
		}
		set("Retry-After", seconds(said))
	case "date":
		if !b.refused {
			return
		}
		set("Retry-After", at.UTC().Format(http.TimeFormat))
		said = at.Sub(now)
	case "ratelimit":
		set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%s`, b.limit, seconds(b.window)))
		set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%s`, b.left, seconds(said)))
	case "ratelimit-old":
		set("RateLimit-Limit", strconv.FormatInt(b.limit, 10))
		set("RateLimit-Remaining", strconv.FormatInt(b.left, 10))
		set("RateLimit-Reset", seconds(said))
	case "x":
		set("X-RateLimit-Limit", strconv.FormatInt(b.limit, 10))
		set("X-RateLimit-Remaining", strconv.FormatInt(b.left, 10))
		set("X-RateLimit-Reset", seconds(said))
	case "x-epoch":
		set("X-RateLimit-Limit", strconv.FormatInt(b.limit, 10))
		set("X-RateLimit-Remaining", strconv.FormatInt(b.left, 10))
		set("X-RateLimit-Reset", strconv.FormatInt(at.Unix(), 10))
		said = at.Sub(now)
	case "openai":
		said = (b.reset + time.Millisecond - 1).Truncate(time.Millisecond)
		set("X-Ratelimit-Limit-Requests", strconv.FormatInt(b.limit, 10))
		set("X-Ratelimit-Remaining-Requests", strconv.FormatInt(b.left, 10))
		set("X-Ratelimit-Reset-Requests", said.String())
	default:
		return
	}
	if b.refused || b.left == 0 {
		x.hint(said)
	}
}

// roundUp makes whole seconds, never sooner than asked.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
