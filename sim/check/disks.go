package check

import (
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// Disks keeps what the log of each member has confirmed as durable, and checks at each restart that
// all of it is still there: no acknowledged entry, term or vote is lost.
type Disks struct {
	// logs are the directories that each member has had, the newest last.
	logs map[entry.MemberID][]*durable
	// Recoveries is the number of restarts that were compared.
	Recoveries int
}

// durable is the content of one log as its Store promised it.
type durable struct {
	incarnation entry.Incarnation
	hard        entry.HardState
	base        entry.Index
	// terms are those of the entries after base.
	terms []entry.Term
	// image is the newest image that the member is known to have: it stands for the entries up to there.
	image entry.Index
	// pending is the batch whose Store has not returned: a crash may have kept it.
	pending *entry.Batch
	// left is one that a crash had torn, until something is stored after it. On a disk that rots the sectors that it
	// lacks may come to look as if they had been written and damaged, and then it is there after all; nothing was
	// promised meanwhile that contradicts it, or there would be a batch.
	left *entry.Batch
	rots bool
}

func newDisks() *Disks { return &Disks{logs: make(map[entry.MemberID][]*durable)} }

// of returns the record of a member's present directory.
func (d *Disks) of(life Life) *durable {
	all := d.logs[life.Member]
	if n := len(all); n > 0 && all[n-1].incarnation == life.Incarnation {
		return all[n-1]
	}
	log := &durable{incarnation: life.Incarnation}
	d.logs[life.Member] = append(all, log)
	return log
}

// Copy is what a log had confirmed when somebody copied its directory.
type Copy struct{ log durable }

// Copied returns what the member's log has confirmed now.
func (d *Disks) Copied(life Life) Copy {
	log := *d.of(life)
	log.terms = slices.Clone(log.terms)
	return Copy{log}
}

// Hard returns the term and vote of the copy, Last its last entry.
func (c *Copy) Hard() entry.HardState { return c.log.hard }

// Last returns the last entry of the copy, or of the image that it begins with, or that is newer than its log;
// the term of an image is not known and 0.
func (c *Copy) Last() entry.Position { return c.log.position() }

func (l *durable) position() entry.Position {
	at := max(l.last(), l.image)
	return entry.Position{Index: at, Term: l.term(at)}
}

// Holds reports whether a member's present directory has confirmed the entry.
func (d *Disks) Holds(member entry.MemberID, at entry.Position) bool {
	all := d.logs[member]
	if len(all) == 0 {
		return false
	}
	log := all[len(all)-1]
	return at.Index <= max(log.base, log.image) || at.Term != 0 && log.term(at.Index) == at.Term
}

// Hard returns the term and vote that a member's present directory has confirmed.
func (d *Disks) Hard(member entry.MemberID) entry.HardState {
	all := d.logs[member]
	if len(all) == 0 {
		return entry.HardState{}
	}
	return all[len(all)-1].hard
}

// putBack takes note that an older copy took the directory's place.
func (d *Disks) putBack(life Life, c Copy) {
	log := c.log
	log.terms = slices.Clone(log.terms)
	d.logs[life.Member] = append(d.logs[life.Member], &log)
}

// Rots is told that something of a member's present directory was damaged.
func (d *Disks) Rots(member entry.MemberID) {
	if all := d.logs[member]; len(all) > 0 {
		all[len(all)-1].rots = true
	}
}

func (d *Disks) storing(life Life, b *entry.Batch) { d.of(life).pending = b }

// stored takes over a batch in the order in which a log does.
func (d *Disks) stored(life Life, b *entry.Batch) {
	log := d.of(life)
	log.pending, log.left = nil, nil
	if b.Hard != nil {
		log.hard = *b.Hard
	}
	if b.TruncateFrom != 0 {
		log.cut(b.TruncateFrom)
	}
	if b.Reset != nil {
		log.base, log.terms = b.Reset.Index, log.terms[:0]
	}
	for _, block := range b.Blocks {
		for i := block.First(); i <= block.Last(); i++ {
			log.terms = append(log.terms, block.Term(i))
		}
	}
}

func (l *durable) last() entry.Index { return l.base + entry.Index(len(l.terms)) }

func (l *durable) cut(from entry.Index) {
	if from <= l.last() {
		l.terms = l.terms[:max(from, l.base+1)-l.base-1]
	}
}

func (l *durable) term(i entry.Index) entry.Term {
	if i <= l.base || i > l.last() {
		return 0
	}
	return l.terms[i-l.base-1]
}

// imaged takes note of an image that replaced the machine's state, and is durable.
func (d *Disks) imaged(life Life, at entry.Index) {
	log := d.of(life)
	log.image = max(log.image, at)
}

// holds reports whether a member's log has confirmed the entry. One that was destroyed meanwhile counts: its
// acknowledgement was true when it was given, and what may be destroyed is the simulator's care.
func (d *Disks) holds(member entry.MemberID, at entry.Position) bool {
	for _, log := range d.logs[member] {
		if at.Index <= max(log.base, log.image) || log.term(at.Index) == at.Term {
			return true
		}
	}
	return false
}

// recovered compares a restarted log with what it had confirmed. The batch that was under way may be
// there, in part or not at all.
func (d *Disks) recovered(life Life, r *entry.Recovered) error {
	d.Recoveries++
	log := d.of(life)
	if err := log.compareHard(life, r.Hard); err != nil {
		return err
	}
	if err := log.compareEntries(life, r); err != nil {
		return err
	}
	if log.last() > r.Last {
		// What it lost was confirmed all the same.
		was := *log
		was.terms = slices.Clone(log.terms)
		all := d.logs[life.Member]
		d.logs[life.Member] = append(all[:len(all)-1], &was, log)
	}
	if p := log.pending; p != nil {
		log.left = p
		if p.Hard != nil && *p.Hard == r.Hard || p.Hard == nil && p.TruncateFrom == 0 && p.Reset == nil {
			log.left = nil // It is there; or it would lack nothing that is compared.
		}
	}
	log.hard, log.base, log.pending = r.Hard, r.Base.Index, nil
	log.terms = log.terms[:0]
	for n, run := range r.Terms {
		end := r.Last + 1
		if n+1 < len(r.Terms) {
			end = r.Terms[n+1].First
		}
		for i := run.First; i < end; i++ {
			log.terms = append(log.terms, run.Term)
		}
	}
	return nil
}

// possible are the batches of which a restarted log may hold all.
func (l *durable) possible() []*entry.Batch {
	var all []*entry.Batch
	if l.pending != nil {
		all = append(all, l.pending)
	}
	if l.left != nil && l.rots {
		all = append(all, l.left)
	}
	return all
}

func (l *durable) compareHard(life Life, got entry.HardState) error {
	for _, p := range l.possible() {
		if p.Hard != nil && got == *p.Hard {
			return nil
		}
	}
	if got != l.hard {
		return broken("durable is durable", "%s restarted with term %d and vote %q, its log had confirmed %d and %q",
			life.Member, got.Term, got.Vote, l.hard.Term, l.hard.Vote)
	}
	return nil
}

func (l *durable) compareEntries(life Life, r *entry.Recovered) error {
	keep := l.last()
	for _, p := range l.possible() {
		if p.Reset != nil && r.Base == *p.Reset {
			return nil
		}
		if p.TruncateFrom != 0 {
			keep = min(keep, p.TruncateFrom-1)
		}
	}
	if r.Last < keep && r.Held.Index < keep { // it may say that it has lost its end
		return broken("durable is durable", "%s restarted with a log that ends at %d, it had confirmed %d",
			life.Member, r.Last, keep)
	}
	for n, run := range r.Terms {
		end := r.Last
		if n+1 < len(r.Terms) {
			end = r.Terms[n+1].First - 1
		}
		for i := max(run.First, l.base+1); i <= min(end, keep); i++ {
			if l.term(i) != run.Term {
				return broken("durable is durable", "%s restarted with entry %d of term %d, it had confirmed term %d",
					life.Member, i, run.Term, l.term(i))
			}
		}
	}
	return nil
}
