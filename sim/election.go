package sim

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/sim/check"
)

// This file: the world beside the cluster's, for programs that only want a leader. Its members have no log and
// are listed nowhere: any Size of them are an election, over a bus that has no addresses but reaches everybody.
// A vote may wait for the program's opinion of the candidate. What runs is production's replica, as there.
//
//	elector --> replica.Driven --> jobs --> its term and vote, kept over crashes
//	   ^   |                        '----> its program's comparison: late, wrong, or never
//	   |   v
//	  bus: to all, its sender too; loses, repeats, delays, cuts
//
// Beside the Size members there may be some that nobody counts on. That more than Size vote would be no election
// any more, and who joins one must see to it; here the surplus ones are refused by every comparison and refuse
// everybody, but they take part in everything else, and come and go.

// Election is the election of a plan: it runs after the cluster's world, from the same seed, with dice of its own.
// One seed in four has one.
type Election struct {
	// Size is the number of members, 0 for no election at all; Surplus is how many more there are.
	Size, Surplus int
	// Ask lets a program compare candidates: Late, Never and Wrong are the probabilities of answers that come
	// when the question may be of the past, that do not come before the world is healed, and that are not what
	// the program means.
	Ask                bool
	Late, Never, Wrong float64
	// Heartbeat is that of [replica.Config].
	Heartbeat Instant
	// Duration is the length of the phase in which anything may fail; Pace is the mean time between two faults.
	Duration, Pace Instant
	// Delay is the most that a message needs on a bus that works.
	Delay Instant
}

// diceElection is the purpose of an election's dice; the others' are in dice.go.
const diceElection = 100

// The numbers of an election's dice; the members' follow.
const (
	electionSetting = iota
	electionFaults
	electionBus
	electionMembers
)

// electionEvery is how many seeds share an election: what it takes is time that clusters do not get.
const electionEvery = 4

func newElectionSetting(seed uint64) Election {
	if seed%electionEvery != 0 {
		return Election{}
	}
	d := newDice(seed, diceElection, electionSetting)
	e := Election{
		Size: pick(d, 1, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7), Ask: d.chance(0.7),
		Late: pick(d, 0, 0.05, 0.3), Never: pick(d, 0, 0.01, 0.05), Wrong: pick(d, 0, 0.1, 0.4),
		Heartbeat: pick[Instant](d, 50, 100) * Millisecond, Duration: 20 * Second,
		Pace: pick(d, Second/4, Second/2, Second), Delay: d.between(Millisecond, 10*Millisecond),
	}
	if e.Ask && e.Size > 1 {
		e.Surplus = pick(d, 0, 1, 2)
	}
	return e
}

// election is the run of one.
type election struct {
	course
	Election
	seed     uint64
	dice     dice
	electors []*elector
	bus      bus
	checks   *check.Suite
	ballots  *check.Ballots
	// healed is true in the second phase, since when it began; agreed is for how many heartbeats all have
	// followed one leader.
	healed bool
	since  Instant
	agreed int
	leader *elector
	// newest is the newest term that had a leader.
	newest entry.Term
}

// elect runs the plan's election to its end, or to the first violation.
func (w *world) elect() {
	w.note("-", didPhase, "an election without a log begins")
	e := newElection(w.plan)
	e.trace.out, e.counts = w.trace.out, w.counts
	e.loop()
	w.trace.mix(e.trace.hash)
	w.trace.events += e.trace.events
	if w.trace.failed == nil {
		w.trace.failed = e.trace.failed
	}
	if e.violation != nil {
		w.violate(fmt.Errorf("%w (in the election of %d, after %.6f s of it)", e.violation, e.Size, float64(e.now)/1e9))
	}
}

func newElection(plan *Plan) *election {
	e := &election{
		Election: plan.Election, seed: plan.Seed, dice: newDice(plan.Seed, diceElection, electionFaults),
		checks: check.New(),
	}
	e.ballots = check.NewBallots(e.checks, e.Size, e.Ask)
	e.bus = newBus(e)
	for i := range e.Size + e.Surplus {
		e.electors = append(e.electors, newElector(e, i))
	}
	for _, m := range e.electors {
		if !m.surplus() {
			e.in(m.dice.between(0, 20*Millisecond), m.release)
		}
	}
	e.upset(e.chosenUpsets())
	e.agenda.add(e.Duration, e.heal)
	return e
}

// upset lets one of the faults strike after a while, and then the next.
func (e *election) upset(kinds []upset) {
	if len(kinds) == 0 {
		return
	}
	e.in(e.dice.often(e.Pace), func() {
		if e.healed {
			return
		}
		e.strike(&kinds[e.dice.IntN(len(kinds))])
		e.upset(kinds)
	})
}

func (e *election) strike(kind *upset) {
	end := kind.begin(e)
	if end == nil {
		e.count("(missed) election: " + kind.name)
		return
	}
	e.count("election: " + kind.name)
	length := e.dice.between(kind.least, kind.most)
	e.note("-", didFault, kind.name, 0, uint64(length/Microsecond))
	e.in(length, func() {
		if !e.healed {
			e.note("-", didHeal, kind.name, 0)
			end()
		}
	})
}

// heal ends every fault: the members that count all run, and no others.
func (e *election) heal() {
	e.healed, e.since = true, e.now
	e.note("-", didPhase, "everybody is healed")
	e.bus.reset()
	for _, m := range e.electors {
		m.clock.drift(e.now, 1)
		if m.surplus() {
			m.die()
			continue
		}
		if m.holds = 0; m.voting == nil {
			m.start()
		}
	}
	e.in(e.Heartbeat, e.watch)
}

// watch looks whether all follow one leader, and whether they stay with it for two election time-outs.
func (e *election) watch() {
	leader, why := e.undecided()
	if e.agreed++; leader == nil || leader != e.leader {
		e.agreed, e.leader = 0, leader
	}
	switch {
	case e.agreed > 2*core.ElectionTimeout:
		e.count("election: all agree")
		e.close()
		return
	case e.now-e.since > ConvergeMax*e.Heartbeat:
		e.violate(fmt.Errorf("liveness: %d heartbeats after healing %s", ConvergeMax, why))
		return
	}
	e.in(e.Heartbeat, e.watch)
}

// undecided returns the leader that all follow, or else what is missing until then.
func (e *election) undecided() (leader *elector, why string) {
	for _, m := range e.electors[:e.Size] {
		if m.voting.status.Role == core.Leader {
			leader = m
		}
	}
	if leader == nil {
		return nil, "there is no leader"
	}
	for _, m := range e.electors[:e.Size] {
		if s := &m.voting.status; s.Leader != leader.id || s.Term != leader.voting.status.Term {
			return nil, fmt.Sprintf("%s follows %q in term %d, %s leads term %d", m.id, s.Leader, s.Term, leader.id,
				leader.voting.status.Term)
		}
	}
	return leader, "they do not stay with one leader"
}

// close stops everybody in order.
func (e *election) close() {
	for _, m := range e.electors[:e.Size] {
		m.voting.stop()
	}
	e.finished = true
}

// leading returns the running leader of the newest term, nil when there is none.
func (e *election) leading() (found *elector) {
	for _, m := range e.electors {
		if m.voting == nil || m.voting.status.Role != core.Leader {
			continue
		}
		if found == nil || m.voting.status.Term > found.voting.status.Term {
			found = m
		}
	}
	return found
}
