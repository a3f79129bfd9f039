package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

var errPower = errors.New("the power is gone")

// life is what a member does with its images in the crash test, step by step. It returns which image
// is acknowledged as the newest, and which was under way when the power failed (0 for none).
func life(s *snapshot.Store) (acked, tried entry.Index, err error) {
	steps := []func(index entry.Index) error{
		func(index entry.Index) error { _, err := create(s, index, imageOf(index)); return err },
		func(index entry.Index) error { _, err := create(s, index, nil); return err },
		func(index entry.Index) error { return receive(s, index) },
		func(entry.Index) error { return s.Retain(1) },
		func(index entry.Index) error { _, err := create(s, index, imageOf(index)); return err },
		func(entry.Index) error { return s.Retain(1) },
	}
	for i, step := range steps {
		index := entry.Index(i + 1)
		if i == 3 || i == 5 {
			index = acked
		}
		if err := step(index); err != nil {
			return acked, index, err
		}
		acked = index
	}
	return acked, acked, nil
}

// imageOf returns the image that life makes at an index.
func imageOf(index entry.Index) []byte {
	if index == 2 {
		return nil
	}
	return content(int(index), 1600)
}

// receive takes an image in two transfers.
func receive(s *snapshot.Store, index entry.Index) error {
	b := imageOf(index)
	sink, at, err := s.Resume(sent("theirs", index, b))
	if err != nil {
		return err
	}
	if _, err := sink.Write(b[at:max(at, 1000)]); err != nil {
		return errors.Join(err, sink.Abort())
	}
	if err := sink.Abort(); err != nil {
		return err
	}
	if sink, at, err = s.Resume(sent("theirs", index, b)); err != nil {
		return err
	}
	_, err = write(sink, b[at:])
	return err
}

// survived checks what a crash left: the newest image is one of the two, and every image listed is whole.
func survived(disk *vfs.Memory, acked, tried entry.Index) error {
	s, err := snapshot.Open(disk, "d", options)
	if err != nil {
		return err
	}
	list, err := s.List()
	if err != nil {
		return err
	}
	var newest entry.Index
	if len(list) > 0 {
		newest = list[0].Index
	}
	if newest != acked && newest != tried {
		return fmt.Errorf("the newest image is %d, acknowledged was %d, under way %d", newest, acked, tried)
	}
	for _, meta := range list {
		b, err := read(s, meta.ID, 0)
		if err != nil {
			return err
		}
		if !bytes.Equal(b, imageOf(meta.Index)) {
			return fmt.Errorf("image %d has %d other bytes", meta.Index, len(b))
		}
	}
	again, _, err := life(s)
	if err == nil && again != 5 {
		err = fmt.Errorf("the life after the crash ended with image %d", again)
	}
	return err
}

// TestCrash cuts the power at every sync of a member's dealings with images, for every subset of up to
// ten unsynced units and seeded ones beyond.
func TestCrash(t *testing.T) {
	states := 0
	for at := 0; ; at++ {
		disk := newDisk(t)
		syncs, broken := 0, false
		s := open(t, vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
			if op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncDir {
				syncs++
				broken = broken || syncs > at
			}
			if broken && op.Kind != vfs.OpClose {
				return vfs.Fault{Err: errPower}
			}
			return vfs.Fault{}
		}))
		acked, tried, err := life(s)
		if !broken && err != nil {
			t.Fatal(err)
		}
		fates := []vfs.Fate{vfs.Lose, vfs.Keep}
		if n := len(disk.Pending()); n <= 10 {
			for mask := range uint64(1) << n {
				fates = append(fates, vfs.Subset(mask))
			}
		}
		for seed := range uint64(64) {
			fates = append(fates, vfs.Seeded(seed))
		}
		for i, fate := range fates {
			if err := survived(disk.Crash(fate), acked, tried); err != nil {
				t.Fatalf("power failed at sync %d, fate %d of %v: %v", at, i, disk.Pending(), err)
			}
		}
		states += len(fates)
		if !broken {
			t.Logf("explored %d states at %d crash points", states, at+1)
			return
		}
	}
}

// TestFailures: when any single operation of a write fails, the image is not there, the one before is,
// and the next attempt works.
func TestFailures(t *testing.T) {
	failed := errors.New("no space left")
	for at := 0; ; at++ {
		disk := newDisk(t)
		calls, armed := 0, false
		s := open(t, vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
			if armed && op.Changes() && op.Kind != vfs.OpRemove {
				if calls++; calls == at+1 {
					return vfs.Fault{Err: failed, Bytes: 10}
				}
			}
			return vfs.Fault{}
		}))
		if _, err := create(s, 1, imageOf(1)); err != nil {
			t.Fatal(err)
		}
		armed = true
		_, err := create(s, 3, imageOf(3))
		if calls <= at {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.Is(err, failed) {
			t.Fatalf("operation %d failed, Commit returned %v", at, err)
		}
		if got := indexes(t, s); len(got) != 1 || got[0] != 1 {
			t.Fatalf("operation %d failed, images are %v", at, got)
		}
		if n := disk.OpenFiles(); n != 0 {
			t.Fatalf("operation %d failed, %d files are open", at, n)
		}
		if _, err := create(s, 3, imageOf(3)); err != nil {
			t.Fatalf("after operation %d failed: %v", at, err)
		}
	}
}
