package main

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noCommand says that the first word is no command of ours.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "penstock --help lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "penstock " + near[0]
	} else if _, err := os.Stat(args[0]); err == nil || strings.ContainsAny(args[0], "/.") {
		hint = "penstock fetch " + quoted(args[0])
	}
	return usagef(hint, "unknown command %q", args[0])
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd.CommandPath(), "%s takes no arguments, not %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// flagError says which flag cannot be what, and what to type.
func flagError(cmd *cobra.Command, err error) error {
	help := cmd.CommandPath() + " --help lists the flags"
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return valueError(bad.GetFlag(), flagName(bad.GetFlag()), typed(bad.GetFlag())+" ", bad)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		flag := missing.GetFlag()
		value, usage := pflag.UnquoteUsage(flag)
		return usagef(typed(flag)+" "+value+": "+usage, "%s needs a value", flagName(flag))
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	switch {
	case !ok:
		return usagef(help, "%v", err)
	case unknown.GetSpecifiedShortnames() != "":
		return usagef(help, "there is no flag -%s", unknown.GetSpecifiedName())
	}
	name := unknown.GetSpecifiedName()
	if near := nearestFlag(cmd, name); near != "" {
		help = "--" + near + "? " + help
	}
	return usagef(help, "there is no flag --%s", name)
}

// valueError says what is wrong with a flag's value, and what to write: what
// stands behind "; write " in the error of the flag's type. name is what the flag
// was called, and set stands before the value.
func valueError(flag *pflag.Flag, name, set string, bad *pflag.InvalidValueError) error {
	message, write, _ := strings.Cut(bad.Unwrap().Error(), "; write ")
	switch flag.Value.Type() {
	case "duration":
		message, write = strconv.Quote(bad.GetValue())+" is not a time", "30s, or 2m, 500ms"
		if _, err := strconv.ParseFloat(bad.GetValue(), 64); err == nil {
			write = bad.GetValue() + "s, or " + bad.GetValue() + "m"
		}
	case "bool":
		message, write = strconv.Quote(bad.GetValue())+" is neither true nor false", "true"
		set = strings.TrimSuffix(set, " ") + "=" // a switch takes no word after it
	}
	if write == "" { // its error says what there is, or the help does
		words := choices(flag.Value.Type())
		if len(words) == 0 {
			what, usage := pflag.UnquoteUsage(flag)
			return usagef(set+what+": "+usage, "%s: %s", name, message)
		}
		write = nearest(bad.GetValue(), words)
	}
	return usagef("write "+strings.Replace(set, "==", "=", 1)+write, "%s: %s", name, message)
}

// typed is how a flag is typed by who is in a hurry.
func typed(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}

func flagName(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand + ", --" + f.Name
	}
	return "--" + f.Name
}

// otherNames are what other programs call our flags.
var otherNames = map[string]string{
	"concurrency": "max-concurrent", "concurrent": "max-concurrent", "parallel": "max-concurrent", "jobs": "max-concurrent",
	"workers": "max-concurrent", "threads": "max-concurrent", "connections": "max-concurrent", "limit": "max-concurrent",
	"rps": "rate", "qps": "rate", "limit-rate": "rate", "rate-limit": "rate", "limit-per-host": "per-host",
	"max-time": "timeout", "method": "request", "body": "data", "json": "data", "follow": "location", "max-redirects": "max-redirs",
	"continue": "resume", "silent": "quiet", "config": "policy", "max-filesize": "max-body", "unique": "dedup", "agent": "user-agent",
	"output-document": "output",
}

// nearestFlag is the flag whose name is a slip of the fingers from name, or
// begins with it, or is what another program calls so; "" if none is.
func nearestFlag(cmd *cobra.Command, name string) string {
	if ours := otherNames[name]; ours != "" && cmd.Flags().Lookup(ours) != nil {
		return ours
	}
	near, least := "", 3
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		d := distance(name, f.Name)
		if len(name) > 2 && strings.HasPrefix(f.Name, name) {
			d = 1
		}
		if d < least && !f.Hidden {
			near, least = f.Name, d
		}
	})
	return near
}

// nearest is the word that s is likely to have been meant for: the first, if none
// is any more likely than the others.
func nearest(s string, words []string) string {
	return slices.MinFunc(words, func(a, b string) int { return far(s, a) - far(s, b) })
}

// unlike is how many per cent of the letters have to be others at the least for
// two words to have nothing to do with each other.
const unlike = 50

// far is how many per cent of its letters s is from a word, at most unlike.
func far(s, word string) int {
	s, word = strings.ToLower(s), strings.ToLower(word)
	if len(s) > 1 && (strings.HasPrefix(word, s) || strings.HasPrefix(s, word)) {
		return 0
	}
	return min(unlike, 100*distance(s, word)/max(len(s), len(word), 1))
}

// distance is how many letters are to be put in, left out or changed to get
// from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
