package explore

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/core"
)

// TestSpaces visits every state of every space and wants no violation. What must have been seen on
// the way is wanted too: a space in which nothing happens proves nothing.
func TestSpaces(t *testing.T) {
	want := map[string]func(*Seen) bool{
		"election": func(s *Seen) bool { return s.Leaders > 0 && s.Terms == 2 && s.Commits > 0 },
		"even":     func(s *Seen) bool { return s.Terms == 3 && s.Restarts > 0 && s.Committed >= 2 },
		"crash":    func(s *Seen) bool { return s.Restarts > 0 && s.Committed == 2 },
		"lost": func(s *Seen) bool {
			return s.Lost > 0 && s.Regained > 0 && s.Terms == 2 && s.Committed == 3
		},
		"voting":     func(s *Seen) bool { return s.Restarts > 0 && s.Terms == 2 },
		"again":      func(s *Seen) bool { return s.Restarts > 0 && s.Terms == 2 },
		"transfer":   func(s *Seen) bool { return s.Terms == 2 && s.Committed == 3 },
		"succession": func(s *Seen) bool { return s.Terms == 2 && s.Committed == 3 },
		"rivals":     func(s *Seen) bool { return s.Terms == 3 && s.Committed == 3 },
		"news":       func(s *Seen) bool { return s.Terms == 2 && s.Committed == 2 && s.Reads > 0 },
		"figure8":    func(s *Seen) bool { return s.Terms == 4 && s.Committed == 3 },
		"reads":      func(s *Seen) bool { return s.Terms == 2 && s.Reads > 0 },
		"old":        func(s *Seen) bool { return s.Terms == 2 && s.Reads > 0 && s.Committed == 3 },
		"answers":    func(s *Seen) bool { return s.Committed == 2 && s.Reads > 0 },
		"copies":     func(s *Seen) bool { return s.Committed == 3 },
		"adding":     func(s *Seen) bool { return s.Changed > 0 && s.Terms == 2 && s.Committed == 4 },
		"removing":   func(s *Seen) bool { return s.Changed > 0 && s.Terms == 2 },
		"joint":      func(s *Seen) bool { return s.Changed > 0 && s.Terms == 2 && s.Committed == 5 },
		"contest":    func(s *Seen) bool { return s.Changed > 0 && s.Terms == 3 },
		"snapshots":  func(s *Seen) bool { return s.Restarts > 0 && s.Installed > 0 },
		"time":       func(s *Seen) bool { return s.Terms == 2 && s.Leaders > 0 },
	}
	var total uint64
	for _, space := range Spaces(false) {
		r := Run(space, 0, nil)
		if r.Violation != nil {
			t.Fatalf("%s: %v", space.Name, r.Violation)
		}
		if see := want[space.Name]; see == nil || !see(&r.Seen) || !r.Complete {
			t.Errorf("%s: complete %v, seen %+v", space.Name, r.Complete, r.Seen)
		}
		if missed := r.Missed(); missed > 1e-6 {
			t.Errorf("%s: a state was missed with probability %g", space.Name, missed)
		}
		t.Logf("%s: %d states, %d steps, depth %d, %d local states", space.Name, r.States, r.Steps, r.Depth, r.Locals)
		total += r.States
	}
	if total < 100_000 {
		t.Errorf("%d states in all, want at least 100,000", total)
	}
}

// The spaces of the long run are those of each change, and those that it widens go further.
func TestLongSpacesGoFurther(t *testing.T) {
	short, long := Spaces(false), Spaces(true)
	if len(short) != len(long) {
		t.Fatalf("%d spaces, and %d in the long run", len(short), len(long))
	}
	widened := 0
	for i, s := range long {
		if s.Name != short[i].Name {
			t.Fatalf("space %d is %q, and %q in the long run", i, short[i].Name, s.Name)
		}
		if reflect.DeepEqual(s, short[i]) {
			continue
		}
		widened++
		r := Run(s, 20_000, nil)
		if r.Violation != nil || r.Complete || r.States < 20_000 {
			t.Errorf("%s: %d states, complete %v, %v", s.Name, r.States, r.Complete, r.Violation)
		}
	}
	if widened < 7 {
		t.Errorf("the long run widens %d spaces, want 7", widened)
	}
}

// The same space gives the same numbers, whenever it is visited.
func TestRunRepeats(t *testing.T) {
	space := Spaces(false)[1]
	levels := 0
	one := Run(space, 50_000, func(*Result) { levels++ })
	two := Run(space, 50_000, nil)
	if one != two || levels != one.Depth {
		t.Errorf("first %+v, then %+v; %d levels", one, two, levels)
	}
}

// A trace leads from the beginning to the state for which it was made, and says so in its last line.
func TestTraceLeadsThere(t *testing.T) {
	space := Spaces(false)[4]
	x := newSearch(&space, 5000)
	x.begin()
	start := x.start
	x.enter(&start, 0, event{})
	x.levels(nil)
	number := uint32(len(x.parents) - 1)
	lines := x.trace(x.parents[number], eventOf(x.steps[number]))
	steps := 0
	for n := number; n != 0; n = x.parents[n] {
		steps++
	}
	numbered := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.HasPrefix(line, "     ") })
	if len(numbered) != steps+1 || steps < 5 {
		t.Fatalf("%d steps in\n%s", steps, strings.Join(lines, "\n"))
	}
	v := Violation{Invariant: "one", Text: "two", Trace: lines}
	if got := v.String(); !strings.HasPrefix(got, "one is broken: two\nat the beginning:\n") {
		t.Errorf("drawn as %q", got)
	}
}

// What a step may do is bounded: at the bound it is not offered any more.
func TestTimesBoundChoices(t *testing.T) {
	for choice := range choices {
		space := Space{Members: 3, Terms: 3, Entries: 4, Messages: 4, Led: true, Changes: []core.Change{{}}}
		count := func() int {
			x := newSearch(&space, 0)
			s := x.begin()
			return len(x.lab.choices(&s, nil))
		}
		without := count()
		space.Times[choice] = 1
		with := count()
		offered := with > without
		// Nothing is under way at the beginning that could be copied.
		if offered == (choice == Copy) {
			t.Errorf("%v: %d choices without, %d with", choice, without, with)
		}
	}
}

// A crash is tried after every part of a batch that is under way, and before the first.
func TestCrashAtEveryPart(t *testing.T) {
	space := Space{Members: 3, Terms: 2, Entries: 4, Messages: 4, Times: Times{Deadline: 1, Crash: 1}}
	x := newSearch(&space, 0)
	s := x.begin()
	// A pre-vote of b's that a grants makes b a candidate whose vote and term are under way.
	for range 2 {
		for _, e := range x.lab.choices(&s, nil) {
			if e.kind == expires && e.member == 1 || e.kind == arrives {
				next, wrong := x.lab.take(&s, e, &Seen{})
				if wrong != nil {
					t.Fatal(wrong)
				}
				s = *next
				break
			}
		}
	}
	for _, e := range x.lab.choices(&s, nil) {
		if e.kind == arrives && e.member == 1 {
			next, _ := x.lab.take(&s, e, &Seen{})
			s = *next
			break
		}
	}
	n := x.lab.nodes.items[s.nodes[1]]
	if n.status.Role != core.Candidate || len(n.writes) != 2 {
		t.Fatalf("b is %v with %d parts under way", n.status.Role, len(n.writes))
	}
	votes := map[string]bool{}
	for _, e := range x.lab.choices(&s, nil) {
		if e.kind == crashes && e.member == 1 {
			next, _ := x.lab.take(&s, e, &Seen{})
			votes[string(x.lab.nodes.items[next.nodes[1]].status.Vote)] = true
		}
	}
	if len(votes) != 2 || !votes["b"] || !votes[""] {
		t.Errorf("after the crash the vote is one of %v, want kept and lost", votes)
	}
}

// A state is the same after it was written as numbers.
func TestStateWords(t *testing.T) {
	s := state{nodes: []uint32{7, 8, 9}, truth: 3, packets: []uint32{1, 1 << 23}}
	for i := range s.left {
		s.left[i] = uint8(i*7 + 1)
	}
	words := s.words(nil)
	var back state
	back.read(words, 3)
	if !slices.Equal(back.nodes, s.nodes) || back.truth != s.truth || back.left != s.left ||
		!slices.Equal(back.packets, s.packets) {
		t.Errorf("%+v became %+v", s, back)
	}
	e := event{kind: loaded, member: 4, arg: argMax}
	if got := eventOf(e.word()); got != e {
		t.Errorf("%+v became %+v", e, got)
	}
}

// The set of visited states keeps what it was given while it grows.
func TestVisited(t *testing.T) {
	v := newVisited()
	const many = 200_000
	for i := range uint32(many) {
		if !v.add(fingerprint([]uint32{i, i % 7})) {
			t.Fatalf("state %d was there before", i)
		}
	}
	for i := range uint32(many) {
		if v.add(fingerprint([]uint32{i, i % 7})) {
			t.Fatalf("state %d was forgotten", i)
		}
	}
	if v.count != many || !v.add(0) || v.add(1) {
		t.Errorf("%d states, and 0 is not taken for 1", v.count)
	}
}
