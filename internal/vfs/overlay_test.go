package vfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"testing"

	"v.io/x/ref/lib/raft/internal/vfs"
)

// TestOverlay does the same at random with a file of an overlay and with one in memory, and wants the same to be
// read; and what is below to stay what it was.
func TestOverlay(t *testing.T) {
	lower, twin := vfs.NewMemory(), vfs.NewMemory()
	random := rand.New(rand.NewPCG(1, 2))
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	before := bytesOf(10_000)
	must(t, vfs.ReplaceFile(lower, "f", before), vfs.ReplaceFile(twin, "f", before))
	over := vfs.NewOverlay(lower)
	a, errA := over.OpenWrite("f")
	b, errB := twin.OpenWrite("f")
	must(t, errA, errB)
	for range 500 {
		at, n := random.Int64N(20_000), random.IntN(9_000)
		switch random.IntN(4) {
		case 0:
			must(t, a.Truncate(at), b.Truncate(at))
		case 1:
			must(t, a.Preallocate(at), b.Preallocate(at))
		default:
			p := bytesOf(n)
			_, errA := a.WriteAt(p, at)
			_, errB := b.WriteAt(p, at)
			must(t, errA, errB)
		}
		got, want := make([]byte, 9_000), make([]byte, 9_000)
		from := random.Int64N(20_000)
		n, errA := a.ReadAt(got, from)
		m, errB := b.ReadAt(want, from)
		if n != m || (errA == nil) != (errB == nil) || !bytes.Equal(got[:n], want[:m]) {
			t.Fatalf("reads %d bytes (%v), want %d (%v)", n, errA, m, errB)
		}
		sizeA, errA := a.Size()
		sizeB, errB := b.Size()
		if must(t, errA, errB); sizeA != sizeB {
			t.Fatalf("size %d, want %d", sizeA, sizeB)
		}
	}
	must(t, a.Close(), b.Close(), over.Close())
	if got := content(t, lower, "f"); got != string(before) {
		t.Error("the file below was changed")
	}
	if n := lower.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

// TestOverlayNames: names are made, moved and removed above only.
func TestOverlayNames(t *testing.T) {
	lower := vfs.NewMemory()
	must(t, vfs.ReplaceFile(lower, "a", []byte("1")), vfs.ReplaceFile(lower, "b", []byte("2")))
	over := vfs.NewOverlay(lower)
	if _, err := over.Create("a"); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	f, err := over.Create("new")
	must(t, err)
	_, err = f.WriteAt([]byte("3"), 0)
	must(t, err, f.Close(), over.Rename("new", "b"), over.Remove("a"), over.Rename("b", "c"))
	for _, name := range []string{"a", "b", "new"} {
		if _, err := over.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := over.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	infos, err := over.ReadDir(".")
	if must(t, err); len(infos) != 1 || infos[0] != (vfs.Info{Name: "c", Size: 1}) {
		t.Errorf("above: %v", infos)
	}
	if content(t, over, "c") != "3" || content(t, lower, "a") != "1" || content(t, lower, "b") != "2" {
		t.Error("the contents are not what they should be")
	}
	must(t, over.MkdirAll("."), over.SyncDir("."))
	if over.MkdirAll("d") == nil || over.MkdirAll("b") == nil {
		t.Error("a directory was made")
	}
	must(t, over.Close())
}
