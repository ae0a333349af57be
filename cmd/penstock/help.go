package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func init() { // cobra keeps the functions of templates in a global
	cobra.AddTemplateFunc("flagLines", flagLines)
}

// groups are headings, and the flag above which each stands, where a command has
// so many that nobody reads them in one.
var groups = map[string]string{
	"format": "Input", "max-concurrent": "Limits", "dedup": "Requests", "retries": "Requests", "output": "Output", "progress": "While it goes on", "fleet": "Many machines",
}

// manyFlags is how many are too many for one list.
const manyFlags = 20

// flagLines lists the flags under their headings, as wide as the terminal; for
// grep, a flag is a line.
func flagLines(flags *pflag.FlagSet) string {
	var out strings.Builder
	columns, _ := terminalSize(os.Stdout)
	count := 0
	flags.VisitAll(func(*pflag.Flag) { count++ })
	name, group := "Flags", pflag.NewFlagSet("", pflag.ContinueOnError)
	flush := func() {
		if group.HasAvailableFlags() {
			out.WriteString(name + ":\n" + withoutSwitches(group.FlagUsagesWrapped(columns)) + "\n")
		}
		group = pflag.NewFlagSet("", pflag.ContinueOnError)
		group.SortFlags = false
	}
	group.SortFlags = false
	flags.VisitAll(func(f *pflag.Flag) {
		if heading := groups[f.Name]; heading != "" && heading != name && count > manyFlags {
			flush()
			name = heading
		}
		group.AddFlag(f)
	})
	flush()
	return strings.TrimRight(out.String(), "\n")
}

// withoutSwitches leaves out what pflag says of every switch: that it may be
// given as --switch=false.
func withoutSwitches(usages string) string {
	const says = "[=true|false]"
	return strings.ReplaceAll(usages, says, strings.Repeat(" ", len(says)))
}

// helpTemplate puts the examples before everything that explains them.
const helpTemplate = `{{.Short}}.
{{if .HasExample}}
Examples:
{{.Example}}
{{end}}{{with .Long}}
{{trimTrailingWhitespaces .}}
{{end}}{{if .HasAvailableSubCommands}}
Commands:{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}
Usage: {{.UseLine}}{{if and .HasAvailableSubCommands .HasParent}} COMMAND{{end}}
{{if .HasAvailableLocalFlags}}
{{flagLines .LocalFlags}}
{{end}}{{if .HasAvailableSubCommands}}
{{.CommandPath}} COMMAND --help has the flags of a command.
{{end}}`

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Print the help of a command",
		Example: `  penstock help fetch`,
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, err := findTopic(cmd.Root(), args)
			if err != nil {
				return err
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
		ValidArgsFunction: completeTopics,
	}
}

// findTopic is the command that args name below root.
func findTopic(root *cobra.Command, args []string) (*cobra.Command, error) {
	topic, rest, err := root.Find(args)
	if err == nil && len(rest) == 0 {
		return topic, nil
	}
	word := strings.Join(args, " ")
	hint := "penstock help lists the commands"
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "penstock help " + near[0]
	}
	return nil, usagef(hint, "there is no command %q", word)
}

// completeTopics completes the names of commands.
func completeTopics(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	topic, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, sub := range topic.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
