package storage_test

import (
	"fmt"
	"testing"

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
