package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"v.io/x/ref/lib/raft/sim/check"
)

// Shrink looks for a smaller plan that is broken in the same way: it leaves out faults, then
// operations, in ever smaller pieces (delta debugging, Zeller and Hildebrandt 2002), and keeps what
// still fails. It runs at most runs plans.
func Shrink(failed *Result, runs int) *Result {
	s := shrinker{best: failed, want: failure(failed.Violation), runs: runs}
	for before := -1; before != s.size() && s.runs > 0; {
		before = s.size()
		s.reduce(len(s.best.Plan.Faults), func(p *Plan, lo, hi int) {
			p.Faults = slices.Delete(slices.Clone(p.Faults), lo, hi)
		})
		s.reduce(len(s.best.Plan.Operations), func(p *Plan, lo, hi int) {
			p.Operations = slices.Delete(slices.Clone(p.Operations), lo, hi)
		})
	}
	return s.best
}

// failure names the way in which a run is broken: the checker, or the first word of the error.
func failure(err error) string {
	var v *check.Violation
	switch {
	case err == nil:
		return ""
	case errors.As(err, &v):
		return v.Check
	}
	before, _, _ := strings.Cut(err.Error(), ":")
	return before
}

type shrinker struct {
	best *Result
	want string
	runs int
}

func (s *shrinker) size() int { return len(s.best.Plan.Faults) + len(s.best.Plan.Operations) }

// reduce leaves out pieces of a list of n elements, half of it first, single ones last.
func (s *shrinker) reduce(n int, without func(p *Plan, lo, hi int)) {
	for piece := (n + 1) / 2; piece > 0; piece /= 2 {
		for lo := 0; lo < n && s.runs > 0; {
			plan := *s.best.Plan
			hi := min(lo+piece, n)
			without(&plan, lo, hi)
			s.runs--
			if r := Run(plan, Options{}); failure(r.Violation) == s.want {
				s.best, n = r, n-(hi-lo)
				continue
			}
			lo += piece
		}
	}
}

// Keep leaves in a plan only the faults and operations with the given numbers; nil keeps all.
func (p *Plan) Keep(faults, operations Numbers) {
	if faults != nil {
		p.Faults = slices.DeleteFunc(p.Faults, func(f Fault) bool { return !faults.has(f.Number) })
	}
	if operations != nil {
		p.Operations = slices.DeleteFunc(p.Operations, func(c Call) bool { return !operations.has(c.Number) })
	}
}

// Numbers is a set of numbers, which reads "3,9-12,40"; "none" is the empty one.
type Numbers map[int]bool

func (n Numbers) has(i int) bool { return n[i] }

// ParseNumbers reads what String writes; "" is nil, which means all.
func ParseNumbers(text string) (Numbers, error) {
	if text == "" {
		return nil, nil
	}
	all := make(Numbers)
	if text == "none" {
		return all, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		lo, err := strconv.Atoi(from)
		hi := lo
		if err == nil && isRange {
			hi, err = strconv.Atoi(to)
		}
		if err != nil || hi < lo || hi-lo > 1e6 {
			return nil, fmt.Errorf("sim: %q is not a list of numbers such as 3,9-12,40", text)
		}
		for i := lo; i <= hi; i++ {
			all[i] = true
		}
	}
	return all, nil
}

// String writes the set.
func (n Numbers) String() string {
	var sorted []int
	for i := range n {
		sorted = append(sorted, i)
	}
	slices.Sort(sorted)
	if len(sorted) == 0 {
		return "none"
	}
	var parts []string
	for i := 0; i < len(sorted); {
		k := i
		for k+1 < len(sorted) && sorted[k+1] == sorted[k]+1 {
			k++
		}
		part := strconv.Itoa(sorted[i])
		if k > i {
			part += "-" + strconv.Itoa(sorted[k])
		}
		parts, i = append(parts, part), k+1
	}
	return strings.Join(parts, ",")
}

// Kept returns the numbers of the faults and the operations that are in the plan.
func (p *Plan) Kept() (faults, operations Numbers) {
	faults, operations = make(Numbers), make(Numbers)
	for _, f := range p.Faults {
		faults[f.Number] = true
	}
	for _, c := range p.Operations {
		operations[c.Number] = true
	}
	return faults, operations
}

// Command returns the command line that repeats a run of a seed's plan, whole or shrunken.
func (p *Plan) Command() string {
	command := fmt.Sprintf("go run ./cmd/raftsim -seed %d", p.Seed)
	whole := NewPlan(p.Seed)
	faults, operations := p.Kept()
	if len(faults) < len(whole.Faults) {
		command += " -faults " + faults.String()
	}
	if len(operations) < len(whole.Operations) {
		command += " -operations " + operations.String()
	}
	return command
}
