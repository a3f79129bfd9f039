package sim

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim/check"
)

// member is one member's machine: its disk, its clock, and the process that runs on it at present.
type member struct {
	world  *world
	id     entry.MemberID
	number int
	disk   *disk
	clock  clock
	// dice are for all that happens to the member, quiet for what it does beside.
	dice, quiet dice
	// process is nil while the member is down.
	process *process
	lives   uint64
	// origins counts the starts that got a number.
	origins uint64
	standing
	// holds is how many faults keep the member down; it starts when the last of them ends.
	holds int
	// pausedUntil is when a stopped process goes on.
	pausedUntil Instant
	// retry is true while a start that failed waits to be tried again.
	retry bool
	// older is true while the program that is installed does not know a kind of entries.
	older bool
}

// standing is what a member is to the cluster.
type standing struct {
	// spare is true for a machine that is no member at first; level is what its version knows, rank its
	// place among those that should lead.
	spare bool
	level uint32
	rank  uint64
	// incarnation is that of its directory, 0 before there is one. wiped is true until a wiped directory
	// has been made anew. known is the configuration that it last knew to be in force, synced that to
	// which a loss of power can take it back.
	incarnation   entry.Incarnation
	wiped         bool
	known, synced entry.Configuration
	// cluster is what the directory's identity records, from when the first entry was committed.
	cluster entry.ClusterID
	// forgot is the last entry that an older copy of the directory does not hold, until the member knows so
	// much to be committed; 0 for nothing. condemned is true from when the member noticed until the
	// directory is removed.
	forgot    entry.Index
	condemned bool
	// copies is how many older copies of a directory were put back on this machine.
	copies int
	// rotten is true from when the disk gave back what was not written, until the directory is removed, or
	// begun anew: renewed says that it was, so that a configuration without an incarnation means the former one.
	rotten, renewed bool
}

// learn takes note of the configuration that a member knows, and of whether its disk knows it too.
func (s *standing) learn(status *replica.Status) {
	s.known = status.Configuration
	if status.Durable == status.Last.Index {
		s.synced = s.known
	}
}

// clock is a member's own: it runs at a rate of its own, and never back.
type clock struct {
	// base is where the world was, own where the clock was, when the rate last changed.
	base Instant
	own  core.Instant
	rate float64
}

func (c *clock) at(now Instant) core.Instant {
	return c.own + core.Instant(float64(now-c.base)*c.rate)
}

// when returns the world's time at which the clock shows an instant.
func (c *clock) when(own core.Instant) Instant {
	return c.base + Instant(float64(own-c.own)/c.rate) + 1
}

// drift changes the rate from now on.
func (c *clock) drift(now Instant, rate float64) {
	c.base, c.own, c.rate = now, c.at(now), rate
}

// quietFrom is the number of the first member's quiet dice.
const quietFrom = 1000

func newMember(w *world, number int) *member {
	d := newDice(w.plan.Seed, diceMembers, number)
	m := &member{
		world: w, id: entry.MemberID(fmt.Sprintf("m%d", number+1)), number: number, dice: d, disk: newDisk(d),
		quiet: newDice(w.plan.Seed, diceMembers, quietFrom+number),
	}
	m.level = core.Level + uint32(d.IntN(2))
	m.rank = uint64(d.IntN(max(w.plan.Setting.Ranks, 1)))
	m.clock = clock{own: core.Instant(d.Int64N(1e15)) + 1, rate: 1}
	return m
}

func (m *member) name() string { return string(m.id) }

// hold keeps the member down until release.
func (m *member) hold() { m.holds++ }

// release lets a member start again when nothing else keeps it down.
func (m *member) release() {
	if m.holds--; m.holds == 0 && m.process == nil && !m.condemned {
		m.start()
	}
}

// start starts a process on what the disk holds.
func (m *member) start() {
	m.disk.plug()
	m.lives++
	p := &process{member: m, who: check.Life{Member: m.id, Start: m.lives}, program: program{older: m.older}}
	m.process = p
	err := p.open()
	if m.disk.cut != nil {
		m.die(true)
		m.later()
		return
	}
	if err == nil {
		return
	}
	m.process = nil
	if m.spoiled(err) {
		m.world.note(m.name(), didSpoil, "", m.lives)
		m.world.count("start refused: damage")
		m.condemn()
		return
	}
	if m.disk.faults == 0 {
		m.world.violate(fmt.Errorf("recovery: %s cannot start: %w", m.id, err))
		return
	}
	m.world.count("start refused: disk")
	m.later()
}

// later tries to start again after a while, as a supervisor does.
func (m *member) later() {
	if m.retry {
		return
	}
	m.retry = true
	m.world.in(m.dice.between(100*Millisecond, Second), func() {
		m.retry = false
		if m.process == nil && m.holds == 0 && !m.condemned {
			m.start()
		}
	})
}

// die ends the process at once. With power the disk loses what was not synced.
func (m *member) die(power bool) {
	p := m.process
	if p == nil {
		return
	}
	m.process, p.dead = nil, true
	m.pausedUntil = 0
	if power || m.disk.cut != nil {
		m.disk.losePower()
		m.world.countLosses(&m.disk.lost)
	}
	m.world.note(m.name(), didCrash, crashName(power), uint64(m.disk.units), p.who.Start, uint64(p.status.Term))
	p.drop()
	m.world.network.died(m)
}

func crashName(power bool) string {
	if power {
		return "power"
	}
	return "killed"
}
