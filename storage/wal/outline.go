package wal

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sort"

	"v.io/x/ref/lib/raft/entry"
)

// chunkSize is about how many bytes of a segment one line of the index stands for: small enough
// that a read finds its entry fast, large enough that the index of ten million entries takes two
// megabytes.
const chunkSize = 32 << 10

// keptAll is the value of outline.kept when nothing before the segment was truncated.
const keptAll entry.Index = math.MaxUint64

// chunk is a run of frames of a segment with contiguous indexes, with the envelopes of their
// batches between them.
type chunk struct {
	first entry.Index
	at    int64 // offset of the first frame in the file
	end   int64 // offset behind the last frame; entries truncated since may lie before it
}

// outline says what a segment adds to the log, and what it takes away from it.
//
// Invariant: chunks are in order of index, terms and configurations too; terms is empty when
// chunks is.
type outline struct {
	// kept is the greatest index that the segment's truncations left of older segments.
	kept entry.Index
	// reset, when set, says that nothing of older segments counts and the log starts after base.
	reset bool
	base  entry.Position
	// last is the index of the last entry of chunks. Meaningless when chunks is empty.
	last           entry.Index
	chunks         []chunk
	terms          []entry.TermRun
	configurations []entry.Index
	// broken is set when the next frame cannot join the last chunk.
	broken bool
}

func newOutline() outline { return outline{kept: keptAll} }

// empty reports whether no entry of the log lives in the segment.
func (o *outline) empty() bool { return len(o.chunks) == 0 }

// truncate takes away the entries from index from on, in this segment and the older ones.
func (o *outline) truncate(from entry.Index) {
	o.kept = min(o.kept, from-1)
	o.clip(from - 1)
}

// clip takes the entries above last away from this segment.
func (o *outline) clip(last entry.Index) {
	if o.empty() || last >= o.last {
		return
	}
	o.broken = true
	o.last = last
	n := sort.Search(len(o.chunks), func(i int) bool { return o.chunks[i].first > last })
	o.chunks = o.chunks[:n:n]
	n = sort.Search(len(o.terms), func(i int) bool { return o.terms[i].First > last })
	o.terms = o.terms[:n:n]
	n = sort.Search(len(o.configurations), func(i int) bool { return o.configurations[i] > last })
	o.configurations = o.configurations[:n:n]
}

// restart empties the log: it goes on after base.
func (o *outline) restart(base entry.Position) {
	*o = outline{reset: true, base: base}
}

// change notes what a batch does to the entries before its own.
func (o *outline) change(c *contents) {
	if c.truncate != 0 {
		o.truncate(c.truncate)
	}
	if c.reset != nil {
		o.restart(*c.reset)
	}
}

// add notes a run of frames of the given term in the data of a batch that starts at offset start.
func (o *outline) add(r run, term entry.Term, start int64) {
	at, end := offsetOf(start, r.pos), offsetOf(start, r.end-1)+1
	n := len(o.chunks)
	if n == 0 || o.broken || end-o.chunks[n-1].at > chunkSize {
		o.chunks = append(o.chunks, chunk{first: r.first, at: at, end: end})
	} else {
		o.chunks[n-1].end = end
	}
	o.broken = false
	o.last = r.last
	if k := len(o.terms); k == 0 || o.terms[k-1].Term != term {
		o.terms = append(o.terms, entry.TermRun{First: r.first, Term: term})
	}
	if r.known && r.header.Kind == entry.KindConfiguration {
		o.configurations = append(o.configurations, r.first)
	}
}

// configure notes that entry i, which could not be read before, is a configuration.
func (o *outline) configure(i entry.Index) {
	if k, found := slices.BinarySearch(o.configurations, i); !found {
		o.configurations = slices.Insert(slices.Clone(o.configurations), k, i)
	}
}

// bytes returns how many bytes the footer takes.
func (o *outline) bytes() int64 {
	return int64(footerHead + 24*len(o.chunks) + 16*len(o.terms) + 8*len(o.configurations))
}

// find returns the position in chunks of the chunk that holds index i, which must be in the
// segment.
func (o *outline) find(i entry.Index) int {
	return sort.Search(len(o.chunks), func(k int) bool { return o.chunks[k].first > i }) - 1
}

// liveUntil returns the last entry of the log, from i on, that lies in the bytes from one offset to
// another with those before it, which is where i lies.
func (o *outline) liveUntil(i entry.Index, from, to int64) entry.Index {
	for _, c := range o.chunks[o.find(i)+1:] {
		if c.at < from || c.at >= to {
			return c.first - 1
		}
	}
	return o.last
}

// position returns the last entry of the segment, which must not be empty.
func (o *outline) position() entry.Position {
	return entry.Position{Index: o.last, Term: o.terms[len(o.terms)-1].Term}
}

const (
	footerMagic = 0x746f6f66 // "foot"
	footerReset = 1
	footerHead  = 64
)

// encode returns the footer of a segment, drawn in the package comment.
func (o *outline) encode() []byte {
	b := make([]byte, 0, o.bytes())
	var flags uint32
	if o.reset {
		flags |= footerReset
	}
	b = binary.LittleEndian.AppendUint32(b, footerMagic)
	b = binary.LittleEndian.AppendUint32(b, flags)
	for _, v := range []uint64{
		uint64(o.kept), uint64(o.base.Index), uint64(o.base.Term), uint64(o.last),
		uint64(len(o.chunks)), uint64(len(o.terms)), uint64(len(o.configurations)),
	} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	for _, c := range o.chunks {
		b = binary.LittleEndian.AppendUint64(b, uint64(c.first))
		b = binary.LittleEndian.AppendUint64(b, uint64(c.at))
		b = binary.LittleEndian.AppendUint64(b, uint64(c.end))
	}
	for _, t := range o.terms {
		b = binary.LittleEndian.AppendUint64(b, uint64(t.First))
		b = binary.LittleEndian.AppendUint64(b, uint64(t.Term))
	}
	for _, i := range o.configurations {
		b = binary.LittleEndian.AppendUint64(b, uint64(i))
	}
	return b
}

var errFooter = errors.New("footer does not decode")

// decodeOutline reads a footer that fills b exactly.
func decodeOutline(b []byte) (outline, error) {
	if len(b) < footerHead || len(b)%8 != 0 || binary.LittleEndian.Uint32(b) != footerMagic {
		return outline{}, errFooter
	}
	flags := binary.LittleEndian.Uint32(b[4:])
	words := make([]uint64, len(b)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	head, lists := words[1:8], words[8:]
	o := outline{
		kept: entry.Index(head[0]), reset: flags == footerReset,
		base: entry.Position{Index: entry.Index(head[1]), Term: entry.Term(head[2])},
		last: entry.Index(head[3]),
	}
	n := uint64(len(lists))
	chunks, terms, configurations := head[4], head[5], head[6]
	if flags > footerReset || max(chunks, terms, configurations) > n || 3*chunks+2*terms+configurations != n {
		return outline{}, errFooter
	}
	o.lists(lists, chunks, terms)
	return o, o.validate()
}

// lists fills the three lists from their words.
func (o *outline) lists(words []uint64, chunks, terms uint64) {
	for ; chunks > 0; chunks-- {
		o.chunks = append(o.chunks, chunk{entry.Index(words[0]), int64(words[1]), int64(words[2])})
		words = words[3:]
	}
	for ; terms > 0; terms-- {
		o.terms = append(o.terms, entry.TermRun{First: entry.Index(words[0]), Term: entry.Term(words[1])})
		words = words[2:]
	}
	for _, w := range words {
		o.configurations = append(o.configurations, entry.Index(w))
	}
}

// validate checks the invariants of the type.
func (o *outline) validate() error {
	if o.empty() {
		if len(o.terms)+len(o.configurations) > 0 {
			return errFooter
		}
		return nil
	}
	if len(o.terms) == 0 || o.terms[0].First != o.chunks[0].first || o.last > entry.NumberMax {
		return errFooter
	}
	for i, c := range o.chunks {
		if c.first > o.last || c.at < batchesOffset || c.end <= c.at || i > 0 && c.first <= o.chunks[i-1].first {
			return errFooter
		}
	}
	for i, t := range o.terms {
		if t.First > o.last || i > 0 && (t.First <= o.terms[i-1].First || t.Term <= o.terms[i-1].Term) {
			return errFooter
		}
	}
	for i, c := range o.configurations {
		if c < o.chunks[0].first || c > o.last || i > 0 && c <= o.configurations[i-1] {
			return errFooter
		}
	}
	return nil
}
