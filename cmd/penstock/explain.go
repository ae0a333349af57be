package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/penstock-go/penstock/fetch"
	reader "github.com/penstock-go/penstock/fetch/input"
	"github.com/penstock-go/penstock/fetch/policy"
	"github.com/spf13/cobra"
)

func newExplain() *cobra.Command {
	var f limitFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [flags] URL...",
		Short: "Say which limits, rule and bucket a URL falls under",
		Long: `Explain reads --policy, and sends nothing. For each URL it prints the rule that
the URL falls under, the bucket (requests of one bucket share its limits), and
each limit with where it comes from: a line of the file, a flag, or built in.

What limits the run as a whole, -c and --rate, holds besides.`,
		Example: `  penstock explain --policy policy.toml https://api.example.com/v1/users
  penstock explain --policy policy.toml --json $(head urls.txt) | jq -r .rule`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("penstock explain --policy policy.toml https://example.com/", "explain takes one URL or several")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			urls, err := parseURLs(args)
			if err != nil {
				return err
			}
			p, err := f.open(fetch.Retry{Max: defaultRetries}, false)
			if err != nil {
				return err
			}
			return explain(cmd.OutOrStdout(), p.File(), urls, asJSON)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	f.register(fl)
	fl.BoolVar(&asJSON, "json", false, "print a JSON object a line for each URL")
	return cmd
}

// parseURLs reads the arguments as penstock fetch would.
func parseURLs(args []string) ([]*url.URL, error) {
	var urls []*url.URL
	r := reader.NewArgs(args, reader.Options{})
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			return urls, nil
		}
		const hint = "write a whole URL: https://example.com/path"
		if err = cmp.Or(err, it.Err); err != nil {
			return nil, usagef(hint, "%v", err)
		}
		u, err := url.Parse(it.URL)
		if err != nil {
			return nil, usagef(hint, "a URL cannot be understood") // the error may quote a password
		}
		if u.User != nil {
			u.User = url.User("xxxxx") // limits do not go by it, and it is a secret
		}
		urls = append(urls, u)
	}
}

func explain(w io.Writer, f *policy.File, urls []*url.URL, asJSON bool) error {
	out := &strings.Builder{}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i, u := range urls {
		e := f.Explain(u)
		if asJSON {
			if err := enc.Encode(explanationJSON(u, e)); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		printExplanation(out, u, e)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// printExplanation writes three columns: what, its value, where it comes from.
func printExplanation(w io.Writer, u *url.URL, e policy.Explanation) {
	rule := e.From
	if e.Pattern != "" {
		rule += ", match " + e.Pattern
	}
	rows := append([]policy.Setting{
		{Name: "rule", Value: e.Rule, From: cmp.Or(rule, "no rule matches")},
		{Name: "bucket", Value: e.Bucket.Key, From: sharedBy(e)},
	}, e.Settings[1:]...) // the first is key
	names, values := 0, 0
	for _, r := range rows {
		names, values = max(names, utf8.RuneCountInString(r.Name)), max(values, utf8.RuneCountInString(r.Value))
	}
	fmt.Fprintln(w, u)
	for _, r := range rows {
		fmt.Fprintf(w, "  %-*s  %-*s  %s\n", names, r.Name, values, r.Value, r.From)
	}
}

// sharedBy says for what requests the bucket is.
func sharedBy(e policy.Explanation) string {
	key := e.Settings[0]
	switch who := map[string]string{"host": "one per host", "site": "one per site"}[key.Value]; {
	case who != "":
		return fmt.Sprintf("%s, key: %s", who, key.From)
	case e.Pattern == "":
		return "one for all that no rule matches, key: " + key.From
	}
	return "one for all of the rule, key: " + key.From
}

// An explained is what --json prints.
type explained struct {
	URL      string             `json:"url"`
	Rule     string             `json:"rule"`
	From     string             `json:"from,omitempty"`
	Match    string             `json:"match,omitempty"`
	Bucket   string             `json:"bucket"`
	Settings []explainedSetting `json:"settings"`
}

type explainedSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

func explanationJSON(u *url.URL, e policy.Explanation) explained {
	x := explained{URL: u.String(), Rule: e.Rule, From: e.From, Match: e.Pattern, Bucket: e.Bucket.Key}
	for _, s := range e.Settings {
		x.Settings = append(x.Settings, explainedSetting(s))
	}
	return x
}
