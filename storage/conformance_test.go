package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/snapshot"
	"v.io/x/ref/lib/raft/storage/wal"
)

// The replica's interfaces, satisfied without an adapter.
var (
	_ replica.LogStore      = (*wal.Log)(nil)
	_ replica.Healer        = (*wal.Log)(nil)
	_ replica.SnapshotStore = (*snapshot.Store)(nil)
)

// eachFS runs a test on the real file system and on the one in memory. newPlace returns a fresh
// directory of it.
func eachFS(t *testing.T, run func(t *testing.T, newPlace func() (vfs.FS, string))) {
	t.Run("memory", func(t *testing.T) {
		run(t, func() (vfs.FS, string) { return vfs.NewMemory(), "member" })
	})
	t.Run("os", func(t *testing.T) {
		n, root := 0, t.TempDir()
		run(t, func() (vfs.FS, string) {
			n++
			return vfs.OS(), fmt.Sprintf("%s/%d", root, n)
		})
	})
}

// TestLogConformance runs the replica's suite for logs, with segments that hold everything and with
// segments so small that nearly every batch starts one.
func TestLogConformance(t *testing.T) {
	for _, size := range []int64{wal.SegmentSizeMin, 1 << 20} {
		t.Run(fmt.Sprintf("segments of %d", size), func(t *testing.T) {
			eachFS(t, func(t *testing.T, newPlace func() (vfs.FS, string)) {
				storetest.RunLog(t, func() (storetest.OpenLog, error) {
					fsys, dir := newPlace()
					o := wal.Options{Incarnation: 1, SegmentSize: size}
					if err := fsys.MkdirAll(dir); err != nil {
						return nil, err
					}
					if err := wal.Create(fsys, dir, o); err != nil {
						return nil, err
					}
					return func() (replica.LogStore, error) { return wal.Open(fsys, dir, o) }, nil
				})
			})
		})
	}
}

// TestHealerConformance runs the replica's suite for logs that heal.
func TestHealerConformance(t *testing.T) {
	for _, size := range []int64{wal.SegmentSizeMin, 1 << 17} {
		t.Run(fmt.Sprintf("segments of %d", size), func(t *testing.T) {
			eachFS(t, func(t *testing.T, newPlace func() (vfs.FS, string)) {
				storetest.RunHealer(t, func() (storetest.HealPlace, error) {
					fsys, dir := newPlace()
					d := &spoiledDisk{FS: fsys, dir: dir}
					o := wal.Options{Incarnation: 1, SegmentSize: size}
					if err := errors.Join(fsys.MkdirAll(dir), wal.Create(fsys, dir, o)); err != nil {
						return storetest.HealPlace{}, err
					}
					return d.place(o), nil
				})
			})
		})
	}
}

// spoiledDisk is a file system on which a log in dir is damaged by what it holds.
type spoiledDisk struct {
	vfs.FS
	dir  string
	full bool
}

func (d *spoiledDisk) place(o wal.Options) storetest.HealPlace {
	p := storetest.HealPlace{
		Open: func() (replica.LogStore, error) { return wal.Open(vfs.NewFaulty(d.FS, d.inject), d.dir, o) },
		Damage: func(first, last entry.Index, known bool) (err error) {
			for i := first; i <= last && err == nil; i++ {
				err = d.spoil(i, func(b []byte, at int) { b[inFrame(at, known)] ^= 1 })
			}
			return err
		},
		Lose: func(from entry.Index) error {
			return d.spoil(from, func(b []byte, at int) {
				for k := at / vfs.SectorSize * vfs.SectorSize; k%vfs.SectorSize != 0 || k <= at; k++ {
					b[k] ^= 0xa5
				}
			})
		},
		Fill: func(full bool) { d.full = full },
		// Of segments that are complete the start reads the footer only.
		Lists: o.SegmentSize > wal.SegmentSizeMin,
	}
	if _, ok := d.FS.(*vfs.Memory); ok {
		p.Crash = func() { d.FS = d.FS.(*vfs.Memory).Crash(vfs.Lose) }
	}
	return p
}

// inFrame returns the offset of a byte of the frame whose payload begins at an offset: of the payload when the
// header shall stay intact, else of the header, which may begin in the sector before, whose last 12 bytes are
// its mark.
func inFrame(payload int, known bool) int {
	const back, mark = 20, 12
	switch {
	case known:
		return payload
	case payload%vfs.SectorSize >= back:
		return payload - back
	}
	return payload - back - mark
}

// inject takes the room for more files away while the disk is full.
func (d *spoiledDisk) inject(op vfs.Op) vfs.Fault {
	if d.full && op.Kind == vfs.OpPreallocate {
		return vfs.Fault{Err: vfs.ErrNoSpace}
	}
	return vfs.Fault{}
}

// spoil changes the segment that holds an entry of the suite, which names itself in its payload: change is told
// where that begins.
func (d *spoiledDisk) spoil(i entry.Index, change func(content []byte, at int)) error {
	infos, err := d.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, info := range infos {
		name := path.Join(d.dir, info.Name)
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		content, err := vfs.ReadFile(d, name, 1<<30)
		if err != nil {
			return err
		}
		at := bytes.LastIndex(content, fmt.Appendf(nil, "entry %d of term", i))
		if at < 0 {
			continue
		}
		change(content, at)
		return d.rewrite(name, content)
	}
	return fmt.Errorf("no segment holds entry %d", i)
}

// rewrite puts other bytes into a file, durably.
func (d *spoiledDisk) rewrite(name string, content []byte) error {
	f, err := d.OpenWrite(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	return errors.Join(err, f.Sync(), f.Close())
}

// TestSnapshotConformance runs the replica's suite for snapshots, with chunks that do not divide the
// images.
func TestSnapshotConformance(t *testing.T) {
	for _, size := range []int{1000, snapshot.ChunkSize} {
		t.Run(fmt.Sprintf("chunks of %d", size), func(t *testing.T) {
			eachFS(t, func(t *testing.T, newPlace func() (vfs.FS, string)) {
				storetest.RunSnapshots(t, func() (storetest.OpenSnapshots, error) {
					fsys, dir := newPlace()
					if err := fsys.MkdirAll(dir); err != nil {
						return nil, err
					}
					return func() (replica.SnapshotStore, error) {
						return snapshot.Open(fsys, dir, snapshot.Options{Incarnation: 1, ChunkSize: size})
					}, nil
				})
			})
		})
	}
}

// open opens a directory or ends the test.
func open(t *testing.T, fsys vfs.FS, dir string, o storage.Options) *storage.Dir {
	t.Helper()
	d, err := storage.Open(fsys, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
