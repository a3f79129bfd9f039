package snapshot

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
)

func testMeta() entry.SnapshotMeta {
	return entry.SnapshotMeta{
		ID: "of another member", Index: 300, Term: 4, Size: 1000, Checksum: 0xabcdef, Sessions: []byte{1, 2, 3},
		Configuration: entry.Configuration{
			Cluster: entry.ClusterID{7}, Members: []entry.Member{{ID: "a", Incarnation: 1, Key: []byte("k")}, {ID: "b"}},
		},
	}
}

// TestHead: what is encoded is decoded, and no bit may differ.
func TestHead(t *testing.T) {
	want := head{meta: testMeta(), store: 9, chunkSize: 512}
	b := want.encodeHead()
	got, err := decodeHead(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("decoded %+v, %v, want %+v", got, err, want)
	}
	for i := range 8 * len(b) {
		flipped := bytes.Clone(b)
		flipped[i/8] ^= 1 << (i % 8)
		if _, err := decodeHead(flipped); err == nil {
			t.Fatalf("bit %d may differ", i)
		}
	}
	for n := range b {
		if _, err := decodeHead(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes decode", n, len(b))
		}
	}
}

// TestChunkAndTrailer: a chunk passes in its own place of its own image only; so does a trailer.
func TestChunkAndTrailer(t *testing.T) {
	h, other := head{meta: testMeta(), chunkSize: 8}, head{meta: testMeta(), store: 1, chunkSize: 8}
	h.encodeHead()
	other.encodeHead()
	b := append(make([]byte, chunkHead), "12345678"...)
	h.putChunkHead(b, 3)
	if err := h.checkChunk(b, 3); err != nil {
		t.Fatal(err)
	}
	if h.checkChunk(b, 4) == nil || other.checkChunk(b, 3) == nil || h.checkChunk(b[:len(b)-1], 3) == nil {
		t.Error("a chunk passes elsewhere")
	}
	trailer := h.encodeTrailer(20, 5)
	if size, checksum, err := h.decodeTrailer(trailer, h.length(20)); err != nil || size != 20 || checksum != 5 {
		t.Fatalf("decoded %d and %d, %v", size, checksum, err)
	}
	if _, _, err := h.decodeTrailer(trailer, h.length(20)+1); err == nil {
		t.Error("a trailer passes in a longer file")
	}
	if _, _, err := other.decodeTrailer(trailer, other.length(20)); err == nil {
		t.Error("the trailer of another image passes")
	}
}

// FuzzName: what is read of a name is what makes that name.
func FuzzName(f *testing.F) {
	f.Add("00000000000000000004.00000000000000000300.snap", completeSuffix)
	f.Add("18446744073709551615.18446744073709551616.snap.part", partSuffix)
	f.Add("4.+300.snap", completeSuffix)
	f.Fuzz(func(t *testing.T, name, suffix string) {
		if at, ok := parseName(name, suffix); ok && fileName(at, suffix) != name {
			t.Errorf("%q is read as %v", name, at)
		}
	})
}

// FuzzMeta: no bytes panic, and what decodes encodes to an equal description.
func FuzzMeta(f *testing.F) {
	f.Add(appendMeta(nil, testMeta()))
	f.Add(make([]byte, metaFixed))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMeta(b)
		if err != nil {
			return
		}
		again, err := decodeMeta(appendMeta(nil, m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%x decodes as %+v, then as %+v (%v)", b, m, again, err)
		}
	})
}

// FuzzHead: no bytes panic, and what decodes encodes to the same bytes.
func FuzzHead(f *testing.F) {
	h := head{meta: testMeta(), store: 9, chunkSize: 512}
	f.Add(h.encodeHead())
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHead(b); err == nil && h.size != int64(len(b)) {
			t.Errorf("%x decodes as %+v", b, h)
		}
	})
}

// FuzzFile opens a file of arbitrary bytes as an image: it is refused, or it reads without panicking and
// ends in an error or with as many bytes as the list says.
func FuzzFile(f *testing.F) {
	f.Add(goldenImage(f))
	f.Add([]byte(headMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		disk := vfs.NewMemory()
		if err := vfs.ReplaceFile(disk, fileName(entry.Position{Index: 300, Term: 4}, completeSuffix), b); err != nil {
			t.Fatal(err)
		}
		s, err := Open(disk, ".", Options{Incarnation: 9})
		if err != nil {
			return
		}
		for _, img := range s.images {
			r, err := s.Open(img.meta.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); err == nil && n != img.meta.Size {
				t.Errorf("%d bytes of an image of %d", n, img.meta.Size)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzPart opens arbitrary bytes as an image received in part: what is taken up of it is what the image
// begins with, as far as checksums can tell, and the transfer goes on to the whole image or is refused.
func FuzzPart(f *testing.F) {
	want := []byte("forty bytes, in chunks of sixteen bytes.")
	meta := testMeta()
	meta.Size, meta.Checksum = int64(len(want)), entry.Checksum(want)
	options := Options{Incarnation: 9, ChunkSize: 16}
	for _, n := range []int{0, 15, 16, 30, 40} {
		f.Add(partImage(f, meta, options, want[:n]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		disk := vfs.NewMemory()
		if err := vfs.ReplaceFile(disk, fileName(meta.Position(), partSuffix), b); err != nil {
			t.Fatal(err)
		}
		s, err := Open(disk, ".", options)
		if err != nil {
			t.Fatal(err)
		}
		sink, at, err := s.Resume(meta)
		if err != nil {
			t.Fatal(err)
		}
		if at < 0 || at > meta.Size {
			t.Fatalf("resumed at %d of %d", at, meta.Size)
		}
		if _, err := sink.Write(want[at:]); err != nil {
			t.Fatal(err)
		}
		got, err := sink.Commit()
		if err != nil {
			if err := sink.Abort(); err != nil {
				t.Fatal(err)
			}
			return
		}
		if got.Size != meta.Size || got.Checksum != meta.Checksum {
			t.Errorf("%d bytes with checksum %08x became the image", got.Size, got.Checksum)
		}
	})
}

// partImage returns the file of an image of which b was received.
func partImage(t testing.TB, meta entry.SnapshotMeta, o Options, b []byte) []byte {
	t.Helper()
	disk := vfs.NewMemory()
	s, err := Open(disk, ".", o)
	if err != nil {
		t.Fatal(err)
	}
	sink, _, err := s.Resume(meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := sink.Abort(); err != nil {
		t.Fatal(err)
	}
	file, err := vfs.ReadFile(disk, fileName(meta.Position(), partSuffix), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// FuzzArchive opens arbitrary bytes as a backup: it is refused, or read to an error or to its announced end.
func FuzzArchive(f *testing.F) {
	image := goldenImage(f)
	f.Add(image)
	f.Add(archiveOf(f, image))
	f.Fuzz(func(t *testing.T, b []byte) {
		disk := vfs.NewMemory()
		if err := vfs.ReplaceFile(disk, "backup", b); err != nil {
			t.Fatal(err)
		}
		a, err := OpenArchive(disk, "backup")
		if err != nil {
			return
		}
		r, err := a.Open()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err == nil && n != a.Meta().Size {
			t.Errorf("%d bytes of an image of %d", n, a.Meta().Size)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// archiveOf returns a backup of some bytes.
func archiveOf(t testing.TB, b []byte) []byte {
	t.Helper()
	disk := vfs.NewMemory()
	meta := testMeta()
	meta.Size, meta.Checksum = int64(len(b)), entry.Checksum(b)
	sink, err := CreateArchive(disk, "backup", meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Commit(); err != nil {
		t.Fatal(err)
	}
	file, err := vfs.ReadFile(disk, "backup", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// goldenImage writes a small image and returns its file.
func goldenImage(t testing.TB) []byte {
	t.Helper()
	return writeFrozen(t, testMeta(), "forty bytes, in chunks of sixteen bytes.")
}

// TestGolden: the bytes of the format, as the first version wrote them, are still written.
// RAFT_UPDATE_GOLDEN=1 writes the file anew.
func TestGolden(t *testing.T) {
	const golden = "testdata/golden.snap.hex"
	got := hex.Dump(goldenImage(t))
	if os.Getenv("RAFT_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("the image's file differs from %s:\n%s", golden, got)
	}
}

// undump returns the bytes of a hexadecimal dump.
func undump(t *testing.T, dump string) []byte {
	t.Helper()
	var all []byte
	for line := range strings.Lines(dump) {
		if len(line) < 58 {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line[10:58], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// TestGoldenConfiguration1: an image whose configuration has the first version's bytes is still read.
func TestGoldenConfiguration1(t *testing.T) {
	dump, err := os.ReadFile("testdata/golden.configuration1.snap.hex")
	if err != nil {
		t.Fatal(err)
	}
	disk := vfs.NewMemory()
	name := fileName(testMeta().Position(), completeSuffix)
	if err := vfs.ReplaceFile(disk, name, undump(t, string(dump))); err != nil {
		t.Fatal(err)
	}
	s, err := Open(disk, ".", Options{Incarnation: 9})
	if err != nil {
		t.Fatal(err)
	}
	metas, err := s.List()
	if err != nil || len(metas) != 1 {
		t.Fatalf("%d images: %v", len(metas), err)
	}
	if got, want := metas[0].Configuration, testMeta().Configuration; !reflect.DeepEqual(got, want) {
		t.Errorf("configuration %v, want %v", got, want)
	}
}
