package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

var options = snapshot.Options{Incarnation: 77, ChunkSize: 700, SyncBytes: 2000}

// content returns size bytes that depend on seed.
func content(seed, size int) []byte {
	b := make([]byte, size)
	x := uint32(seed)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func metaAt(index entry.Index) entry.SnapshotMeta {
	return entry.SnapshotMeta{
		Index: index, Term: 2, Sessions: []byte("sessions"),
		Configuration: entry.Configuration{Cluster: entry.ClusterID{1}, Members: []entry.Member{{ID: "a"}, {ID: "b"}}},
	}
}

// sent is the description of an image as a sender gives it.
func sent(id string, index entry.Index, b []byte) entry.SnapshotMeta {
	m := metaAt(index)
	m.ID, m.Size, m.Checksum = id, int64(len(b)), entry.Checksum(b)
	return m
}

func newDisk(t testing.TB) *vfs.Memory {
	t.Helper()
	disk := vfs.NewMemory()
	if err := disk.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	return disk
}

func open(t testing.TB, fsys vfs.FS) *snapshot.Store {
	t.Helper()
	s, err := snapshot.Open(fsys, "d", options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write makes an image and returns the first error, ending the sink as its contract says.
func write(sink entry.SnapshotSink, b []byte) (entry.SnapshotMeta, error) {
	_, err := sink.Write(b)
	if err == nil {
		var meta entry.SnapshotMeta
		if meta, err = sink.Commit(); err == nil {
			return meta, nil
		}
	}
	return entry.SnapshotMeta{}, errors.Join(err, sink.Abort())
}

func create(s *snapshot.Store, index entry.Index, b []byte) (entry.SnapshotMeta, error) {
	sink, err := s.Create(metaAt(index))
	if err != nil {
		return entry.SnapshotMeta{}, err
	}
	return write(sink, b)
}

func read(s *snapshot.Store, id string, from int64) (b []byte, err error) {
	r, err := s.Open(id, from)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}

func names(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	infos, err := fsys.ReadDir("d")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, info := range infos {
		all = append(all, info.Name)
	}
	return all
}

func indexes(t *testing.T, s *snapshot.Store) []entry.Index {
	t.Helper()
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var all []entry.Index
	for _, m := range list {
		all = append(all, m.Index)
	}
	return all
}

// TestSizes: images around the chunk size, empty ones too, read back from every kind of offset.
func TestSizes(t *testing.T) {
	for _, size := range []int{0, 1, 699, 700, 701, 1400, 5000} {
		disk := newDisk(t)
		want := content(size, size)
		meta, err := create(open(t, disk), 5, want)
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, disk)
		for _, from := range []int{0, size / 3, size} {
			got, err := read(s, meta.ID, int64(from))
			if err != nil || !bytes.Equal(got, want[from:]) {
				t.Errorf("image of %d bytes from %d: %d bytes, %v", size, from, len(got), err)
			}
		}
		for _, from := range []int64{-1, int64(size) + 1} {
			if _, err := s.Open(meta.ID, from); err == nil {
				t.Errorf("an image of %d bytes opens at %d", size, from)
			}
		}
		if n := disk.OpenFiles(); n != 0 {
			t.Errorf("%d files are open", n)
		}
	}
}

// TestForeign: an image of another directory is refused.
func TestForeign(t *testing.T) {
	disk := newDisk(t)
	if _, err := create(open(t, disk), 5, nil); err != nil {
		t.Fatal(err)
	}
	_, err := snapshot.Open(disk, "d", snapshot.Options{Incarnation: 78})
	var d *damage.Error
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "incarnation") {
		t.Fatal(err)
	}
}

// TestResume: a broken transfer goes on where it ended, to the byte, also after a restart; what was damaged
// meanwhile is received again; and the result is the image.
func TestResume(t *testing.T) {
	disk := newDisk(t)
	want := content(1, 5000)
	meta := sent("../../etc/passwd", 8, want)
	sink, at, err := open(t, disk).Resume(meta)
	if err != nil || at != 0 {
		t.Fatalf("first at %d, %v", at, err)
	}
	if _, err := sink.Write(want[:3000]); err != nil {
		t.Fatal(err)
	}
	if err := sink.Abort(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, disk); len(got) != 1 || strings.Contains(got[0], "passwd") {
		t.Fatalf("the directory holds %v", got)
	}
	s := open(t, disk.Crash(vfs.Lose))
	if sink, at, err = s.Resume(meta); err != nil || at != 3000 {
		t.Fatalf("resumed at %d, want the 3000 bytes that were received: %v", at, err)
	}
	if err := sink.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Damage(path.Join("d", names(t, disk)[0]), 1500, 4); err != nil {
		t.Fatal(err)
	}
	s = open(t, disk)
	if sink, at, err = s.Resume(meta); err != nil || at != 700 && at != 1400 {
		t.Fatalf("resumed at %d with a damaged chunk: %v", at, err)
	}
	got, err := write(sink, want[at:])
	if err != nil || got.ID != meta.ID {
		t.Fatal(err)
	}
	if b, err := read(open(t, disk), meta.ID, 0); err != nil || !bytes.Equal(b, want) {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
}

// TestResumeAfterDeath: of an image whose receiver died in the middle whole chunks are left.
func TestResumeAfterDeath(t *testing.T) {
	disk := newDisk(t)
	want := content(1, 5000)
	meta := sent("x", 8, want)
	sink, _, err := open(t, disk).Resume(meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(want[:3000]); err != nil {
		t.Fatal(err)
	}
	_, at, err := open(t, disk).Resume(meta)
	if err != nil || at != 2800 {
		t.Fatalf("resumed at %d, want the 2800 bytes of whole chunks: %v", at, err)
	}
}

// TestResumeInOneProcess: what this process received before it does not read again, so that going on with
// gigabytes takes no time; cut at any byte, as often as one likes, the image is right in the end.
func TestResumeInOneProcess(t *testing.T) {
	disk := newDisk(t)
	again := 0
	s := open(t, vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpRead {
			again += op.Size
		}
		return vfs.Fault{}
	}))
	want := content(1, 20_000)
	meta := sent("x", 8, want)
	got := int64(0)
	for got < int64(len(want)) {
		sink, at, err := s.Resume(meta)
		if err != nil || at != got {
			t.Fatalf("resumed at %d, want %d: %v", at, got, err)
		}
		got = min(at+777, int64(len(want)))
		if _, err := sink.Write(want[at:got]); err != nil {
			t.Fatal(err)
		}
		if err := sink.Abort(); err != nil {
			t.Fatal(err)
		}
	}
	if again > 26*1000 {
		t.Errorf("%d bytes were read again, which is more than the heads", again)
	}
	sink, _, err := s.Resume(meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Commit(); err != nil {
		t.Fatal(err)
	}
	if b, err := read(s, "x", 0); err != nil || !bytes.Equal(b, want) {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
}

// TestResumeWrong: an image that is not the announced one is refused, and what was received of it is
// not kept.
func TestResumeWrong(t *testing.T) {
	want := content(1, 2000)
	for name, b := range map[string][]byte{
		"too long": append(content(1, 2000), 1), "other bytes": content(2, 2000), "too short": want[:1999],
	} {
		disk := newDisk(t)
		s := open(t, disk)
		sink, _, err := s.Resume(sent("x", 8, want))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := write(sink, b); err == nil {
			t.Errorf("%s: committed", name)
		}
		_, at, err := s.Resume(sent("x", 8, want))
		if keeps := name == "too short"; err != nil || at != 0 != keeps {
			t.Errorf("%s: a new transfer starts at %d, %v", name, at, err)
		}
	}
}

// TestDescriptions: what a peer says about an image is bounded and checked.
func TestDescriptions(t *testing.T) {
	s := open(t, newDisk(t))
	for name, spoil := range map[string]func(*entry.SnapshotMeta){
		"no position":       func(m *entry.SnapshotMeta) { m.Index = 0 },
		"no term":           func(m *entry.SnapshotMeta) { m.Term = 0 },
		"huge index":        func(m *entry.SnapshotMeta) { m.Index = entry.NumberMax + 1 },
		"unknown size":      func(m *entry.SnapshotMeta) { m.Size = -1 },
		"negative size":     func(m *entry.SnapshotMeta) { m.Size = -2 },
		"no id":             func(m *entry.SnapshotMeta) { m.ID = "" },
		"long id":           func(m *entry.SnapshotMeta) { m.ID = strings.Repeat("x", snapshot.IDMax+1) },
		"large sessions":    func(m *entry.SnapshotMeta) { m.Sessions = make([]byte, snapshot.SessionsMax+1) },
		"bad configuration": func(m *entry.SnapshotMeta) { m.Configuration.Members = []entry.Member{{}} },
	} {
		m := sent("x", 8, nil)
		spoil(&m)
		if _, _, err := s.Resume(m); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestOneWriter: one sink at a time writes an image of a position.
func TestOneWriter(t *testing.T) {
	s := open(t, newDisk(t))
	first, err := s.Create(metaAt(5))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(metaAt(5)); !errors.Is(err, snapshot.ErrBusy) {
		t.Fatalf("a second sink: %v", err)
	}
	if err := first.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := create(s, 5, nil); err != nil {
		t.Fatal(err)
	}
}

// TestOrphans: what interrupted writes left is removed at open, but for a part that may be resumed.
func TestOrphans(t *testing.T) {
	disk := newDisk(t)
	s := open(t, disk)
	if _, err := create(s, 5, content(1, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(metaAt(6)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Resume(sent("old", 4, content(1, 2000))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Resume(sent("new", 9, content(1, 2000))); err != nil {
		t.Fatal(err)
	}
	if got := names(t, disk); len(got) != 4 {
		t.Fatalf("the directory holds %v", got)
	}
	open(t, disk)
	got := names(t, disk)
	if len(got) != 2 || !strings.HasSuffix(got[0], "5.snap") || !strings.HasSuffix(got[1], "9.snap.part") {
		t.Errorf("the directory holds %v", got)
	}
	s = open(t, disk)
	if _, err := create(s, 12, nil); err != nil {
		t.Fatal(err)
	}
	if got := names(t, disk); slices.ContainsFunc(got, func(n string) bool { return strings.HasSuffix(n, ".part") }) {
		t.Errorf("a part below a complete image is left: %v", got)
	}
}

// TestRetainWaits: an image that is read leaves the list at once and the disk with its last reader.
func TestRetainWaits(t *testing.T) {
	disk := newDisk(t)
	s := open(t, disk)
	want := content(1, 3000)
	meta, err := create(s, 5, want)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(meta.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := create(s, 6, nil); err != nil {
		t.Fatal(err)
	}
	if s.Retain(0) == nil {
		t.Error("Retain(0) removed everything")
	}
	if err := s.Retain(1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(meta.ID, 0); !errors.Is(err, snapshot.ErrNotFound) {
		t.Errorf("opening a removed image: %v", err)
	}
	if got := names(t, disk); len(got) != 2 {
		t.Errorf("the directory holds %v while the image is read", got)
	}
	b, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(b, want) {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, disk); len(got) != 1 {
		t.Errorf("the directory holds %v after the last reader", got)
	}
}

// TestConcurrent: images are written, read and removed by several goroutines at once, and what is read
// is right.
func TestConcurrent(t *testing.T) {
	disk := newDisk(t)
	s := open(t, disk)
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for w := range 4 {
		group.Go(func() {
			for i := range 20 {
				index := entry.Index(1 + w + 4*i)
				if _, err := create(s, index, content(int(index), 1500)); err != nil {
					errs <- err
				}
			}
		})
		group.Go(func() {
			for range 40 {
				if err := readNewest(s); err != nil {
					errs <- err
				}
				if err := s.Retain(2); err != nil {
					errs <- err
				}
			}
		})
	}
	go func() { group.Wait(); close(errs) }()
	for err := range errs {
		t.Error(err)
	}
	if n := disk.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

func readNewest(s *snapshot.Store) error {
	list, err := s.List()
	if err != nil || len(list) == 0 {
		return err
	}
	b, err := read(s, list[0].ID, 0)
	if errors.Is(err, snapshot.ErrNotFound) {
		return nil
	}
	if err == nil && !bytes.Equal(b, content(int(list[0].Index), 1500)) {
		err = fmt.Errorf("image %q has other bytes", list[0].ID)
	}
	return err
}
