package sim

import (
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: faults that are several simple ones at once, aimed at what a single one seldom reaches. The first two
// are about a leader that does not know yet that it is none any more, and is asked for reads.

// apart cuts a member off from all others, in both directions.
func (s *strike) apart(m *member) func() {
	side := make([]bool, len(s.members))
	side[m.number] = true
	return s.separate(side)
}

// behead cuts what a leader says off from the others, and returns what ends it.
func (s *strike) behead(leader *member) func() {
	for to := range s.members {
		if to != leader.number {
			s.network.cut(leader.number, to)
		}
	}
	return func() {
		for to := range s.members {
			if to != leader.number {
				s.network.join(leader.number, to)
			}
		}
	}
}

// beginLateAnswers lets a leader's last rounds be answered when another one leads already: nothing that it
// says arrives any more, and what the others said is held back until then. Who counts a lease, or a round of
// reads, from when its answers come in believes to lead still.
func beginLateAnswers(s *strike) func() {
	leader := s.leader()
	if leader == nil || len(s.members) < 3 {
		return nil
	}
	for from := range s.members {
		s.network.links[from][leader.number].clogs++
	}
	heartbeat := s.plan.Setting.Heartbeat
	// The rounds that are under way still arrive.
	join := func() {}
	s.in(heartbeat*3/2, func() {
		if !s.healing() {
			join = s.behead(leader)
		}
	})
	s.in(heartbeat*s.dice.between(8, 14), func() {
		for from := range s.members {
			if l := &s.network.links[from][leader.number]; l.clogs > 0 {
				if l.clogs--; l.clogs == 0 {
					s.network.flow(from, leader.number)
				}
			}
		}
	})
	return func() { join() }
}

// beginForgetfulVoters restarts the voters that a leader relies on, while another member asks them for their
// votes and the leader hears nothing of it. Who does not keep a promise over a restart elects a second one.
func beginForgetfulVoters(s *strike) func() {
	leader := s.leader()
	if leader == nil || len(s.members) < 3 {
		return nil
	}
	rival := s.members[(leader.number+1+s.dice.IntN(len(s.members)-1))%len(s.members)]
	s.network.cut(leader.number, rival.number)
	join := func() {}
	s.in(s.plan.Setting.Heartbeat*s.dice.between(8, 14), func() {
		if s.healing() {
			return
		}
		join = s.behead(leader)
		for _, m := range s.members {
			if m != leader && m != rival && m.process != nil {
				m.hold()
				m.die(false)
				s.in(s.dice.between(Millisecond, Second/50), func() {
					if !s.healing() {
						m.release()
					}
				})
			}
		}
	})
	return func() {
		s.network.join(leader.number, rival.number)
		join()
	}
}

// beginJointStruck has the leader that begins the next joint configuration killed, stopped or cut off before it
// can end it, and asks for a change that takes one. The next leader finds it in its log and must complete it.
func beginJointStruck(s *strike) func() {
	if s.leader() == nil || s.waylay != nil {
		return nil
	}
	if s.change(s.jointChange()) == nil {
		s.count("(missed) joint change") // somebody else may ask for one
	}
	s.waylay = s.lieInWait
	return func() { s.waylay = nil }
}

// lieInWait strikes a leader as soon as half of the other voters have its joint configuration, so that the next
// leader will be one of them, unless it ends it before.
func (s *strike) lieInWait(p *process) {
	s.in(100*Microsecond, func() {
		switch c := &p.status.Configuration; {
		case s.healing() || p.dead || p.status.Role != core.Leader || !c.Joint():
		case s.half(c, p.member.id):
			s.count("leader struck in a joint configuration")
			s.fell(p.member)
		default:
			s.lieInWait(p)
		}
	})
}

// half reports whether half of the voters beside a leader have a joint configuration.
func (s *strike) half(c *entry.Configuration, leader entry.MemberID) bool {
	others, have := 0, 0
	for _, id := range c.Voters() {
		if id == leader {
			continue
		}
		others++
		if m := s.find(id); m.process != nil && m.process.status.Configuration.Joint() {
			have++
		}
	}
	return 2*have >= others
}

// jointChange draws a change that cannot be made by one member after the other: it replaces voters, makes learners
// of two, or voters of two learners.
func (s *strike) jointChange() core.Change {
	c := s.current()
	var learners []entry.MemberID
	for _, m := range c.Members {
		if m.Learner && !m.Promote {
			learners = append(learners, m.ID)
		}
	}
	ready := func(id entry.MemberID) bool {
		m := s.find(id)
		return m != nil && m.process != nil && m.level >= c.Level
	}
	voters, others := s.voters(), slices.DeleteFunc(s.outsiders(), func(id entry.MemberID) bool { return !ready(id) })
	switch n := min(len(others), len(voters)-1, 1+s.dice.IntN(2)); {
	case len(learners) >= 2 && s.dice.chance(0.7):
		return core.Change{Add: added(learners[:2]...)}
	case n > 0:
		return core.Change{Add: added(others[:n]...), Remove: voters[:n]}
	case len(voters) > 3:
		demoted := added(voters[:2]...)
		demoted[0].Learner, demoted[1].Learner = true, true
		return core.Change{Add: demoted}
	}
	return core.Change{}
}

// fell kills a leader, stops it or cuts it off, for longer than the others wait for one.
func (s *strike) fell(m *member) {
	after := s.plan.Setting.Heartbeat * s.dice.between(core.ElectionTimeout, 4*core.ElectionTimeout)
	end := nothing
	switch s.dice.IntN(3) {
	case 0:
		end = s.down(m, s.dice.chance(0.5))
	case 1:
		m.pausedUntil = max(m.pausedUntil, s.now+after)
	default:
		end = s.apart(m)
	}
	s.in(after, func() {
		if !s.healing() {
			end()
		}
	})
}

// beginStallAlone lets the disk of a leader stand still, and loses its request to another member to take over: it
// has to step down by itself.
func beginStallAlone(s *strike) func() {
	end := beginStall(s)
	if end == nil {
		return nil
	}
	s.network.untold++
	return func() { s.network.untold = max(s.network.untold-1, 0) }
}
