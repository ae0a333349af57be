package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envName is the variable that stands for a long flag: --max-body is
// PENSTOCK_MAX_BODY, --http1.1 PENSTOCK_HTTP1_1.
func envName(flag string) string {
	return "PENSTOCK_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(flag))
}

// flagsFromEnv sets the flags that the command line left alone from the
// environment.
func flagsFromEnv(cmd *cobra.Command) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, ok := os.LookupEnv(envName(f.Name))
		if !ok || f.Changed || err != nil || f.Name == "help" {
			return
		}
		if bad := cmd.Flags().Set(f.Name, value); bad != nil {
			err = bad
			if invalid, ok := errors.AsType[*pflag.InvalidValueError](bad); ok {
				err = valueError(f, envName(f.Name), envName(f.Name)+"=", invalid)
			}
		}
	})
	return err
}
