package input

import "net/url"

// DefaultMaxLine is the longest line that is read when Options.MaxLine is 0,
// in bytes.
const DefaultMaxLine = 1 << 20

// rawPrefix is how much of a line over MaxLine is kept in Item.Raw: enough to
// find the line again.
const rawPrefix = 1024

// rawMin is how long the Raw of a CSV record may be however small MaxLine is:
// a beginning of rawPrefix bytes that all need an escape.
const rawMin = 6*rawPrefix + 64

// Options are common to all readers. The zero value is good.
type Options struct {
	// Source names what is read in items and errors: a file's name. The
	// default is "-", the standard input ("arg" for arguments).
	Source string
	// MaxLine is the longest line that is read, in bytes without its end; a
	// longer one gives a bad item. For CSV it bounds a record, which may
	// span lines. 0 or less means DefaultMaxLine; more than 1 GiB means that.
	MaxLine int
	// Base is what a URL that is only a path is joined to: see Join. Nil
	// means that such an item is bad. ParseBase makes one from a flag.
	Base *url.URL

	joiner joiner // Base, once it is needed for every line
}

// withDefaults returns the options with every default filled in.
func (o Options) withDefaults() Options {
	if o.Source == "" {
		o.Source = "-"
	}
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	o.MaxLine = min(o.MaxLine, 1<<30)
	if o.Base != nil {
		o.joiner = newJoiner(o.Base)
	}
	return o
}
