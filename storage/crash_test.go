package storage_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"syscall"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/wal"
)

var crashLong = flag.Bool("crash-long", false, "explore every crash as far as it is meant; many minutes")

// deeds is what a member was told to have done.
type deeds struct {
	hard     entry.HardState
	last     entry.Index
	snapshot entry.Index // of the newest image
}

// memberLife is a member's work on its directory: it votes, appends, takes an image and compacts behind it,
// and installs one that is ahead of its log. after is told before and after each step.
func memberLife(d *storage.Dir, tell func(what string, tried deeds, done bool)) error {
	var now deeds
	step := func(what string, next deeds, work func() error) error {
		tell(what, next, false)
		if err := work(); err != nil {
			return err
		}
		now = next
		tell(what, now, true)
		return nil
	}
	store := func(what string, b *entry.Batch, next deeds) error {
		return step(what, next, func() error { return d.Log().Store(b) })
	}
	hard := entry.HardState{Term: 3, Vote: "one"}
	if err := store("vote", &entry.Batch{Hard: &hard}, deeds{hard: hard}); err != nil {
		return err
	}
	for i := entry.Index(1); i <= 24; i++ {
		next := now
		next.last = i
		if err := store("append", &entry.Batch{Blocks: []*entry.Block{blockOf(i)}}, next); err != nil {
			return err
		}
	}
	image := func(what string, i entry.Index) error {
		next := now
		next.snapshot = i
		return step(what, next, func() error { return imageAt(d, i) })
	}
	if err := image("snapshot", 18); err != nil {
		return err
	}
	if err := step("compact", now, func() error {
		return errors.Join(d.Snapshots().Retain(1), d.Log().Compact(18))
	}); err != nil {
		return err
	}
	if err := image("install", 40); err != nil { // another member's, ahead of this log
		return err
	}
	next := now
	next.last = 40
	return store("install", &entry.Batch{Reset: &entry.Position{Index: 40, Term: 1}}, next)
}

func blockOf(i entry.Index) *entry.Block {
	var b entry.Builder
	payload := payloadOf(i)
	b.Add(entry.Header{Index: i, Term: 1, Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
	return b.Block()
}

// imageAt writes an image.
func imageAt(d *storage.Dir, i entry.Index) error {
	sink, err := d.Snapshots().Create(entry.SnapshotMeta{Index: i, Term: 1})
	if err != nil {
		return err
	}
	if _, err := sink.Write(payloadOf(i)); err != nil {
		return errors.Join(err, sink.Abort())
	}
	_, err = sink.Commit()
	return err
}

// survived checks what a crash left of a member: what was acknowledged, and of what was under way all or
// nothing; the newest image reads, and the log goes on from it.
func survived(after *vfs.Memory, acked, tried deeds) error {
	d, err := storage.Open(after, "member", options)
	if err != nil {
		return err
	}
	rec, err := d.Log().Recover()
	if err != nil {
		return err
	}
	if rec.Hard != acked.hard && rec.Hard != tried.hard || rec.Last != acked.last && rec.Last != tried.last {
		return fmt.Errorf("recovered %+v, acknowledged was %+v, under way %+v", rec, acked, tried)
	}
	newest := entry.Index(0)
	list, err := d.Snapshots().List()
	if err != nil {
		return err
	}
	if len(list) > 0 {
		newest = list[0].Index
		r, err := d.Snapshots().Open(list[0].ID, 0)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(b, payloadOf(newest)) {
			return fmt.Errorf("the image at %d has %d bytes: %w", newest, len(b), err)
		}
	}
	if newest != acked.snapshot && newest != tried.snapshot || rec.Base.Index > newest {
		return fmt.Errorf("the newest image is at %d, the log starts after %d, acknowledged was %+v, under way %+v",
			newest, rec.Base.Index, acked, tried)
	}
	for i := rec.Base.Index + 1; i <= rec.Last; i++ {
		if b, err := d.Log().Read(i, i, 1); err != nil || !bytes.Equal(b.Bytes(), blockOf(i).Bytes()) {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return d.Close()
}

// TestCrash cuts the power before every change that a member makes to its directory while it votes,
// appends, takes an image, compacts and installs one.
func TestCrash(t *testing.T) {
	e := vfs.Exploration{Exhaustive: 6, Seeds: 32}
	if *crashLong {
		e = vfs.Exploration{Exhaustive: 12, Seeds: 4096}
	}
	o := options
	o.SegmentSize = wal.SegmentSizeMin
	e.Disk = func() (*vfs.Memory, error) {
		disk := vfs.NewMemory()
		d, err := storage.Open(disk, "member", o)
		if err != nil {
			return nil, err
		}
		return disk, d.Close()
	}
	under := ""
	e.Operations = func() []string { return []string{under} }
	e.Work = func(fsys vfs.FS) (func(*vfs.Memory) error, error) {
		var acked, tried deeds
		under = "open"
		d, err := storage.Open(fsys, "member", o)
		if err == nil {
			_, err = d.Log().Recover()
		}
		if err == nil {
			err = memberLife(d, func(what string, next deeds, done bool) {
				if under, tried = what, next; done {
					acked = next
				}
			})
		}
		if errors.Is(err, vfs.ErrPower) {
			err = nil
		}
		return func(after *vfs.Memory) error { return survived(after, acked, tried) }, err
	}
	explored, err := e.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("explored %v", explored)
	if explored.Points < 80 || explored.Exhausted < 60 {
		t.Error("that is less than the work has")
	}
	for _, what := range []string{"vote", "append", "snapshot", "compact", "install"} {
		if explored.Operations[what].States < 10 {
			t.Errorf("crashes of the operation %q were hardly explored", what)
		}
	}
}

// readOnlyAt does a member's work on a file system that is read-only at change number at, and from then on
// unless once is set. It returns what was found then by who opened the directory of the file system that can be
// written again, and whether the work has so many changes.
func readOnlyAt(at int, once bool) (met bool, err error) {
	o := options
	o.SegmentSize = wal.SegmentSizeMin
	disk := vfs.NewMemory()
	d, err := storage.Open(disk, "member", o)
	if err := errors.Join(err, d.Close()); err != nil {
		return false, err
	}
	changes := 0
	fsys := vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		if !op.Changes() {
			return vfs.Fault{}
		}
		if changes++; changes == at+1 || changes > at && !once {
			return vfs.Fault{Err: syscall.EROFS}
		}
		return vfs.Fault{}
	})
	var acked, tried deeds
	if d, err = storage.Open(fsys, "member", o); err == nil {
		if _, err = d.Log().Recover(); err == nil {
			err = memberLife(d, func(_ string, next deeds, done bool) {
				if tried = next; done {
					acked = next
				}
			})
		}
		if closed := d.Close(); err == nil {
			err = closed
		}
	}
	if met = changes > at; met != errors.Is(err, syscall.EROFS) {
		return met, fmt.Errorf("that change was made: %v, and the work ended with %w", met, err)
	}
	disk.Orphan()
	return met, survived(disk, acked, tried)
}

// TestReadOnly makes a member's file system read-only at each change that the work makes to it, for that one or
// for good: the work says so, and whoever opens the directory once it can be written again finds what was
// acknowledged.
func TestReadOnly(t *testing.T) {
	for _, once := range []bool{false, true} {
		for at := 0; ; at++ {
			met, err := readOnlyAt(at, once)
			if err != nil {
				t.Fatalf("read-only at change %d, once %v: %v", at, once, err)
			}
			if !met {
				if at < 80 {
					t.Errorf("the work makes %d changes only", at)
				}
				break
			}
		}
	}
}
