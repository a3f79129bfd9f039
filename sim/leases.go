package sim

// This file: what would make a leader's lease outlast its leadership. Each fault leaves a leader alone, in both
// directions, so that it hears of no successor, and lets there be one while it may still answer reads: right
// members see to it that there is none, or that its lease has ended.

// beginEarlyElection lets members elect somebody although they have just heard a leader: they are told that their
// connections to it broke, or are started anew, and one of them is asked to stand at once. Who keeps what it has
// promised to the leader, over a restart, too, gives no vote before the lease has ended.
func beginEarlyElection(s *strike) func() {
	leader := s.leader()
	if leader == nil || len(s.voters()) < 3 {
		return nil
	}
	join, restart := s.apart(leader), s.dice.chance(0.5)
	for _, m := range s.members {
		switch {
		case m == leader || m.process == nil || m.pausedUntil > s.now:
		case restart:
			m.hold()
			m.die(false)
			s.in(s.dice.between(Microsecond, Millisecond), func() {
				if !s.healing() {
					m.release()
				}
			})
		default:
			s.network.broken(m.number, leader.number)
		}
	}
	for n := range Instant(4) {
		s.in(5*Millisecond+n*s.plan.Setting.Heartbeat/2, func() { s.stand(leader) })
	}
	return join
}

// stand asks a voter beside the leader to campaign.
func (s *strike) stand(leader *member) {
	for _, id := range s.voters() {
		m := s.find(id)
		if m != leader && !s.healing() && m.process != nil && m.pausedUntil <= s.now {
			m.process.driven.Replica().Campaign()
			m.process.settle()
			return
		}
	}
}

// beginAnswersOutlive holds up what members answer to a leader's last rounds until they have elected another one;
// nothing newer comes through. Who counts a lease from when its answers come in begins another one.
func beginAnswersOutlive(s *strike) func() {
	leader := s.leader()
	if leader == nil || len(s.voters()) < 3 {
		return nil
	}
	heartbeat, join := s.plan.Setting.Heartbeat, nothing
	for from := range s.members {
		s.network.links[from][leader.number].clogs++
	}
	s.in(heartbeat*3/2, func() {
		if s.healing() {
			return
		}
		// What the rounds that are under way ask still arrives.
		join = s.behead(leader)
		s.in(heartbeat/2+10*Millisecond, func() {
			if !s.healing() {
				s.outlive(leader, s.dice.between(6*heartbeat, 9*heartbeat))
				rest := s.deafen(leader)
				before := join
				join = func() {
					before()
					rest()
				}
			}
		})
	})
	return func() { join() }
}

// outlive takes the answers that are held up off their links, to arrive after a while.
func (s *strike) outlive(leader *member, after Instant) {
	for from := range s.members {
		l := &s.network.links[from][leader.number]
		late := l.queue
		l.queue, l.clogs = nil, max(l.clogs-1, 0)
		for _, c := range late {
			s.network.arrive(leader.number, s.now+after, c)
		}
	}
}

// deafen cuts what others say to a leader off from it.
func (s *strike) deafen(leader *member) func() {
	for from := range s.members {
		if from != leader.number {
			s.network.cut(from, leader.number)
		}
	}
	return func() {
		for from := range s.members {
			if from != leader.number {
				s.network.join(from, leader.number)
			}
		}
	}
}
