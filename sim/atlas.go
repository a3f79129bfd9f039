package sim

import (
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// The atlas says what may be destroyed, so that every loss that a checker sees is a bug and not the
// simulator's doing. What counts is held by quorums: a committed entry by a majority of voters, a vote by
// the voter's directory. A directory that is gone is not counted under its old name any more, so as
// long as a majority of every set of voters that may decide is whole, each quorum of the past and each
// of the future share a directory that remembers. Crashes destroy nothing, whatever they hit.

// configurations are those that may decide something now: the newest committed one, what each member
// last knew to be in force, and what it knew before if its disk does not hold that yet.
func (w *world) configurations() []entry.Configuration {
	all := []entry.Configuration{w.initial}
	if current := w.checks.Configurations.Current(); len(current.Members) > 0 {
		all[0] = current
	}
	for _, m := range w.members {
		if len(m.known.Members) > 0 {
			all = append(all, m.known, m.synced)
		}
	}
	return all
}

// whole reports whether a member's directory is the one that a configuration counts.
func (w *world) whole(c *entry.Configuration, id entry.MemberID) bool {
	m, line := w.find(id), entry.Member{}
	line, _ = c.Find(id)
	return m != nil && !m.wiped && !m.rotten && m.forgot == 0 &&
		(line.Incarnation == 0 && !m.renewed || line.Incarnation == m.incarnation)
}

// majorities reports whether the members that fit are a majority of each set of voters that may decide.
func (w *world) majorities(fits func(c *entry.Configuration, id entry.MemberID) bool) bool {
	return majoritiesOf(w.configurations(), fits)
}

func majoritiesOf(all []entry.Configuration, fits func(c *entry.Configuration, id entry.MemberID) bool) bool {
	for _, c := range all {
		for _, set := range [][]entry.MemberID{c.Incoming(), c.Outgoing()} {
			n := 0
			for _, id := range set {
				if fits(&c, id) {
					n++
				}
			}
			if len(set) > 0 && 2*n <= len(set) {
				return false
			}
		}
	}
	return true
}

// mayShrink reports whether operators may take voters away: a leader counts those that it heard lately,
// and one whose directory was destroyed a moment ago is among them.
func (w *world) mayShrink() bool {
	for _, c := range w.configurations() {
		for _, m := range c.Members {
			if !w.whole(&c, m.ID) {
				return false
			}
		}
	}
	return true
}

// shrinking takes note of a request that takes voters away, until it has been answered, or its member is
// gone: until then nothing is destroyed.
func (w *world) shrinking(p *process, answered *bool) {
	w.shrinks++
	var look func()
	look = func() {
		if *answered || p.dead {
			w.shrinks--
			return
		}
		w.in(2*Second, look)
	}
	w.in(2*Second, look)
}

// mayWipe reports whether a member's directory may be destroyed: it counts nowhere, or its incarnation is
// on record everywhere, so that the next one is told from it, no voter is about to go, and enough others
// are whole.
func (w *world) mayWipe(m *member) bool {
	if w.shrinks > 0 {
		return false
	}
	counts := false
	for _, c := range w.configurations() {
		line, found := c.Find(m.id)
		counts = counts || found
		if found && line.Incarnation != m.incarnation || unsettled(&c) {
			return false
		}
	}
	return m.incarnation != 0 && (!counts || w.majorities(func(c *entry.Configuration, id entry.MemberID) bool {
		return id != m.id && w.whole(c, id)
	}))
}

// quorum chooses members that can decide together, in the order given, as few as that order allows.
func (w *world) quorum(order []int) []bool {
	chosen := make([]bool, len(w.members))
	for _, i := range order {
		enough := w.majorities(func(c *entry.Configuration, id entry.MemberID) bool {
			at := slices.IndexFunc(w.members, func(m *member) bool { return m.id == id })
			return at >= 0 && chosen[at] && w.whole(c, id)
		})
		if enough {
			break
		}
		chosen[i] = true
	}
	return chosen
}
