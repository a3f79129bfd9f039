package check

import "v.io/x/ref/lib/raft/entry"

// Entries checks log matching (paper, section 5.3 and figure 3): two entries with the same index and
// term are the same, and so is the entry before each. By induction everything before is, too. It is
// checked for what logs confirmed, entry by entry.
type Entries struct {
	disks *Disks
	seen  map[entry.Position]written
	// Compared is how many entries were compared with another member's.
	Compared int
}

// written is an entry as it was first stored anywhere.
type written struct {
	header entry.Header
	before entry.Term
	member entry.MemberID
}

func (e *Entries) stored(life Life, b *entry.Batch) error {
	if len(b.Blocks) == 0 {
		return nil
	}
	log := e.disks.of(life)
	first := b.Blocks[0].First()
	end := log.last()
	if b.TruncateFrom != 0 {
		end = min(end, b.TruncateFrom-1)
	}
	before := log.term(first - 1)
	if b.Reset != nil {
		before, end = b.Reset.Term, b.Reset.Index
	}
	if first != end+1 {
		return broken("log matching", "%s stored entry %d behind entry %d", life.Member, first, end)
	}
	for _, block := range b.Blocks {
		for i := block.First(); i <= block.Last(); i++ {
			h := block.Header(i)
			if err := e.compare(life, h, before); err != nil {
				return err
			}
			before = h.Term
		}
	}
	return nil
}

// compare takes before 0 for "not known": the entry before has been compacted.
func (e *Entries) compare(life Life, h entry.Header, before entry.Term) error {
	at := entry.Position{Index: h.Index, Term: h.Term}
	was, found := e.seen[at]
	if !found {
		e.seen[at] = written{header: h, before: before, member: life.Member}
		return nil
	}
	e.Compared++
	if was.header != h || before != 0 && was.before != 0 && was.before != before {
		return broken("log matching", "entry %d of term %d is %+v after term %d at %s, and %+v after term %d at %s",
			h.Index, h.Term, h, before, life.Member, was.header, was.before, was.member)
	}
	if was.before == 0 {
		was.before = before
		e.seen[at] = was
	}
	return nil
}
