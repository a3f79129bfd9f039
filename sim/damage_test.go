package sim

import (
	"errors"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
)

// reopened is what a directory says after damage.
type reopened struct {
	recovered entry.Recovered
	err       error
}

func reopen(fsys vfs.FS) (found reopened) {
	dir, err := storage.Open(fsys, directory, storage.Options{Incarnation: 1})
	if err != nil {
		return reopened{err: err}
	}
	defer func() { found.err = errors.Join(found.err, dir.Close()) }()
	if found.recovered, found.err = dir.Log().Recover(); found.err != nil {
		return found
	}
	// A damaged image is left aside when there is another one.
	_, found.err = dir.Snapshots().List()
	if r := &found.recovered; found.err == nil && r.Last > r.Base.Index {
		for at := r.Base.Index + 1; at <= r.Last && found.err == nil; {
			block, err := dir.Log().Read(at, r.Last, 1<<20)
			if found.err = err; err == nil {
				at = block.Last() + 1
			}
		}
	}
	return found
}

// TestDamage flips bits and misdirects sectors on the disks that a simulated minute leaves. What was
// damaged is refused, or does not matter; the last batch alone cannot be told from one that was never
// acknowledged and may be cut (package wal, "Recovery"). Nothing is ever read as something else.
func TestDamage(t *testing.T) {
	plan := NewPlan(3)
	plan.Setting.Members, plan.Setting.Spares, plan.Faults = 3, 0, nil
	w := newWorld(&plan, Options{})
	if w.loop(); w.violation != nil {
		t.Fatal(w.violation)
	}
	d := newDice(1, diceFaults, 0)
	refused, harmless, cut := 0, 0, 0
	for n := range 600 {
		k := &disk{memory: w.members[n%3].disk.memory.Crash(vfs.Keep)}
		before := reopen(k.memory.Crash(vfs.Keep))
		if before.err != nil {
			t.Fatal(before.err)
		}
		damage := k.flip
		if n%2 == 1 {
			damage = k.misdirect
		}
		where, err := damage(d)
		for err != nil { // what it drew is empty
			where, err = damage(d)
		}
		after := reopen(k.memory)
		switch r := &after.recovered; {
		case errors.Is(after.err, entry.ErrCorrupt) || errors.Is(after.err, storage.ErrIdentity):
			refused++
		case after.err != nil:
			t.Errorf("%s: %v, which does not say that the directory is damaged", where, after.err)
		case r.Last == before.recovered.Last && r.Hard == before.recovered.Hard:
			harmless++
		case r.Last < before.recovered.Last && r.Last+20 > before.recovered.Last && r.Hard == before.recovered.Hard:
			cut++
		default:
			t.Errorf("%s: recovered %+v, want %+v", where, r, before.recovered)
		}
	}
	if refused < 100 || harmless < 50 {
		t.Errorf("%d were refused, %d harmless, %d cut the last batch", refused, harmless, cut)
	}
	t.Logf("%d were refused, %d harmless, %d cut the last batch", refused, harmless, cut)
}
