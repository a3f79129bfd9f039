package storetest

import (
	"bytes"
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

var _ replica.Healer = (*memoryLog)(nil)

// Damage makes the entries first to last unreadable, those that the log holds. known says that their
// headers stay intact.
func (p *LogPlace) Damage(first, last entry.Index, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.damaged == nil {
		p.damaged = map[entry.Index]bool{}
	}
	for i := max(first, p.base.Index+1); i <= min(last, p.last()); i++ {
		p.damaged[i] = known
	}
}

// Lose makes the log's end unreadable from index from on: it is gone, and the next Recover says what it
// can have held.
func (p *LogPlace) Lose(from entry.Index) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from <= p.base.Index || from > p.last() {
		return
	}
	if !p.lacks() {
		p.held = p.end()
	}
	p.truncate(from)
}

// Fill takes the room away, or gives it back.
func (p *LogPlace) Fill(full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = full
}

// Repaired returns how many entries were healed so far.
func (p *LogPlace) Repaired() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.repaired
}

// Damaged returns the entries that cannot be read, in order.
func (p *LogPlace) Damaged() []entry.Damage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.damage(p.base.Index+1, p.last())
}

// end returns the log's last entry.
func (p *LogPlace) end() entry.Position {
	if n := len(p.blocks); n > 0 {
		return entry.Position{Index: p.blocks[n-1].Last(), Term: p.blocks[n-1].Term(p.blocks[n-1].Last())}
	}
	return p.base
}

// lacks reports whether the log has not come up to what it once can have held.
func (p *LogPlace) lacks() bool {
	return p.held.Compare(p.end()) > 0
}

// damage returns the unreadable entries from lo to hi.
func (p *LogPlace) damage(lo, hi entry.Index) (all []entry.Damage) {
	if len(p.damaged) == 0 {
		return nil
	}
	for i := lo; i <= hi; i++ {
		known, bad := p.damaged[i]
		n := len(all)
		switch {
		case !bad:
		case n > 0 && all[n-1].Last+1 == i:
			all[n-1].Last, all[n-1].Known = i, all[n-1].Known && known
		default:
			all = append(all, entry.Damage{First: i, Last: i, Known: known})
		}
	}
	return all
}

// forget drops what is known to be damaged from lo to hi.
func (p *LogPlace) forget(lo, hi entry.Index) {
	for i := range p.damaged {
		if i >= lo && i <= hi {
			delete(p.damaged, i)
		}
	}
}

// frame returns the block that holds entry i, nil when the log does not.
func (p *LogPlace) frame(i entry.Index) *entry.Block {
	for _, block := range p.blocks {
		if block.First() <= i && i <= block.Last() {
			return block
		}
	}
	return nil
}

// Repair implements replica.Healer.
func (l *memoryLog) Repair(copies *entry.Block) error {
	p := l.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.closed {
		return errClosed
	}
	for i := copies.First(); i <= copies.Last(); i++ {
		own := p.frame(i)
		known, bad := p.damaged[i]
		switch {
		case own == nil || own.Term(i) != copies.Term(i):
			return fmt.Errorf("storetest: entry (index %d, term %d) is not in the log: %w", i, copies.Term(i),
				replica.ErrCopyRefused)
		case bad && known && own.Header(i) != copies.Header(i):
			return fmt.Errorf("storetest: entry %d has another header: %w", i, replica.ErrCopyRefused)
		case bad && !bytes.Equal(own.Frame(i), copies.Frame(i)):
			// The place still has what was written, so it can tell what a disk could not.
			return errors.New("storetest: a copy with other bytes was accepted")
		}
	}
	for i := copies.First(); i <= copies.Last(); i++ {
		if _, bad := p.damaged[i]; bad {
			p.repaired++
		}
	}
	p.forget(copies.First(), copies.Last())
	return nil
}

// Verify implements replica.Healer.
func (l *memoryLog) Verify(from entry.Index, maxBytes int) (entry.Index, []entry.Damage, error) {
	p := l.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if from <= p.base.Index || from > p.last() {
		from = p.base.Index + 1
	}
	at := from
	for bytes := 0; at <= p.last() && (at == from || bytes < maxBytes); at++ {
		bytes += p.frame(at).FrameSize(at)
	}
	all := p.damage(from, at-1)
	if at > p.last() {
		at = 0
	}
	return at, all, nil
}

// Room implements replica.Healer.
func (l *memoryLog) Room(try bool) bool {
	l.place.mu.Lock()
	defer l.place.mu.Unlock()
	if try {
		l.noRoom = l.place.full
	}
	return !l.noRoom
}
