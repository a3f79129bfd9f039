package sim

import (
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// queueMax is how many parcels wait on a clogged link; what comes then is not taken.
const queueMax = 64

// repeatMax is how much later than the first a second copy of a parcel arrives.
const repeatMax = 50 * Millisecond

// stuckLeast and stuckMost are for how many heartbeats a forwarded command stands still: its sender gives it
// to the leader again before.
const stuckLeast, stuckMost = 105, 130

// network joins the members: one link for each ordered pair.
type network struct {
	world  *world
	links  [][]link
	labels labels
	// breakIn counts down the pieces of images until one of them does not arrive; 0 for never.
	breakIn int
	// stuck is how many of the next forwarded commands stop on their way, with everything behind them;
	// untold is how many of the next requests to take over are lost.
	stuck, untold int
}

// link is one direction between two members.
type link struct {
	dice dice
	// loss, repeat and reorder are the probabilities with which a parcel is lost, arrives twice, or
	// overtakes others.
	loss, repeat, reorder float64
	// slow is added to each delay.
	slow Instant
	// cuts and clogs count the faults that lose everything, or hold everything back.
	cuts, clogs int
	queue       []parcel
	// last is when the newest parcel arrives: those that keep the order arrive after it.
	last Instant
}

// parcel is what one call of Send sends.
type parcel struct {
	from     replica.Peer
	messages []core.Message
	// copies is the receiver's count of older copies: one that was put back meanwhile does not get the parcel. An answer
	// to a question that the copy has forgotten, such as a vote in a term that it may enter again, would find it else.
	copies int
}

func newNetwork(w *world, members int) *network {
	n := &network{world: w, links: make([][]link, members), labels: make(labels)}
	for i := range n.links {
		n.links[i] = make([]link, members)
		for k := range n.links[i] {
			n.links[i][k].dice = newDice(w.plan.Seed, diceNetwork, i*members+k)
		}
	}
	return n
}

// reset ends every fault of the network.
func (n *network) reset() {
	n.breakIn, n.stuck, n.untold = 0, 0, 0
	for from := range n.links {
		for to := range n.links[from] {
			l := &n.links[from][to]
			l.loss, l.repeat, l.reorder, l.slow, l.cuts, l.clogs, l.last = 0, 0, 0, 0, 0, 0, 0
			n.flow(from, to)
		}
	}
}

func (n *network) send(p *process, to entry.MemberID, messages []core.Message) (taken int) {
	target := n.world.find(to)
	if target == nil {
		return 0
	}
	l := &n.links[p.member.number][target.number]
	for i := range messages {
		n.note(p.member.name(), didSend, &messages[i])
	}
	switch {
	case l.cuts > 0:
		if l.dice.chance(0.5) {
			return 0
		}
		n.lose(p.member.name(), messages)
		return len(messages)
	case n.untold > 0 && slices.ContainsFunc(messages, isHandover):
		n.untold--
		n.lose(p.member.name(), messages)
		return len(messages)
	case l.clogs > 0 && len(l.queue) >= queueMax:
		return 0
	}
	c := parcel{from: p.peer(), messages: append([]core.Message(nil), messages...), copies: target.copies}
	if l.clogs > 0 {
		l.queue = append(l.queue, c)
		return len(messages)
	}
	if n.stuck > 0 && slices.ContainsFunc(messages, isForward) {
		n.stuck--
		n.world.count("command stuck")
		l.last = max(l.last, n.world.now+l.dice.between(stuckLeast, stuckMost)*n.world.plan.Setting.Heartbeat)
	}
	n.carry(p.member.number, target.number, c)
	return len(messages)
}

func isForward(m core.Message) bool { return m.Kind == core.MsgPropose }

func isHandover(m core.Message) bool { return m.Kind == core.MsgTransfer }

// carry puts a parcel on its way.
func (n *network) carry(from, to int, c parcel) {
	l := &n.links[from][to]
	if l.dice.chance(l.loss) {
		n.world.count("parcel lost")
		n.lose(string(c.from.ID), c.messages)
		return
	}
	at := n.world.now + n.delay(l)
	if l.dice.chance(l.reorder) {
		n.world.count("parcel overtaken")
		at += l.dice.between(0, 20*Millisecond)
	} else {
		at = max(at, l.last)
		l.last = at
	}
	n.arrive(to, at, c)
	if l.dice.chance(l.repeat) {
		n.world.count("parcel repeated")
		n.arrive(to, at+l.dice.between(0, repeatMax), c)
	}
}

func (n *network) delay(l *link) Instant {
	s := &n.world.plan.Setting.Network
	return s.Delay + l.dice.between(0, s.Jitter) + l.dice.between(0, l.slow)
}

// last returns when the last parcel on its way arrives, at most.
func (n *network) last() Instant {
	end := n.world.now
	for from := range n.links {
		for to := range n.links[from] {
			end = max(end, n.links[from][to].last+repeatMax)
		}
	}
	return end
}

// arrive delivers a parcel to whatever process the member has then.
func (n *network) arrive(to int, at Instant, c parcel) {
	n.world.agenda.add(at, func() {
		p := n.world.members[to].process
		if p == nil || p.member.copies != c.copies {
			n.lose(string(c.from.ID), c.messages)
			return
		}
		if p.member.pausedUntil > n.world.now {
			n.arrive(to, p.member.pausedUntil, c)
			return
		}
		for i := range c.messages {
			n.note(p.member.name(), didDeliver, &c.messages[i])
		}
		messages := c.messages
		if p.older {
			messages = recastAll(messages, true)
		}
		p.receiver.Receive(c.from, messages)
		p.settle()
	})
}

// flow lets go of what waited on a link.
func (n *network) flow(from, to int) {
	l := &n.links[from][to]
	queue := l.queue
	l.queue = nil
	for _, c := range queue {
		n.carry(from, to, c)
	}
}

// cut loses everything in one direction, and tells the sender now and then.
func (n *network) cut(from, to int) {
	l := &n.links[from][to]
	l.cuts++
	if l.dice.chance(0.4) {
		n.broken(from, to)
	}
}

func (n *network) join(from, to int) {
	if l := &n.links[from][to]; l.cuts > 0 {
		l.cuts--
	}
}

// broken tells a member that its connection to another one broke.
func (n *network) broken(from, to int) {
	p := n.world.members[from].process
	if p == nil {
		return
	}
	p.in(n.links[from][to].dice.between(50*Microsecond, 5*Millisecond), func() {
		p.receiver.Lost(n.world.members[to].id)
		p.settle()
	})
}

// died breaks the connections of a process.
func (n *network) died(m *member) {
	for other := range n.links {
		l := &n.links[m.number][other]
		l.queue = nil
		if other != m.number && l.dice.chance(0.7) {
			n.broken(other, m.number)
		}
	}
}

// open reports whether a conversation between two members is possible.
func (n *network) open(a, b int) bool {
	return n.links[a][b].cuts == 0 && n.links[b][a].cuts == 0
}

func (n *network) lose(who string, messages []core.Message) {
	for i := range messages {
		n.note(who, didLose, &messages[i])
	}
}

func (n *network) note(who string, v verb, m *core.Message) {
	n.world.note(who, v, n.labels.of(m), uint64(m.Term), uint64(m.Index), uint64(m.Entries.Count))
}
