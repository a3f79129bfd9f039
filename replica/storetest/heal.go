package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// HealPlace is where the log of a [replica.Healer] is kept, and what can happen to it there. The functions are
// called while the log is closed, but Fill and Crash, which are called while it is open.
type HealPlace struct {
	// Open opens the log: again after Close or Crash, that is a restart.
	Open OpenLog
	// Lists says that Recover lists all damage. A store that does not read the whole log when it starts may leave
	// some for Read and Verify to find.
	Lists bool
	// Damage makes the entries first to last unreadable. known asks that their headers stay intact, else they
	// must not.
	Damage func(first, last entry.Index, known bool) error
	// Lose makes the log's end unreadable from an entry on, so that not even the terms can be told. The suite
	// asks it for two small entries, the only ones of their term, at the end of a batch that begins with a larger
	// one of an older term; this one may be damaged with them.
	Lose func(from entry.Index) error
	// Fill takes the file system's room for more entries away, or gives it back; nil when it cannot.
	Fill func(full bool)
	// Crash ends the run without a Close, with everything lost that was not made durable; nil when it cannot.
	Crash func()
}

// HealCheck is one property of a [replica.Healer]. Run gets a new empty place.
type HealCheck struct {
	Name string
	Run  func(HealPlace) error
}

// HealChecks returns the checks of a log store that is a [replica.Healer], beside those of every log store.
func HealChecks() []HealCheck {
	return []HealCheck{
		{"damage is listed, with what is still known", checkListed},
		{"damage stays listed until it is repaired", checkStaysListed},
		{"reading ends before what is damaged", checkReadDamaged},
		{"a copy heals, for good", checkHeals},
		{"a copy of a part heals that part", checkHealsPart},
		{"a copy with another term is refused", checkOtherTerm},
		{"a copy of what is not in the log is refused", checkNotInLog},
		{"a copy with another header is refused", checkOtherHeader},
		{"what is not damaged is left as it is", checkLeft},
		{"truncation and reset remove damage", checkRemoved},
		{"Verify finds all damage, piece by piece", checkVerify},
		{"Verify is bounded", checkVerifyBound},
		{"Verify begins anew outside the log", checkVerifyOutside},
		{"a lost end is remembered until it is made up for", checkHeld},
		{"a lost end is remembered over a reset", checkHeldReset},
		{"without room nothing but entries is refused", checkRoom},
		{"repair needs no room", checkRepairFull},
	}
}

// RunHealer runs every check of a [replica.Healer], each in a place of its own.
func RunHealer(t *testing.T, place func() (HealPlace, error)) {
	t.Helper()
	for _, check := range HealChecks() {
		t.Run(check.Name, func(t *testing.T) {
			p, err := place()
			if err != nil {
				t.Fatal(err)
			}
			if err := check.Run(p); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// healSize is the payload of an entry that shares no sector of 512 bytes with the header of another one.
const healSize = 700

// healable are the entries that most checks begin with: ten of two terms, 1 to 6 and 7 to 10.
func healable() (a, b *entry.Block) { return BlockOf(1, 6, 1, healSize), BlockOf(7, 10, 2, healSize) }

// store stores them.
func (p *HealPlace) store() error {
	a, b := healable()
	return storing(p.Open, &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 1}, Blocks: []*entry.Block{a}},
		&entry.Batch{Seq: 2, Hard: &entry.HardState{Term: 2}, Blocks: []*entry.Block{b}})
}

// damaged stores them and damages some.
func (p *HealPlace) damaged(first, last entry.Index, known bool) error {
	if err := p.store(); err != nil {
		return err
	}
	return p.Damage(first, last, known)
}

// healer is what a check works with.
type healer interface {
	replica.LogStore
	replica.Healer
}

// session opens the log, recovers it, runs f and closes it.
func (p *HealPlace) session(f func(healer, entry.Recovered) error) error {
	return session(p.Open, func(log replica.LogStore, rec entry.Recovered) error {
		h, ok := log.(healer)
		if !ok {
			return fmt.Errorf("%T is no replica.Healer", log)
		}
		return f(h, rec)
	})
}

// crash ends a session as the place does it.
func (p *HealPlace) crash() {
	if p.Crash != nil {
		p.Crash()
	}
}

// whole is a session that finds all ten entries, and nothing damaged.
func (p *HealPlace) whole() error {
	a, b := healable()
	return expect(p.Open, entry.Recovered{
		Hard: entry.HardState{Term: 2}, Last: 10, Terms: []entry.TermRun{{First: 1, Term: 1}, {First: 7, Term: 2}},
	}, a, b)
}

// wantDamage compares the damage that was recovered and the damage that there is.
func (p *HealPlace) wantDamage(h healer, rec entry.Recovered, want ...entry.Damage) error {
	_, all, err := h.Verify(0, 1<<20)
	if err != nil || !slices.Equal(all, want) {
		return fmt.Errorf("Verify finds damaged %+v, error %v; want %+v", all, err, want)
	}
	unlisted := func(d entry.Damage) bool { return !slices.Contains(want, d) }
	if p.Lists && !slices.Equal(rec.Damaged, want) || slices.ContainsFunc(rec.Damaged, unlisted) {
		return fmt.Errorf("Recover lists %+v, want %+v", rec.Damaged, want)
	}
	return nil
}

// each runs a check with damage of which the headers are known, and with damage of which they are not.
func (p *HealPlace) each(first, last entry.Index, f func(healer, entry.Damage) error) error {
	for _, known := range []bool{true, false} {
		d := entry.Damage{First: first, Last: last, Known: known}
		if err := p.Damage(first, last, known); err != nil {
			return err
		}
		err := p.session(func(h healer, rec entry.Recovered) error {
			return errors.Join(p.wantDamage(h, rec, d), f(h, d))
		})
		if err != nil {
			return fmt.Errorf("%+v: %w", d, err)
		}
	}
	return nil
}

func checkListed(p HealPlace) error {
	if err := p.store(); err != nil {
		return err
	}
	for _, known := range []bool{true, false} {
		if err := errors.Join(p.Damage(3, 4, known), p.Damage(8, 8, true)); err != nil {
			return err
		}
		err := p.session(func(h healer, rec entry.Recovered) error {
			terms := []entry.TermRun{{First: 1, Term: 1}, {First: 7, Term: 2}}
			if rec.Last != 10 || rec.Hard.Term != 2 || !slices.Equal(rec.Terms, terms) || rec.Held.Index != 0 {
				return fmt.Errorf("with damage in the middle it recovers %+v", rec)
			}
			a, b := healable()
			return errors.Join(
				p.wantDamage(h, rec, entry.Damage{First: 3, Last: 4, Known: known}, entry.Damage{First: 8, Last: 8, Known: true}),
				h.Repair(a.Slice(3, 4)), h.Repair(b.Slice(8, 8)))
		})
		if err != nil {
			return err
		}
	}
	return p.whole()
}

func checkStaysListed(p HealPlace) error {
	if err := p.damaged(3, 4, true); err != nil {
		return err
	}
	next := BlockOf(11, 13, 2, healSize)
	d := entry.Damage{First: 3, Last: 4, Known: true}
	err := p.session(func(h healer, rec entry.Recovered) error {
		err := p.wantDamage(h, rec, d)
		return errors.Join(err, h.Store(&entry.Batch{Seq: 1, Blocks: []*entry.Block{next}}))
	})
	if err != nil {
		return err
	}
	return p.session(func(h healer, rec entry.Recovered) error {
		return errors.Join(p.wantDamage(h, rec, d), readsAs(h, next))
	})
}

func checkReadDamaged(p HealPlace) error {
	if err := p.store(); err != nil {
		return err
	}
	a, b := healable()
	return p.each(4, 5, func(h healer, _ entry.Damage) error {
		for i := entry.Index(4); i <= 5; i++ {
			if block, err := h.Read(i, 10, 1<<20); block != nil || !errors.Is(err, entry.ErrCorrupt) {
				return fmt.Errorf("reading entry %d, which is damaged, returns entries: %v, error %v; want ErrCorrupt",
					i, block != nil, err)
			}
		}
		before, err := h.Read(2, 10, 1<<20)
		if err != nil {
			return fmt.Errorf("reading entries 2 and 3, which damaged ones follow: %w", err)
		}
		if before.First() != 2 || before.Last() > 3 {
			return fmt.Errorf("reading from 2 on returned %d to %d, damaged are 4 and 5", before.First(), before.Last())
		}
		return errors.Join(readsAs(h, a.Slice(1, 3), a.Slice(6, 6), b), h.Repair(a.Slice(4, 5)))
	})
}

func checkHeals(p HealPlace) error {
	if err := p.store(); err != nil {
		return err
	}
	a, b := healable()
	err := p.each(4, 5, func(h healer, _ entry.Damage) error {
		err := errors.Join(h.Repair(a.Slice(4, 5)), readsAs(h, a, b))
		p.crash()
		return err
	})
	if err != nil {
		return err
	}
	return p.whole()
}

func checkHealsPart(p HealPlace) error {
	if err := p.damaged(2, 4, true); err != nil {
		return err
	}
	a, _ := healable()
	for i := entry.Index(2); i <= 4; i++ {
		err := p.session(func(h healer, rec entry.Recovered) error {
			if err := p.wantDamage(h, rec, entry.Damage{First: i, Last: 4, Known: true}); err != nil {
				return err
			}
			err := errors.Join(h.Repair(a.Slice(i, i)), readsAs(h, a.Slice(1, i)))
			p.crash()
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.whole()
}

// refuses offers copies that are not those of the log: each is refused, and the log is what it was.
func refuses(h healer, why string, copies *entry.Block) error {
	if err := h.Repair(copies); !errors.Is(err, replica.ErrCopyRefused) {
		return fmt.Errorf("a copy %s: error %v, want ErrCopyRefused", why, err)
	}
	return nil
}

// stillDamaged checks that damage is as it was after copies were refused, heals it, and that the log takes more.
func stillDamaged(h healer, d entry.Damage, err error) error {
	if err != nil {
		return err
	}
	if _, err := h.Read(d.First, d.Last, 1<<20); !errors.Is(err, entry.ErrCorrupt) {
		return fmt.Errorf("after a refused copy reading entry %d, which is damaged: error %v, want ErrCorrupt", d.First, err)
	}
	a, b := healable()
	all := a
	if d.First >= b.First() {
		all = b
	}
	return errors.Join(h.Repair(all.Slice(d.First, d.Last)), readsAs(h, a, b),
		h.Store(&entry.Batch{Seq: 9, Hard: &entry.HardState{Term: 2}}))
}

func checkOtherTerm(p HealPlace) error {
	if err := p.store(); err != nil {
		return err
	}
	err := p.each(8, 9, func(h healer, d entry.Damage) error {
		return stillDamaged(h, d, errors.Join(
			refuses(h, "of an older term", BlockOf(8, 9, 1, healSize)),
			refuses(h, "of a later term", BlockOf(8, 9, 3, healSize))))
	})
	if err != nil {
		return err
	}
	return p.whole()
}

func checkNotInLog(p HealPlace) error {
	if err := p.store(); err != nil {
		return err
	}
	err := p.each(9, 10, func(h healer, d entry.Damage) error {
		return stillDamaged(h, d, errors.Join(
			refuses(h, "of an entry behind the end", BlockOf(11, 12, 2, healSize)),
			refuses(h, "that goes on behind the end", BlockOf(9, 12, 2, healSize))))
	})
	if err != nil {
		return err
	}
	if err := p.whole(); err != nil {
		return err
	}
	return p.session(func(h healer, _ entry.Recovered) error {
		if err := h.Store(&entry.Batch{Seq: 1, Reset: &entry.Position{Index: 20, Term: 2}}); err != nil {
			return err
		}
		return refuses(h, "of an entry before the beginning", BlockOf(20, 20, 2, healSize))
	})
}

// otherwise returns entry i of a block with another header: change makes it.
func otherwise(block *entry.Block, i entry.Index, change func(*entry.Header, []byte) []byte) *entry.Block {
	h := block.Header(i)
	payload := change(&h, bytes.Clone(block.Payload(i)))
	h.Size, h.PayloadSum = uint32(len(payload)), entry.Checksum(payload)
	var b entry.Builder
	b.Add(h, payload)
	return b.Block()
}

func checkOtherHeader(p HealPlace) error {
	if err := p.damaged(4, 4, true); err != nil {
		return err
	}
	a, _ := healable()
	err := p.session(func(h healer, _ entry.Recovered) error {
		var all error
		for why, change := range map[string]func(*entry.Header, []byte) []byte{
			"with another payload":  func(_ *entry.Header, b []byte) []byte { b[0]++; return b },
			"with another size":     func(_ *entry.Header, b []byte) []byte { return b[1:] },
			"with another kind":     func(h *entry.Header, b []byte) []byte { h.Kind = entry.KindNoOp; return b },
			"with another origin":   func(h *entry.Header, b []byte) []byte { h.Origin++; return b },
			"with another sequence": func(h *entry.Header, b []byte) []byte { h.Sequence++; return b },
		} {
			all = errors.Join(all, refuses(h, why, otherwise(a, 4, change)))
		}
		return stillDamaged(h, entry.Damage{First: 4, Last: 4}, all)
	})
	if err != nil {
		return err
	}
	return p.whole()
}

func checkLeft(p HealPlace) error {
	if err := p.store(); err != nil {
		return err
	}
	a, b := healable()
	err := p.each(4, 4, func(h healer, _ entry.Damage) error {
		other := otherwise(a, 2, func(_ *entry.Header, b []byte) []byte { b[0]++; return b })
		// Whether a false copy of an intact entry is refused is the store's affair: it must not be written.
		if err := h.Repair(other); err != nil && !errors.Is(err, replica.ErrCopyRefused) {
			return err
		}
		return errors.Join(readsAs(h, a.Slice(1, 3)), h.Repair(a.Slice(3, 5)), readsAs(h, a, b))
	})
	if err != nil {
		return err
	}
	return p.whole()
}

func checkRemoved(p HealPlace) error {
	if err := p.damaged(8, 9, true); err != nil {
		return err
	}
	a, b := healable()
	fresh := BlockOf(9, 10, 3, healSize)
	err := storing(p.Open, &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 3}, TruncateFrom: 9,
		Blocks: []*entry.Block{fresh}})
	if err != nil {
		return err
	}
	err = p.session(func(h healer, rec entry.Recovered) error {
		return errors.Join(p.wantDamage(h, rec, entry.Damage{First: 8, Last: 8, Known: true}),
			readsAs(h, a, b.Slice(7, 7), fresh),
			h.Store(&entry.Batch{Seq: 1, Reset: &entry.Position{Index: 30, Term: 3}}))
	})
	if err != nil {
		return err
	}
	return expect(p.Open, entry.Recovered{
		Hard: entry.HardState{Term: 3}, Base: entry.Position{Index: 30, Term: 3}, Last: 30,
	})
}
