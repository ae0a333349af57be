package policy_test

import (
	"fmt"
	"net/url"

	"github.com/penstock-go/penstock/fetch/policy"
)

func ExampleParse() {
	file, err := policy.Parse("policy.toml", []byte(`
[default]
concurrency = 4

[[rule]]
name = "api"
match = "https://api.example.com/v1/*"
key = "rule"
rate = "500/m, 10/s"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range []string{"https://api.example.com/v1/users", "https://www.example.com/"} {
		u, err := url.Parse(s)
		if err != nil {
			fmt.Println(err)
			return
		}
		b := file.Bucket(u)
		fmt.Printf("%s: %d in flight, rate %q\n", b.Key, b.Concurrency, b.Rate.String())
	}
	// Output:
	// api/*: 4 in flight, rate "500/m, 10/s"
	// www.example.com:443: 4 in flight, rate ""
}

func ExampleFile_Explain() {
	_, err := policy.Parse("policy.toml", []byte("[default]\nrate = 100\n"))
	fmt.Println(err)

	file, err := policy.Parse("policy.toml", []byte("[default]\nrate = \"100/s\"\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	e := file.Explain(&url.URL{Scheme: "https", Host: "example.com"})
	for _, s := range e.Settings[:3] {
		fmt.Printf("%s = %s (%s)\n", s.Name, s.Value, s.From)
	}
	// Output:
	// policy.toml:2: rate is the number 100; write "100/s", "5000/m", several with commas, or "none"
	// key = host (built in)
	// concurrency = none (built in)
	// rate = 100/s (policy.toml:2)
}
