package main

import (
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addCompletion adds cobra's command that prints the shells' scripts.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // it was just added
	}
	cmd.Short = "Print the script that makes a shell complete this command"
	cmd.Long = `Completion prints a script for bash, zsh, fish or PowerShell. The help of each
says where the shell looks for it.`
	cmd.Example = `  source <(penstock completion bash)
  penstock completion zsh > "${fpath[1]}/_penstock"
  penstock completion fish > ~/.config/fish/completions/penstock.fish`
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		const hint = "penstock completion bash, or zsh, fish, powershell"
		if len(args) == 0 {
			return usagef(hint, "completion needs the name of a shell")
		}
		return usagef(hint, "there is no completion for %q", args[0])
	}
}

// completeFlags gives the shells what a flag's value may be. It goes by what
// the help calls the value, so that no list is kept twice: a|b|c are words to
// choose from, FILE is a file, FILE.toml one of that kind, DIR a folder, and all else nothing the shell
// could know.
func completeFlags(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name, _ := pflag.UnquoteUsage(f)
		if f.NoOptDefVal != "" || name == "FILE" {
			return
		}
		complete := cobra.FixedCompletions(choices(name), cobra.ShellCompDirectiveNoFileComp)
		if ext, ok := strings.CutPrefix(name, "FILE."); ok {
			complete = cobra.FixedCompletions([]string{ext}, cobra.ShellCompDirectiveFilterFileExt)
		} else if name == "DIR" {
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
		}
		if _, done := cmd.GetFlagCompletionFunc(f.Name); !done {
			// It fails for a flag that there is not, or that is done.
			if err := cmd.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
				panic(err)
			}
		}
	})
	if cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, " ") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range cmd.Commands() {
		completeFlags(sub)
	}
}

// choices are the words in name, such as inline|none|files:DIR. What is in
// capitals is for the user to put in.
func choices(name string) []string {
	var words []string
	for word := range strings.SplitSeq(name, "|") {
		fixed := strings.TrimRightFunc(word, unicode.IsUpper)
		if strings.Contains(name, "|") && fixed != "" {
			words = append(words, fixed)
		}
	}
	return words
}
