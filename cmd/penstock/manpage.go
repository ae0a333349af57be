package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manPage is the page of a command, in the man macros of roff, from the same
// texts as its help. (Cobra has a generator of its own. It takes the texts for
// Markdown, which they are not, shows a flag's default in the place of its
// value, and brings three modules.)
func manPage(cmd *cobra.Command, date time.Time) []byte {
	cmd.InitDefaultHelpFlag()
	var p page
	name := manName(cmd)
	p.line(`.TH "%s" "1" "%s" "penstock" "Penstock"`, strings.ToUpper(name), date.Format("January 2006"))
	p.line(".SH NAME")
	p.line(`%s \- %s`, roff(name), roff(cmd.Short))
	p.line(".SH SYNOPSIS")
	p.line(`.B %s`, roff(cmd.UseLine()))
	p.line(".SH DESCRIPTION")
	p.text(description(cmd))
	if cmd.HasAvailableLocalFlags() {
		p.line(".SH OPTIONS")
		cmd.LocalFlags().VisitAll(p.flag)
	}
	if cmd.HasExample() {
		p.line(".SH EXAMPLES")
		p.verbatim(strings.Split(cmd.Example, "\n"))
	}
	p.seeAlso(cmd)
	return []byte(p.String())
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func description(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return cmd.Long
	}
	return cmd.Short + "."
}

// A page is a man page in the making.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// text writes paragraphs; lines that are indented stand as they are.
func (p *page) text(text string) {
	var aside []string
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "  ") {
			aside = append(aside, line)
			continue
		}
		p.verbatim(aside)
		aside = nil
		if strings.TrimSpace(line) == "" {
			p.line(".PP")
		} else {
			p.line("%s", roff(line))
		}
	}
	p.verbatim(aside)
}

func (p *page) verbatim(lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line(".PP\n.nf")
	for _, line := range lines {
		p.line("%s", roff(line))
	}
	p.line(".fi")
}

func (p *page) flag(f *pflag.Flag) {
	if f.Hidden || f.Deprecated != "" {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	names := `\fB` + roff("--"+f.Name) + `\fR`
	if f.Shorthand != "" {
		names = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + names
	}
	if value != "" && f.NoOptDefVal == "" {
		names += ` \fI` + roff(value) + `\fR`
	}
	p.line(".TP\n%s", names)
	switch f.DefValue {
	case "", "0", "false", "[]":
		p.line("%s", roff(usage))
	default:
		p.line("%s", roff(fmt.Sprintf("%s (default %s)", usage, f.DefValue)))
	}
}

func (p *page) seeAlso(cmd *cobra.Command) {
	var names []string
	if cmd.HasParent() {
		names = append(names, manName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, manName(sub))
		}
	}
	if len(names) == 0 {
		return
	}
	p.line(".SH SEE ALSO")
	for i, name := range names {
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		p.line(`\fB%s\fR(1)%s`, roff(name), end)
	}
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\`", "^", `\(ha`, "~", `\(ti`)

// roff writes text so that none of it is taken for roff, also at the
// beginning of a line.
func roff(text string) string {
	text = roffEscapes.Replace(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}
