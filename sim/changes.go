package sim

import (
	"errors"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/replica"
)

// This file: what operators do to a cluster. To the plan it is a kind of fault, too: it strikes at any
// time, whatever else goes wrong.

// ask lets an operator ask a member that runs and is not paused, nil when there is none.
func (s *strike) ask() *process {
	for _, i := range s.dice.Perm(len(s.members)) {
		if m := s.members[i]; m.process != nil && m.pausedUntil <= s.now {
			return m.process
		}
	}
	return nil
}

// current is the configuration as the operator knows it.
func (s *strike) current() entry.Configuration { return s.configurations()[0] }

// change asks for a change and counts how it ends.
func (s *strike) change(wanted core.Change) func() {
	p := s.ask()
	if p == nil || len(wanted.Add)+len(wanted.Remove) == 0 {
		return nil
	}
	shrinks := len(wanted.Remove) > 0 || slices.ContainsFunc(wanted.Add, func(m entry.Member) bool { return m.Learner })
	if shrinks && !s.mayShrink() {
		return nil
	}
	return s.request(p, wanted)
}

// request gives a change to a member.
func (s *strike) request(p *process, wanted core.Change) func() {
	c, err := p.driven.Change(wanted)
	if err != nil {
		return nil
	}
	w, answered := s.world, new(bool)
	if len(wanted.Remove) > 0 || slices.ContainsFunc(wanted.Add, func(m entry.Member) bool { return m.Learner }) {
		w.shrinking(p, answered)
	}
	p.waits = append(p.waits, func() bool {
		done, _, err := c.Poll()
		switch {
		case !done:
		case err == nil:
			w.count("change done")
		case errors.Is(err, replica.ErrChangeRefused):
			w.count("change refused")
			if strings.Contains(err.Error(), "install a newer version") {
				w.count("change refused: too old a version")
			}
		default:
			w.count("change goes on")
		}
		*answered = done
		return done
	})
	p.settle()
	return nothing
}

// outsiders are machines that are no members, in any order. Some have a version that is too old.
func (s *strike) outsiders() []entry.MemberID {
	c := s.current()
	var all []entry.MemberID
	for _, i := range s.dice.Perm(len(s.members)) {
		if _, found := c.Find(s.members[i].id); !found {
			all = append(all, s.members[i].id)
		}
	}
	return all
}

// voters are those of the configuration, in any order.
func (s *strike) voters() []entry.MemberID {
	c := s.current()
	ids := c.Voters()
	s.dice.Shuffle(len(ids), func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
	return ids
}

func added(ids ...entry.MemberID) []entry.Member {
	var all []entry.Member
	for _, id := range ids {
		all = append(all, entry.Member{ID: id})
	}
	return all
}

func beginAdd(s *strike) func() {
	others := s.outsiders()
	if len(others) == 0 {
		return nil
	}
	return s.change(core.Change{Add: added(others[0])})
}

func beginAddLearner(s *strike) func() {
	others := s.outsiders()
	if len(others) == 0 {
		return nil
	}
	learner := added(others[0])
	learner[0].Learner = true
	return s.change(core.Change{Add: learner})
}

func beginRemove(s *strike) func() {
	voters := s.voters()
	if len(voters) < 2 || len(voters) < 3 && !s.dice.chance(0.2) {
		return nil
	}
	return s.change(core.Change{Remove: voters[:1]})
}

func beginRemoveLeader(s *strike) func() {
	leader := s.leader()
	if leader == nil || len(s.voters()) < 3 {
		return nil
	}
	return s.change(core.Change{Remove: []entry.MemberID{leader.id}})
}

// beginChangeAlone asks a leader for a change that it cannot commit: it is cut off at the same instant, and
// the next leader does not know of it.
func beginChangeAlone(s *strike) func() {
	leader, others := s.leader(), s.outsiders()
	if len(others) == 0 && s.mayShrink() {
		others = slices.DeleteFunc(s.voters(), func(id entry.MemberID) bool { return leader != nil && id == leader.id })
	}
	if leader == nil || leader.pausedUntil > s.now || len(others) == 0 {
		return nil
	}
	side := make([]bool, len(s.members))
	side[leader.number] = true
	join := s.separate(side)
	learner := added(others[0])
	learner[0].Learner = true
	if join == nil {
		return nil
	}
	if s.request(leader.process, core.Change{Add: learner}) == nil {
		s.count("(missed) change of one alone")
	}
	return join
}

// beginSwap replaces several members at once: that takes a joint configuration.
func beginSwap(s *strike) func() {
	voters, others := s.voters(), s.outsiders()
	n := min(len(others), len(voters)-1, 1+s.dice.IntN(2))
	if n < 1 {
		return nil
	}
	return s.change(core.Change{Add: added(others[:n]...), Remove: voters[:n]})
}

// beginDemote makes a learner of a voter.
func beginDemote(s *strike) func() {
	voters := s.voters()
	if len(voters) < 3 {
		return nil
	}
	learner := added(voters[0])
	learner[0].Learner = true
	return s.change(core.Change{Add: learner})
}

// beginPromote makes a voter of a learner.
func beginPromote(s *strike) func() {
	c := s.current()
	for _, m := range c.Members {
		if m.Learner && !m.Promote {
			return s.change(core.Change{Add: added(m.ID)})
		}
	}
	return nil
}

// beginReplace removes a member for good while its machine is down, and adds another one.
func beginReplace(s *strike) func() {
	voters, others := s.voters(), s.outsiders()
	if len(voters) < 3 || len(others) == 0 {
		return nil
	}
	dead := s.find(voters[0])
	dead.hold()
	dead.die(true)
	if s.change(core.Change{Add: added(others[0]), Remove: voters[:1]}) == nil {
		s.count("(missed) replacing change")
	}
	return dead.release
}

func beginTransfer(s *strike) func() {
	p := s.ask()
	if p == nil {
		return nil
	}
	to := entry.MemberID("")
	if voters := s.voters(); len(voters) > 0 && s.dice.chance(0.6) {
		to = voters[0]
	}
	t, err := p.driven.Transfer(to)
	if err != nil {
		return nil
	}
	w := s.world
	p.waits = append(p.waits, func() bool {
		done, err := t.Poll()
		if done && err == nil {
			w.count("transfer done")
		}
		return done
	})
	p.settle()
	return nothing
}

func beginBarrier(s *strike) func() {
	p := s.ask()
	if p == nil {
		return nil
	}
	b, err := p.barrier()
	if err != nil {
		return nil
	}
	w := s.world
	p.waits = append(p.waits, func() bool {
		out, done := b.Poll()
		if done && out.Err == nil {
			w.count("barrier passed")
		}
		return done
	})
	p.settle()
	return nothing
}

func beginSnapshot(s *strike) func() {
	p := s.ask()
	if p == nil {
		return nil
	}
	i, err := p.driven.Snapshot()
	if err != nil {
		return nil
	}
	w := s.world
	p.waits = append(p.waits, func() bool {
		done, _, err := i.Poll()
		if done && err == nil {
			w.count("snapshot on demand taken")
		}
		return done
	})
	p.settle()
	return nothing
}

// beginWipe destroys a directory, if the atlas allows it: the member comes back with nothing.
func beginWipe(s *strike) func() {
	for _, i := range s.dice.Perm(len(s.members)) {
		m := s.members[i]
		if !s.mayWipe(m) {
			continue
		}
		m.hold()
		m.die(true)
		m.wipe()
		return m.release
	}
	return nil
}

// wipe removes the directory of a member that is down. A list of members that is no longer true is not
// given to a machine with nothing: a majority of such machines would found the old cluster anew.
func (m *member) wipe() {
	m.disk.memory, m.wiped = vfs.NewMemory(), true
	m.known, m.synced = entry.Configuration{}, entry.Configuration{}
	m.incarnation, m.forgot, m.condemned = 0, 0, false
	m.cluster = entry.ClusterID{}
	m.rotten, m.renewed = false, false
	m.spare = m.spare || m.world.grown()
}

// grown reports whether the voters are, or may be, others than at first.
func (w *world) grown() bool {
	return slices.ContainsFunc(w.configurations(), func(c entry.Configuration) bool {
		return !slices.EqualFunc(c.Members, w.initial.Members, func(a, b entry.Member) bool {
			return a.ID == b.ID && a.Learner == b.Learner
		})
	})
}

// levelMax is how far versions go: this one and two that are still to come.
const levelMax = core.Level + 2

// beginUpgrade restarts a member with a version that knows one more level, as a rolling upgrade does.
func beginUpgrade(s *strike) func() {
	m := s.alive()
	if m == nil || m.level >= levelMax {
		return nil
	}
	m.level++
	return s.down(m, false)
}
