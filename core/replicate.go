package core

import "v.io/x/ref/lib/raft/entry"

// replicateAll sends every member what it may have now: entries within its window, else the news
// that something was committed, else the heartbeat when one is due.
func (c *Core) replicateAll(out *Effects) {
	if c.role != Leader {
		return
	}
	if c.lead.broadcast {
		c.lead.round++
		c.lead.heartbeat = c.now + c.config.Heartbeat
		c.noteBroadcast()
		if c.unnamed() {
			c.send(Message{Kind: MsgAppend, Term: c.hard.Term, Round: c.lead.round, Entries: Range{First: 1}}, 0, out)
		}
	}
	if c.unnamed() {
		c.lead.broadcast = false
		return
	}
	for i := range c.lead.peers {
		p := &c.lead.peers[i]
		if c.needsSnapshot(p) {
			p.state = snapshotting
			p.window.clear()
			out.Snapshots = append(out.Snapshots, SnapshotOrder{To: p.id})
		}
		if c.lead.broadcast && p.window.bytes > c.config.light() {
			c.sendPulse(p, out)
		}
		sent := c.sendEntries(p, out)
		news := p.state == replicating && p.told < c.commit
		if !sent && (c.lead.broadcast || news) {
			c.sendAppend(p, nil, 0, out)
		}
	}
	c.lead.broadcast = false
}

// needsSnapshot reports whether what precedes the member's next entry is gone.
func (c *Core) needsSnapshot(p *progress) bool {
	return p.state != snapshotting && !p.paused && p.next <= c.log.base.Index && p.farewell.until == 0 &&
		!c.withheld(p.id)
}

// sendEntries sends as much as the member's state allows and reports whether it sent anything.
func (c *Core) sendEntries(p *progress, out *Effects) bool {
	if p.full || c.withheld(p.id) {
		return false
	}
	switch p.state {
	case probing:
		return c.sendProbe(p, out)
	case replicating:
		return c.sendWindow(p, out)
	}
	return false
}

// sendProbe asks whether the logs agree before the member's next entry. It carries entries, which saves a round
// trip, but few: each heartbeat repeats it until it is answered, and on a slow line it may only be under way.
func (c *Core) sendProbe(p *progress, out *Effects) bool {
	if p.paused || p.next <= c.log.base.Index {
		return false
	}
	p.paused = true
	var count uint32
	if p.next >= c.log.tail.first {
		var bytes int
		if count, bytes = c.log.tail.prefix(p.next, c.config.light()); bytes > c.config.light() {
			count = 0
		}
	}
	c.sendAppend(p, nil, count, out)
	return true
}

// sendPulse sends a heartbeat that any log matches, so it may overtake the entries that are under way: on a
// slow line they take long, and the member shall not hear silence meanwhile. It commits nothing.
func (c *Core) sendPulse(p *progress, out *Effects) {
	c.send(Message{
		Kind: MsgAppend, To: p.id, Term: c.hard.Term, Commit: c.commit, Round: c.lead.round,
		Entries: Range{First: 1}, Match: p.match, Hint: uint64(p.incarnation),
	}, 0, out)
}

func (c *Core) sendWindow(p *progress, out *Effects) bool {
	sent := false
	for p.next <= c.log.last && p.window.room(&c.config) {
		if p.next < c.log.tail.first {
			c.load(p, out)
			break
		}
		count, bytes := c.log.tail.prefix(p.next, c.config.Message)
		c.sendAppend(p, nil, count, out)
		p.next += entry.Index(count)
		p.window.push(p.next-1, bytes)
		sent = true
	}
	return sent
}

// load asks for entries that only the segments hold; the member's stream waits for them.
func (c *Core) load(p *progress, out *Effects) {
	if p.loading != 0 {
		return
	}
	p.loading = p.next
	missing := Range{First: p.next, Count: uint32(min(c.log.tail.first-p.next, loadMax))}
	out.Loads = append(out.Loads, Load{To: p.id, Entries: missing, MaxBytes: c.config.Message})
}

// loadMax bounds the entries of one load.
const loadMax = 1 << 16

// loaded sends what was read, if it is still what the member needs.
func (c *Core) loaded(l *Loaded, out *Effects) {
	p := c.peer(l.To)
	if c.role != Leader || p == nil || p.loading == 0 || p.loading != l.Entries.First {
		return
	}
	p.loading = 0
	if p.state != replicating || p.next != l.Entries.First {
		return
	}
	if l.Entries.Count == 0 {
		p.state = snapshotting
		p.window.clear()
		out.Snapshots = append(out.Snapshots, SnapshotOrder{To: p.id})
		return
	}
	bytes, ok := c.verifyLoaded(l)
	if !ok {
		return
	}
	c.sendAppend(p, l.Body, l.Entries.Count, out)
	p.next = l.Entries.Last() + 1
	p.window.push(p.next-1, bytes)
}

// verifyLoaded reports whether the blocks are those of the present log: it may have been truncated
// since the question. Equal index and term at the end mean equal entries (paper, section 5.3).
func (c *Core) verifyLoaded(l *Loaded) (bytes int, ok bool) {
	m := Message{Entries: l.Entries, Body: l.Body}
	if !m.bodyFits(l.Entries.First, 0, c.hard.Term) || len(l.Body) == 0 {
		return 0, false
	}
	last := l.Body[len(l.Body)-1]
	if !c.log.holds(entry.Position{Index: last.Last(), Term: last.Term(last.Last())}) {
		return 0, false
	}
	for _, block := range l.Body {
		bytes += block.Size()
	}
	return bytes, true
}

// sendAppend sends count entries from next on; body is nil when replica takes them from its tail.
// To a member that receives an image it sends a pulse.
func (c *Core) sendAppend(p *progress, body []*entry.Block, count uint32, out *Effects) {
	p.told = c.commit
	term, ok := c.log.term(p.next - 1)
	if !ok || p.state == snapshotting {
		c.sendPulse(p, out)
		return
	}
	c.send(Message{
		Kind: MsgAppend, To: p.id, Term: c.hard.Term, Index: p.next - 1, LogTerm: term, Commit: c.commit,
		Round: c.lead.round, Entries: Range{First: p.next, Count: count}, Body: body,
		Match: p.match, Hint: uint64(p.incarnation),
	}, 0, out)
}

// onAppendReply moves a member's progress.
func (c *Core) onAppendReply(m *Message) {
	p := c.answering(m.From)
	if c.role != Leader || p == nil {
		return
	}
	if m.Match > c.log.last || m.Round > c.lead.round || !m.Reject && m.Index > c.log.last {
		c.report.counters.Malformed++
		return
	}
	if p.settled != 0 && m.Round <= p.settled {
		c.report.counters.Lost++
		return
	}
	if p.incarnation == 0 {
		p.incarnation = m.Incarnation
	}
	p.heard, p.lost = c.now, false
	p.round = max(p.round, m.Round)
	if m.Commit != 0 {
		c.confess(p, m)
	}
	if !m.Reject {
		p.rank, p.full = m.Hint, m.HintTerm == noRoomFlag
		p.acknowledge(m.Index, m.Match, c.log.base.Index, c.lead.round, &c.config)
		p.arrival.advance(p.match, c.log.last, c.now, electionMin*c.config.Heartbeat)
		return
	}
	if p.state == snapshotting {
		return
	}
	if m.Index == p.match && p.next == p.match+1 && p.match > 0 && m.Round > p.since {
		// The member denies what it acknowledged: its directory is an older copy. It is served again
		// from what it has, and what was committed with its help stays committed; but what it says in
		// this term counts no more, since it may have forgotten a vote, too.
		c.report.counters.Forgotten++
		p.match, p.denied = min(p.match-1, entry.Index(m.Hint)), true
	}
	late := m.Index <= p.match || m.Index >= p.next || p.state == probing && m.Index != p.next-1
	if late {
		return
	}
	if p.state == replicating {
		p.window.lose(&c.config)
	}
	hint := c.log.conflict(min(entry.Index(m.Hint), m.Index-1), m.HintTerm)
	p.probe(hint + 1)
}

// lost starts again with a member whose connection broke: what was on its way may never arrive. A
// follower that loses its leader so does not wait for the whole time-out: when the others have lost
// it too they elect at once, and while one of them still hears it the pre-vote changes nothing.
func (c *Core) lost(id entry.MemberID) {
	if c.role == Follower && id == c.leader {
		c.election.suspect = true
		soon := c.soon()
		if c.leases() {
			soon = max(soon, c.election.promise)
		}
		c.election.deadline = min(c.election.deadline, soon)
	}
	p := c.peer(id)
	if c.role != Leader || p == nil {
		return
	}
	p.lost = true
	p.window.lose(&c.config)
	if p.state != snapshotting {
		p.probe(p.match + 1)
		p.paused = true // until the next heartbeat: the connection was lost just now
	}
}

// onSnapshotReply ends a transfer. After a failure the next heartbeat tries again.
func (c *Core) onSnapshotReply(m *Message) {
	p := c.peer(m.From)
	if c.role != Leader || p == nil || p.state != snapshotting {
		return
	}
	p.lost = false
	if m.Reject || m.Index > c.log.last {
		p.probe(p.match + 1)
		p.paused = true
		return
	}
	p.probe(m.Index + 1)
}
