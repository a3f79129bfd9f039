package snapshot

import (
	"encoding/hex"
	"io"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// frozen are images as format version 1 writes them, by the names of their dumps in testdata/version1. The
// format is frozen: these files are never written anew, and every later version reads them.
var frozen = map[string]struct {
	meta  entry.SnapshotMeta
	image string
}{
	"chunks": {meta: testMeta(), image: "forty bytes, in chunks of sixteen bytes."},
	"empty": {meta: entry.SnapshotMeta{
		Index: 1, Term: 1, Configuration: entry.Configuration{Members: []entry.Member{{ID: "a"}}},
	}},
	"joint": {meta: entry.SnapshotMeta{
		ID: "from a leader", Index: 1 << 40, Term: 77, Sessions: []byte{1, 2, 3},
		Configuration: entry.Configuration{
			Cluster: entry.ClusterID{7, 8}, Level: 1, Lease: true,
			Members: []entry.Member{
				{ID: "a", Incarnation: 3, Key: []byte("key of a")}, {ID: "b", Outgoing: true},
				{ID: "c", Learner: true, Promote: true},
			},
			Removed: []entry.MemberID{"z", "y"},
		},
	}, image: strings.Repeat("image ", 20)},
}

// writeFrozen makes the file of an image.
func writeFrozen(t testing.TB, meta entry.SnapshotMeta, image string) []byte {
	t.Helper()
	disk := vfs.NewMemory()
	s, err := Open(disk, ".", Options{Incarnation: 9, ChunkSize: 16})
	if err != nil {
		t.Fatal(err)
	}
	meta.Size = -1
	sink, err := s.Create(meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(sink, image); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Commit(); err != nil {
		t.Fatal(err)
	}
	b, err := vfs.ReadFile(disk, s.images[0].path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFrozen: what format version 1 wrote is still written, byte by byte, and is read with everything in it.
func TestFrozen(t *testing.T) {
	for name, f := range frozen {
		dump, err := os.ReadFile(path.Join("testdata", "version1", name+".snap.hex"))
		if err != nil {
			t.Fatal(err)
		}
		file := undump(t, string(dump))
		if got := writeFrozen(t, f.meta, f.image); string(got) != string(file) {
			t.Errorf("%s is written otherwise now:\n%s", name, hex.Dump(got))
		}
		disk := vfs.NewMemory()
		if err := vfs.ReplaceFile(disk, fileName(f.meta.Position(), completeSuffix), file); err != nil {
			t.Fatal(err)
		}
		s, err := Open(disk, ".", Options{Incarnation: 9})
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.List()
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %+v, %v", name, all, err)
		}
		want := f.meta
		want.Size, want.Checksum = int64(len(f.image)), entry.Checksum([]byte(f.image))
		want.ID = all[0].ID
		if f.meta.ID != "" {
			want.ID = f.meta.ID
		}
		if got := all[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is described as %+v, want %+v", name, got, want)
		}
		reader, err := s.Open(all[0].ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if image, err := io.ReadAll(reader); err != nil || string(image) != f.image {
			t.Errorf("%s reads as %q, %v", name, image, err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
}
