package sim

import (
	"errors"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
)

// This file: disks that do not give back what was written to them. A bit flips, or a sector lies where another
// one belongs. The member must notice, and never believe it; what others hold intact it gets from them, and
// what nobody can tell it refuses with an error that says so: then an operator gives the machine an empty
// directory.
//
// What rot has taken cannot be told from outside, so the atlas counts a rotten machine as one that may have
// lost everything: it is one at a time, the others are a majority of every set of voters, and it counts
// again when it has got an empty directory.

// beginFlip turns a bit; or, now and then, takes both copies of the newest vote of a machine that is off, of which
// bits that are drawn hardly ever take the second one.
func beginFlip(s *strike) func() {
	if s.dice.chance(1.0 / 6) {
		return beginLoseVote(s)
	}
	return s.rot((*disk).flip)
}

// beginFlipImage turns a bit of an image, which nobody may read for long; or the member is started again, and wants
// it at once.
func beginFlipImage(s *strike) func() {
	rotted := s.rot((*disk).flipImage)
	if m := s.perishable(); rotted != nil && s.dice.chance(0.3) {
		m.hold()
		m.die(false)
		m.release()
	}
	return s.untilReplaced(rotted)
}

// beginFlipLog turns a bit of the log.
func beginFlipLog(s *strike) func() { return s.untilReplaced(s.rot((*disk).flipLog)) }

// beginMisdirect writes a sector where another one belongs.
func beginMisdirect(s *strike) func() { return s.rot((*disk).misdirect) }

// beginLoseVote takes the power and the newest vote from a machine.
func beginLoseVote(s *strike) func() {
	m := s.perishable()
	if m == nil {
		return nil
	}
	m.hold()
	m.die(true)
	if s.rotIn(m, (*disk).takeVote) == nil {
		m.release()
		return nil
	}
	return m.release
}

func (s *strike) rot(damage func(*disk, dice) (string, error)) func() {
	return s.rotIn(s.perishable(), damage)
}

func (s *strike) rotIn(m *member, damage func(*disk, dice) (string, error)) func() {
	if m == nil || m.disk.cut != nil {
		return nil
	}
	where, err := damage(m.disk, s.dice)
	if err != nil {
		return nil
	}
	m.rotten = true
	s.checks.Disks.Rots(m.id)
	s.note(m.name(), didRot, where)
	return nothing
}

// untilReplaced ends rot by an empty disk, if the atlas allows it.
func (s *strike) untilReplaced(rotted func()) func() {
	if rotted == nil {
		return nil
	}
	m := s.perishable()
	return func() {
		if m.rotten && !m.condemned && s.mayWipe(m) {
			s.count("rotten disk replaced")
			m.hold()
			m.die(true)
			m.wipe()
			m.release()
		}
	}
}

// perishable is the machine whose disk may rot: the one that does already, or a voter that the others do
// without. One that is still to become a voter might be needed then.
func (s *strike) perishable() *member {
	if i := slices.IndexFunc(s.members, func(m *member) bool { return m.rotten }); i >= 0 {
		return s.members[i]
	}
	for _, i := range s.dice.Perm(len(s.members)) {
		m := s.members[i]
		others := func(c *entry.Configuration, id entry.MemberID) bool { return id != m.id && s.whole(c, id) }
		c := s.current()
		line, found := c.Find(m.id)
		settled := found && !line.Learner && !unsettled(&c)
		if settled && s.shrinks == 0 && !m.wiped && m.forgot == 0 && s.majorities(others) {
			return m
		}
	}
	return nil
}

// spoiled reports whether an error says that the directory cannot be used any more, as it may of a rotten one.
func (m *member) spoiled(err error) bool {
	return m.rotten && (errors.Is(err, entry.ErrCorrupt) || errors.Is(err, storage.ErrIdentity))
}

// beginAnew is told that a rotten machine has lost its newest vote and begun anew, under another incarnation: what it
// had is lost to the cluster as if it had been wiped, and its disk is what it wrote since.
func (m *member) beginAnew(life uint64) {
	m.world.note(m.name(), didRenew, "", life)
	m.world.count("vote lost, begun anew")
	if !m.rotten {
		m.world.violate(fmt.Errorf("recovery: %s has lost its newest vote, and its disk never rotted", m.id))
	}
	m.known, m.synced = entry.Configuration{}, entry.Configuration{}
	m.forgot, m.rotten, m.renewed = 0, false, true
}
