package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/report"
)

// countValue is a flag for a number of things, at least least.
type countValue struct {
	n     *int
	least int
}

func (v countValue) String() string {
	if v.n == nil {
		return ""
	}
	return strconv.Itoa(*v.n)
}

func (v countValue) Type() string { return "N" }

func (v countValue) Set(s string) error {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a whole number; write %d", s, max(*v.n, v.least))
	case n < v.least:
		return fmt.Errorf("%d is less than %d; write %d", n, v.least, max(*v.n, v.least))
	case n > 1_000_000:
		return fmt.Errorf("%d is more than 1000000; write %d", n, max(*v.n, v.least))
	}
	*v.n = n
	return nil
}

// concurrencyValue is the flag for a number of requests, or auto.
type concurrencyValue struct {
	n    *int
	auto *bool
}

// autoConcurrency is the most that auto lets be in flight, if the machine has room.
const autoConcurrency = 1000

func (v concurrencyValue) String() string {
	if v.auto != nil && *v.auto {
		return "auto"
	}
	return countValue{v.n, 1}.String()
}

func (v concurrencyValue) Type() string { return "N|auto" }

func (v concurrencyValue) Set(s string) error {
	if *v.auto = s == "auto"; *v.auto {
		*v.n = autoConcurrency
		return nil
	}
	if err := (countValue{v.n, 1}).Set(s); err != nil {
		return fmt.Errorf("%w, or auto", err)
	}
	return nil
}

// sizeValue is a flag for a number of bytes: 500, 64K, 10MB, 1GiB. K, M and G
// are powers of 1024, as in curl.
type sizeValue struct{ n *int64 }

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}}

func (v sizeValue) String() string {
	if v.n == nil {
		return ""
	}
	// As Set takes it: 10MiB, or all digits where that would be another number.
	text := strings.NewReplacer(".0 ", "", " ", "").Replace(report.Size(*v.n))
	var again int64
	if (sizeValue{&again}).Set(text) != nil || again != *v.n {
		return strconv.FormatInt(*v.n, 10)
	}
	return text
}

func (v sizeValue) Type() string { return "BYTES" }

func (v sizeValue) Set(s string) error {
	number := strings.ToUpper(strings.TrimSpace(s))
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	unit := int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || !(x > 0) || x*float64(unit) > math.MaxInt64/2 {
		return fmt.Errorf("%q is not a size; write 500K, 10MB or 1GB", s)
	}
	*v.n = int64(x * float64(unit))
	return nil
}

// acceptValue is a flag for a set of statuses.
type acceptValue struct {
	set  *fetch.StatusSet
	text *string
}

func (v acceptValue) String() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

func (v acceptValue) Type() string { return "STATUSES" }

func (v acceptValue) Set(s string) error {
	set, err := fetch.ParseStatusSet(s)
	if err != nil {
		return fmt.Errorf("%w; write 200-299,304", err)
	}
	*v.set, *v.text = set, s
	return nil
}

// rateValue is a flag for one or several rates.
type rateValue struct{ list *rate.List }

func (v rateValue) String() string {
	if v.list == nil || len(*v.list) == 0 {
		return ""
	}
	return v.list.String()
}

func (v rateValue) Type() string { return "RATE" }

func (v rateValue) Set(s string) error {
	list, err := rate.Parse(s)
	if err != nil {
		return err
	}
	*v.list = list
	return nil
}

// choiceValue is a flag with a few words to choose from.
type choiceValue struct {
	word  *string
	words []string
}

func (v choiceValue) String() string {
	if v.word == nil {
		return ""
	}
	return *v.word
}

func (v choiceValue) Type() string { return strings.Join(v.words, "|") }

func (v choiceValue) Set(s string) error {
	if slices.Contains(v.words, s) {
		*v.word = s
		return nil
	}
	return fmt.Errorf("%q is none of %s; write %s", s, strings.Join(v.words, ", "), nearest(s, v.words))
}
