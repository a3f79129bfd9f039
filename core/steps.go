package core

import (
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// advanceChanges takes the next step of what is to change, once the step before is committed and this
// term has committed an entry: only then is it decided which step of an earlier leader stands
// (Ongaro, raft-dev, "bug in single-server membership changes", 2015). A leader that hands over takes
// none: its log must stand still. Nor does one without room.
func (c *Core) advanceChanges(out *Effects) {
	current := c.members.current()
	if c.config.ElectionOnly || c.transferring() || c.disk.noRoom || c.commit < c.lead.opened || current.Index > c.commit {
		return
	}
	next, ok := c.nextStep(out)
	if !ok {
		return
	}
	c.record(&next)
	if !sameConfiguration(&next, &current.Value) {
		c.appendConfiguration(next, out)
	}
}

// nextStep returns the configuration to append now. What was begun comes before what is new.
func (c *Core) nextStep(out *Effects) (entry.Configuration, bool) {
	current := &c.members.current().Value
	if c.members.joint {
		// Also one that an earlier leader began (thesis, section 4.3).
		return completed(current), true
	}
	if next, ok := c.beginChange(out); ok {
		return next, true
	}
	if next, ok := c.completeChange(); ok {
		return next, true
	}
	if !c.members.met.news {
		return entry.Configuration{}, false
	}
	if next, ok := c.replaceWiped(); ok {
		return next, true
	}
	return mutable(current), true
}

// appendConfiguration orders a configuration, which is in force from now on (thesis, section 4.1).
func (c *Core) appendConfiguration(next entry.Configuration, out *Effects) {
	if err := next.Validate(); err != nil {
		c.fail("the next configuration is impossible: %v", err)
		return
	}
	size := entry.HeaderSize + len(entry.AppendConfiguration(nil, next))
	c.appendOwn(Appended{Kind: entry.KindConfiguration, Configuration: &next}, uint32(size), out)
}

// beginChange answers the requests whose change is done or refused, and returns the first step of one
// that can begin.
func (c *Core) beginChange(out *Effects) (next entry.Configuration, chosen bool) {
	waits := c.lead.changes[:0]
	for _, w := range c.lead.changes {
		s := c.standing(&w)
		result := ChangeResult{Index: c.members.current().Index}
		switch {
		case s == absent && w.begun:
			if result = c.refuseLevel(&w.change); result.Refusal == 0 {
				result = refused(RefusedCancelled, 0, 0)
			}
		case s == underWay && !chosen && c.refuseLevel(&w.change).Refusal != 0:
			next, result, chosen = c.takeBack(&w.change), c.refuseLevel(&w.change), true
		case s == absent && !chosen:
			next, result = c.firstStep(&w.change)
			chosen = result.Refusal == 0
			w.begun = chosen
		}
		w.begun = w.begun || s == underWay
		if s == done || result.Refusal != 0 {
			c.answerChange(&w, result, out)
			continue
		}
		waits = append(waits, w)
	}
	clear(c.lead.changes[len(waits):])
	c.lead.changes = waits
	return next, chosen
}

// firstStep returns the configuration that a change begins with, or why it may not.
func (c *Core) firstStep(change *Change) (entry.Configuration, ChangeResult) {
	at := c.members.current()
	current := &at.Value
	if c.members.pending && !cancels(current, change) {
		return entry.Configuration{}, refused(RefusedChanging, int(at.Index), 0)
	}
	for i, id := range change.Remove {
		if _, found := current.Find(id); !found && !slices.Contains(current.Removed, id) {
			return entry.Configuration{}, refused(RefusedUnknownMember, i, 0)
		}
	}
	if no := c.refuseLevel(change); no.Refusal != 0 {
		return entry.Configuration{}, no
	}
	next := planned(current, c.identified(change))
	if no := c.refuse(current, &next); no.Refusal != 0 {
		return entry.Configuration{}, no
	}
	return entered(current, &next), ChangeResult{}
}

// cancels reports whether a change does nothing but remove members that wait to be promoted.
func cancels(current *entry.Configuration, change *Change) bool {
	return len(change.Add) == 0 && !slices.ContainsFunc(change.Remove, func(id entry.MemberID) bool {
		m, found := current.Find(id)
		return found && !isArrival(m)
	})
}

// refuse says why the step from current to next, or where it leads, may not be.
func (c *Core) refuse(current, next *entry.Configuration) ChangeResult {
	end := completed(next)
	voters, now := end.Voters(), next.Voters()
	apart := difference(current.Voters(), now)
	switch {
	case len(next.Members) > entry.MembersMax:
		return refused(RefusedTooMany, len(next.Members), entry.MembersMax)
	case len(voters) == 0 || len(now) == 0:
		return refused(RefusedNoVoter, 0, 0)
	case apart > 1 && slices.ContainsFunc(next.Members, isArrival):
		return refused(RefusedMixed, apart, 1)
	case difference(current.Voters(), voters) == 0 && apart == 0:
		return ChangeResult{}
	}
	for _, set := range [][]entry.MemberID{voters, now} {
		if have := c.alive(set, next); have < Majority(len(set)) {
			return refused(RefusedQuorum, have, Majority(len(set)))
		}
	}
	return ChangeResult{}
}

// alive counts the voters that were heard within the least election time-out. Those that next still
// waits for count, too: they do not vote before they have caught up.
func (c *Core) alive(voters []entry.MemberID, next *entry.Configuration) int {
	n := 0
	for _, id := range voters {
		p := c.peer(id)
		m, _ := next.Find(id)
		if id == c.config.ID || isArrival(m) || p != nil && c.lately(p) {
			n++
		}
	}
	return n
}

// lately reports whether the member has answered this leader within the least election time-out, on a
// connection that is not known to be broken since.
func (c *Core) lately(p *progress) bool {
	return p.round > 0 && !p.denied && !p.lost && c.now-p.heard < electionMin*c.config.Heartbeat
}

// completeChange returns the next configuration of a change whose arrivals have all caught up, if its
// voters would be able to decide.
func (c *Core) completeChange() (entry.Configuration, bool) {
	if !c.members.pending {
		return entry.Configuration{}, false
	}
	current := &c.members.current().Value
	for _, m := range current.Members {
		if isArrival(m) && !c.caughtUp(m.ID) {
			return entry.Configuration{}, false
		}
	}
	end := completed(current)
	voters := end.Voters()
	if c.alive(voters, &end) < Majority(len(voters)) {
		return entry.Configuration{}, false
	}
	return entered(current, &end), true
}

func (c *Core) caughtUp(id entry.MemberID) bool {
	p := c.peer(id)
	return p != nil && c.lately(p) && p.arrival.caughtUp(c.now, electionMin*c.config.Heartbeat)
}

// arrival is how a leader measures whether a learner has caught up (thesis, section 4.2.1): in
// rounds, each of which brings it to where the log ended when the round began. It has when a round
// took less than the least election time-out, so that making it a voter holds up nobody.
type arrival struct {
	// waits is true for a learner that is to be promoted.
	waits bool
	// quick is whether the last round that ended was short enough.
	quick bool
	// target is the end of the present round, which began at began.
	target entry.Index
	began  Instant
}

// advance takes note of an ack.
func (a *arrival) advance(match, last entry.Index, now, limit Instant) {
	if a.waits && match >= a.target {
		a.quick = now-a.began < limit
		a.target, a.began = last, now
	}
}

func (a *arrival) caughtUp(now, limit Instant) bool { return a.quick && now-a.began < limit }

// retired reports whether this leader is no voter any more by a configuration that is committed. Until
// then it leads and does not count itself (thesis, section 4.2.2).
func (c *Core) retired() bool {
	current := c.members.current()
	return c.role == Leader && current.Index <= c.commit && current.Index > 0 && !c.members.isVoter(c.config.ID)
}

// retire lets a retired leader choose who leads next, so that nobody has to wait for a time-out.
func (c *Core) retire() {
	if c.retired() && !c.transferring() {
		c.handOver("")
	}
}

// leave ends the time of a retired leader once it has told the others of the commit and its successor
// to stand, or when nobody can succeed it.
func (c *Core) leave(out *Effects) {
	if c.retired() && (!c.transferring() || c.lead.handover.sent) {
		c.becomeFollower(c.hard.Term, "", out)
	}
}
