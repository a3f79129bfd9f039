package storetest_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// inner is what the log store in memory is.
type inner interface {
	replica.LogStore
	replica.Healer
}

// disk is what a faulty store remembers over restarts.
type disk struct {
	recoveries int
	// over are copies that hide what was stored.
	over map[entry.Index]*entry.Block
}

// faultyHealer is a right store with one planted fault in what it does about damage. Functions that are nil do
// what is right.
type faultyHealer struct {
	inner
	disk    *disk
	recover func(d *disk, rec *entry.Recovered)
	store   func(in inner, b *entry.Batch) error
	read    func(in inner, d *disk, lo, hi entry.Index, maxBytes int) (*entry.Block, error)
	repair  func(in inner, d *disk, copies *entry.Block) error
	verify  func(in inner, from entry.Index, maxBytes int) (entry.Index, []entry.Damage, error)
	room    func(in inner, try bool) bool
}

func (f *faultyHealer) Recover() (entry.Recovered, error) {
	rec, err := f.inner.Recover()
	f.disk.recoveries++
	if f.recover != nil {
		f.recover(f.disk, &rec)
	}
	return rec, err
}

func (f *faultyHealer) Store(b *entry.Batch) error {
	if f.store != nil {
		return f.store(f.inner, b)
	}
	return f.inner.Store(b)
}

func (f *faultyHealer) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	if f.read != nil {
		return f.read(f.inner, f.disk, lo, hi, maxBytes)
	}
	return f.inner.Read(lo, hi, maxBytes)
}

func (f *faultyHealer) Repair(copies *entry.Block) error {
	if f.repair != nil {
		return f.repair(f.inner, f.disk, copies)
	}
	return f.inner.Repair(copies)
}

func (f *faultyHealer) Verify(from entry.Index, maxBytes int) (entry.Index, []entry.Damage, error) {
	if f.verify != nil {
		return f.verify(f.inner, from, maxBytes)
	}
	return f.inner.Verify(from, maxBytes)
}

func (f *faultyHealer) Room(try bool) bool {
	if f.room != nil {
		return f.room(f.inner, try)
	}
	return f.inner.Room(try)
}

// forgetfulHealers do not tell, when they start, all that is wrong.
func forgetfulHealers() map[string]faultyHealer {
	return map[string]faultyHealer{
		"drops damage from the list": {recover: func(_ *disk, rec *entry.Recovered) {
			rec.Damaged = rec.Damaged[:max(0, len(rec.Damaged)-1)]
		}},
		"lists an entry too many": {recover: func(_ *disk, rec *entry.Recovered) {
			for i := range rec.Damaged {
				rec.Damaged[i].First = max(1, rec.Damaged[i].First-1)
			}
		}},
		"says of every header that it is known": {recover: func(_ *disk, rec *entry.Recovered) {
			for i := range rec.Damaged {
				rec.Damaged[i].Known = true
			}
		}},
		"cuts the log at the first damage": {recover: func(_ *disk, rec *entry.Recovered) {
			if len(rec.Damaged) > 0 {
				rec.Last, rec.Damaged = rec.Damaged[0].First-1, nil
			}
		}},
		"forgets the position that it held": {recover: func(_ *disk, rec *entry.Recovered) {
			rec.Held = entry.Position{}
		}},
		"tells of the lost end once only": {recover: func(d *disk, rec *entry.Recovered) {
			if d.recoveries > 2 { // The first one found an empty place.
				rec.Held = entry.Position{}
			}
		}},
		"takes a longer log for one that has made up for the lost end": {recover: func(_ *disk, rec *entry.Recovered) {
			if rec.Last >= rec.Held.Index {
				rec.Held = entry.Position{}
			}
		}},
	}
}

// credulousHealers take copies that are not those of what is damaged, or take none.
func credulousHealers() map[string]faultyHealer {
	accept := func(accepts func(in inner, copies *entry.Block) bool) func(inner, *disk, *entry.Block) error {
		return func(in inner, d *disk, copies *entry.Block) error {
			err := in.Repair(copies)
			if errors.Is(err, replica.ErrCopyRefused) && accepts(in, copies) {
				return nil
			}
			return err
		}
	}
	inLog := func(in inner, copies *entry.Block) (sameTerms, held bool) {
		rec, err := in.Recover()
		sameTerms = err == nil
		for i := copies.First(); i <= copies.Last(); i++ {
			for _, run := range rec.Terms {
				if run.First <= i && (i <= 6) == (run.First <= 6) {
					sameTerms = sameTerms && run.Term == copies.Term(i)
				}
			}
		}
		return sameTerms, copies.First() > rec.Base.Index && copies.Last() <= rec.Last
	}
	return map[string]faultyHealer{
		"takes a copy with another term": {repair: accept(func(in inner, copies *entry.Block) bool {
			same, held := inLog(in, copies)
			return held && !same
		})},
		"takes a copy with another header": {repair: accept(func(in inner, copies *entry.Block) bool {
			same, held := inLog(in, copies)
			return held && same
		})},
		"takes a copy of what it does not have": {repair: accept(func(in inner, copies *entry.Block) bool {
			_, held := inLog(in, copies)
			return !held
		})},
		"does not say that a copy is refused": {repair: func(in inner, _ *disk, copies *entry.Block) error {
			if err := in.Repair(copies); err != nil {
				return fmt.Errorf("repair: %v", err)
			}
			return nil
		}},
		"takes no copies": {repair: func(inner, *disk, *entry.Block) error { return replica.ErrCopyRefused }},
	}
}

// overlaid reads what a faulty Repair has put over the log.
func overlaid(in inner, d *disk, lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	if block := d.over[lo]; block != nil {
		return block, nil
	}
	for i := range d.over {
		if i > lo && i <= hi {
			hi = min(hi, i-1)
		}
	}
	return in.Read(lo, hi, maxBytes)
}

// overlay puts copies over the log.
func (d *disk) overlay(copies *entry.Block) {
	if d.over == nil {
		d.over = map[entry.Index]*entry.Block{}
	}
	for i := copies.First(); i <= copies.Last(); i++ {
		d.over[i] = copies.Slice(i, i)
	}
}

// sloppyHealers write copies wrongly.
func sloppyHealers() map[string]faultyHealer {
	return map[string]faultyHealer{
		"says healed before it is durable": {
			repair: func(in inner, d *disk, copies *entry.Block) error {
				d.overlay(copies) // Only in memory: Recover forgets it.
				return nil
			},
			recover: func(d *disk, _ *entry.Recovered) { d.over = nil },
			read:    overlaid,
		},
		"writes copies over what is not damaged": {
			repair: func(in inner, d *disk, copies *entry.Block) error {
				if err := in.Repair(copies); err != nil {
					return err
				}
				d.overlay(copies)
				return nil
			},
			read: overlaid,
		},
		"repairs beyond the copies": {repair: func(in inner, _ *disk, copies *entry.Block) error {
			if err := in.Repair(copies); err != nil || copies.Last() >= 6 {
				return err
			}
			return in.Repair(storetest.BlockOf(copies.First(), copies.Last()+1, 1, 700))
		}},
		"repairs the first entry only": {repair: func(in inner, _ *disk, copies *entry.Block) error {
			return in.Repair(copies.Slice(copies.First(), copies.First()))
		}},
		"writes the right part of a refused block": {repair: func(in inner, _ *disk, copies *entry.Block) error {
			err := in.Repair(copies)
			for i := copies.First(); err != nil && i <= copies.Last(); i++ {
				err = errors.Join(err, ignore(in.Repair(copies.Slice(i, i))))
			}
			return err
		}},
	}
}

// ignore drops an error on purpose.
func ignore(error) error { return nil }

// unreadableHealers read what is damaged wrongly.
func unreadableHealers() map[string]faultyHealer {
	return map[string]faultyHealer{
		"calls damaged what a damaged entry follows": {
			read: func(in inner, _ *disk, lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
				block, err := in.Read(lo, hi, maxBytes)
				if err == nil && block.Last() < hi && block.Size() < maxBytes/2 {
					return nil, entry.ErrCorrupt
				}
				return block, err
			}},
		"does not say that an entry is damaged": {
			read: func(in inner, _ *disk, lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
				block, err := in.Read(lo, hi, maxBytes)
				if errors.Is(err, entry.ErrCorrupt) {
					return nil, errors.New("not found")
				}
				return block, err
			}},
		"leaves out what is damaged": {
			read: func(in inner, _ *disk, lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
				block, err := in.Read(lo, hi, maxBytes)
				for ; errors.Is(err, entry.ErrCorrupt) && lo < hi; lo++ {
					block, err = in.Read(lo+1, hi, maxBytes)
				}
				return block, err
			}},
	}
}

// blindHealers verify wrongly.
func blindHealers() map[string]faultyHealer {
	return map[string]faultyHealer{
		"verifies nothing": {verify: func(inner, entry.Index, int) (entry.Index, []entry.Damage, error) {
			return 0, nil, nil
		}},
		"verifies without bound": {verify: func(in inner, from entry.Index, _ int) (entry.Index, []entry.Damage, error) {
			return in.Verify(from, 1<<30)
		}},
		"leaves entries out": {verify: func(in inner, from entry.Index, n int) (entry.Index, []entry.Damage, error) {
			next, damaged, err := in.Verify(from, n)
			if next != 0 {
				next++
			}
			return next, damaged, err
		}},
		"finds the first damage only": {verify: func(in inner, from entry.Index, n int) (entry.Index, []entry.Damage, error) {
			next, damaged, err := in.Verify(from, n)
			return next, damaged[:min(1, len(damaged))], err
		}},
		"takes damage for an error": {verify: func(in inner, from entry.Index, n int) (entry.Index, []entry.Damage, error) {
			next, damaged, err := in.Verify(from, n)
			if len(damaged) > 0 {
				err = entry.ErrCorrupt
			}
			return next, damaged, err
		}},
		"verifies nothing outside the log": {
			verify: func(in inner, from entry.Index, n int) (entry.Index, []entry.Damage, error) {
				if rec, err := in.Recover(); err != nil || from > rec.Last {
					return 0, nil, err
				}
				return in.Verify(from, n)
			}},
	}
}

// fullHealers do not know what to do without room.
func fullHealers() map[string]faultyHealer {
	return map[string]faultyHealer{
		"always says that there is room": {room: func(inner, bool) bool { return true }},
		"never says again that there is room": {room: func(in inner, try bool) bool {
			return !try && in.Room(false)
		}},
		"has no reserve for votes": {store: func(in inner, b *entry.Batch) error {
			if len(b.Blocks) == 0 && !in.Room(false) {
				return entry.ErrNoSpace
			}
			return in.Store(b)
		}},
		"does not say that there is no room": {store: func(in inner, b *entry.Batch) error {
			err := in.Store(b)
			if errors.Is(err, entry.ErrNoSpace) {
				return errors.New("input/output error")
			}
			return err
		}},
		"takes entries that it has no room for": {store: func(in inner, b *entry.Batch) error {
			err := in.Store(b)
			if errors.Is(err, entry.ErrNoSpace) {
				return nil
			}
			return err
		}},
		"has no reserve for repairs": {repair: func(in inner, _ *disk, copies *entry.Block) error {
			if !in.Room(false) {
				return entry.ErrNoSpace
			}
			return in.Repair(copies)
		}},
	}
}

// TestPlantedHealers shows that the suite finds each planted fault.
func TestPlantedHealers(t *testing.T) {
	planted := map[string]faultyHealer{}
	for _, some := range []map[string]faultyHealer{
		forgetfulHealers(), credulousHealers(), sloppyHealers(), unreadableHealers(), blindHealers(), fullHealers(),
	} {
		maps.Copy(planted, some)
	}
	for _, name := range slices.Sorted(maps.Keys(planted)) {
		t.Run(name, func(t *testing.T) {
			for _, check := range storetest.HealChecks() {
				place, d := new(storetest.LogPlace), new(disk)
				err := check.Run(healPlace(place, func() (replica.LogStore, error) {
					right, err := place.Open()
					broken := planted[name]
					broken.inner, broken.disk = right.(inner), d
					return &broken, err
				}))
				if err != nil {
					t.Logf("found by %q: %v", check.Name, err)
					return
				}
			}
			t.Error("no check rejects a log that", name)
		})
	}
}
