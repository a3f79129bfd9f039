package snapshot_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

// archive writes an archive of b.
func archive(fsys vfs.FS, b []byte) error {
	sink, err := snapshot.CreateArchive(fsys, "d/backup", sent("x", 8, b))
	if err != nil {
		return err
	}
	_, err = write(sink, b)
	return err
}

// readArchive opens and reads an archive.
func readArchive(fsys vfs.FS) (meta entry.SnapshotMeta, b []byte, err error) {
	a, err := snapshot.OpenArchive(fsys, "d/backup")
	if err != nil {
		return meta, nil, err
	}
	r, err := a.Open()
	if err != nil {
		return meta, nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b, err = io.ReadAll(r)
	return a.Meta(), b, err
}

// TestArchive: what is archived is read, with its description; nothing is replaced; and a directory does not
// take an archive for an image of its own, nor the other way round.
func TestArchive(t *testing.T) {
	disk := newDisk(t)
	want := content(1, 5000)
	if err := archive(disk, want); err != nil {
		t.Fatal(err)
	}
	meta, got, err := readArchive(disk.Crash(vfs.Lose))
	if err != nil || !bytes.Equal(got, want) || meta.Index != 8 || len(meta.Configuration.Members) != 2 {
		t.Fatalf("%d bytes, %+v, %v", len(got), meta, err)
	}
	if err := archive(disk, content(2, 10)); !errors.Is(err, snapshot.ErrExists) {
		t.Errorf("over another file: %v", err)
	}
	if err := disk.Rename("d/backup", "d/00000000000000000002.00000000000000000008.snap"); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Open(disk, "d", options); !errors.Is(err, snapshot.ErrForeign) {
		t.Errorf("a directory takes a backup for its own: %v", err)
	}
	disk = newDisk(t)
	if _, err := create(open(t, disk), 5, want); err != nil {
		t.Fatal(err)
	}
	if err := disk.Rename("d/"+names(t, disk)[0], "d/backup"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readArchive(disk); !errors.Is(err, snapshot.ErrForeign) {
		t.Errorf("an image of a directory is taken for a backup: %v", err)
	}
}

// TestArchiveDamaged: an archive with any byte changed, or cut anywhere, is refused, by name and place, and no
// wrong byte is handed out before.
func TestArchiveDamaged(t *testing.T) {
	disk := newDisk(t)
	want := content(1, 1000)
	if err := archive(disk, want); err != nil {
		t.Fatal(err)
	}
	info, err := disk.Stat("d/backup")
	if err != nil {
		t.Fatal(err)
	}
	for offset := range info.Size {
		flipped, cut := disk.Crash(vfs.Keep), disk.Crash(vfs.Keep)
		f, err := cut.OpenWrite("d/backup")
		if err == nil {
			err = errors.Join(flipped.Damage("d/backup", offset, 1<<(offset%8)), f.Truncate(offset), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, after := range []*vfs.Memory{flipped, cut} {
			_, got, err := readArchive(after)
			if !errors.Is(err, entry.ErrCorrupt) && !errors.Is(err, snapshot.ErrForeign) ||
				!strings.Contains(err.Error(), "d/backup") {
				t.Fatalf("byte %d: %v", offset, err)
			}
			if !bytes.HasPrefix(want, got) {
				t.Fatalf("byte %d: wrong bytes were read", offset)
			}
		}
	}
}

// TestArchiveIncomplete: an archive that is not what was announced, or not ended, leaves nothing.
func TestArchiveIncomplete(t *testing.T) {
	disk := newDisk(t)
	for _, b := range [][]byte{content(1, 99), content(2, 100), content(1, 101)} {
		sink, err := snapshot.CreateArchive(disk, "d/backup", sent("x", 8, content(1, 100)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := write(sink, b); err == nil {
			t.Errorf("%d bytes pass", len(b))
		}
		if got := names(t, disk); len(got) != 0 {
			t.Errorf("the directory holds %v", got)
		}
	}
}
