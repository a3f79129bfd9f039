package sim

import (
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// healer leads the second phase: heal a quorum, demand convergence, heal everybody, demand equality.
type healer struct {
	// stage is what is demanded at present.
	stage stage
	// healed are the members that count in this stage.
	healed []bool
	since  Instant
	dice   dice
}

type stage uint8

const (
	unhealed stage = iota
	quorumHealed
	allHealed
)

// ConvergeMax bounds, in heartbeats, how long a healed quorum may take to answer every client and to
// be equal, and again how long everybody may take. A few elections take 50 heartbeats, an image in
// pieces and the work that has piled up the rest.
const ConvergeMax = 1200

func (w *world) healing() bool { return w.healer.stage != unhealed }

// reachable reports whether clients ask a member: all, as long as anything may fail.
func (w *world) reachable(number int) bool {
	return w.healer.stage == unhealed || w.healer.healed[number]
}

// heal ends the first phase: every fault ends, and a quorum of members lives and talks.
func (w *world) heal() {
	n := len(w.members)
	h := &w.healer
	h.dice = newDice(w.plan.Seed, diceHealing, 0)
	h.stage, h.since = quorumHealed, w.now
	w.note("-", didPhase, "a quorum is healed")
	held := w.heldUp()
	w.network.reset()
	h.healed = w.quorum(h.dice.Perm(n))
	for i, m := range w.members {
		w.mend(m)
		if !h.healed[i] {
			m.hold()
			m.die(h.dice.chance(0.5))
		}
	}
	w.in(held+(core.ElectionTimeout+1)*w.plan.Setting.Heartbeat, w.healMore)
	w.in(w.plan.Setting.Heartbeat, w.watch)
}

// heldUp returns how long it takes until every process that was stopped goes on, and what is on its way has
// come. A pause runs to its end whoever is healed meanwhile: what came in since it began waits for that. And
// what the dead have said may come later than the news that they are dead.
func (w *world) heldUp() Instant {
	end := w.network.last()
	for _, m := range w.members {
		end = max(end, m.pausedUntil)
	}
	return max(end, w.now) - w.now
}

// healMore heals more members if those that were healed are no quorum any more. For one election time-out a
// leader counts voters that have just died, and may change the configuration into one that needs them; after
// that it may not.
func (w *world) healMore() {
	h := &w.healer
	order := h.dice.Perm(len(w.members))
	slices.SortStableFunc(order, func(a, b int) int { return ahead(h.healed[a]) - ahead(h.healed[b]) })
	more := w.quorum(order)
	for i, m := range w.members {
		if h.stage == quorumHealed && more[i] && !h.healed[i] {
			w.count("healed one more")
			h.healed[i], h.since = true, w.now
			w.mend(m)
		}
	}
}

func ahead(healed bool) int {
	if healed {
		return 0
	}
	return 1
}

// mend ends the faults of one member. A version that is too old is one, too: when nobody waits for the answer any
// more, a leader keeps the learner that it cannot serve.
func (w *world) mend(m *member) {
	m.disk.mend()
	m.clock.drift(w.now, 1)
	m.holds = 0
	if m.level < w.configurations()[0].Level {
		w.count("healed by a newer version")
		m.level = levelMax
		m.die(false)
	}
	if m.older {
		m.older = false
		m.die(false)
	}
	if m.process == nil && !m.retry && !m.condemned && w.healer.healed[m.number] {
		m.start()
	}
}

// healAll brings back the others.
func (w *world) healAll() {
	h := &w.healer
	w.converged = w.now - h.since
	h.stage, h.since = allHealed, w.now
	w.note("-", didPhase, "everybody is healed")
	for i := range h.healed {
		h.healed[i] = true
	}
	for _, m := range w.members {
		w.mend(m)
	}
}

// watch looks whether the cluster has converged.
func (w *world) watch() {
	h := &w.healer
	why := w.unequal()
	switch {
	case why == "" && h.stage == quorumHealed:
		w.healAll()
	case why == "":
		w.healedAll = w.now - h.since
		w.close()
		return
	case w.now-h.since > ConvergeMax*w.plan.Setting.Heartbeat:
		w.violate(fmt.Errorf("liveness: %d heartbeats after healing %s: %s", ConvergeMax, h.stage, why))
		return
	}
	w.in(w.plan.Setting.Heartbeat, w.watch)
}

// String names a stage for a failing run.
func (s stage) String() string { return [...]string{"nobody", "a quorum", "everybody"}[s] }

// unequal says what is missing until the healed members are equal and every client has its answer.
func (w *world) unequal() string {
	if w.remaining > 0 {
		return fmt.Sprintf("%d operations have no answer", w.remaining)
	}
	leader := w.leader()
	if leader == nil || !w.healer.healed[leader.number] {
		return "there is no leader"
	}
	l := &leader.process.status
	if l.Commit != l.Last.Index {
		return fmt.Sprintf("%s has committed %d of %d", leader.id, l.Commit, l.Last.Index)
	}
	configuration := &l.Configuration
	if w.healer.stage == allHealed && unsettled(configuration) {
		return "a change of the configuration is under way"
	}
	for i, m := range w.members {
		line, found := configuration.Find(m.id)
		if !w.healer.healed[i] || !found || (m.condemned || m.rotten) && w.healer.stage == quorumHealed {
			continue
		}
		if w.healer.stage == allHealed && line.Incarnation != m.incarnation {
			return fmt.Sprintf("the wiped %s has not been replaced", m.id)
		}
		if m.process == nil {
			return fmt.Sprintf("%s does not run", m.id)
		}
		s := &m.process.status
		if s.Leader != leader.id || s.Term != l.Term || s.Applied != l.Last.Index || s.Last != l.Last {
			return fmt.Sprintf("%s follows %q in term %d and has applied %d of %d; %s leads term %d",
				m.id, s.Leader, s.Term, s.Applied, l.Last.Index, leader.id, l.Term)
		}
	}
	return ""
}

// unsettled reports whether a change has still something to do.
func unsettled(c *entry.Configuration) bool {
	return c.Joint() || slices.ContainsFunc(c.Members, func(m entry.Member) bool { return m.Promote || m.Leaving })
}

// close compares the members for the last time and stops everybody in order.
func (w *world) close() {
	first := w.leader().process
	for _, m := range w.members {
		if _, found := first.status.Configuration.Find(m.id); !found {
			continue
		}
		if err := w.checks.Machines.Same(first.who, m.process.who); err != nil {
			w.violate(err)
		}
	}
	for _, m := range w.members {
		if m.process != nil {
			m.process.stop()
		}
	}
	w.note("-", didPhase, "all is equal")
	w.finished = true
}
