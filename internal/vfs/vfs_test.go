package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/internal/vfs"
)

// eachFS runs a test on every implementation, in an empty directory.
func eachFS(t *testing.T, run func(t *testing.T, fsys vfs.FS, dir string)) {
	pass := func(vfs.Op) vfs.Fault { return vfs.Fault{} }
	t.Run("os", func(t *testing.T) { run(t, vfs.OS(), t.TempDir()) })
	t.Run("memory", func(t *testing.T) { run(t, vfs.NewMemory(), ".") })
	t.Run("faulty memory", func(t *testing.T) { run(t, vfs.NewFaulty(vfs.NewMemory(), pass), "/") })
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, fsys vfs.FS, name, content string) vfs.File {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	_, err = f.WriteAt([]byte(content), 0)
	must(t, err)
	return f
}

func content(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name, 1<<20)
	must(t, err)
	return string(b)
}

// TestFiles: what is written is read, at any place, and sizes are right.
func TestFiles(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		f := create(t, fsys, name, "hello")
		if f.Name() != name {
			t.Errorf("name %q, want %q", f.Name(), name)
		}
		_, err := f.WriteAt([]byte("far"), 2000)
		must(t, err, f.Sync())
		if size, err := f.Size(); err != nil || size != 2003 {
			t.Errorf("size %d, %v", size, err)
		}
		b := make([]byte, 10)
		if n, err := f.ReadAt(b, 1998); n != 5 || err != io.EOF || !bytes.Equal(b[:5], []byte("\x00\x00far")) {
			t.Errorf("read %d bytes %q at the end, %v", n, b[:n], err)
		}
		must(t, f.Preallocate(5000), f.Preallocate(10))
		if size, err := f.Size(); err != nil || size != 5000 {
			t.Errorf("size %d after preallocation, %v", size, err)
		}
		must(t, f.Truncate(3), f.Truncate(6))
		if got := content(t, fsys, name); got != "hel\x00\x00\x00" {
			t.Errorf("content %q after truncation", got)
		}
		must(t, f.Close())
		if _, err := f.ReadAt(b, 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("reading a closed file: %v", err)
		}
		if f.Close() == nil {
			t.Error("a file was closed twice")
		}
		var large *vfs.TooLargeError
		if _, err := vfs.ReadFile(fsys, name, 5); !errors.As(err, &large) || large.Size != 6 {
			t.Errorf("reading 6 bytes with a limit of 5: %v", err)
		}
	})
}

// TestDataEnd: nothing but zeros lies behind it, whether what was written is synced or not.
func TestDataEnd(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := create(t, fsys, filepath.Join(dir, "f"), "")
		for _, end := range []int64{0, 5, 300_000, 700_000} {
			if end > 0 {
				_, err := f.WriteAt([]byte("data."), end-5)
				must(t, err)
			}
			if end == 300_000 {
				must(t, f.Preallocate(1<<20), f.Sync())
			}
			if got, err := f.DataEnd(); err != nil || got < end || got > 1<<20 {
				t.Errorf("data ends at %d, want %d: %v", got, end, err)
			}
		}
		must(t, f.Close())
		if _, err := f.DataEnd(); err == nil {
			t.Error("a closed file tells")
		}
	})
}

// TestMove: a file is given a name in another directory, with its content and whoever has it open.
func TestMove(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		a, aside := filepath.Join(dir, "a"), filepath.Join(dir, "aside")
		f := create(t, fsys, a, "A")
		must(t, fsys.MkdirAll(aside), fsys.Rename(a, filepath.Join(aside, "b")))
		must(t, fsys.SyncDir(aside), fsys.SyncDir(dir))
		if got := content(t, fsys, filepath.Join(aside, "b")); got != "A" {
			t.Errorf("content %q after the move", got)
		}
		if _, err := fsys.Stat(a); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of the old name: %v", err)
		}
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, 0); err != nil || b[0] != 'A' {
			t.Errorf("reading what was open before the move: %q, %v", b, err)
		}
		must(t, f.Close())
		if fsys.Rename(filepath.Join(aside, "b"), filepath.Join(dir, "nowhere", "b")) == nil {
			t.Error("a file was moved to a directory that is not there")
		}
	})
}

// TestNames: creating, opening, renaming and removing.
func TestNames(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		fa, fb := create(t, fsys, a, "A"), create(t, fsys, b, "B")
		if _, err := fsys.Create(a); !errors.Is(err, fs.ErrExist) {
			t.Errorf("creating what exists: %v", err)
		}
		must(t, fsys.Rename(a, b), fsys.SyncDir(dir))
		if got := content(t, fsys, b); got != "A" {
			t.Errorf("content %q after the rename", got)
		}
		for _, open := range []func(string) (vfs.File, error){fsys.Open, fsys.OpenWrite} {
			if _, err := open(a); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("opening the old name: %v", err)
			}
		}
		if fsys.Remove(a) == nil || fsys.Rename(a, b) == nil {
			t.Error("a name that is not there was removed or renamed")
		}
		must(t, fsys.Remove(b))
		got := make([]byte, 1)
		if _, err := fb.ReadAt(got, 0); err != nil || got[0] != 'B' {
			t.Errorf("reading a replaced file that is open: %q, %v", got, err)
		}
		must(t, fa.Close(), fb.Close())
		if _, err := fsys.Stat(b); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of a removed name: %v", err)
		}
	})
}

// TestReadOnly: a file opened for reading is not written.
func TestReadOnly(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		must(t, create(t, fsys, name, "old").Close())
		f, err := fsys.Open(name)
		must(t, err)
		if _, err := f.WriteAt([]byte("new"), 0); err == nil {
			t.Error("it was written")
		}
		must(t, f.Close())
		w, err := fsys.OpenWrite(name)
		must(t, err)
		_, err = w.WriteAt([]byte("new"), 0)
		must(t, err, w.Close())
		if got := content(t, fsys, name); got != "new" {
			t.Errorf("content %q", got)
		}
	})
}

// TestDirectories: making with parents, listing in order, and what stands in the way.
func TestDirectories(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		deep := filepath.Join(dir, "x", "y")
		must(t, fsys.MkdirAll(deep), fsys.MkdirAll(deep))
		must(t, create(t, fsys, filepath.Join(dir, "z"), "12").Close(), create(t, fsys, filepath.Join(dir, "b"), "").Close())
		list, err := fsys.ReadDir(dir)
		must(t, err)
		want := []vfs.Info{{Name: "b"}, {Name: "x", Dir: true}, {Name: "z", Size: 2}}
		if !slices.Equal(list, want) {
			t.Errorf("listed %v, want %v", list, want)
		}
		for name, want := range map[string]vfs.Info{
			deep: {Name: "y", Dir: true}, filepath.Join(dir, "z"): {Name: "z", Size: 2},
		} {
			if got, err := fsys.Stat(name); err != nil || got != want {
				t.Errorf("stat %s: %v, %v", name, got, err)
			}
		}
		if err := fsys.MkdirAll(filepath.Join(dir, "z")); err == nil || !strings.Contains(err.Error(), "is a file") {
			t.Errorf("a directory where a file is: %v", err)
		}
		if fsys.MkdirAll(filepath.Join(dir, "z", "under")) == nil {
			t.Error("a directory was made under a file")
		}
		if fsys.Remove(filepath.Join(dir, "x")) == nil {
			t.Error("a directory that is not empty was removed")
		}
		must(t, fsys.Remove(deep), fsys.Remove(filepath.Join(dir, "x")))
		if _, err := fsys.ReadDir(deep); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("listing what is not there: %v", err)
		}
		if fsys.SyncDir(deep) == nil {
			t.Error("a directory that is not there was synced")
		}
		if _, err := fsys.Create(filepath.Join(deep, "f")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("creating in a directory that is not there: %v", err)
		}
	})
}

// TestLock: one owner at a time, and the lock ends with Close.
func TestLock(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "LOCK")
		for range 2 {
			lock, err := fsys.Lock(name)
			must(t, err)
			if _, err := fsys.Lock(name); !errors.Is(err, vfs.ErrLocked) {
				t.Errorf("a second owner: %v", err)
			}
			must(t, lock.Close())
		}
	})
}

// TestReplaceFile: the content is replaced as a whole, also when an attempt before left something.
func TestReplaceFile(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		must(t, create(t, fsys, name+".tmp", "left over").Close())
		for _, want := range []string{"one", "a longer one", ""} {
			must(t, vfs.ReplaceFile(fsys, name, []byte(want)))
			if got := content(t, fsys, name); got != want {
				t.Errorf("content %q, want %q", got, want)
			}
		}
		if list, err := fsys.ReadDir(dir); err != nil || len(list) != 1 {
			t.Errorf("the directory holds %v, %v", list, err)
		}
	})
}

// TestReplaceFileCrash: after a crash at any time the content is the old or the new one.
func TestReplaceFileCrash(t *testing.T) {
	for at := 0; ; at++ {
		disk := vfs.NewMemory()
		must(t, vfs.ReplaceFile(disk, "f", []byte("old")))
		changes, failed := 0, errors.New("the power is gone")
		err := vfs.ReplaceFile(vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
			if op.Changes() {
				changes++
			}
			if changes > at && op.Kind != vfs.OpClose {
				return vfs.Fault{Err: failed}
			}
			return vfs.Fault{}
		}), "f", bytes.Repeat([]byte("new"), 300))
		for mask := range uint64(1) << len(disk.Pending()) {
			got := content(t, disk.Crash(vfs.Subset(mask)), "f")
			if whole := got == strings.Repeat("new", 300); !whole && (got != "old" || err == nil) {
				t.Fatalf("%d changes, kept %b: %q", at, mask, got)
			}
		}
		if err == nil {
			return
		}
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
	}
}
