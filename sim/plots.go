package sim

// This file: faults that are several simple ones at once, aimed at what a single one seldom reaches. Each is
// about a leader that does not know yet that it is none any more, and is asked for reads.

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
