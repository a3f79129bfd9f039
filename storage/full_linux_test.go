package storage_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
)

const fullDir = "RAFT_STORAGE_TEST_FULL_DIR"

// TestFullDisk fills a real file system, a tmpfs of two megabytes in a name space of its own, or where that is
// not allowed one whose files the process may not make longer (RLIMIT_FSIZE): entries are refused, votes
// are taken, the log goes on when there is space, and everything that was stored is there.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(fullDir); dir != "" {
		fillDisk(t, dir)
		return
	}
	for _, kind := range []string{"tmpfs", "rlimit"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
			child.Env = append(os.Environ(), fullDir+"="+dir, "RAFT_STORAGE_TEST_FULL_KIND="+kind)
			if kind == "tmpfs" {
				child.SysProcAttr = &syscall.SysProcAttr{
					Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
					UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
					GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
				}
			}
			out, err := child.CombinedOutput()
			if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
				t.Logf("this machine gives no name space to users: %v", err)
				return
			}
			if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFullDisk")) {
				t.Fatalf("the child: %v\n%s", err, out)
			}
		})
	}
}

// limitSpace makes the file system at dir small, and returns how to make it larger.
func limitSpace(t *testing.T, dir string) (more func()) {
	if os.Getenv("RAFT_STORAGE_TEST_FULL_KIND") == "tmpfs" {
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size=2m"); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=16m"); err != nil {
				t.Fatal(err)
			}
		}
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	small := before
	small.Cur = 256 << 10 // the segment that is there, and less than the next
	set := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "member"), 0o750); err != nil {
		t.Fatal(err)
	}
	o := options
	o.SegmentSize = 256 << 10
	d, err := storage.OS(filepath.Join(dir, "member"), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	set(small)
	return func() { set(before) }
}

// fillDisk is the child.
func fillDisk(t *testing.T, root string) {
	more := limitSpace(t, root)
	dir := filepath.Join(root, "member")
	o := options
	o.SegmentSize = 512 << 10
	d, err := storage.OS(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Log().Recover(); err != nil {
		t.Fatal(err)
	}
	last := entry.Index(0)
	for ; err == nil && last < 1_000_000; last++ {
		err = d.Log().Store(&entry.Batch{Blocks: []*entry.Block{blockOf(last + 1)}})
	}
	last--
	if !errors.Is(err, entry.ErrNoSpace) || d.Log().Room(true) {
		t.Fatalf("after %d entries: %v", last, err)
	}
	vote := entry.HardState{Term: 9, Vote: "v"}
	if err := d.Log().Store(&entry.Batch{Hard: &vote}); err != nil || d.Log().Room(true) {
		t.Fatalf("a vote on a full file system: %v", err)
	}
	more()
	if !d.Log().Room(true) {
		t.Fatal("there is space, and Room does not see it")
	}
	if err := d.Log().Store(&entry.Batch{Blocks: []*entry.Block{blockOf(last + 1)}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = storage.OS(dir, o); err != nil {
		t.Fatal(err)
	}
	rec, err := d.Log().Recover()
	if err != nil || rec.Last != last+1 || rec.Hard != vote || rec.Damaged != nil {
		t.Fatalf("recovered %+v, want %d entries and %v: %v", rec, last+1, vote, err)
	}
	if _, err := d.Log().Read(1, 100, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
