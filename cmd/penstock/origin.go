package main

import (
	"encoding/json"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
	"github.com/spf13/cobra"
)

func newOrigin() *cobra.Command {
	var hosts, port int
	var tls, slow string
	cmd := &cobra.Command{
		Use:   "origin",
		Short: "Run the bundled test server, which audits its clients and misbehaves on request",
		Long: `Origin serves loopback addresses until Ctrl-C. GET / of a host lists the paths
and what each does: delays, refusals, resets, garbage, gzip bombs and more.
What it has counted of its clients is JSON at /_audit, and is printed at the
end; POST /_reset sets it back.`,
		Example: `  penstock origin --hosts 3 --port 8080
  curl -s http://127.0.0.1:8080/
  curl -s http://127.0.0.1:8080/_audit | jq .total.max_in_flight`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			cert, err := origin.ParseCert(tls)
			if err != nil {
				return usagef("penstock origin --help", "--tls: %v", err)
			}
			opts := origin.Options{Hosts: hosts, Port: port, TLS: cert}
			if slow != "" {
				d, err := time.ParseDuration(slow)
				if err != nil || d < 0 {
					return usagef("--slow 500ms", "--slow: %q is not a time", slow)
				}
				opts.HostDelay = map[int]time.Duration{0: d}
			}
			return serveOrigin(cmd, opts)
		},
	}
	fl := cmd.Flags()
	hosts = 1
	fl.Var(countValue{&hosts, 1}, "hosts", "how many hosts, each an address: 127.0.0.1, 127.0.0.2, ...")
	fl.Var(countValue{&port, 0}, "port", "their port; 0 is a free one")
	tls = "plain"
	fl.Var(choiceValue{&tls, []string{"plain", "trusted", "expired", "wrong-host", "self-signed"}}, "tls", "certificate to show; plain is no TLS")
	fl.StringVar(&slow, "slow", "", "`TIME` that every answer of the first host takes longer")
	return cmd
}

func serveOrigin(cmd *cobra.Command, opts origin.Options) error {
	s, err := origin.Start(opts)
	if err != nil {
		return usagef("--port 8080, or 0 for one that is free", "%s", strings.TrimPrefix(err.Error(), "origin: "))
	}
	defer s.Close()
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	for _, u := range s.URLs() {
		fmt.Fprintln(cmd.OutOrStdout(), u)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "audit: %s/_audit; Ctrl-C ends\n", s.ControlURL())
	<-ctx.Done()
	audit, err := json.MarshalIndent(s.Audit(), "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", audit)
	return err
}
