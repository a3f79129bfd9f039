package replica

import "v.io/x/ref/lib/raft/entry"

// tail keeps the newest blocks of the log, from which messages and the machine are served without
// copying.
type tail struct {
	// blocks are contiguous. Invariant: an element that was handed out is never overwritten, so a
	// part of the slice may be held by messages; truncation therefore copies.
	blocks []*entry.Block
}

// add appends a block that follows the last one.
func (t *tail) add(b *entry.Block) { t.blocks = append(t.blocks, b) }

// truncate removes the entries from index from on.
func (t *tail) truncate(from entry.Index) {
	n := len(t.blocks)
	for n > 0 && t.blocks[n-1].First() >= from {
		n--
	}
	kept := append([]*entry.Block(nil), t.blocks[:n]...)
	if n > 0 && kept[n-1].Last() >= from {
		kept[n-1] = kept[n-1].Slice(kept[n-1].First(), from-1)
	}
	t.blocks = kept
}

// dropBefore lets go of the blocks that end before index.
func (t *tail) dropBefore(index entry.Index) {
	n := 0
	for n < len(t.blocks) && t.blocks[n].Last() < index {
		n++
	}
	t.blocks = t.blocks[n:]
}

// first returns the oldest entry held, and false when there is none.
func (t *tail) first() (entry.Index, bool) {
	if len(t.blocks) == 0 {
		return 0, false
	}
	return t.blocks[0].First(), true
}

// find returns the position of the block with entry i, which must be held.
func (t *tail) find(i entry.Index) int {
	lo, hi := 0, len(t.blocks)-1
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if t.blocks[mid].First() <= i {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// slice returns the entries lo to hi, all of which must be held.
func (t *tail) slice(lo, hi entry.Index) []*entry.Block {
	from, to := t.find(lo), t.find(hi)
	part := t.blocks[from : to+1 : to+1]
	if part[0].First() == lo && part[to-from].Last() == hi {
		return part
	}
	cut := append([]*entry.Block(nil), part...)
	if cut[0].First() < lo {
		cut[0] = cut[0].Slice(lo, cut[0].Last())
	}
	if last := len(cut) - 1; cut[last].Last() > hi {
		cut[last] = cut[last].Slice(cut[last].First(), hi)
	}
	return cut
}

// upTo is slice from lo on, to at most hi, bounded in bytes and count but never empty.
func (t *tail) upTo(lo, hi entry.Index, maxBytes, maxCount int) []*entry.Block {
	bytes, end := 0, lo
	for k := t.find(lo); k < len(t.blocks) && end <= hi; k++ {
		block := t.blocks[k]
		for ; end <= min(hi, block.Last()); end++ {
			bytes += block.FrameSize(end)
			if end > lo && (bytes > maxBytes || int(end-lo) >= maxCount) {
				return t.slice(lo, end-1)
			}
		}
	}
	return t.slice(lo, end-1)
}
