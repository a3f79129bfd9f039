package wal_test

import (
	"bytes"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// mixed makes a log of several segments with batches of many small entries, of large ones, and with a
// truncation, and returns its disk and what it holds.
func mixed(t *testing.T) (disk *vfs.Memory, all model) {
	t.Helper()
	disk = vfs.NewMemory()
	l := start(t, disk, crashOptions)
	small := slices.Repeat([]int{30}, 20)
	for _, s := range []step{
		{batch: &entry.Batch{Hard: &entry.HardState{Term: 1, Vote: "a"}}},
		{batch: &entry.Batch{Blocks: []*entry.Block{makeBlock(1, 1, 1, small...)}}},
		{batch: &entry.Batch{Blocks: []*entry.Block{makeBlock(21, 1, 1, 2000, 10, 1500)}}},
		{batch: &entry.Batch{Blocks: []*entry.Block{makeBlock(24, 1, 1, 600, 600), makeBlock(26, 1, 1, small...)}}},
		{batch: &entry.Batch{Hard: &entry.HardState{Term: 2}, TruncateFrom: 40,
			Blocks: []*entry.Block{makeBlock(40, 2, 2, small...)}}},
		{batch: &entry.Batch{Blocks: []*entry.Block{makeBlock(60, 2, 2, 3000, 0, 0, 0, 900)}}},
		{batch: &entry.Batch{Blocks: []*entry.Block{makeBlock(65, 2, 2, small...)}}},
	} {
		if err := s.run(l); err != nil {
			t.Fatal(err)
		}
		all = all.after(s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(files(t, disk, ".log")); n < 2 {
		t.Fatalf("%d segments", n)
	}
	return disk, all
}

// spoilt spoils n sectors of every log segment in turn, from each sector of the batches on, and calls
// check with the log that was opened then. What is refused is counted.
func spoilt(t *testing.T, disk *vfs.Memory, n int64,
	check func(after *vfs.Memory, l *wal.Log, rec entry.Recovered)) (refused int) {
	t.Helper()
	for _, name := range files(t, disk, ".log") {
		name = path.Join("d", name)
		content := contentOf(t, disk, name)
		for first := int64(3); (first+n)*vfs.SectorSize <= int64(len(content)); first++ {
			if strings.Trim(content[first*vfs.SectorSize:(first+n)*vfs.SectorSize], "\x00") == "" {
				continue
			}
			after := disk.Crash(vfs.Keep)
			for s := first; s < first+n; s++ {
				spoilSector(t, after, name, s)
			}
			l, rec, err := recovered(after)
			if err != nil {
				wantDamage(t, err, path.Base(name))
				refused++
				continue
			}
			check(after, l, rec)
		}
	}
	return refused
}

// TestRepair spoils every sector, and every two and three in a row, and repairs what cannot be read,
// once all together, once entry by entry: the log is what it was, byte by byte.
func TestRepair(t *testing.T) {
	disk, all := mixed(t)
	for n := int64(1); n <= 3; n++ {
		healed := 0
		refused := spoilt(t, disk, n, func(after *vfs.Memory, l *wal.Log, rec entry.Recovered) {
			if rec.Last != all.last() || rec.Hard != all.hard {
				t.Fatalf("recovered %+v", rec)
			}
			bad, err := broken(l, rec, all)
			if err != nil {
				t.Fatal(err)
			}
			for k, i := range bad {
				last := i
				if healed%2 == 0 {
					last = bad[len(bad)-1]
				} else if k > 0 && healed%4 == 1 {
					continue // a part of the damage stays for the next opening
				}
				if err := l.Repair(all.block(i, last)); err != nil {
					t.Fatalf("repair of entry %d of %d: %v", i, bad, err)
				}
			}
			if healed++; len(bad) > 0 {
				finishRepair(t, after, l, all)
			}
		})
		if healed < 10 || n == 1 && refused > 0 {
			t.Errorf("%d sectors: %d times healed, %d times refused", n, healed, refused)
		}
		t.Logf("%d sectors: %d times healed, %d times refused", n, healed, refused)
	}
}

// finishRepair repairs what is left after another opening, and compares with what the log was.
func finishRepair(t *testing.T, after *vfs.Memory, l *wal.Log, all model) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	after = after.Crash(vfs.Lose)
	l, rec := reopen(t, after, crashOptions)
	bad, err := broken(l, rec, all)
	for _, i := range bad {
		err = errors.Join(err, l.Repair(all.block(i, i)))
	}
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	l, rec = reopen(t, after.Crash(vfs.Lose), crashOptions)
	if err := errors.Join(all.differs(l, rec), l.Close()); err != nil || rec.Damaged != nil {
		t.Fatalf("after the repair of %v: %+v, %v", bad, rec, err)
	}
}

// TestRepairRefuses: a copy that is not the entry's changes nothing and poisons nothing.
func TestRepairRefuses(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	sizes := []int{200, 100, 100, 900}
	if err := errors.Join(l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(1, 1, 5, sizes...)}}),
		l.Store(&entry.Batch{Blocks: []*entry.Block{makeBlock(5, 1, 5, 10)}}), l.Close()); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", files(t, disk, ".log")[0])
	right := makeBlock(1, 1, 5, sizes...)
	content := contentOf(t, disk, name)
	at := func(b []byte) int64 { return int64(strings.Index(content, string(b))) }
	damages := map[string]func(*vfs.Memory) error{
		"payload": func(d *vfs.Memory) error { return d.Damage(name, at(right.Payload(2)), 1) },
		"header":  func(d *vfs.Memory) error { return d.Damage(name, at(right.Payload(2))-20, 1) },
	}
	copies := map[string]*entry.Block{
		"another term":    makeBlock(2, 2, 5, 100),
		"another payload": makeBlock(2, 1, 6, 100, 100),
		"another size":    makeBlock(2, 1, 5, 99, 101),
		"a larger size":   makeBlock(2, 1, 5, 101, 100),
		"not in the log":  makeBlock(6, 1, 5, 100),
		"partly in it":    makeBlock(5, 1, 5, 10, 10),
	}
	for damage, spoil := range damages {
		after := disk.Crash(vfs.Keep)
		if err := spoil(after); err != nil {
			t.Fatal(err)
		}
		l, rec := reopen(t, after, crashOptions)
		// Where entry 3 starts cannot be told without the header of entry 2: both begin in one sector.
		want := entry.Damage{First: 2, Last: 2, Known: true}
		if damage == "header" {
			want = entry.Damage{First: 2, Last: 3}
		}
		if !slices.Equal(rec.Damaged, []entry.Damage{want}) {
			t.Fatalf("%s: recovered %+v", damage, rec)
		}
		before := contentOf(t, after, name)
		for what, copied := range copies {
			if err := l.Repair(copied); !errors.Is(err, entry.ErrCopyRefused) {
				t.Errorf("%s damaged, %s: %v", damage, what, err)
			}
		}
		if contentOf(t, after, name) != before {
			t.Errorf("%s: a refused copy changed the log", damage)
		}
		if err := l.Repair(right); err != nil {
			t.Fatal(err)
		}
		if contentOf(t, after, name) != content {
			t.Errorf("%s: the repaired bytes are not those that were written", damage)
		}
	}
}

// TestRepairKnownAlone: a copy is compared with the header that is known also while another entry of the
// batch is missing, so that the batch's digest says nothing yet.
func TestRepairKnownAlone(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	right := makeBlock(1, 1, 5, 700, 700, 700)
	if err := errors.Join(l.Store(&entry.Batch{Blocks: []*entry.Block{right}}), l.Close()); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", files(t, disk, ".log")[0])
	for i := entry.Index(1); i <= 3; i += 2 {
		at := strings.Index(contentOf(t, disk, name), string(right.Payload(i)[:50]))
		if err := disk.Damage(name, int64(at), 1); err != nil {
			t.Fatal(err)
		}
	}
	l, rec := reopen(t, disk, crashOptions)
	if len(rec.Damaged) != 2 || !rec.Damaged[0].Known || !rec.Damaged[1].Known {
		t.Fatalf("recovered %+v", rec)
	}
	if err := l.Repair(makeBlock(1, 1, 6, 700)); !errors.Is(err, entry.ErrCopyRefused) {
		t.Errorf("another payload: %v", err)
	}
	if err := errors.Join(l.Repair(right.Slice(1, 1)), l.Repair(right.Slice(3, 3))); err != nil {
		t.Fatal(err)
	}
	if b, err := l.Read(1, 3, 1<<20); err != nil || !bytes.Equal(b.Bytes(), right.Bytes()) {
		t.Error(err)
	}
}

// TestRepairPoison: a repair that the disk refuses poisons the log, and the damage is found again.
func TestRepairPoison(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpWrite, vfs.OpSync} {
		disk := vfs.NewMemory()
		fill(t, start(t, disk, crashOptions), 1, 3, 700)
		name := path.Join("d", files(t, disk, ".log")[0])
		payload := makeBlock(2, 1, 5, 700).Payload(2)[:100]
		if err := disk.Damage(name, int64(strings.Index(contentOf(t, disk, name), string(payload))), 1); err != nil {
			t.Fatal(err)
		}
		armed := false
		l, _ := reopen(t, vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
			if armed && op.Kind == kind {
				return vfs.Fault{Err: errPower}
			}
			return vfs.Fault{}
		}), crashOptions)
		armed = true
		if err := l.Repair(makeBlock(2, 1, 5, 700)); !errors.Is(err, errPower) {
			t.Errorf("%s: %v", kind, err)
		}
		armed = false
		if err := l.Store(&entry.Batch{Hard: &entry.HardState{Term: 4}}); !errors.Is(err, errPower) {
			t.Errorf("%s: after it Store returned %v", kind, err)
		}
		if _, rec := reopen(t, disk.Crash(vfs.Lose), crashOptions); len(rec.Damaged) != 1 {
			t.Errorf("%s: recovered %+v", kind, rec)
		}
	}
}

// TestRepairConfiguration: a configuration that could not be read is in the list of them once it can.
func TestRepairConfiguration(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	var b entry.Builder
	payload := bytes.Repeat([]byte("c"), 900)
	b.Add(entry.Header{Index: 1, Term: 1, Kind: entry.KindConfiguration, Size: 900,
		PayloadSum: entry.Checksum(payload)}, payload)
	block := b.Block()
	if err := errors.Join(l.Store(&entry.Batch{Blocks: []*entry.Block{block}}), l.Close()); err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", files(t, disk, ".log")[0])
	at := int64(strings.Index(contentOf(t, disk, name), string(payload[:100])))
	if err := disk.Damage(name, at-10, 1); err != nil {
		t.Fatal(err)
	}
	l, rec := reopen(t, disk, crashOptions)
	if rec.Configurations != nil || len(rec.Damaged) != 1 {
		t.Fatalf("recovered %+v", rec)
	}
	if err := l.Repair(block); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 2, 20, 700) // the footer of its segment is written
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, rec := reopen(t, disk, crashOptions); !slices.Equal(rec.Configurations, []entry.Index{1}) {
		t.Errorf("recovered %+v", rec)
	}
}

// TestVerify goes through a log in small steps, and finds what Read would, no more and no less.
func TestVerify(t *testing.T) {
	disk, all := mixed(t)
	spoilt(t, disk, 2, func(_ *vfs.Memory, l *wal.Log, rec entry.Recovered) {
		want, err := broken(l, rec, all)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{0, 700, 1 << 30} {
			var found []entry.Index
			calls := 0
			for next := entry.Index(0); calls == 0 || next != 0; calls++ {
				var damaged []entry.Damage
				if next, damaged, err = l.Verify(next, step); err != nil {
					t.Fatal(err)
				}
				for _, d := range damaged {
					for i := d.First; i <= d.Last; i++ {
						found = append(found, i)
					}
				}
			}
			if !slices.Equal(found, want) {
				t.Fatalf("steps of %d: found %v, want %v", step, found, want)
			}
			if step == 1<<30 && calls != 1 || step == 0 && calls < 4 {
				t.Errorf("%d calls in steps of %d", calls, step)
			}
		}
	})
	l, _ := reopen(t, disk, crashOptions)
	if next, damaged, err := l.Verify(1000, 1); next == 0 || damaged != nil || err != nil {
		t.Errorf("an index behind the end: %d, %v, %v", next, damaged, err)
	}
	empty := start(t, vfs.NewMemory(), crashOptions)
	if next, damaged, err := empty.Verify(1, 1); next != 0 || damaged != nil || err != nil {
		t.Errorf("an empty log: %d, %v, %v", next, damaged, err)
	}
}

// TestUnreadableSectors: what the disk answers with an error, sector by sector, is damage, and is healed
// by writing it.
func TestUnreadableSectors(t *testing.T) {
	disk, all := mixed(t)
	bad := map[int64]bool{}
	faulty := vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		for s := op.Offset / vfs.SectorSize; s*vfs.SectorSize < op.Offset+int64(op.Size); s++ {
			if op.Kind == vfs.OpWrite {
				delete(bad, s)
			} else if op.Kind == vfs.OpRead && bad[s] && strings.HasSuffix(op.Name, files(t, disk, ".log")[1]) {
				return vfs.Fault{Err: errors.New("medium error")}
			}
		}
		return vfs.Fault{}
	})
	bad[6], bad[7], bad[9] = true, true, true
	l, rec := reopen(t, faulty, crashOptions)
	found, err := broken(l, rec, all)
	if err != nil || len(found) == 0 || rec.Last != all.last() {
		t.Fatalf("recovered %+v, %v", rec, err)
	}
	for _, i := range found {
		if err := l.Repair(all.block(i, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := all.differs(l, rec); err != nil || len(bad) != 0 {
		t.Fatalf("sectors %v are still bad: %v", bad, err)
	}
}

// TestUnreadableSegment: when everything that a read needs answers with an error, it is damage while the
// file can be read elsewhere, and a failure of the disk when it cannot.
func TestUnreadableSegment(t *testing.T) {
	disk := vfs.NewMemory()
	from := int64(1 << 40)
	medium := errors.New("medium error")
	l := start(t, vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpRead && op.Offset+int64(op.Size) > from {
			return vfs.Fault{Err: medium}
		}
		return vfs.Fault{}
	}), crashOptions)
	fill(t, l, 1, 10, 700)
	from = 3 * vfs.SectorSize
	if _, err := l.Read(1, 10, 1<<20); !errors.Is(err, entry.ErrCorrupt) {
		t.Errorf("the entries cannot be read: %v", err)
	}
	if _, damaged, err := l.Verify(1, 1<<20); err != nil || len(damaged) != 1 || damaged[0].Last != 10 {
		t.Errorf("found %v, %v", damaged, err)
	}
	from = 0
	if _, err := l.Read(1, 10, 1<<20); !errors.Is(err, medium) {
		t.Errorf("nothing can be read: %v", err)
	}
	if _, _, err := l.Verify(1, 1<<20); !errors.Is(err, medium) {
		t.Errorf("nothing can be verified: %v", err)
	}
}

// TestVerifyBesideStore verifies and repairs while batches are stored and segments dropped and recycled:
// what is whole is never called damaged.
func TestVerifyBesideStore(t *testing.T) {
	disk := vfs.NewMemory()
	l := start(t, disk, crashOptions)
	fill(t, l, 1, 30, 900)
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		group.Go(func() {
			for next := entry.Index(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				var damaged []entry.Damage
				var err error
				if next, damaged, err = l.Verify(next, 2000); err != nil || damaged != nil {
					t.Errorf("found %v, %v", damaged, err)
					return
				}
			}
		})
	}
	for i := entry.Index(31); i <= 200; i++ {
		fill(t, l, i, i, 900)
		if err := errors.Join(l.Compact(i-20), l.Repair(makeBlock(i-1, 1, 5, 900))); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	group.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
