// Package policy reads a file that says which limits which requests fall under,
// and answers for each URL: it makes a [fetch.Policy].
//
//	[default]                 # what no rule matches, per host
//	concurrency = 4
//	rate = "10/s"
//
//	[[rule]]                  # in order; the first that matches counts
//	name = "api"
//	match = ["https://api.example.com/v1/*"]
//	key = "rule"              # one bucket for all of it
//	concurrency = "auto"
//	rate = "500/m, 10/s"
//	retry = { max = 5, cap = "2m" }
//
// What a rule leaves out it takes from [default], field by field. The file is
// TOML, and read strictly: docs/policy.md has every field with its type, unit and
// default, and what a pattern matches.
//
// # Buckets
//
// Requests of one bucket share its limits. The bucket of what no rule matches
// is its host and port ("example.com:443"), its site ("example.com") or
// "default", as [default]'s key says; that of a rule begins with the rule's name:
// "api/example.com:443", "api/example.com" or "api/*". So no two rules share a
// bucket: a host that two of them match is held to each by itself.
package policy
