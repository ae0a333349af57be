package report

import (
	"cmp"
	"container/heap"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// maxHosts is how many hosts are told apart while a run goes on.
const maxHosts = 512

// hosts finds the most frequent hosts in bounded memory, by the space-saving
// sketch (Metwally, Agrawal, El Abbadi: Efficient computation of frequent and
// top-k elements in data streams, 2005): a new host takes the place of the
// least frequent one, and what that one had counts as what the new one may
// have had. Up to maxHosts hosts the counts are exact.
type hosts struct {
	byName map[string]*host
	least  hostHeap // by key, which may be behind guess
	over   bool
	seed   maphash.Seed
	seen   []uint64 // bits by hash, to count different hosts
}

const seenBits = 1 << 18

type host struct {
	Host

	guess, missed int64 // records it may have had, and of these not counted here
	key           int64
	took          sketch
	held, told    time.Duration // in all, and by the engine when it was last asked
}

func newHosts() hosts {
	return hosts{byName: map[string]*host{}, seed: maphash.MakeSeed(), seen: make([]uint64, seenBits/64)}
}

// record counts r to its host: the one that answered.
func (hs *hosts) record(r *fetch.Record) {
	url := r.FinalURL
	if url == "" {
		url = r.URL
	}
	if r.Attempts == 0 {
		return
	}
	h := hs.get(hostOf(url))
	h.guess++
	h.Items++
	h.Bytes += r.Bytes
	if r.OK {
		h.OK++
	} else {
		h.Failed++
	}
	h.took.add(r.Total)
}

func (hs *hosts) get(name string) *host {
	if h := hs.byName[name]; h != nil {
		return h
	}
	name = strings.Clone(name)
	bit := maphash.String(hs.seed, name) % seenBits
	hs.seen[bit/64] |= 1 << (bit % 64)
	var h *host
	if len(hs.byName) < maxHosts {
		h = &host{Host: Host{Host: name}}
		heap.Push(&hs.least, h)
	} else {
		h = hs.evict()
		was := h.guess
		h.took.clear()
		*h = host{Host: Host{Host: name}, guess: was, missed: was, key: was, took: h.took}
	}
	hs.byName[name] = h
	return h
}

// evict takes the least frequent host out of byName, not out of the heap.
func (hs *hosts) evict() *host {
	hs.over = true
	for hs.least[0].key != hs.least[0].guess {
		hs.least[0].key = hs.least[0].guess
		heap.Fix(&hs.least, 0)
	}
	h := hs.least[0]
	delete(hs.byName, h.Host.Host)
	return h
}

// buckets notes what the engine says of hosts that are known here.
func (hs *hosts) buckets(list []fetch.BucketStats) {
	for _, b := range list {
		h := hs.byName[HostName(b.Key)]
		if h == nil {
			continue
		}
		h.Limit, h.Rate = b.Limit, b.Rate
		h.held += b.Held - min(h.told, b.Held) // it begins anew if the engine had forgotten the host
		if b.Held < h.told {
			h.held += b.Held
		}
		h.told = b.Held
	}
}

// count is how many different hosts there were: an estimate within a few per
// cent if over.
func (hs *hosts) count() int {
	if !hs.over {
		return len(hs.byName)
	}
	empty := 0
	for _, word := range hs.seen {
		for b := range 64 {
			if word>>b&1 == 0 {
				empty++
			}
		}
	}
	return max(len(hs.byName), int(-seenBits*math.Log(max(1, float64(empty))/seenBits)))
}

// top returns the n most frequent hosts.
func (hs *hosts) top(n int) []Host {
	all := slices.SortedFunc(slices.Values(hs.least), func(a, b *host) int {
		return cmp.Or(cmp.Compare(b.guess, a.guess), cmp.Compare(a.Host.Host, b.Host.Host))
	})
	list := make([]Host, 0, min(n, len(all)))
	for _, h := range all[:min(n, len(all))] {
		out := h.Host
		out.P50, out.P99 = round3(h.took.quantile(0.5)), round3(h.took.quantile(0.99))
		out.Held, out.Missed = round3(h.held.Seconds()), h.missed
		list = append(list, out)
	}
	return list
}

// hostOf is the host of a URL, without scanning more of it than is needed.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return HostName(rest[strings.LastIndexByte(rest, '@')+1:])
}

// HostName is a name and port as it is shown: without the port that goes
// without saying.
func HostName(s string) string {
	s = strings.TrimSuffix(strings.TrimSuffix(s, ":443"), ":80")
	return strings.ToLower(s) // s itself if it is in lower case
}

type hostHeap []*host

func (h hostHeap) Len() int           { return len(h) }
func (h hostHeap) Less(i, j int) bool { return h[i].key < h[j].key }
func (h hostHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *hostHeap) Push(x any)        { *h = append(*h, x.(*host)) }
func (h *hostHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
