package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// sharedFlags are those that say what a request is and when it has succeeded:
// records of one list should not differ by who has made them.
var sharedFlags = []string{
	"request", "user-agent", "location", "max-redirs", "accept", "max-body", "timeout", "retries", "include", "deny-private",
}

// A sharedRequest is what the loader tells the workers of the requests.
type sharedRequest struct {
	// Flags are those of sharedFlags that were set.
	Flags map[string]string `json:"flags,omitempty"`
	// Header is what all requests have, in curl's words. Secrets are not in it:
	// each worker is given those itself.
	Header  []string `json:"header,omitempty"`
	Secrets []string `json:"secrets,omitempty"`
	Body    []byte   `json:"body,omitempty"`
}

// isSecret reports whether a header of that name may hold a credential.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "cookie", "token", "secret", "key", "password", "session", "signature", "credential"},
		func(word string) bool { return strings.Contains(name, word) })
}

// shared is what the flags of the loader ask of all workers.
func (f *fetchFlags) shared(cmd *cobra.Command) (sharedRequest, error) {
	// Not the User-Agent that nobody has set: it has the version in it, and a newer
	// penstock is to go on with the same fleet.
	s := sharedRequest{Flags: map[string]string{}}
	for _, name := range sharedFlags {
		if flag := cmd.Flags().Lookup(name); flag.Changed {
			s.Flags[name] = flag.Value.String()
		}
	}
	var err error
	if s.Body, err = f.body(); err != nil {
		return s, err
	}
	h, err := f.header(len(f.data) > 0)
	if err != nil {
		return s, err
	}
	h.Del("User-Agent") // the flag's, unless -H has set it
	if len(f.headers) > 0 {
		own := http.Header{}
		if err := f.addHeaders(own, map[string]bool{}); err != nil {
			return s, err
		}
		if agent := own.Values("User-Agent"); len(agent) > 0 {
			h["User-Agent"] = agent
		}
	}
	for name, values := range h {
		if isSecret(name) {
			s.Secrets = append(s.Secrets, name)
			continue
		}
		for _, v := range values {
			s.Header = append(s.Header, headerLine(name, v))
		}
	}
	slices.Sort(s.Header)
	slices.Sort(s.Secrets)
	return s, nil
}

func headerLine(name, value string) string {
	if value == "" {
		return name + ";"
	}
	return name + ": " + value
}

// adopt makes the flags of a worker those of its fleet. A flag that was given and
// says something else is refused: its records would be of other requests.
func (f *fetchFlags) adopt(cmd *cobra.Command, text json.RawMessage) error {
	var s sharedRequest
	if err := json.Unmarshal(text, &s); err != nil {
		return usagef("use the same version of penstock everywhere", "what the loader says of the requests cannot be read: %v", err)
	}
	for _, name := range sharedFlags {
		flag := cmd.Flags().Lookup(name)
		want, given := s.Flags[name]
		if !given {
			want = flag.DefValue
		}
		switch {
		case flag.Changed && flag.Value.String() != want && name != "user-agent" || flag.Changed && name == "user-agent" && f.userAgent != want:
			return usagef("leave it out here, or load another fleet with it",
				"--%s %s: the fleet's requests have %s, and all workers make the same", name, flag.Value, want)
		case given && !flag.Changed:
			if err := cmd.Flags().Set(name, want); err != nil {
				return usagef("use the same version of penstock everywhere", "--%s %q, as the loader has it: %v", name, want, err)
			}
		}
	}
	if len(f.data) > 0 {
		own, err := f.body()
		if err != nil {
			return err
		}
		if string(own) != string(s.Body) {
			return usagef("leave it out here: the loader has passed on its own", "-d is not what the fleet was loaded with")
		}
	}
	return f.adoptHeader(&s)
}

// adoptHeader puts together what the loader has passed on and what it has not.
func (f *fetchFlags) adoptHeader(s *sharedRequest) error {
	own := http.Header{}
	if err := f.addHeaders(own, map[string]bool{}); err != nil {
		return err
	}
	for _, name := range s.Secrets {
		if len(own.Values(name)) == 0 {
			return usagef("-H @auth.txt, with the line \""+name+": ...\" in the file",
				"the fleet's requests have the header %s, which is a secret that is not in the store: give it to each worker", name)
		}
	}
	for name, values := range own {
		if slices.Contains(s.Secrets, name) {
			continue
		}
		for _, v := range values {
			if !slices.Contains(s.Header, headerLine(name, v)) {
				return usagef("leave it out here, or load another fleet with it", "-H %s: the fleet's requests do not have it so", name)
			}
		}
	}
	f.fleetHeader = http.Header{}
	set := map[string]bool{}
	for _, line := range s.Header {
		if err := addHeader(f.fleetHeader, set, line); err != nil {
			return err
		}
	}
	if f.fleetHeader.Get("User-Agent") == "" {
		f.fleetHeader.Set("User-Agent", f.userAgent)
	}
	for _, name := range s.Secrets {
		f.fleetHeader[name] = own.Values(name)
	}
	f.fleetBody = s.Body
	return nil
}
