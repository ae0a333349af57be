package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Milliseconds is a latency for people to read: 8 µs, 0.41 ms, 12 ms, 1.25 s, 2m10s.
func Milliseconds(ms float64) string {
	switch {
	case ms == 0:
		return "0"
	case ms < 0.0995:
		return fmt.Sprintf("%.0f µs", 1000*ms)
	case ms < 0.995:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 9995:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms < 99950:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return (time.Duration(ms) * time.Millisecond).Round(time.Second).String()
}

// Seconds is a time for people to read: 0.41 s, 12.3 s, 2m10s, 3h4m5s.
func Seconds(s float64) string {
	switch {
	case s < 9.995:
		return fmt.Sprintf("%.2f s", s)
	case s < 99.95:
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * 1e9).Round(time.Second).String()
}

// Size is a number of bytes for people to read: 812 B, 4.1 KiB, 73 GiB.
func Size(n int64) string {
	v, unit := float64(n), 0
	for v >= 1023.5 && unit < 5 {
		v, unit = v/1024, unit+1
	}
	name := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
	if unit == 0 || v >= 99.95 {
		return fmt.Sprintf("%.0f %s", v, name)
	}
	return fmt.Sprintf("%.1f %s", v, name)
}

// Number is n with a comma between thousands.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// PerSecond is a number per second for people to read.
func PerSecond(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0/s"
	case perSecond < 9.95:
		return fmt.Sprintf("%.2g/s", perSecond)
	}
	return Number(int64(perSecond+0.5)) + "/s"
}

// Percent is a part of a whole in per cent; 100 and 0 are only for all and
// none.
func Percent(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case part == whole:
		return "100 %"
	case p >= 99.95:
		return "> 99.9 %"
	case part > 0 && p < 0.05:
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}
