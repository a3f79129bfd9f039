package snapshot_test

import (
	"bytes"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

// verdict is what became of a damaged image.
type verdict string

const (
	refused    verdict = "refused at open"
	asideFirst verdict = "set aside at open"
	asideLater verdict = "set aside when it was read"
	readRight  verdict = "read right"
)

// judge opens and reads an image whose file was changed, as a member does, and reports what became of it.
func judge(t *testing.T, disk *vfs.Memory, meta entry.SnapshotMeta, want []byte) verdict {
	t.Helper()
	before := fileOf(t, disk)
	s, err := snapshot.Open(disk, "d", options)
	if err != nil {
		checkCause(t, err)
		if got := names(t, disk); len(got) != 1 || !strings.HasSuffix(got[0], ".snap") {
			t.Fatalf("refused, and the directory holds %v", got)
		}
		return refused
	}
	outcome := asideFirst
	if len(indexes(t, s)) > 0 {
		got, err := read(s, meta.ID, 0)
		if err == nil && bytes.Equal(got, want) {
			return readRight
		}
		checkCause(t, err)
		if !bytes.HasPrefix(want, got) {
			t.Fatal("wrong bytes were read")
		}
		if err := s.SetAside(meta.ID, err); err != nil {
			t.Fatal(err)
		}
		outcome = asideLater
	}
	checkAside(t, s, meta, outcome == asideLater)
	if got := fileOf(t, disk); !bytes.Equal(got, before) {
		t.Fatal("the damaged bytes were changed")
	}
	// A new image of the same position takes the place, and the damaged one stays.
	if _, err := create(s, meta.Index, want); err != nil {
		t.Fatal(err)
	}
	s = open(t, disk)
	if got, err := read(s, meta.ID, 0); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the new image: %d bytes, %v", len(got), err)
	}
	checkAside(t, s, meta, false)
	return outcome
}

// checkCause wants an error that names file and place.
func checkCause(t *testing.T, err error) {
	t.Helper()
	var d *damage.Error
	if !errors.As(err, &d) || !errors.Is(err, entry.ErrCorrupt) || !strings.HasPrefix(d.File, "d/") {
		t.Fatalf("the error is %v", err)
	}
}

// checkAside wants the store to have set aside one image, and to list it no more when there is no new one.
func checkAside(t *testing.T, s *snapshot.Store, meta entry.SnapshotMeta, known bool) {
	t.Helper()
	all := s.Aside()
	if len(all) != 1 || all[0].Meta.Position() != meta.Position() {
		t.Fatalf("set aside are %+v", all)
	}
	checkCause(t, all[0].Cause)
	if !strings.Contains(all[0].Cause.Error(), ".snap.damaged") {
		t.Fatalf("the cause does not say where it is now: %v", all[0].Cause)
	}
	if known && len(all[0].Meta.Configuration.Members) == 0 {
		t.Fatal("an intact description was not kept")
	}
}

// fileOf returns the only file.
func fileOf(t *testing.T, disk *vfs.Memory) []byte {
	t.Helper()
	all := names(t, disk)
	if len(all) != 1 {
		t.Fatalf("the directory holds %v", all)
	}
	b, err := vfs.ReadFile(disk, path.Join("d", all[0]), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestByteFlips changes every byte of an image's file, in one bit and in all: the file is refused or set
// aside, then or when it is read, and no wrong byte is handed out. No byte is without meaning.
func TestByteFlips(t *testing.T) {
	disk := newDisk(t)
	want := content(3, 2000)
	meta, err := create(open(t, disk), 5, want)
	if err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", names(t, disk)[0])
	counts := map[verdict]int{}
	for offset := range int64(len(fileOf(t, disk))) {
		for _, mask := range []byte{1 << (offset % 8), 0xff} {
			after := disk.Crash(vfs.Keep)
			if err := after.Damage(name, offset, mask); err != nil {
				t.Fatal(err)
			}
			v := judge(t, after, meta, want)
			if v == readRight {
				t.Errorf("byte %d may have the mask %#x", offset, mask)
			}
			counts[v]++
		}
	}
	t.Logf("byte flips: %v", counts)
	// Only the format's version can be meant otherwise: 4 bytes.
	if counts[refused] != 8 || counts[asideFirst] == 0 || counts[asideLater] < 2*2000 {
		t.Errorf("outcomes %v", counts)
	}
}

// TestCutShort: a file that lost its end is set aside.
func TestCutShort(t *testing.T) {
	disk := newDisk(t)
	want := content(3, 2000)
	meta, err := create(open(t, disk), 5, want)
	if err != nil {
		t.Fatal(err)
	}
	name := path.Join("d", names(t, disk)[0])
	for length := range int64(len(fileOf(t, disk))) {
		after := disk.Crash(vfs.Keep)
		f, err := after.OpenWrite(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(length), f.Close()); err != nil {
			t.Fatal(err)
		}
		if v := judge(t, after, meta, want); v != asideFirst {
			t.Fatalf("cut to %d bytes: %s", length, v)
		}
	}
}

// TestDamagedNewest: the image before a damaged one is the newest then, and a damaged older one keeps
// nobody from anything.
func TestDamagedNewest(t *testing.T) {
	for i, want := range [][]entry.Index{{9}, {5}} {
		disk := newDisk(t)
		s := open(t, disk)
		for _, index := range []entry.Index{5, 9} {
			if _, err := create(s, index, content(1, 100)); err != nil {
				t.Fatal(err)
			}
		}
		if err := disk.Damage(path.Join("d", names(t, disk)[i]), 3, 1); err != nil {
			t.Fatal(err)
		}
		if got := indexes(t, open(t, disk)); !slices.Equal(got, want) {
			t.Errorf("listed %v, want %v", got, want)
		}
		if got := names(t, disk); len(got) != 2 {
			t.Errorf("the directory holds %v", got)
		}
	}
}

// TestSetAsideWhileRead: a reader of an image that is set aside goes on, and the file stays when it ends.
func TestSetAsideWhileRead(t *testing.T) {
	disk := newDisk(t)
	s := open(t, disk)
	meta, err := create(s, 5, content(1, 3000))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(meta.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.SetAside(meta.ID, damage.At("d/x", 7, "planted")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := create(s, 5, content(2, 3000)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, disk); len(got) != 2 {
		t.Errorf("the directory holds %v", got)
	}
	if b, err := read(s, meta.ID, 0); err != nil || !bytes.Equal(b, content(2, 3000)) {
		t.Errorf("the new image: %d bytes, %v", len(b), err)
	}
}

// TestSetAsideFails: an image that cannot be renamed is not listed any more all the same, and the error says
// so; a member that opens the directory then refuses.
func TestSetAsideFails(t *testing.T) {
	planted := errors.New("planted")
	broken := false
	disk := newDisk(t)
	fsys := vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
		if broken && op.Kind == vfs.OpRename {
			return vfs.Fault{Err: planted}
		}
		return vfs.Fault{}
	})
	s := open(t, fsys)
	meta, err := create(s, 5, content(1, 100))
	if err != nil {
		t.Fatal(err)
	}
	broken = true
	if err := s.SetAside(meta.ID, damage.At("d/x", 7, "planted")); !errors.Is(err, planted) {
		t.Fatal(err)
	}
	if got := indexes(t, s); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
	if err := disk.Damage(path.Join("d", names(t, disk)[0]), 3, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Open(fsys, "d", options); !errors.Is(err, planted) {
		t.Error(err)
	}
}
