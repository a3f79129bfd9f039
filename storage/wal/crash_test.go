package wal_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// crashLong tries every subset of up to 12 pending units, and draws 4096 outcomes where there are more; else 6
// and 48.
var crashLong = flag.Bool("crash-long", false, "explore every crash as far as it is meant; many minutes")

var errPower = errors.New("the power is gone")

// model is what a log must hold: the same operations on a slice.
type model struct {
	hard    entry.HardState
	base    entry.Position
	entries [][]byte // frames of base.Index+1 and so on
	// through is the greatest index that Compact was told.
	through entry.Index
}

func (m model) last() entry.Index { return m.base.Index + entry.Index(len(m.entries)) }

// after returns the model after a step.
func (m model) after(s step) model {
	if s.compact > 0 {
		m.through = max(m.through, s.compact)
		return m
	}
	b := s.batch
	if b.Hard != nil {
		m.hard = *b.Hard
	}
	if b.TruncateFrom != 0 && b.TruncateFrom <= m.last() {
		m.entries = m.entries[:b.TruncateFrom-m.base.Index-1]
	}
	if b.Reset != nil {
		m.base, m.entries = *b.Reset, nil
	}
	m.entries = m.entries[:len(m.entries):len(m.entries)]
	for _, block := range b.Blocks {
		for i := block.First(); i <= block.Last(); i++ {
			m.entries = append(m.entries, block.Frame(i))
		}
	}
	return m
}

// block returns entries lo to hi.
func (m model) block(lo, hi entry.Index) *entry.Block {
	b, err := entry.Parse(bytes.Join(m.entries[lo-m.base.Index-1:hi-m.base.Index], nil))
	if err != nil {
		panic(err)
	}
	return b
}

// differs says how a recovered log differs from the model, or nil.
func (m model) differs(l *wal.Log, rec entry.Recovered) error {
	if rec.Hard != m.hard || rec.Last != m.last() {
		return fmt.Errorf("hard state %v and last %d, want %v and %d", rec.Hard, rec.Last, m.hard, m.last())
	}
	if rec.Base.Index < m.base.Index || rec.Base.Index > max(m.base.Index, m.through) {
		return fmt.Errorf("base %v, want from %d to %d", rec.Base, m.base.Index, m.through)
	}
	want := m.entries[rec.Base.Index-m.base.Index:]
	if len(want) == 0 {
		return nil
	}
	block, err := l.Read(rec.Base.Index+1, rec.Last, 1<<30)
	if err != nil {
		return err
	}
	if !bytes.Equal(block.Bytes(), bytes.Join(want, nil)) {
		return fmt.Errorf("entries %d to %d are not what was stored", block.First(), block.Last())
	}
	return nil
}

// step is one call of the log: a batch, or a compaction.
type step struct {
	batch   *entry.Batch
	compact entry.Index
}

// what names the step's operation.
func (s step) what() string {
	switch b := s.batch; {
	case s.compact > 0:
		return "compact"
	case b.Reset != nil:
		return "reset"
	case b.TruncateFrom != 0:
		return "truncate"
	case b.Hard != nil:
		return "vote"
	case len(b.Blocks) == 0:
		return "mark"
	}
	return "append"
}

func (s step) run(l *wal.Log) error {
	if s.compact > 0 {
		return l.Compact(s.compact)
	}
	return l.Store(s.batch)
}

// makeBlock returns entries from first on, one per size, with payloads that depend on salt.
func makeBlock(first entry.Index, term entry.Term, salt uint64, sizes ...int) *entry.Block {
	var b entry.Builder
	r := rand.New(rand.NewPCG(salt, uint64(first)))
	for k, size := range sizes {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		b.Add(entry.Header{Index: first + entry.Index(k), Term: term, Size: uint32(size),
			PayloadSum: entry.Checksum(payload)}, payload)
	}
	return b.Block()
}

// script makes steps at random: votes, appends, conflicts, resets and compactions.
func script(seed uint64, steps int) []step {
	r := rand.New(rand.NewPCG(seed, 1))
	m := model{}
	term := entry.Term(1)
	var all []step
	for len(all) < steps {
		b := &entry.Batch{Seq: uint64(len(all) + 1), Commit: m.last() / 2}
		next := m.last() + 1
		switch k := r.IntN(20); {
		case k < 3:
			term++
			b.Hard = &entry.HardState{Term: term, Vote: entry.MemberID(bytes.Repeat([]byte{'v'}, 1+r.IntN(600)))}
		case k < 5 && len(m.entries) > 0:
			term++
			b.Hard = &entry.HardState{Term: term}
			next = m.base.Index + 1 + entry.Index(r.IntN(len(m.entries)))
			if next <= m.through {
				next = m.last() + 1
			} else {
				b.TruncateFrom = next
			}
		case k == 5 && len(all) > steps/2:
			b.Reset = &entry.Position{Index: m.last() + 10, Term: term}
			next = b.Reset.Index + 1
		case k < 8 && len(m.entries) > 2:
			s := step{compact: m.base.Index + entry.Index(1+r.IntN(len(m.entries)-1))}
			all, m = append(all, s), m.after(s)
			continue
		}
		sizes := make([]int, 1+r.IntN(3))
		for i := range sizes {
			sizes[i] = r.IntN(900)
		}
		if len(all)%8 == 6 {
			sizes[0] = 7000 // more sectors than every subset is tried of
		}
		b.Blocks = []*entry.Block{makeBlock(next, term, seed, sizes...)}
		s := step{batch: b}
		all, m = append(all, s), m.after(s)
	}
	return all
}

// breaker is a file system that loses power at one sync: the sync and everything after it fail.
type breaker struct {
	syncs, at int
	broken    bool
}

func (b *breaker) inject(op vfs.Op) vfs.Fault {
	if op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncDir {
		b.syncs++
		b.broken = b.broken || b.syncs > b.at
	}
	if b.broken && op.Kind != vfs.OpClose {
		return vfs.Fault{Err: errPower}
	}
	return vfs.Fault{}
}

var crashOptions = wal.Options{Incarnation: 77, SegmentSize: wal.SegmentSizeMin}

// recovered opens a log that a crash left.
func recovered(fsys vfs.FS) (*wal.Log, entry.Recovered, error) {
	l, err := wal.Open(fsys, "d", crashOptions)
	if err != nil {
		return nil, entry.Recovered{}, err
	}
	rec, err := l.Recover()
	return l, rec, err
}

// crashes runs a script until the power fails at sync number at. It returns the disk, the model of
// what was acknowledged, and that of what was under way; done is set when the script ended before.
func crashes(t *testing.T, steps []step, at int) (disk *vfs.Memory, acked, tried model, done bool) {
	t.Helper()
	disk = vfs.NewMemory()
	if err := errors.Join(disk.MkdirAll("d"), wal.Create(disk, "d", crashOptions)); err != nil {
		t.Fatal(err)
	}
	power := &breaker{at: at}
	l, _, err := recovered(vfs.NewFaulty(disk, power.inject))
	for _, s := range steps {
		if power.broken {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		tried = acked.after(s)
		if err = s.run(l); err == nil {
			acked = tried
		}
	}
	if !power.broken {
		return disk, acked, tried, true
	}
	return disk, acked, tried, false
}

// verify opens what a crash left and compares it with the two models it may be. Then the power
// fails once more without anything synced in between, and then after one more batch.
func verify(after *vfs.Memory, acked, tried model) error {
	l, rec, err := recovered(after)
	if err != nil {
		return err
	}
	voted := acked // a batch's hard state may be there before the rest, as the contract allows
	voted.hard = tried.hard
	found, failed := acked, acked.differs(l, rec)
	for _, other := range []model{voted, tried} {
		if failed == nil {
			break
		}
		again := other.differs(l, rec)
		if again == nil {
			found, failed = other, nil
		}
	}
	if failed != nil {
		return fmt.Errorf("neither what was acknowledged nor what was under way: %w", failed)
	}
	if err := same(after.Crash(vfs.Lose), found); err != nil {
		return fmt.Errorf("what Recover reported was not durable: %w", err)
	}
	term := lastTerm(rec, found.hard.Term+1)
	s := step{batch: &entry.Batch{Hard: &entry.HardState{Term: term, Vote: "later"},
		Blocks: []*entry.Block{makeBlock(found.last()+1, term, 99, 40, 700)}}}
	if err := s.run(l); err != nil {
		return fmt.Errorf("store after the crash: %w", err)
	}
	return errors.Join(same(after.Crash(vfs.Lose), found.after(s)), l.Close())
}

func lastTerm(rec entry.Recovered, term entry.Term) entry.Term {
	term = max(term, rec.Base.Term)
	if n := len(rec.Terms); n > 0 {
		term = max(term, rec.Terms[n-1].Term)
	}
	return term
}

// same opens a disk and compares it with the model.
func same(disk *vfs.Memory, want model) error {
	l, rec, err := recovered(disk)
	if err != nil {
		return err
	}
	if rec.Damaged != nil || rec.Held != (entry.Position{}) {
		err = fmt.Errorf("there is damage: %+v", rec)
	}
	return errors.Join(err, want.differs(l, rec), l.Close())
}

// exploration returns how far crashes are explored.
func exploration() vfs.Exploration {
	if *crashLong {
		return vfs.Exploration{Exhaustive: 12, Seeds: 4096}
	}
	return vfs.Exploration{Exhaustive: 6, Seeds: 48}
}

// observer knows which operation of a log is under way, and what it has done to files: a batch may reserve a
// file, or start a segment, in a file that was reserved or made for it, or in one that had another life.
type observer struct{ what []string }

func (o *observer) see(op vfs.Op) vfs.Fault {
	switch name := path.Base(op.Name); {
	case op.Kind == vfs.OpOpen && name == "spare.next", op.Kind == vfs.OpCreate && strings.HasSuffix(name, ".tmp"):
		o.what = append(o.what, "rotate")
	case op.Kind == vfs.OpOpen && strings.HasPrefix(name, "spare."):
		o.what = append(o.what, "recycle")
	case op.Kind == vfs.OpCreate && name == "spare.next":
		o.what = append(o.what, "reserve")
	}
	return vfs.Fault{}
}

// perform runs steps until the power fails.
func perform(fsys vfs.FS, steps []step) (acked, tried model, what []string, err error) {
	o := observer{what: []string{"open"}}
	l, _, err := recovered(vfs.NewFaulty(fsys, o.see))
	for _, s := range steps {
		if err != nil {
			break
		}
		o.what = []string{s.what()}
		tried = acked.after(s)
		if err = s.run(l); err == nil {
			acked = tried
		}
	}
	if errors.Is(err, vfs.ErrPower) {
		err = nil
	}
	return acked, tried, o.what, err
}

// TestCrash cuts the power before every change of the disk of several scripts of votes, appends, conflicts,
// resets and compactions, with the segments that they start, seal, drop and recycle. Nothing acknowledged is
// lost, nothing that was taken back appears, no vote goes back, and a batch is there whole or not at all.
func TestCrash(t *testing.T) {
	scripts := uint64(2)
	if *crashLong {
		scripts = 6
	}
	var all vfs.Explored
	for seed := uint64(1); seed <= scripts; seed++ {
		e := exploration()
		steps := script(seed, 24)
		e.Disk = func() (*vfs.Memory, error) {
			disk := vfs.NewMemory()
			return disk, errors.Join(disk.MkdirAll("d"), wal.Create(disk, "d", crashOptions))
		}
		var under []string
		e.Operations = func() []string { return under }
		e.Work = func(fsys vfs.FS) (func(*vfs.Memory) error, error) {
			acked, tried, what, err := perform(fsys, steps)
			under = what
			return func(after *vfs.Memory) error { return verify(after, acked, tried) }, err
		}
		explored, err := e.Run()
		if err != nil {
			t.Fatalf("script %d: %v", seed, err)
		}
		all.Add(explored)
		t.Logf("script %d: %v", seed, explored)
		if explored.Points < 60 || explored.Exhausted < 30 || explored.Units < 14 {
			t.Errorf("script %d: explored only %v", seed, explored)
		}
	}
	t.Logf("all scripts: %v", all)
	for _, what := range []string{"append", "vote", "truncate", "reset", "compact", "reserve", "rotate", "recycle"} {
		if all.Operations[what].States < 50 {
			t.Errorf("crashes of the operation %q were hardly explored", what)
		}
	}
}

// TestCrashRepair cuts the power before every change of the disk while damage in a sealed and in the last
// segment is repaired, and what comes after is stored. Whatever is left is right or known to be damaged,
// right once the repair had returned, and can be repaired.
func TestCrashRepair(t *testing.T) {
	whole, all := mixed(t)
	e := exploration()
	e.Disk = func() (*vfs.Memory, error) {
		disk := whole.Crash(vfs.Keep)
		logs := files(t, disk, ".log")
		for _, name := range []string{logs[0], logs[len(logs)-1]} {
			for sector := int64(6); sector <= 8; sector++ {
				spoilSector(t, disk, path.Join("d", name), sector)
			}
		}
		return disk, nil
	}
	e.Work = func(fsys vfs.FS) (func(*vfs.Memory) error, error) {
		l, rec, err := recovered(fsys)
		healed, acked, tried := false, all, all
		if err == nil {
			err = repairAll(l, rec, all)
			healed = err == nil
		}
		if err == nil {
			s := step{batch: &entry.Batch{Blocks: []*entry.Block{makeBlock(all.last()+1, 2, 8, 10, 700)}}}
			tried = all.after(s)
			if err = s.run(l); err == nil {
				acked = tried
			}
		}
		if errors.Is(err, vfs.ErrPower) {
			err = nil
		}
		return func(after *vfs.Memory) error { return repaired(after, healed, acked, tried) }, err
	}
	explored, err := e.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("explored %v", explored)
	if explored.Points < 4 {
		t.Error("the repair took fewer changes of the disk than it must")
	}
}

// repairAll repairs every entry that cannot be read.
func repairAll(l *wal.Log, rec entry.Recovered, all model) error {
	bad, err := broken(l, rec, all)
	for _, i := range bad {
		err = errors.Join(err, l.Repair(all.block(i, i)))
	}
	return err
}

// repaired checks what a crash left of a repair.
func repaired(after *vfs.Memory, healed bool, acked, tried model) error {
	l, rec, err := recovered(after)
	if err != nil {
		return err
	}
	want := acked
	if rec.Last == tried.last() {
		want = tried
	}
	if bad, err := broken(l, rec, want); err != nil || healed && len(bad) > 0 {
		return fmt.Errorf("healed %v, and %v cannot be read: %w", healed, bad, err)
	}
	err = repairAll(l, rec, want)
	return errors.Join(err, want.differs(l, rec), l.Close(), same(after.Crash(vfs.Lose), want))
}

// TestFailedSync fails each sync of several scripts once; it forgets what it was to write. The process
// dies, and the next one, on the machine that went on, finds in the page cache what is not on the disk,
// or a part of it. What it reports is durable all the same.
func TestFailedSync(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		steps := script(seed, 30)
		for at, done := 0, false; !done; at++ {
			for _, evict := range []vfs.Fate{nil, vfs.Lose, vfs.Seeded(seed)} {
				var disk *vfs.Memory
				var acked, tried model
				disk, acked, tried, done = crashes(t, steps, at)
				if evict != nil {
					disk.Evict(evict)
				}
				if err := verify(disk, acked, tried); err != nil {
					t.Fatalf("sync %d of script %d failed, evicted %v: %v", at, seed, evict != nil, err)
				}
			}
		}
	}
}

// TestCrashRecover cuts the power a second time, at every sync of the recovery from a first crash,
// which for a salvaged vote starts a segment.
func TestCrashRecover(t *testing.T) {
	states := 0
	for seed := uint64(1); seed <= 2; seed++ {
		steps := script(seed, 20)
		for at, done := 0, false; !done; at += 4 {
			var disk *vfs.Memory
			var acked, tried model
			disk, acked, tried, done = crashes(t, steps, at)
			for fate := range uint64(4) {
				states += recoverTwice(t, disk.Crash(vfs.Seeded(fate)), acked, tried)
			}
		}
	}
	t.Logf("explored %d states", states)
}

// recoverTwice recovers a disk with the power failing at each sync on the way, and then again.
func recoverTwice(t *testing.T, crashed *vfs.Memory, acked, tried model) (states int) {
	t.Helper()
	for at := 0; ; at++ {
		disk := crashed.Crash(vfs.Keep)
		power := &breaker{at: at}
		_, _, err := recovered(vfs.NewFaulty(disk, power.inject))
		if power.broken != errors.Is(err, errPower) || !power.broken && err != nil {
			t.Fatalf("recovery with the power failing at sync %d: %v", at, err)
		}
		for _, fate := range []vfs.Fate{vfs.Lose, vfs.Keep, vfs.Seeded(1), vfs.Seeded(2), vfs.Subset(0x5555)} {
			states++
			if err := verify(disk.Crash(fate), acked, tried); err != nil {
				t.Fatalf("power failed at sync %d of the recovery: %v", at, err)
			}
		}
		if !power.broken {
			return states
		}
	}
}

// TestCrashCreate cuts the power at every sync of the creation of a log, and lets it be created again.
func TestCrashCreate(t *testing.T) {
	for at := 0; ; at++ {
		disk := vfs.NewMemory()
		if err := disk.MkdirAll("d"); err != nil {
			t.Fatal(err)
		}
		power := &breaker{at: at}
		err := wal.Create(vfs.NewFaulty(disk, power.inject), "d", crashOptions)
		for mask := range uint64(1) << len(disk.Pending()) {
			after := disk.Crash(vfs.Subset(mask))
			failed := wal.Create(after, "d", crashOptions)
			if failed = errors.Join(failed, same(after.Crash(vfs.Lose), model{})); failed != nil {
				t.Fatalf("power failed at sync %d, kept %b: %v", at, mask, failed)
			}
		}
		if !power.broken {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// A batch that replaces entries and says that what replaces them is committed may need a new segment.
// Whenever the power goes, the old entries must not be found together with the new commit index: they
// would be applied. (Found by the simulator, seed 9.)
func TestCommitIndexComesWithItsEntries(t *testing.T) {
	o := wal.Options{Incarnation: 3, SegmentSize: wal.SegmentSizeMin}
	cuts := 0
	for at := 0; ; at++ {
		disk := vfs.NewMemory()
		l := start(t, disk, o)
		fill(t, l, 1, 6, 1000)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		before := disk.Crash(vfs.Keep)
		changes, broken, armed := 0, false, false
		l, _ = reopen(t, vfs.NewFaulty(before, func(op vfs.Op) vfs.Fault {
			if armed && op.Changes() {
				changes++
			}
			if broken = broken || changes > at; broken && op.Kind != vfs.OpClose {
				return vfs.Fault{Err: errPower}
			}
			return vfs.Fault{}
		}), o)
		replacing := &entry.Batch{
			Hard: &entry.HardState{Term: 2}, TruncateFrom: 6, Blocks: []*entry.Block{makeBlock(6, 2, 7, 9000)}, Commit: 6,
		}
		armed = true
		err := l.Store(replacing)
		for mask := range uint64(1) << min(len(before.Pending()), 10) {
			found, rec := reopen(t, before.Crash(vfs.Subset(mask)), o)
			if term := rec.Terms[len(rec.Terms)-1].Term; rec.Last == 6 && term == 1 && rec.Commit >= 6 {
				t.Fatalf("power lost after %d operations, kept %b: entry 6 of term 1 with commit index %d", at, mask, rec.Commit)
			}
			if err := found.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err == nil {
			break
		}
		cuts++
	}
	if cuts < 5 {
		t.Errorf("the power was cut at %d operations only: the batch needed no new segment", cuts)
	}
}
