package explore

import "v.io/x/ref/lib/raft/core"

// Seen counts what happened for the first time, so that an empty search is noticed: a step of a member
// that shows the same to the same history is counted once.
type Seen struct {
	// Leaders: a member began to lead. Commits: an entry was known to be committed for the first
	// time. Restarts: a member restarted after a crash. Installed: a member's log was replaced by a
	// snapshot. Changed: another configuration was committed. Reads: a read point was given. Lost: a member
	// restarted without the end of its log. Regained: it has come up to that again.
	Leaders, Commits, Restarts, Installed, Changed, Reads, Lost, Regained uint64
	// Terms is the greatest term that was led, Committed the most entries committed.
	Terms     uint64
	Committed int
}

func (s *Seen) add(c *change, before, after *truth) {
	if c.after.status.Role == core.Leader {
		s.Terms = max(s.Terms, uint64(c.after.status.Term))
		if c.before.status.Role != core.Leader {
			s.Leaders++
		}
	}
	if len(after.committed) > len(before.committed) {
		s.Commits++
		s.Committed = max(s.Committed, len(after.committed))
	}
	if after.configuration != before.configuration && len(before.committed) > 0 {
		s.Changed++
	}
	was, is := c.before.disk.held, c.after.disk.held
	switch {
	case was.Index == 0 && is.Index != 0:
		s.Lost++
	case was.Index != 0 && is.Index == 0:
		s.Regained++
	}
	if c.restarted() {
		s.Restarts++
	} else if c.after.disk.snapshot != c.before.disk.snapshot && len(c.after.log) > len(c.before.log) {
		s.Installed++
	}
	for _, point := range c.reads {
		if !point.Failed {
			s.Reads++
		}
	}
}

// begin makes the first state.
func (x *search) begin() state {
	l := x.lab
	empty := newTruth(&l.initial, l.space.Terms)
	s := state{left: l.space.Times, truth: l.truths.put(empty.appendKey(nil), empty)}
	for i := range l.ids {
		t := &turn{lab: l, next: &node{view: view{member: i}, clock: dawn}}
		t.start()
		if t.result.fatal != nil {
			x.result.Violation = &Violation{Invariant: "members start", Text: t.result.fatal.Error()}
			return s
		}
		t.next.see(l)
		s.nodes = append(s.nodes, l.nodes.put(t.next.appendKey(nil), t.next))
	}
	if l.space.Led || l.space.Rivals {
		s = x.settle(s, 0, l.space.Members)
	}
	if l.space.Rivals {
		s = x.rivals(s)
	}
	s.left = l.space.Times
	x.start = s
	return s
}

// rivals lets the first member order an entry and the second one lead term 2, while the first hears
// nobody.
func (x *search) rivals(s state) state {
	s = x.do(s, event{kind: proposed, arg: 1})
	s = x.settle(s, 0, 1)
	for other := 2; other < len(s.nodes); other++ {
		s = x.do(s, event{kind: lulls, member: other})
	}
	s = x.do(s, event{kind: expires, member: 1})
	return x.settle(s, 1, len(s.nodes))
}

// do takes one step that must be possible.
func (x *search) do(s state, e event) state {
	next, wrong := x.lab.take(&s, e, &Seen{})
	if wrong != nil && x.result.Violation == nil {
		x.result.Violation = &Violation{Invariant: wrong.invariant, Text: wrong.text,
			Trace: []string{"on the way to the beginning"}}
	}
	if wrong != nil || next == nil {
		s.packets = without(s.packets, e.arg)
		return s
	}
	return *next
}

// settle makes a member lead: its deadline expires, and everything under way between the members from
// it up to end is carried out in order. Of more than one, all then hold what it ordered; and rivals
// stop as soon as the second one leads.
func (x *search) settle(s state, leader, end int) state {
	for range settleMax {
		e, ok := x.lab.next(&s, leader, end)
		if !ok || x.result.Violation != nil {
			break
		}
		s = x.do(s, e)
	}
	s.packets = nil
	return s
}

// settleMax is far more steps than an election and its first entry take.
const settleMax = 1000

// next is the step that settle takes.
func (l *lab) next(s *state, leader, end int) (event, bool) {
	for i, n := range s.nodes {
		if len(l.nodes.items[n].writes) > 0 {
			return event{kind: synced, member: i}, true
		}
	}
	if leader > 0 && l.nodes.items[s.nodes[leader]].status.Role == core.Leader {
		return event{}, false
	}
	for _, p := range s.packets {
		packet := l.packets.items[p]
		from := l.member(packet.message.From)
		if from >= leader && from < end && packet.to >= leader && packet.to < end {
			return event{kind: arrives, member: packet.to, arg: p}, true
		}
	}
	return event{kind: expires, member: leader}, l.nodes.items[s.nodes[leader]].status.Role != core.Leader
}
