package sim

import (
	"slices"

	"v.io/x/ref/lib/raft/core"
)

// FaultKind is one way in which things go wrong. A new one is a new value in [FaultKinds].
type FaultKind struct {
	// Name is how plans and summaries call it.
	Name string
	// Every is the mean time between two of them, 0 for a kind that no seed draws; Least to Most is how
	// long one lasts.
	Every, Least, Most Instant
	// Rare ones are in few plans.
	Rare bool
	// begin lets it strike and returns what ends it; nil when there was nothing to strike.
	begin func(s *strike) (end func())
}

// strike is one fault that strikes: the world and what decides the details.
type strike struct {
	*world
	dice  dice
	fault *Fault
}

// FaultKinds are all kinds of faults. A new one goes to the end: then the others strike in every seed as they did.
var FaultKinds = []FaultKind{
	{Name: "loss", Every: 6 * Second, Least: Second / 5, Most: 5 * Second, begin: beginLoss},
	{Name: "repeat", Every: 6 * Second, Least: Second / 5, Most: 5 * Second, begin: beginRepeat},
	{Name: "reorder", Every: 6 * Second, Least: Second / 5, Most: 5 * Second, begin: beginReorder},
	{Name: "slow link", Every: 6 * Second, Least: Second / 5, Most: 4 * Second, begin: beginSlow},
	{Name: "one-way cut", Every: 4 * Second, Least: Second / 20, Most: 3 * Second, begin: beginOneWay},
	{Name: "partition", Every: 8 * Second, Least: Second / 5, Most: 4 * Second, begin: beginPartition},
	{Name: "leader alone", Every: 8 * Second, Least: Second / 5, Most: 3 * Second, begin: beginLeaderAlone},
	{Name: "late answers", Every: 8 * Second, Least: 3 * Second / 2, Most: 3 * Second, begin: beginLateAnswers},
	{Name: "forgetful voters", Every: 8 * Second, Least: 3 * Second / 2, Most: 3 * Second, begin: beginForgetfulVoters},
	{Name: "clogged link", Every: 5 * Second, Least: Second / 20, Most: 2 * Second, begin: beginClog},
	{Name: "broken connection", Every: 4 * Second, begin: beginBroken},
	{Name: "stuck command", Every: 2 * Second, begin: beginStuck},
	{Name: "broken image", Every: Second, begin: beginBrokenImage},
	{Name: "kill", Every: 6 * Second, Least: Second / 50, Most: 3 * Second, begin: beginKill},
	{Name: "kill leader", Every: 9 * Second, Least: Second / 50, Most: 2 * Second, begin: beginKillLeader},
	{Name: "power", Every: 6 * Second, Least: Second / 50, Most: 3 * Second, begin: beginPower},
	{Name: "power while writing", Every: 4 * Second, Least: Second / 50, Most: 2 * Second, begin: beginPowerWriting},
	{Name: "power everywhere", Every: 15 * Second, Least: Second / 50, Most: Second, begin: beginPowerEverywhere},
	{Name: "orderly restart", Every: 10 * Second, Least: Second / 50, Most: 2 * Second, begin: beginRestart},
	{Name: "leader stops in order", Every: 9 * Second, Least: Second / 50, Most: 2 * Second, begin: beginLeaderStops},
	{Name: "pause", Every: 6 * Second, Least: Second / 50, Most: 4 * Second, begin: beginPause},
	{Name: "pause leader", Every: 9 * Second, Least: Second / 10, Most: 4 * Second, begin: beginPauseLeader},
	{Name: "clock drift", Every: 8 * Second, Least: Second, Most: 10 * Second, begin: beginDrift},
	{Name: "sync fails", Every: 12 * Second, begin: beginSyncFails},
	{Name: "short write", Every: 12 * Second, begin: beginShortWrite},
	{Name: "disk full", Every: 12 * Second, Least: Second / 20, Most: 2 * Second, begin: beginFull},
	{Name: "slow disk", Every: 6 * Second, Least: Second / 5, Most: 4 * Second, begin: beginSlowDisk},
	{Name: "bit flip", Every: 4 * Second, Rare: true, begin: beginFlip},
	{Name: "misdirected sector", Every: 6 * Second, Rare: true, begin: beginMisdirect},
	{Name: "campaign", Every: 6 * Second, begin: beginCampaign},
	{Name: "add", Every: 6 * Second, begin: beginAdd},
	{Name: "add learner", Every: 10 * Second, begin: beginAddLearner},
	{Name: "remove", Every: 8 * Second, begin: beginRemove},
	{Name: "remove leader", Every: 12 * Second, begin: beginRemoveLeader},
	{Name: "change alone", Every: 3 * Second, Least: Second, Most: 4 * Second, begin: beginChangeAlone},
	{Name: "swap", Every: 10 * Second, begin: beginSwap},
	{Name: "demote", Every: 15 * Second, begin: beginDemote},
	{Name: "promote", Every: 10 * Second, begin: beginPromote},
	{Name: "replace", Every: 15 * Second, Least: Second / 2, Most: 8 * Second, begin: beginReplace},
	{Name: "transfer", Every: 5 * Second, begin: beginTransfer},
	{Name: "barrier", Every: 4 * Second, begin: beginBarrier},
	{Name: "snapshot", Every: 5 * Second, begin: beginSnapshot},
	{Name: "wipe", Every: 8 * Second, Least: Second / 50, Most: 3 * Second, begin: beginWipe},
	{Name: "old copy", Every: 5 * Second, Least: Second / 2, Most: 8 * Second, begin: beginOldCopy},
	{Name: "upgrade", Every: 12 * Second, Least: Second / 50, Most: Second, begin: beginUpgrade},
	{Name: "leader's disk stalls", Every: 10 * Second, Least: Second, Most: 4 * Second, begin: beginStall},
	{Name: "joint leader struck", Every: 3 * Second, Least: 2 * Second, Most: 6 * Second, begin: beginJointStruck},
	{Name: "stall without a successor", Every: 8 * Second, Least: 3 * Second, Most: 5 * Second, begin: beginStallAlone},
	{Name: "stranger", Every: 4 * Second, Least: Second / 2, Most: 2 * Second, begin: beginStranger},
	{Name: "denied acks", Every: 6 * Second, Least: 3 * Second, Most: 6 * Second, begin: beginDeniedAcks},
	{Name: "older program", Every: 5 * Second, Least: Second, Most: 4 * Second, begin: beginOlder},
	{Name: "bit flip in an image", Every: 6 * Second, Least: 5 * Second, Most: 12 * Second, begin: beginFlipImage},
	{Name: "bit flip in the log", Every: 9 * Second, Least: 5 * Second, Most: 12 * Second, begin: beginFlipLog},
	{Name: "early election", Every: 6 * Second, Least: Second / 2, Most: 2 * Second, begin: beginEarlyElection},
	{Name: "outliving answers", Every: 6 * Second, Least: 2 * Second, Most: 3 * Second, begin: beginAnswersOutlive},
}

// kindOf finds a kind by its name.
func kindOf(name string) *FaultKind {
	i := slices.IndexFunc(FaultKinds, func(k FaultKind) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return &FaultKinds[i]
}

// schedule puts fault number i of the plan on the agenda.
func (w *world) schedule(i int) {
	f := &w.plan.Faults[i]
	kind := kindOf(f.Kind)
	w.agenda.add(f.At, func() {
		if w.healing() || kind == nil {
			return
		}
		end := kind.begin(&strike{world: w, dice: newDice(f.Dice, diceFaults, 0), fault: f})
		if end == nil {
			w.count("(missed) " + f.Kind)
			return
		}
		w.count(f.Kind)
		w.note("-", didFault, f.Kind, uint64(f.Number), uint64(f.For/Microsecond))
		w.in(f.For, func() {
			if !w.healing() {
				w.note("-", didHeal, f.Kind, uint64(f.Number))
				end()
			}
		})
	})
}

func nothing() {}

// anyone draws a member.
func (s *strike) anyone() *member { return s.members[s.dice.IntN(len(s.members))] }

// alive draws a member that runs, nil when none does.
func (s *strike) alive() *member {
	for _, i := range s.dice.Perm(len(s.members)) {
		if s.members[i].process != nil {
			return s.members[i]
		}
	}
	return nil
}

// pair draws one direction between two members, nil when there is only one.
func (s *strike) pair() (from, to int, link *link) {
	n := len(s.members)
	if n < 2 {
		return 0, 0, nil
	}
	from = s.dice.IntN(n)
	to = (from + 1 + s.dice.IntN(n-1)) % n
	return from, to, &s.network.links[from][to]
}

// each lets a property of every link have a value until the end, most of the time; else of one link.
func (s *strike) each(field func(*link) *float64, value float64) func() {
	_, _, one := s.pair()
	if one == nil {
		return nil
	}
	hit := []*link{one}
	if s.dice.chance(0.6) {
		hit = hit[:0]
		for from := range s.network.links {
			for to := range s.network.links[from] {
				hit = append(hit, &s.network.links[from][to])
			}
		}
	}
	for _, l := range hit {
		*field(l) = value
	}
	return func() {
		for _, l := range hit {
			*field(l) = 0
		}
	}
}

func beginLoss(s *strike) func() {
	return s.each(func(l *link) *float64 { return &l.loss }, pick(s.dice, 0.02, 0.1, 0.3, 0.6))
}

func beginRepeat(s *strike) func() {
	return s.each(func(l *link) *float64 { return &l.repeat }, pick(s.dice, 0.05, 0.3))
}

func beginReorder(s *strike) func() {
	return s.each(func(l *link) *float64 { return &l.reorder }, pick(s.dice, 0.05, 0.2, 0.5))
}

func beginSlow(s *strike) func() {
	_, _, l := s.pair()
	if l == nil {
		return nil
	}
	l.slow = s.dice.between(5*Millisecond, 400*Millisecond)
	return func() { l.slow = 0 }
}

func beginOneWay(s *strike) func() {
	from, to, l := s.pair()
	if l == nil {
		return nil
	}
	s.network.cut(from, to)
	return func() { s.network.join(from, to) }
}

// separate cuts every link between the two sides.
func (s *strike) separate(side []bool) func() {
	var cut [][2]int
	for from := range side {
		for to := range side {
			if side[from] != side[to] {
				cut = append(cut, [2]int{from, to})
				s.network.cut(from, to)
			}
		}
	}
	if len(cut) == 0 {
		return nil
	}
	return func() {
		for _, c := range cut {
			s.network.join(c[0], c[1])
		}
	}
}

func beginPartition(s *strike) func() {
	side := make([]bool, len(s.members))
	for i := range side {
		side[i] = s.dice.chance(0.5)
	}
	return s.separate(side)
}

func beginLeaderAlone(s *strike) func() {
	leader := s.leader()
	if leader == nil {
		return nil
	}
	side := make([]bool, len(s.members))
	side[leader.number] = true
	return s.separate(side)
}

func beginClog(s *strike) func() {
	from, to, l := s.pair()
	if l == nil {
		return nil
	}
	l.clogs++
	return func() {
		if l.clogs--; l.clogs == 0 {
			s.network.flow(from, to)
		}
	}
}

func beginBroken(s *strike) func() {
	from, to, l := s.pair()
	if l == nil {
		return nil
	}
	s.network.broken(from, to)
	s.network.broken(to, from)
	return nothing
}

// beginStuck holds up a link under a command that is forwarded next, and all that follows it, until its
// sender has given the command to the leader a second time: then both arrive.
func beginStuck(s *strike) func() {
	s.network.stuck = 1
	return nothing
}

// beginBrokenImage breaks the connection in the middle of an image, of those that are sent next.
func beginBrokenImage(s *strike) func() {
	s.network.breakIn = 2 + s.dice.IntN(12)
	return nothing
}

// down ends a process and keeps its member down until the end.
func (s *strike) down(m *member, power bool) func() {
	if m == nil {
		return nil
	}
	m.hold()
	m.die(power)
	return m.release
}

func beginKill(s *strike) func() { return s.down(s.alive(), false) }

func beginKillLeader(s *strike) func() { return s.down(s.leader(), false) }

func beginPower(s *strike) func() { return s.down(s.alive(), true) }

// beginPowerWriting cuts the power in the middle of what the disk does next.
func beginPowerWriting(s *strike) func() {
	m := s.alive()
	if m == nil {
		return nil
	}
	m.disk.cutIn = 1 + s.dice.IntN(20)
	return nothing
}

func beginPowerEverywhere(s *strike) func() {
	for _, m := range s.members {
		m.hold()
		m.die(true)
	}
	return func() {
		for _, m := range s.members {
			s.in(s.dice.between(0, Second/2), func() {
				if !s.healing() {
					m.release()
				}
			})
		}
	}
}

func beginRestart(s *strike) func() {
	m := s.alive()
	if m == nil || m.pausedUntil > s.now {
		return nil
	}
	m.hold()
	m.process.stop()
	return m.release
}

// beginLeaderStops lets a leader end as in production: it hands over first, for an election time-out at
// most, and then stops.
func beginLeaderStops(s *strike) func() {
	m := s.leader()
	if m == nil || m.pausedUntil > s.now {
		return nil
	}
	p, w := m.process, s.world
	t, err := p.driven.Transfer("")
	if err != nil {
		return nil
	}
	m.hold()
	stop := func() {
		if !p.dead {
			p.stop()
		}
		if m.holds == 0 && m.process == nil {
			m.later()
		}
	}
	p.waits = append(p.waits, func() bool {
		done, err := t.Poll()
		if done && err == nil {
			w.count("handed over before the end")
		}
		if done {
			w.in(0, stop)
		}
		return done
	})
	w.in(core.ElectionTimeout*s.plan.Setting.Heartbeat, stop)
	p.settle()
	return m.release
}

func (s *strike) pause(m *member) func() {
	if m == nil {
		return nil
	}
	m.pausedUntil = max(m.pausedUntil, s.now+s.fault.For)
	return nothing
}

func beginPause(s *strike) func() { return s.pause(s.alive()) }

func beginPauseLeader(s *strike) func() { return s.pause(s.leader()) }

func beginDrift(s *strike) func() {
	m := s.anyone()
	rate := pick(s.dice, 0.5, 0.9, 0.99, 1.01, 1.1, 2)
	if s.plan.Setting.Lease {
		rate = min(max(rate, 0.9), 1.1) // leases bear a difference of less than a third
	}
	m.clock.drift(s.now, rate)
	return func() { m.clock.drift(s.now, 1) }
}

func beginSyncFails(s *strike) func() {
	s.anyone().disk.syncs = 1
	return nothing
}

func beginShortWrite(s *strike) func() {
	s.anyone().disk.writes = 1
	return nothing
}

func beginFull(s *strike) func() {
	k := s.anyone().disk
	k.full = true
	return func() { k.full = false }
}

func beginSlowDisk(s *strike) func() {
	k := s.anyone().disk
	k.slow = Instant(pick(s.dice, 10, 50, 200))
	return func() { k.slow = 1 }
}

// beginStall lets the disk of a leader stand still: what is given to it now ends when the fault does.
func beginStall(s *strike) func() {
	m := s.leader()
	if m == nil {
		return nil
	}
	m.disk.stalled = s.now + s.fault.For
	return nothing
}

func beginCampaign(s *strike) func() {
	m := s.alive()
	if m == nil || m.pausedUntil > s.now {
		return nil
	}
	m.process.driven.Replica().Campaign()
	m.process.settle()
	return nothing
}
