package sim

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// upset is one way in which things go wrong in an election. A new one is a new value in [upsets].
type upset struct {
	name string
	// least to most is how long one lasts.
	least, most Instant
	// begin lets it strike and returns what ends it; nil when there was nothing to strike.
	begin func(e *election) (end func())
}

var upsets = []upset{
	{"loss", Second / 5, 3 * Second, upsetLoss},
	{"repeat", Second / 5, 3 * Second, upsetRepeat},
	{"slow bus", Second / 5, 2 * Second, upsetSlow},
	{"one-way cut", Second / 5, 2 * Second, upsetOneWay},
	{"partition", Second / 5, 3 * Second, upsetPartition},
	{"leader unheard", Second / 2, 3 * Second, upsetUnheard},
	{"kill", Second / 50, 2 * Second, upsetKill},
	{"kill leader", Second / 50, 2 * Second, upsetKillLeader},
	{"pause", Second / 50, 2 * Second, upsetPause},
	{"clock drift", Second, 5 * Second, upsetDrift},
	{"transfer", 0, 1, upsetTransfer},
	{"surplus member", Second / 2, 5 * Second, upsetSurplus},
	{"leader alone", Second, 3 * Second, upsetAlone},
}

// chosenUpsets are those of this seed.
func (e *election) chosenUpsets() []upset {
	var all []upset
	share := pick(e.dice, 0.3, 0.6, 1)
	for _, u := range upsets {
		if e.dice.chance(share) {
			all = append(all, u)
		}
	}
	return all
}

func upsetLoss(e *election) func() {
	e.bus.loss = pick(e.dice, 0.02, 0.2, 0.5)
	return func() { e.bus.loss = 0 }
}

func upsetRepeat(e *election) func() {
	e.bus.repeat = pick(e.dice, 0.05, 0.3)
	return func() { e.bus.repeat = 0 }
}

func upsetSlow(e *election) func() {
	e.bus.slow = e.dice.between(5*Millisecond, 500*Millisecond)
	return func() { e.bus.slow = 0 }
}

func upsetOneWay(e *election) func() {
	a, b := e.dice.IntN(len(e.electors)), e.dice.IntN(len(e.electors))
	return e.bus.between(func(from, to int) bool { return from == a && to == b })
}

func upsetPartition(e *election) func() {
	side := make([]bool, len(e.electors))
	for i := range side {
		side[i] = e.dice.chance(0.5)
	}
	return e.bus.between(func(from, to int) bool { return side[from] != side[to] })
}

// upsetUnheard lets nobody hear the leader any more, who hears everybody.
func upsetUnheard(e *election) func() {
	leader := e.leading()
	if leader == nil {
		return nil
	}
	return e.bus.between(func(from, _ int) bool { return from == leader.number })
}

// running draws a member that runs, nil when none does.
func (e *election) running() *elector {
	for _, i := range e.dice.Perm(len(e.electors)) {
		if e.electors[i].voting != nil {
			return e.electors[i]
		}
	}
	return nil
}

func upsetKill(e *election) func() { return e.down(e.running()) }

func upsetKillLeader(e *election) func() { return e.down(e.leading()) }

// down ends a process and keeps its member down until the end.
func (e *election) down(m *elector) func() {
	if m == nil {
		return nil
	}
	m.holds++
	m.die()
	return m.release
}

func upsetPause(e *election) func() {
	m := e.running()
	if m == nil || m.pausedUntil > e.now {
		return nil
	}
	m.pausedUntil = e.now + e.dice.between(Second/10, 2*Second)
	return nothing
}

func upsetDrift(e *election) func() {
	m := e.electors[e.dice.IntN(len(e.electors))]
	m.clock.drift(e.now, 0.5+e.dice.Float64())
	return func() { m.clock.drift(e.now, 1) }
}

// upsetTransfer asks a member to hand leadership to another one, which may be none that counts.
func upsetTransfer(e *election) func() {
	m := e.leading()
	if m == nil || m.pausedUntil > e.now {
		return nil
	}
	to := pick(e.dice, entry.MemberID(""), e.electors[e.dice.IntN(len(e.electors))].id)
	if _, err := m.voting.driven.Transfer(to); err != nil {
		return nil
	}
	m.voting.settle()
	return nothing
}

// upsetSurplus starts a member that nobody counts on.
func upsetSurplus(e *election) func() {
	for _, m := range e.electors[e.Size:] {
		if m.voting == nil && m.holds == 1 {
			m.release()
			return func() {
				m.holds++
				m.die()
			}
		}
	}
	return nil
}

// upsetAlone cuts the leader off after a while, and asks it with each heartbeat whether it leads: also when there is a
// newer one.
func upsetAlone(e *election) func() {
	leader := e.leading()
	if leader == nil || len(e.electors) == 1 {
		return nil
	}
	e.askAgain(leader.voting)
	join := nothing
	e.in(e.dice.between(0, 4*e.Heartbeat), func() {
		if !e.healed {
			join = e.bus.between(func(from, to int) bool { return from == leader.number || to == leader.number })
		}
	})
	return func() { join() }
}

func (e *election) askAgain(v *voting) {
	if v.dead || v.status.Role != core.Leader || e.healed {
		return
	}
	if v.elector.pausedUntil <= e.now {
		v.confirm()
	}
	e.in(e.Heartbeat, func() { e.askAgain(v) })
}
