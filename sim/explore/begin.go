package explore

import "v.io/x/ref/lib/raft/core"

// Seen counts what happened for the first time, so that an empty search is noticed: a step of a member
// that shows the same to the same history is counted once.
type Seen struct {
	// Leaders: a member began to lead. Commits: an entry was known to be committed for the first
	// time. Restarts: a member restarted after a crash. Installed: a member's log was replaced by a
	// snapshot. Reads: a read point was given.
	Leaders, Commits, Restarts, Installed, Reads uint64
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
	empty := newTruth(l.space.Terms)
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
	if l.space.Led {
		s = x.settle(s)
	}
	s.left = l.space.Times
	x.start = s
	return s
}

// settle makes the first member lead: its deadline expires, and everything under way is carried out
// in order, until nothing is.
func (x *search) settle(s state) state {
	for range settleMax {
		e, ok := x.lab.next(&s)
		if !ok {
			break
		}
		next, wrong := x.lab.take(&s, e, &Seen{})
		if wrong != nil {
			x.result.Violation = &Violation{Invariant: wrong.invariant, Text: wrong.text,
				Trace: []string{"while the first leader was elected"}}
			return s
		}
		if next == nil {
			s.packets = without(s.packets, e.arg)
			continue
		}
		s = *next
	}
	return s
}

// settleMax is far more steps than an election and its first entry take.
const settleMax = 1000

// next is the step that settle takes.
func (l *lab) next(s *state) (event, bool) {
	for i, n := range s.nodes {
		if len(l.nodes.items[n].writes) > 0 {
			return event{kind: synced, member: i}, true
		}
	}
	if len(s.packets) > 0 {
		p := s.packets[0]
		return event{kind: arrives, member: l.packets.items[p].to, arg: p}, true
	}
	return event{kind: expires}, l.nodes.items[s.nodes[0]].status.Role != core.Leader
}
