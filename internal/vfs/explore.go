package vfs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrPower is wrapped by the error of every call after the power failed.
var ErrPower = errors.New("the power has failed")

// Exploration cuts the power of a piece of work before each operation that changes the disk, and
// checks what every tried outcome of the crash leaves. The work is small: a few files of a few sectors.
type Exploration struct {
	// Disk returns the disk on which the work begins, a new one for each crash point.
	Disk func() (*Memory, error)
	// Work is done once for each crash point, the same each time. When the power fails, each of its
	// calls returns ErrPower from then on, but for Close, and it returns soon. check judges one outcome,
	// and may change it. err is a failure that has nothing to do with the power.
	Work func(FS) (check func(*Memory) error, err error)
	// Operations names what Work was doing when the power failed, under each name that it is to be counted
	// under. It is asked after Work returned; nil counts only in all.
	Operations func() []string
	// Exhaustive is up to how many pending units every subset of them is tried, 12 when 0, at most 20.
	// More exactly: up to 1<<Exhaustive outcomes are enumerated, and a unit that an outcome does not have,
	// the content of a file whose name is lost, does not double them.
	Exhaustive int
	// Seeds is how many outcomes are drawn for a crash point that has more, 4096 when 0. Drawn outcomes
	// also tear sectors, which subsets do not: an eighth of them is tried everywhere.
	Seeds int
}

// Explored counts what an exploration visited.
type Explored struct {
	// Points are the crash points, the end of the work included. Exhausted are those of which every
	// subset was tried.
	Points, Exhausted int
	// States are the outcomes checked, Units the most units that one of them had.
	States, Units int
	// Operations count the same by what was under way, see Exploration.Operations; nil without.
	Operations map[string]Explored
}

// String tells the numbers to people, those of the operations each in a line of its own.
func (e Explored) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d states after %d crash points (%d of them with every subset; at most %d units were pending)",
		e.States, e.Points, e.Exhausted, e.Units)
	for _, name := range slices.Sorted(maps.Keys(e.Operations)) {
		fmt.Fprintf(&text, "\n  %s: %v", name, e.Operations[name])
	}
	return text.String()
}

// add counts what was found after one crash point, or in another exploration.
func (e *Explored) add(other Explored) {
	e.Points, e.Exhausted = e.Points+other.Points, e.Exhausted+other.Exhausted
	e.States, e.Units = e.States+other.States, max(e.Units, other.Units)
}

// Add counts what another exploration found, operation by operation.
func (e *Explored) Add(other Explored) {
	e.add(other)
	for name, found := range other.Operations {
		e.count(found, name)
	}
}

// count counts what was found under names.
func (e *Explored) count(found Explored, names ...string) {
	for _, name := range names {
		if e.Operations == nil {
			e.Operations = make(map[string]Explored)
		}
		sum := e.Operations[name]
		sum.add(found)
		e.Operations[name] = sum
	}
}

// Run explores until the work is done without a crash. The error is the first outcome that failed the
// check, with the crash point and the units that were kept.
func (e Exploration) Run() (Explored, error) {
	if e.Exhaustive == 0 {
		e.Exhaustive = 12
	}
	if e.Seeds == 0 {
		e.Seeds = 4096
	}
	if e.Exhaustive > 20 || e.Exhaustive < 0 || e.Seeds < 0 {
		return Explored{}, fmt.Errorf("vfs: every subset of %d units and %d seeds, want at most 20 and none negative",
			e.Exhaustive, e.Seeds)
	}
	var found Explored
	for {
		cut := &powerCut{after: found.Points}
		here, err := e.point(cut)
		found.add(here)
		if e.Operations != nil {
			found.count(here, e.Operations()...)
		}
		if err != nil {
			return found, fmt.Errorf("power failed before change %d (%s): %w", cut.after, cut, err)
		}
		if !cut.failed {
			return found, nil
		}
	}
}

// point explores one crash point.
func (e *Exploration) point(cut *powerCut) (found Explored, err error) {
	disk, err := e.Disk()
	if err != nil {
		return found, err
	}
	check, err := e.Work(NewFaulty(disk, cut.inject))
	if err != nil {
		return found, fmt.Errorf("the work failed: %w", err)
	}
	found.Points = 1
	visit := func(fate Fate) error { return outcome(disk, fate, check, &found) }
	units := 0
	disk.Crash(func(Unit) int { units++; return SectorSize })
	all := false
	if units <= e.Exhaustive {
		if all, err = subsets(1<<e.Exhaustive, visit); err != nil {
			return found, err
		}
	}
	seeds := e.Seeds
	if all {
		found.Exhausted = 1
		seeds /= 8
	} else if err := errors.Join(visit(Lose), visit(Keep)); err != nil {
		return found, err
	}
	for seed := range seeds {
		if err := visit(Seeded(uint64(seed))); err != nil {
			return found, fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return found, nil
}

// subsets visits every way to keep or lose whole units, the one that loses all first, and reports
// whether limit ways were enough. Which units there are depends on those before: the ways are the leaves
// of a tree, walked from left to right.
func subsets(limit int, visit func(Fate) error) (all bool, err error) {
	var kept []bool
	for range limit {
		asked := 0
		err := visit(func(u Unit) int {
			if asked = u.Number + 1; asked > len(kept) {
				kept = append(kept, false)
			}
			if kept[u.Number] {
				return SectorSize
			}
			return 0
		})
		if err != nil {
			return false, err
		}
		kept = kept[:asked]
		for len(kept) > 0 && kept[len(kept)-1] {
			kept = kept[:len(kept)-1]
		}
		if len(kept) == 0 {
			return true, nil
		}
		kept[len(kept)-1] = true
	}
	return false, nil
}

// outcome checks one state that a crash may leave.
func outcome(disk *Memory, fate Fate, check func(*Memory) error, found *Explored) error {
	var kept []string
	var units []Unit
	var sizes []int
	after := disk.Crash(func(u Unit) int {
		n := fate(u)
		units, sizes = append(units, u), append(sizes, min(n, SectorSize))
		return n
	})
	found.States++
	found.Units = max(found.Units, len(units))
	err := check(after)
	if err == nil {
		return nil
	}
	for i, n := range sizes {
		if n > 0 {
			kept = append(kept, fmt.Sprintf("%v (%d bytes)", units[i], n))
		}
	}
	return fmt.Errorf("of %d units these were kept: [%s]: %w", len(units), strings.Join(kept, "; "), err)
}

// powerCut fails everything from one change on.
type powerCut struct {
	after  int // changes that still work
	count  int
	failed bool
	at     Op
}

func (c *powerCut) inject(op Op) Fault {
	if op.Changes() && !c.failed {
		if c.failed = c.count == c.after; c.failed {
			c.at = op
		}
		c.count++
	}
	if c.failed && op.Kind != OpClose {
		return Fault{Err: fmt.Errorf("%s %s: %w", op.Kind, op.Name, ErrPower)}
	}
	return Fault{}
}

// String describes the operation that did not happen.
func (c *powerCut) String() string {
	if !c.failed {
		return "after the end of the work"
	}
	return fmt.Sprintf("%s %s at %d", c.at.Kind, c.at.Name, c.at.Offset)
}
