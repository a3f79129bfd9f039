package sim

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/replica"
)

// bus carries what one member says to all, itself among them; whoever a message is not for leaves it.
type bus struct {
	world *election
	dice  dice
	// loss and repeat are the probabilities with which one member misses a message, or hears it twice.
	loss, repeat float64
	// slow is added to each delay.
	slow Instant
	// cuts are the faults that keep the second from hearing the first.
	cuts   [][]int
	labels labels
}

func newBus(e *election) bus {
	n := e.Size + e.Surplus
	b := bus{world: e, dice: newDice(e.seed, diceElection, electionBus), cuts: make([][]int, n), labels: make(labels)}
	for i := range b.cuts {
		b.cuts[i] = make([]int, n)
	}
	return b
}

// reset ends every fault of the bus.
func (b *bus) reset() {
	b.loss, b.repeat, b.slow = 0, 0, 0
	for i := range b.cuts {
		clear(b.cuts[i])
	}
}

func (b *bus) publish(from *elector, m core.Message) {
	b.note(from, didSend, &m)
	for _, to := range b.world.electors {
		if m.To != "" && m.To != to.id {
			continue
		}
		b.carry(from, to, m)
	}
}

func (b *bus) carry(from, to *elector, m core.Message) {
	for copies := 1; copies > 0; copies-- {
		if b.dice.chance(b.repeat) {
			copies++
		}
		at := b.world.now + b.dice.between(Microsecond, b.world.Delay) + b.dice.between(0, b.slow)
		if b.cuts[from.number][to.number] > 0 || b.dice.chance(b.loss) {
			b.note(to, didLose, &m)
			continue
		}
		b.deliver(to, at, m)
	}
}

// deliver brings a message to whatever process the member has then.
func (b *bus) deliver(to *elector, at Instant, m core.Message) {
	b.world.agenda.add(at, func() {
		v := to.voting
		switch {
		case v == nil:
			b.note(to, didLose, &m)
		case to.pausedUntil > b.world.now:
			b.deliver(to, to.pausedUntil, m)
		default:
			b.note(to, didDeliver, &m)
			v.receiver.Receive(replica.Peer{ID: m.From}, []core.Message{m})
			v.settle()
		}
	})
}

func (b *bus) note(who *elector, v verb, m *core.Message) {
	b.world.note(string(who.id), v, b.labels.of(m), uint64(m.Term), 0, 0)
}

// between cuts what the first says off from the second for each pair that is chosen, and returns what ends that;
// nil when none is.
func (b *bus) between(chosen func(from, to int) bool) (end func()) {
	var hit []*int
	for from := range b.cuts {
		for to := range b.cuts[from] {
			if from != to && chosen(from, to) {
				hit = append(hit, &b.cuts[from][to])
			}
		}
	}
	if len(hit) == 0 {
		return nil
	}
	for _, cut := range hit {
		*cut++
	}
	return func() {
		for _, cut := range hit {
			*cut--
		}
	}
}
