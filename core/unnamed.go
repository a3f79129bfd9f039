package core

import (
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// This file: an election among a fixed number of members that nobody has listed (Config.Size), over a
// bus that has no addresses but reaches everybody. Questions are broadcast, answers are addressed to who
// asked. A majority of Size distinct ids decides. There is no log to agree on who they are, so more than
// Size members would be no quorum; who is one too many is not counted, and that is reported.

// checkUnnamed refuses settings that do not fit together.
func (c *Config) checkUnnamed(initial *entry.Configuration) error {
	switch {
	case c.Size < 0 || c.Size > entry.MembersMax:
		return fmt.Errorf("core: Config.Size is %d, at most %d", c.Size, entry.MembersMax)
	case c.Size > 0 && !c.ElectionOnly:
		return fmt.Errorf("core: Config.Size is %d, but only an election can do without a list of members", c.Size)
	case c.Size > 0 && len(initial.Members) > 0:
		return fmt.Errorf("core: Config.Size is %d and %d members are listed; give one of the two", c.Size,
			len(initial.Members))
	case c.Ask && !c.ElectionOnly:
		return fmt.Errorf("core: Config.Ask is only for an election; a log has its own comparison")
	}
	return nil
}

// unnamed reports whether the members are counted and not listed.
func (c *Core) unnamed() bool { return c.config.Size > 0 }

// alone reports whether this member decides alone.
func (c *Core) alone() bool {
	return c.config.Size == 1 || !c.unnamed() && c.members.electorate.only(c.config.ID)
}

// voter reports whether id may vote and stand.
func (c *Core) voter(id entry.MemberID) bool { return c.unnamed() || c.members.isVoter(id) }

// elected reports whether a quorum has granted.
func (c *Core) elected() bool {
	if !c.unnamed() {
		return reached(&c.members.electorate, c.granted) != 0
	}
	granted := 0
	for _, b := range c.election.votes {
		if b.granted {
			granted++
		}
	}
	return granted >= Majority(c.config.Size)
}

// unnamedReached is quorumReached when members are counted: those that never answered have reached
// nothing.
func unnamedReached[T ~uint64 | ~int64](c *Core, own T, of func(*progress) T) T {
	var buffer [entry.MembersMax]T
	values := buffer[:c.config.Size]
	values[0] = own
	for i := range c.lead.peers {
		values[1+i] = of(&c.lead.peers[i])
	}
	slices.Sort(values)
	return values[len(values)-Majority(len(values))]
}

// room reports whether one more member's answer counts beside n others'.
func (c *Core) room(n int) bool {
	if !c.unnamed() || n < c.config.Size {
		return true
	}
	c.report.counters.Crowded++
	return false
}

// meetUnnamed gives a place among the leader's peers to a member that answers for the first time, if
// need be that of one which was silent for an election time-out: it may be the same, under a new id.
func (c *Core) meetUnnamed(id entry.MemberID) *progress {
	silent := func(p progress) bool { return c.now-p.heard >= quorumMax*c.config.Heartbeat }
	if i := slices.IndexFunc(c.lead.peers, silent); len(c.lead.peers)+1 >= c.config.Size && i >= 0 {
		c.lead.peers = slices.Delete(c.lead.peers, i, i+1)
	}
	if !c.room(len(c.lead.peers) + 1) {
		return nil
	}
	at, _ := findPeer(c.lead.peers, id)
	c.lead.peers = slices.Insert(c.lead.peers, at, progress{id: id, next: 1, heard: c.now})
	return &c.lead.peers[at]
}

// meetVoters gives places to those that elected this leader.
func (c *Core) meetVoters() {
	for _, b := range c.election.votes {
		if c.unnamed() && b.granted && b.from != c.config.ID {
			c.meetUnnamed(b.from)
		}
	}
}

// answering returns what the leader knows of a member that answers.
func (c *Core) answering(id entry.MemberID) *progress {
	p := c.peer(id)
	if p == nil && c.role == Leader && c.unnamed() {
		return c.meetUnnamed(id)
	}
	return p
}

// forUs reports whether a message is meant for this member. What it says to all comes back on some
// buses; that is no mistake.
func (c *Core) forUs(m *Message) bool {
	return m.To == c.config.ID || m.To == "" && c.unnamed()
}

func (c *Core) echo(m *Message) bool { return m.To == "" && c.unnamed() && m.From == c.config.ID }
