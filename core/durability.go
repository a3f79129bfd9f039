package core

import "v.io/x/ref/lib/raft/entry"

// durability keeps what has been handed out for writing apart from what is known to be written.
type durability struct {
	// seq is the number of the newest batch handed out, stored that of the newest durable one.
	// Invariant: stored <= seq.
	seq, stored uint64
	// hard is the batch that carries the newest term and vote.
	hard uint64
	// last is the last entry known to be durable. Invariant: last <= log.last.
	last entry.Index
	// pending are the batches after stored, with the last entry that each makes durable.
	pending []pendingBatch
	// moved is when a batch last became durable.
	moved Instant
	// written is the term and vote of the newest batch or of recovery.
	written entry.HardState
	// noRoom is true while the log has no place for entries. Invariant: no entry is handed out then, but
	// those of a leader that it had ordered, or opens its term with.
	noRoom bool
	// impaired is true while this member should not lead: see Space.
	impaired bool
}

type pendingBatch struct {
	seq  uint64
	last entry.Index
	// at is when it was handed out.
	at Instant
}

// advance takes note that every batch up to seq is durable.
func (d *durability) advance(seq uint64, now Instant) {
	seq = min(seq, d.seq)
	if seq <= d.stored {
		return
	}
	d.stored, d.moved = seq, now
	done := 0
	for done < len(d.pending) && d.pending[done].seq <= seq {
		d.last = max(d.last, d.pending[done].last)
		done++
	}
	d.pending = append(d.pending[:0], d.pending[done:]...)
}

// truncate takes back the entries from index from on. Batches that are still under way must not
// count for them when they end: other entries may have taken their places.
func (d *durability) truncate(from entry.Index) {
	d.last = min(d.last, from-1)
	for i := range d.pending {
		d.pending[i].last = min(d.pending[i].last, from-1)
	}
}

// dirty reports whether this Step has something to write.
func (c *Core) dirty(out *Effects) bool {
	w := &out.Write
	return c.hard != c.disk.written || w.TruncateFrom != 0 || w.Reset != nil || len(w.Appended) > 0 ||
		len(w.Received) > 0
}

// afterHard returns the batch that must be durable before a message leaves which promises nothing but
// the term and the vote; 0 when they are durable.
func (c *Core) afterHard() uint64 {
	switch {
	case c.hard != c.disk.written:
		return c.disk.seq + 1
	case c.disk.stored < c.disk.hard:
		return c.disk.hard
	}
	return 0
}

// appendOwn orders an entry of this leader and hands it out for writing.
func (c *Core) appendOwn(a Appended, size uint32, out *Effects) entry.Index {
	c.log.append(c.hard.Term, size)
	a.Index, a.Term = c.log.last, c.hard.Term
	out.Write.Appended = append(out.Write.Appended, a)
	c.lead.uncommitted += int(size)
	if a.Configuration != nil {
		c.members.append(ConfigurationAt{Index: a.Index, Value: *a.Configuration})
		c.seatPeers()
	}
	return a.Index
}

// truncate removes the entries from index from on, from the log and from what this Step was about
// to write.
func (c *Core) truncate(from entry.Index, out *Effects) {
	w := &out.Write
	w.Appended = cutAppended(w.Appended, from)
	w.Received = cutBlocks(w.Received, from)
	if from <= c.step.written && (w.TruncateFrom == 0 || from < w.TruncateFrom) {
		w.TruncateFrom = from
	}
	c.step.written = min(c.step.written, from-1)
	c.log.truncate(from)
	c.disk.truncate(from)
	c.members.truncate(from)
}

func cutAppended(all []Appended, from entry.Index) []Appended {
	n := len(all)
	for n > 0 && all[n-1].Index >= from {
		n--
	}
	return all[:n]
}

func cutBlocks(all []*entry.Block, from entry.Index) []*entry.Block {
	n := len(all)
	for n > 0 && all[n-1].First() >= from {
		n--
	}
	if n > 0 && all[n-1].Last() >= from {
		all[n-1] = all[n-1].Slice(all[n-1].First(), from-1)
	}
	return all[:n]
}

// closeBatch completes this Step's batch, if there is something to write, and numbers it.
func (c *Core) closeBatch(out *Effects) {
	if !c.dirty(out) {
		return
	}
	c.disk.seq++
	w := &out.Write
	w.Seq, w.Commit = c.disk.seq, c.commit
	if c.hard != c.disk.written {
		hard := c.hard
		w.Hard, c.disk.written, c.disk.hard = &hard, hard, c.disk.seq
	}
	c.disk.pending = append(c.disk.pending, pendingBatch{seq: c.disk.seq, last: c.log.last, at: c.now})
}
