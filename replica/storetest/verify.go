package storetest

import (
	"errors"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// This file: the checks of what a replica.Healer says about itself.

// verified goes through a whole log in steps and returns the damaged entries and how many calls that took.
func verified(h healer, step int) (found []entry.Index, calls int, err error) {
	for next := entry.Index(0); calls == 0 || next != 0; calls++ {
		from := next
		var damaged []entry.Damage
		if next, damaged, err = h.Verify(from, step); err != nil {
			return nil, 0, err
		}
		if next != 0 && next <= from {
			return nil, 0, fmt.Errorf("verifying from %d on goes on at %d", from, next)
		}
		for _, d := range damaged {
			for i := d.First; i <= d.Last; i++ {
				found = append(found, i)
			}
		}
	}
	return found, calls, nil
}

func checkVerify(p HealPlace) error {
	if err := p.damaged(3, 4, true); err != nil {
		return err
	}
	if err := p.Damage(9, 9, false); err != nil {
		return err
	}
	a, b := healable()
	want := []entry.Index{3, 4, 9}
	return p.session(func(h healer, _ entry.Recovered) error {
		for _, step := range []int{1, 3000, 1 << 20} {
			found, calls, err := verified(h, step)
			if err != nil {
				return err
			}
			if !slices.Equal(found, want) || calls > 10 || step == 1<<20 && calls != 1 {
				return fmt.Errorf("in steps of %d bytes %d calls found %v, want %v", step, calls, found, want)
			}
		}
		if err := errors.Join(h.Repair(a.Slice(3, 4)), h.Repair(b.Slice(9, 9))); err != nil {
			return err
		}
		if found, _, err := verified(h, 3000); err != nil || len(found) > 0 {
			return fmt.Errorf("after the repair it found %v, error %v", found, err)
		}
		return nil
	})
}

func checkVerifyBound(p HealPlace) error {
	const entries, size = 64, 16 << 10
	return p.session(func(h healer, _ entry.Recovered) error {
		if err := h.Store(&entry.Batch{Seq: 1, Blocks: []*entry.Block{BlockOf(1, entries, 1, size)}}); err != nil {
			return err
		}
		for step, least := range map[int]int{1: 8, entries * size / 4: 3} {
			found, calls, err := verified(h, step)
			if err != nil || len(found) > 0 || calls < least || calls > entries {
				return fmt.Errorf("in steps of %d bytes %d calls verified %d entries of %d bytes, want %d at least; "+
					"found %v, error %v", step, calls, entries, size, least, found, err)
			}
		}
		return nil
	})
}

func checkVerifyOutside(p HealPlace) error {
	err := p.session(func(h healer, _ entry.Recovered) error {
		if next, damaged, err := h.Verify(1, 1); next != 0 || damaged != nil || err != nil {
			return fmt.Errorf("verifying an empty log: goes on at %d, damage %v, error %v", next, damaged, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.damaged(1, 1, true); err != nil {
		return err
	}
	return p.session(func(h healer, _ entry.Recovered) error {
		for _, from := range []entry.Index{0, 11, 1000} {
			if _, damaged, err := h.Verify(from, 1); err != nil || len(damaged) == 0 || damaged[0].First != 1 {
				return fmt.Errorf("verifying from %d on, outside of 1 to 10, finds %v, error %v; want entry 1", from, damaged, err)
			}
		}
		return nil
	})
}

// lost stores entries and loses the end: it returns what the log can have held.
func (p *HealPlace) lost() (held entry.Position, err error) {
	err = storing(p.Open,
		&entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 2}, Blocks: []*entry.Block{BlockOf(1, 3, 1, healSize)}},
		&entry.Batch{Seq: 2, Blocks: []*entry.Block{BlockOf(4, 4, 1, 500), Block(5, 6, 2)}})
	if err != nil {
		return held, err
	}
	held = entry.Position{Index: 6, Term: 2}
	if err := p.Lose(5); err != nil {
		return held, err
	}
	return held, p.holds(4, held, func(h healer) error { return h.Repair(BlockOf(4, 4, 1, 500)) })
}

// holds is a session that finds the log ending at last and saying that it can have held more.
func (p *HealPlace) holds(last entry.Index, held entry.Position, f func(healer) error) error {
	return p.session(func(h healer, rec entry.Recovered) error {
		if rec.Last != last || rec.Held != held {
			return fmt.Errorf("the log ends at %d and can have held %+v, want %d and %+v", rec.Last, rec.Held, last, held)
		}
		return f(h)
	})
}

// storingOne returns what stores a batch.
func storingOne(b entry.Batch) func(healer) error {
	return func(h healer) error { return h.Store(&b) }
}

func checkHeld(p HealPlace) error {
	held, err := p.lost()
	if err != nil {
		return err
	}
	fresh := Block(5, 6, 2)
	nothing := func(healer) error { return nil }
	return errors.Join(
		p.holds(4, held, storingOne(entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 3}})),
		p.holds(4, held, storingOne(entry.Batch{Seq: 1, Blocks: []*entry.Block{fresh.Slice(5, 5)}})),
		p.holds(5, held, storingOne(entry.Batch{Seq: 1, TruncateFrom: 5})),
		p.holds(4, held, storingOne(entry.Batch{Seq: 1, Blocks: []*entry.Block{fresh}})),
		p.holds(6, entry.Position{}, nothing))
}

func checkHeldReset(p HealPlace) error {
	held, err := p.lost()
	if err != nil {
		return err
	}
	reset := func(index entry.Index, term entry.Term) func(healer) error {
		return storingOne(entry.Batch{Seq: 1, Reset: &entry.Position{Index: index, Term: term}})
	}
	return errors.Join(
		// By term and index (5, 2) and (50, 1) are less than what it can have held, (1, 3) is not.
		p.holds(4, held, reset(5, 2)),
		p.holds(5, held, reset(50, 1)),
		p.holds(50, held, reset(60, 3)),
		p.holds(60, entry.Position{}, func(healer) error { return nil }))
}

func checkRoom(p HealPlace) error {
	if p.Fill == nil {
		return nil
	}
	last := entry.Index(0)
	err := p.session(func(h healer, _ entry.Recovered) error {
		p.Fill(true)
		for err := error(nil); ; last++ {
			if last > 1000 {
				return errors.New("1,000 entries were taken on a full file system")
			}
			if err = h.Store(&entry.Batch{Seq: uint64(last + 1), Blocks: []*entry.Block{full(last + 1)}}); err == nil {
				continue
			}
			if !errors.Is(err, entry.ErrNoSpace) {
				return fmt.Errorf("an entry without room: %w, want ErrNoSpace", err)
			}
			break
		}
		if h.Room(false) || h.Room(true) {
			return errors.New("without room Room says that there is some")
		}
		if err := h.Store(&entry.Batch{Seq: 2000, Hard: &entry.HardState{Term: 5, Vote: "v"}}); err != nil {
			return fmt.Errorf("a vote without room: %w", err)
		}
		p.Fill(false)
		if !h.Room(true) || !h.Room(false) {
			return errors.New("with room again Room says that there is none")
		}
		last++
		return h.Store(&entry.Batch{Seq: 2001, Blocks: []*entry.Block{full(last)}})
	})
	if err != nil {
		return err
	}
	return p.session(func(h healer, rec entry.Recovered) error {
		if rec.Last != last || rec.Hard != (entry.HardState{Term: 5, Vote: "v"}) {
			return fmt.Errorf("recovered %+v, %d entries were stored and a vote of term 5", rec, last)
		}
		for i := entry.Index(1); i <= last; i++ {
			if err := readsAs(h, full(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// full is an entry that fills a file system.
func full(i entry.Index) *entry.Block { return BlockOf(i, i, 1, 10<<10) }

func checkRepairFull(p HealPlace) error {
	if p.Fill == nil {
		return nil
	}
	if err := p.damaged(3, 4, true); err != nil {
		return err
	}
	a, b := healable()
	return p.session(func(h healer, _ entry.Recovered) error {
		p.Fill(true)
		for last := entry.Index(11); h.Store(&entry.Batch{Seq: uint64(last), Blocks: []*entry.Block{
			BlockOf(last, last, 2, 10<<10)}}) == nil; last++ {
			if last > 1000 {
				return errors.New("1,000 entries were taken on a full file system")
			}
		}
		err := errors.Join(h.Repair(a.Slice(3, 4)), readsAs(h, a, b))
		p.Fill(false)
		return err
	})
}
