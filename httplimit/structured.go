package httplimit

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

const (
	mostStructured = 8 << 10 // bytes of a structured field
	mostQuotas     = 32
)

// structured reads RateLimit-Policy and RateLimit, lists of strings with
// parameters, and joins what they say of the same policy.
func structured(h http.Header) []Quota {
	var quotas []Quota
	for _, name := range []string{"Ratelimit-Policy", "Ratelimit"} {
		values := h[name]
		if len(values) == 0 || size(values) > mostStructured {
			continue
		}
		list, err := httpsfv.UnmarshalList(values)
		if err != nil || !named(list) {
			if name == "Ratelimit" {
				quotas = append(quotas, dictionary(values)...)
			}
			continue
		}
		for _, m := range list {
			quotas = addItem(quotas, m, name == "Ratelimit")
		}
	}
	slices.SortStableFunc(quotas, func(a, b Quota) int { return cmp.Compare(a.Name, b.Name) })
	return quotas
}

func size(values []string) (n int) {
	for _, v := range values {
		n += len(v) + 2
	}
	return n
}

// named reports whether list is one of policies, whose names are strings;
// tokens are let pass, and numbers, as in RateLimit-Policy up to draft 7.
func named(list httpsfv.List) bool {
	for _, m := range list {
		item, ok := m.(httpsfv.Item)
		if !ok {
			return false
		}
		switch item.Value.(type) {
		case string, httpsfv.Token, int64:
		default:
			return false
		}
	}
	return len(list) > 0
}

// addItem adds what one policy's item says: q, w and qu of RateLimit-Policy, r
// and t of RateLimit.
func addItem(quotas []Quota, m httpsfv.Member, state bool) []Quota {
	item := m.(httpsfv.Item)
	name, limit := "", int64(-1)
	switch v := item.Value.(type) {
	case string:
		name = v
	case httpsfv.Token:
		name = string(v)
	case int64: // draft 7: the quota itself
		limit = v
		if state || v < 0 {
			return quotas
		}
	}
	i := slices.IndexFunc(quotas, func(q Quota) bool { return q.Name == name && (limit < 0 || q.Limit == limit) })
	if i < 0 {
		if len(quotas) == mostQuotas {
			return quotas
		}
		i = len(quotas)
		quotas = append(quotas, Quota{Name: name, Limit: -1, Remaining: -1, Reset: -1})
	}
	q := &quotas[i]
	if limit >= 0 {
		q.Limit = limit
	}
	readParams(q, item.Params, state)
	return quotas
}

func readParams(q *Quota, p *httpsfv.Params, state bool) {
	if state {
		if r, ok := param(p, "r"); ok {
			q.Remaining = r
		}
		if t, ok := param(p, "t"); ok {
			q.Reset = scale(float64(t), time.Second)
		}
		return
	}
	if n, ok := param(p, "q"); ok {
		q.Limit = n
	}
	if w, ok := param(p, "w"); ok {
		q.Window = scale(float64(w), time.Second)
	}
	if v, ok := p.Get("qu"); ok {
		unit, _ := v.(string)
		q.Unit = unitOf(unit)
	}
}

// param is a parameter that is a number of 0 or more.
func param(p *httpsfv.Params, name string) (int64, bool) {
	v, _ := p.Get(name)
	n, ok := v.(int64)
	return n, ok && n >= 0
}

// dictionary reads RateLimit as drafts 8 and 9 have it: limit=100,
// remaining=50, reset=5.
func dictionary(values []string) []Quota {
	d, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return nil
	}
	read := func(name string) int64 {
		m, _ := d.Get(name)
		item, _ := m.(httpsfv.Item)
		if n, ok := item.Value.(int64); ok && n >= 0 {
			return n
		}
		return -1
	}
	q := Quota{Limit: read("limit"), Remaining: read("remaining"), Reset: -1}
	if reset := read("reset"); reset >= 0 {
		q.Reset = scale(float64(reset), time.Second)
	}
	if q.Limit < 0 && q.Remaining < 0 {
		return nil
	}
	return []Quota{q}
}

// joinPolicies puts what the drafts up to 9 say of a policy, which has no name
// there, to what is left of it: by its limit. Otherwise nobody would know that
// most of it is left, and light use would be paced.
func joinPolicies(quotas []Quota) []Quota {
	for i := range quotas {
		q := &quotas[i]
		if q.Name != "" || q.Window > 0 || q.Limit < 0 {
			continue
		}
		for j, p := range quotas {
			if p.Name == "" && p.Window > 0 && p.Limit == q.Limit && p.Remaining < 0 && p.Reset < 0 {
				q.Window = p.Window
				return slices.Delete(quotas, j, j+1)
			}
		}
	}
	return quotas
}

// unitOf reads a quota's unit from a name.
func unitOf(name string) Unit {
	switch {
	case name == "" || strings.HasPrefix(name, "request") || strings.HasSuffix(name, "requests") && name != "concurrent-requests":
		return Requests
	case strings.Contains(name, "token"):
		return Tokens
	case strings.HasPrefix(name, "concurren"):
		return Concurrent
	}
	return Other
}
