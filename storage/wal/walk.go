package wal

import (
	"v.io/x/ref/lib/raft/entry"
)

// run is what a walk over frames finds: one entry, or several that cannot be told apart.
type run struct {
	first, last entry.Index
	// known is set when the frame's header is intact, and ok when its payload is too. Then first is last.
	known, ok bool
	header    entry.Header
	// pos and end delimit the run in the extent's data. A run that is not known starts where the frame
	// of its first entry does; it ends where the next frame that was found starts.
	pos, end int64
}

// walker goes over the frames of an extent.
//
// Where a frame starts is known from the end of the one before. When that cannot be read, the walk goes
// on where an intact sector says that a frame starts, or at the next batch: nothing that a payload holds
// is ever taken for a frame.
type walker struct {
	*extent
	// fits reports whether a frame with this header can be the entry that it says to be.
	fits func(entry.Header) bool
}

// walk visits the entries next to last, in order; the frame of next starts at pos. It ends early when
// visit returns false.
func (w walker) walk(pos int64, next, last entry.Index, visit func(run) bool) {
	for next <= last {
		if r, ok := w.frame(pos, next); ok {
			if !visit(r) {
				return
			}
			pos, next = r.end, next+1
			continue
		}
		q, found := w.resync(pos, next, last)
		if found > next && !visit(run{first: next, last: found - 1, pos: pos, end: q}) {
			return
		}
		pos, next = q, found
	}
}

// frame reads the frame of entry i at pos; ok is false when there is none with an intact header.
func (w walker) frame(pos int64, i entry.Index) (r run, ok bool) {
	if pos > int64(len(w.data)) {
		return run{}, false
	}
	h, _, err := entry.DecodeFrame(w.data[pos:])
	if h.Index != i || !w.fits(h) {
		return run{}, false
	}
	end := pos + int64(h.FrameSize())
	return run{first: i, last: i, known: true, ok: err == nil, header: h, pos: pos, end: end}, end <= int64(len(w.data))
}

// resync looks behind the sector of pos for the next place where the frame of an entry from next to last
// starts. Without one it returns the end of the data and last+1.
func (w walker) resync(pos int64, next, last entry.Index) (at int64, found entry.Index) {
	for k := int(pos/sectorData) + 1; k < w.sectors(); k++ {
		base := int64(k) * sectorData
		h, err := decodeBatchHeader(w.data[base:], w.at(k))
		isHead := err == nil && h.count > 0 && h.first >= next && h.first <= last
		whole := w.verdict(k) == intact
		first, kind := w.lead(k)
		if isHead && (!whole || kind == kindHead) {
			return base + h.head(), h.first
		}
		if !whole || first < 0 {
			continue
		}
		at := base + int64(first)
		f, err := entry.DecodeHeader(w.data[at:])
		if err == nil && f.Index >= next && f.Index <= last && w.fits(f) {
			return at, f.Index
		}
	}
	return int64(len(w.data)), last + 1
}
