package explore

import (
	"fmt"
	"math"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Result is what a search found.
type Result struct {
	// States is how many distinct states were visited, Steps how many steps between them were taken,
	// Depth the number of steps to the last level visited.
	States, Steps uint64
	Depth         int
	// Locals is how many distinct states single members had, Asked how often a core was asked.
	Locals, Asked int
	// Complete is true when every state of the space was visited.
	Complete bool
	// Violation is the first one met, on a shortest path; nil for none.
	Violation *Violation
	// Seen says what happened on the way, so that an empty search is noticed.
	Seen Seen
}

// Missed estimates how likely it is that some state was not visited because its 64-bit fingerprint
// was that of another.
func (r *Result) Missed() float64 {
	n := float64(r.States)
	return n * n / math.Exp2(65)
}

// Violation is an invariant that does not hold, with the steps that lead there.
type Violation struct {
	// Invariant is its name, Text what was seen.
	Invariant, Text string
	// Trace has the start and then one line per step.
	Trace []string
}

// String draws the violation and its trace.
func (v *Violation) String() string {
	text := fmt.Sprintf("%s is broken: %s\n", v.Invariant, v.Text)
	for _, line := range v.Trace {
		text += line + "\n"
	}
	return text
}

// Run visits the states of the space, nearest first, until all have been visited, one breaks an
// invariant, or limit states are reached (0 for no limit). After each level it calls progress, which
// may be nil.
func Run(space Space, limit uint64, progress func(*Result)) Result {
	x := newSearch(&space, limit)
	start := x.begin()
	if x.result.Violation == nil {
		x.frontier = level{}
		x.enter(&start, 0, event{})
		x.levels(progress)
	}
	x.result.Locals, x.result.Asked = len(x.lab.nodes.items), len(x.lab.outcomes)
	return x.result
}

// search is a breadth-first search. States are numbered as they are met.
type search struct {
	lab     *lab
	limit   uint64
	visited visited
	// parents and steps lead back from each state to the start.
	parents, steps []uint32
	// frontier is the level being built, current the one being left.
	frontier, current level
	start             state
	words             []uint32
	choices           []event
	result            Result
}

// level is a list of states, one after another, each with its length in front.
type level struct {
	words []uint32
	first uint32
}

func newSearch(space *Space, limit uint64) *search {
	if limit == 0 {
		limit = math.MaxUint32
	}
	return &search{lab: newLab(space), limit: limit, visited: newVisited()}
}

// enter adds a state that is new to the level being built, and reports whether it is.
func (x *search) enter(s *state, parent uint32, by event) bool {
	x.words = s.words(x.words[:0])
	if !x.visited.add(fingerprint(x.words)) {
		return false
	}
	if len(x.frontier.words) == 0 {
		x.frontier.first = uint32(len(x.parents))
	}
	x.frontier.words = append(append(x.frontier.words, uint32(len(x.words))), x.words...)
	x.parents, x.steps = append(x.parents, parent), append(x.steps, by.word())
	x.result.States++
	return true
}

// levels leaves one level after the other.
func (x *search) levels(progress func(*Result)) {
	for len(x.frontier.words) > 0 {
		x.current, x.frontier = x.frontier, level{words: x.current.words[:0]}
		number := x.current.first
		for at := 0; at < len(x.current.words); number++ {
			size := int(x.current.words[at])
			var s state
			s.read(x.current.words[at+1:at+1+size], len(x.lab.ids))
			x.leave(&s, number)
			if x.result.Violation != nil || x.result.States >= x.limit {
				return
			}
			at += 1 + size
		}
		x.result.Depth++
		if progress != nil {
			x.result.Locals, x.result.Asked = len(x.lab.nodes.items), len(x.lab.outcomes)
			progress(&x.result)
		}
	}
	x.result.Complete = true
}

// leave takes every step that is possible in a state.
func (x *search) leave(s *state, number uint32) {
	x.choices = x.lab.choices(s, x.choices[:0])
	for _, e := range x.choices {
		next, wrong := x.lab.take(s, e, &x.result.Seen)
		if wrong != nil {
			x.result.Violation = &Violation{
				Invariant: wrong.invariant, Text: wrong.text, Trace: x.trace(number, e),
			}
			return
		}
		if next == nil {
			continue
		}
		x.result.Steps++
		if !x.enter(next, number, e) || e.kind == vanishes {
			continue
		}
		if wrong = x.stand(next, e.member); wrong != nil {
			x.result.Violation = &Violation{
				Invariant: wrong.invariant, Text: wrong.text, Trace: x.trace(number, e),
			}
			return
		}
	}
}

// stand checks what must hold of a state that is new.
func (x *search) stand(s *state, changed int) *broken {
	var buffer [membersMax]*view
	all := buffer[:len(s.nodes)]
	for i, n := range s.nodes {
		all[i] = &x.lab.nodes.items[n].view
	}
	return standing(all, changed, x.lab.truths.items[s.truth])
}

// take carries out one step. It returns nil when the step leaves the space or changes nothing.
func (l *lab) take(s *state, e event, seen *Seen) (*state, *broken) {
	next := &state{nodes: slices.Clone(s.nodes), truth: s.truth, left: s.left}
	if e.kind == vanishes {
		next.packets = without(s.packets, e.arg)
		return next, nil
	}
	o := l.happen(s.nodes[e.member], e)
	if o.fatal != nil {
		return nil, breach("members go on", "%s stops: %v", l.ids[e.member], o.fatal)
	}
	if o.beyond || e.kind == arrives && o.to == s.nodes[e.member] && len(o.sends) == 0 {
		return nil, nil
	}
	next.nodes[e.member] = o.to
	l.pay(s, e, &next.left)
	next.packets = s.packets
	if e.kind == arrives {
		next.packets = without(s.packets, e.arg)
	}
	next.packets = l.withoutDead(next, with(next.packets, o.sends))
	return next, l.observe(s, next, e, o, seen)
}

// observe brings the history up to date and checks the step.
func (l *lab) observe(s, next *state, e event, o *outcome, seen *Seen) *broken {
	c := change{before: &l.nodes.items[s.nodes[e.member]].view, after: &l.nodes.items[o.to].view, reads: o.reads}
	if e.kind == arrives || e.kind == arrivesAndStays {
		c.received = &l.packets.items[e.arg].message
	}
	if !o.loud {
		return monotone(&c)
	}
	learned := [2]uint32{s.truth, o.number}
	if t, ok := l.learned[learned]; ok {
		next.truth = t
		return nil
	}
	if b := monotone(&c); b != nil {
		return b
	}
	if e.kind == asked {
		c.asked = core.ReadID(e.arg)
	}
	for _, p := range o.sends {
		c.sends = append(c.sends, &l.packets.items[p].message)
	}
	if b := acks(&c); b != nil {
		return b
	}
	t := l.truths.items[s.truth].clone()
	if b := t.learn(&c); b != nil {
		return b
	}
	if b := l.once(t); b != nil {
		return b
	}
	seen.add(&c, l.truths.items[s.truth], t)
	l.scratch = t.appendKey(l.scratch[:0])
	next.truth = l.truths.put(l.scratch, t)
	l.learned[learned] = next.truth
	return nil
}

// once checks that no command was committed twice.
func (l *lab) once(t *truth) *broken {
	first := map[[2]uint64]int{}
	for i, item := range t.committed {
		h := l.block(item).Header(entry.Index(i + 1))
		if h.Sequence == 0 {
			continue
		}
		name := [2]uint64{h.Origin, h.Sequence}
		if before, ok := first[name]; ok {
			return breach("at most once", "a command is committed at %d and at %d", before+1, i+1)
		}
		first[name] = i
	}
	return nil
}

func without(all []uint32, one uint32) []uint32 {
	i, _ := slices.BinarySearch(all, one)
	return append(slices.Clone(all[:i]), all[i+1:]...)
}

// with adds packets. Equal ones under way at the same time are one: what a second copy could do is
// what [Copy] is for.
func with(all, more []uint32) []uint32 {
	if len(more) == 0 {
		return all
	}
	all = append(slices.Clone(all), more...)
	slices.Sort(all)
	return slices.Compact(all)
}

// withoutDead leaves out answers of terms that their receiver has durably left: they do nothing now,
// which is checked, and never will, because that term is over for good.
func (l *lab) withoutDead(s *state, all []uint32) []uint32 {
	for i := 0; i < len(all); {
		p := l.packets.items[all[i]]
		number := s.nodes[p.to]
		if !p.answer() || p.message.Term >= l.nodes.items[number].disk.hard.Term {
			i++
			continue
		}
		o := l.happen(number, event{kind: arrives, member: p.to, arg: all[i]})
		if o.fatal != nil || o.to != number || len(o.sends) > 0 {
			i++
			continue
		}
		all = without(all, all[i])
	}
	return all
}

// trace tells how the state was reached, and the step from it.
func (x *search) trace(number uint32, last event) []string {
	steps := []event{last}
	for ; number != 0; number = x.parents[number] {
		steps = append(steps, eventOf(x.steps[number]))
	}
	slices.Reverse(steps)
	l, s := x.lab, &x.start
	lines := []string{"at the beginning:"}
	for _, n := range s.nodes {
		lines = append(lines, "     "+l.describeNode(l.nodes.items[n]))
	}
	for i, e := range steps {
		lines = append(lines, fmt.Sprintf("%3d  %s", i+1, l.describe(s, e)))
		next, wrong := l.take(s, e, &Seen{})
		if wrong != nil || next == nil {
			break
		}
		if e.kind != vanishes {
			lines = append(lines, "         "+l.describeNode(l.nodes.items[next.nodes[e.member]]))
		}
		for _, p := range next.packets {
			if _, old := slices.BinarySearch(s.packets, p); !old {
				lines = append(lines, "         sends "+l.describePacket(p))
			}
		}
		s = next
	}
	return lines
}
