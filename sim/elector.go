package sim

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/sim/check"
)

// elector is one member of an election: what its disk remembers, its clock, what its program thinks of itself,
// and the process that runs at present.
type elector struct {
	world  *election
	id     entry.MemberID
	number int
	dice   dice
	clock  clock
	disk   entry.HardState
	// worth is what programs compare: 0 for a surplus member, which nobody's program wants.
	worth byte
	// voting is nil while the member is down; lives counts its starts.
	voting *voting
	lives  uint64
	// holds is how many reasons keep the member down; pausedUntil is when a stopped process goes on.
	holds       int
	pausedUntil Instant
}

func newElector(e *election, number int) *elector {
	d := newDice(e.seed, diceElection, electionMembers+number)
	m := &elector{world: e, id: entry.MemberID(fmt.Sprintf("e%d", number+1)), number: number, dice: d, holds: 1}
	m.clock = clock{own: core.Instant(d.Int64N(1e15)) + 1, rate: 1}
	if number < e.Size {
		m.worth = 1 + byte(d.IntN(4))
	}
	return m
}

func (m *elector) surplus() bool { return m.number >= m.world.Size }

// release lets a member start when nothing else keeps it down.
func (m *elector) release() {
	if m.holds--; m.holds == 0 && m.voting == nil {
		m.start()
	}
}

// start starts a process on what the disk remembers.
func (m *elector) start() {
	m.lives++
	v := &voting{elector: m, who: check.Life{Member: m.id, Incarnation: 1, Start: m.lives}}
	m.voting, m.pausedUntil = v, 0
	if err := v.open(); err != nil {
		m.world.violate(fmt.Errorf("recovery: %s cannot start: %w", m.id, err))
	}
}

// die ends the process at once.
func (m *elector) die() {
	if v := m.voting; v != nil {
		m.world.note(string(m.id), didCrash, crashName(false), 0, m.lives, uint64(v.status.Term))
		v.end()
	}
}
