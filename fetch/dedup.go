package fetch

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultDedupMemory is what Dedup takes unless told otherwise: room for about
// eight million requests.
const DefaultDedupMemory = 256 << 20

// Dedup lets identical requests be made once. Two are identical if method, URL,
// header and body are, after what is certainly the same has been made equal:
// the case of scheme and host, the scheme's own port, an empty path and "/"
// (RFC 9110, section 4.2.3), and the fragment, which is not sent. Cost and ID do
// not count.
//
// The first of them, by index, is fetched. Each of the others has a Record of
// its own as soon as there is that of the first, with Duplicate set and the
// outcome in brief: OK, Status and the class of the error, but no header and no
// body, for which DuplicateOf says where they are. So when the first one fails,
// all do, and all of their inputs are there to be tried again. Items that
// cannot be understood are no duplicates of each other.
//
// A distinct request is never taken for a duplicate: 128 bits of a keyed hash
// (SHA-256) tell them apart, and who makes up a list cannot know the key.
//
// The zero value is good.
type Dedup struct {
	// Memory bounds what is remembered, in bytes; 0 means 256 MiB. A request
	// takes 24 bytes, and about a third more for room to grow; a quarter of
	// Memory is for duplicates that wait for the first to end. A request that
	// there is no room for is fetched, whether it is a duplicate or not:
	// Summary.NotDeduped counts those.
	Memory int64
	// Done tells what became of an item in an earlier run, if anything did;
	// File.Outcome is one. Run then passes over those items, but knows their
	// requests: unlike with File.Rest the source yields them all.
	Done func(index int64) (Outcome, bool)
}

// An Outcome is what became of an item, in brief.
type Outcome struct {
	OK     bool
	Status int
	Class  Class // "" if OK
}

// A requestKey tells a request from all others.
type requestKey struct{ a, b uint64 }

// A dedup knows the requests of a run.
type dedup struct {
	opts Dedup
	seed [32]byte

	mu      sync.Mutex
	known   requestTable
	waiting map[int64][]Record // by the index that they wait for
	held    int64              // bytes of these, about
	most    int64
	missed  int64 // requests that there was no room for
}

func newDedup(o *Dedup) *dedup {
	if o == nil {
		return nil
	}
	d := &dedup{opts: *o, waiting: map[int64][]Record{}}
	def(&d.opts.Memory, DefaultDedupMemory)
	d.most = d.opts.Memory / 4
	d.known.most = d.opts.Memory - d.most
	_, _ = rand.Read(d.seed[:]) // never fails
	return d
}

// key is that of the request which j is before it is sent.
func (d *dedup) key(j *job) requestKey {
	b := append(make([]byte, 0, 512), d.seed[:]...)
	b = appendPart(b, j.method)
	b = appendPart(b, normalized(j.url))
	for _, name := range slices.Sorted(maps.Keys(j.header)) {
		b = appendPart(b, name)
		b = binary.AppendUvarint(b, uint64(len(j.header[name])))
		for _, value := range j.header[name] {
			b = appendPart(b, value)
		}
	}
	b = appendPart(b, "") // no header has that name
	b = append(b, j.body...)
	sum := sha256.Sum256(b)
	return requestKey{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

// appendPart appends s so that no two lists of parts are the same bytes.
func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// normalized is u with what certainly makes no difference made equal.
func normalized(u *url.URL) string {
	scheme := strings.ToLower(u.Scheme)
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	// As it is sent: net/url keeps an encoded slash apart from a plain one.
	path := cmp.Or(u.EscapedPath(), "/")
	if u.Opaque != "" {
		path = u.Opaque
	}
	query := u.RawQuery
	if query != "" || u.ForceQuery {
		query = "?" + query
	}
	return scheme + "://" + host + path + query
}

// earlier reports whether an earlier run has done the item, and then remembers
// its request.
func (e *Engine) earlier(it *Item) bool {
	d := e.dedup
	if d == nil || d.opts.Done == nil {
		return false
	}
	outcome, done := d.opts.Done(it.Index)
	if !done {
		return false
	}
	if j, bad := e.newJob(*it, time.Time{}); bad == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if _, known := d.known.get(j.key); !known {
			d.remember(j.key, firstItem{index: it.Index, done: true, outcome: outcome})
		}
	}
	return true
}

// remember adds a request, or counts it as one for which there is no room. The
// caller holds mu.
func (d *dedup) remember(key requestKey, f firstItem) {
	if !d.known.put(key, f) {
		d.missed++
	}
}

// duplicate reports whether j's request is that of an earlier item. It has its
// record then, or will have it.
func (e *Engine) duplicate(j *job) bool {
	if e.dedup == nil {
		return false
	}
	first, waits, is := e.dedup.look(j)
	switch {
	case !is:
		return false
	case waits:
		e.sched.setAside()
		return true
	}
	e.putDuplicate(duplicateRecord(j), first)
	e.advance(e.sched.reject(j.item.Index))
	return true
}

// look says whether j is a duplicate, and of what; or that it now waits for
// that.
func (d *dedup) look(j *job) (first firstItem, waits, is bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first, known := d.known.get(j.key)
	switch {
	case !known:
		d.remember(j.key, firstItem{index: j.item.Index})
		return first, false, false
	case first.done:
		return first, false, true
	}
	r := duplicateRecord(j)
	size := recordSize(&r)
	if d.held+size > d.most {
		d.missed++ // and is fetched
		return first, false, false
	}
	d.held += size
	d.waiting[first.index] = append(d.waiting[first.index], r)
	return first, true, true
}

// duplicateRecord is what can be said of a duplicate from the start.
func duplicateRecord(j *job) Record {
	return Record{
		Index: j.item.Index, ID: j.item.ID, URL: redactedURL(j.item.URL), Raw: j.item.raw(),
		Started: j.admitted, Duplicate: true,
	}
}

// recordSize is about what a record takes in memory.
func recordSize(r *Record) int64 {
	return 400 + int64(len(r.URL)+len(r.ID)+len(r.Raw))
}

// settleDuplicates gives those who waited for j their records.
func (e *Engine) settleDuplicates(j *job, r *Record) {
	d := e.dedup
	if d == nil {
		return
	}
	first := firstItem{index: r.Index, done: true, outcome: outcomeOf(r)}
	for _, r := range d.settle(j.key, first) {
		e.putDuplicate(r, first)
		e.advance(e.sched.takeBack(r.Index))
	}
}

func outcomeOf(r *Record) Outcome {
	o := Outcome{OK: r.OK, Status: r.Status}
	if r.Error != nil {
		o.Class = r.Error.Class
	}
	return o
}

// settle notes what became of a request, if the item is the first that had it,
// and returns the records that waited for that.
func (d *dedup) settle(key requestKey, first firstItem) []Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	if was, known := d.known.get(key); !known || was.index != first.index {
		return nil // a duplicate that there was no room for
	}
	d.known.put(key, first)
	waiting := d.waiting[first.index]
	delete(d.waiting, first.index)
	for i := range waiting {
		d.held -= recordSize(&waiting[i])
	}
	return waiting
}

// putDuplicate gives the record of a duplicate to the sink.
func (e *Engine) putDuplicate(r Record, first firstItem) {
	r.DuplicateOf = first.index
	r.OK, r.Status = first.outcome.OK, first.outcome.Status
	if !r.OK {
		r.Error = &Error{Class: first.outcome.Class, Message: fmt.Sprintf("as item %d, which is the same request", first.index)}
	}
	r.Queue = max(0, time.Since(r.Started))
	e.put(&r)
}

// notDeduped counts the requests that there was no room for.
func (d *dedup) notDeduped() int64 {
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.missed
}
