package report

import "strings"

// Sections are the parts of WriteHTML's page but for its charts, as HTML that
// goes with ChartStyle: for a page that changes while the run goes on.
type Sections struct {
	// Summary is the headline, what limited the run, and the notes.
	Summary string `json:"summary"`
	// Figures are the most important numbers.
	Figures string `json:"figures"`
	// Waited is what the run waited for; "" if nothing is known of it.
	Waited string `json:"waited"`
	// Tables are the phases, statuses, errors, hosts, changes and parts.
	Tables string `json:"tables"`
}

// Sections renders d. The error says that d cannot be shown.
func (d Data) Sections() (s Sections, err error) {
	if err := d.check(); err != nil {
		return s, err
	}
	p := d.facts()
	for _, part := range []struct {
		name string
		to   *string
	}{{"summary", &s.Summary}, {"figures", &s.Figures}, {"waited", &s.Waited}, {"tables", &s.Tables}} {
		var b strings.Builder
		if err := pageTemplate().ExecuteTemplate(&b, part.name, p); err != nil {
			return Sections{}, err
		}
		*part.to = strings.TrimSpace(b.String())
	}
	return s, nil
}
