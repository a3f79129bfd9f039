package storage_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

var options = storage.Options{Member: "host:1", Incarnation: 0xabcdef, SegmentSize: 64 << 10}

// oneEntry is a batch with a vote and entry i.
func oneEntry(i entry.Index) *entry.Batch {
	payload := []byte("payload")
	var b entry.Builder
	b.Add(entry.Header{Index: i, Term: 1, Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
	return &entry.Batch{Hard: &entry.HardState{Term: 1, Vote: "v"}, Blocks: []*entry.Block{b.Block()}}
}

// putFile makes a file in a directory that may not be there yet.
func putFile(t *testing.T, fsys vfs.FS, dir, name string, content []byte) {
	t.Helper()
	if err := fsys.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := vfs.ReplaceFile(fsys, filepath.Join(dir, name), content); err != nil {
		t.Fatal(err)
	}
}

// listing returns everything in a directory, names and contents.
func listing(t *testing.T, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	infos, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, info := range infos {
		b, err := vfs.ReadFile(fsys, filepath.Join(dir, info.Name), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Name] = string(b)
	}
	return all
}

// TestLife: a directory is created with its parents, keeps identity, log and snapshots over a restart,
// and says whether it is new.
func TestLife(t *testing.T) {
	eachFS(t, func(t *testing.T, newPlace func() (vfs.FS, string)) {
		fsys, dir := newPlace()
		dir = filepath.Join(dir, "deep", "down")
		d := open(t, fsys, dir, options)
		if !d.Created() || d.Path() != dir {
			t.Errorf("created %v at %s", d.Created(), d.Path())
		}
		if _, err := d.Log().Recover(); err != nil {
			t.Fatal(err)
		}
		set := []entry.MemberID{"host:2", "host:1", "host:2"}
		err := errors.Join(d.Log().Store(oneEntry(1)), d.SetInitial(set, []byte{1, 2}), d.SetCluster(entry.ClusterID{5}))
		if err != nil {
			t.Fatal(err)
		}
		sink, err := d.Snapshots().Create(entry.SnapshotMeta{Index: 1, Term: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sink.Commit(); err != nil {
			t.Fatal(err)
		}
		want := d.Identity()
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			t.Fatal(err)
		}
		again := options
		again.Member, again.Incarnation = "", 99
		d = open(t, fsys, dir, again)
		if got := d.Identity(); d.Created() || !reflect.DeepEqual(got, want) || got.Incarnation != 0xabcdef ||
			!reflect.DeepEqual(got.Initial, []entry.MemberID{"host:1", "host:2"}) {
			t.Errorf("identity %+v, want %+v", got, want)
		}
		rec, err := d.Log().Recover()
		if err != nil || rec.Last != 1 || rec.Hard.Vote != "v" {
			t.Errorf("recovered %+v, %v", rec, err)
		}
		if list, err := d.Snapshots().List(); err != nil || len(list) != 1 {
			t.Errorf("snapshots %v, %v", list, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// refusal is a directory that Open, or Recover behind it, must refuse.
type refusal struct {
	name    string
	prepare func(t *testing.T, fsys vfs.FS, dir string)
	options storage.Options
	is      error
	says    string
}

// fresh makes a member's directory.
func fresh(t *testing.T, fsys vfs.FS, dir string) {
	t.Helper()
	if err := open(t, fsys, dir, options).Close(); err != nil {
		t.Fatal(err)
	}
}

// freshWithout makes a member's directory and removes a file from it.
func freshWithout(name string) func(*testing.T, vfs.FS, string) {
	return func(t *testing.T, fsys vfs.FS, dir string) {
		fresh(t, fsys, dir)
		if err := fsys.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// with makes a directory with one file.
func with(name, content string) func(*testing.T, vfs.FS, string) {
	return func(t *testing.T, fsys vfs.FS, dir string) { putFile(t, fsys, dir, name, []byte(content)) }
}

var refusals = []refusal{
	{"foreign files", with("thesis.tex", "years of work"), options, storage.ErrForeign, "thesis.tex"},
	{"log without identity", freshWithout("identity"), options, storage.ErrForeign, "put the identity file back"},
	{"identity is something else", with("identity", "-----BEGIN KEY-----\n"), options, storage.ErrIdentity, "first line"},
	{"empty identity", with("identity", ""), options, storage.ErrIdentity, "first line"},
	{"later version", with("identity", "raft-directory 2 sha256=00\n"), options, storage.ErrIdentity,
		"format version 2, this library reads version 1"},
	{"another member", fresh, storage.Options{Member: "host:2", Incarnation: 1}, storage.ErrIdentity,
		`belongs to member "host:1", not to "host:2"`},
	{"no log", freshWithout("00000000000000000001.00000000000000000000.log"), options, entry.ErrCorrupt,
		"no log segment"},
	{"snapshot of a later version", func(t *testing.T, fsys vfs.FS, dir string) {
		fresh(t, fsys, dir)
		later := append([]byte("raftsnp\x01\x02\x00\x00\x00"), make([]byte, 100)...)
		putFile(t, fsys, dir, "00000000000000000001.00000000000000000009.snap", later)
	}, options, snapshot.ErrForeign, "format version 2"},
	{"no incarnation", func(*testing.T, vfs.FS, string) {}, storage.Options{}, nil, "random number"},
}

// TestRefuses: what is not this member's directory is refused by name, and stays as it was.
func TestRefuses(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			eachFS(t, func(t *testing.T, newPlace func() (vfs.FS, string)) {
				fsys, dir := newPlace()
				if err := fsys.MkdirAll(dir); err != nil {
					t.Fatal(err)
				}
				c.prepare(t, fsys, dir)
				c.check(t, fsys, dir)
			})
		})
	}
}

// check opens the directory, wants the error, and looks for traces of the attempt.
func (c refusal) check(t *testing.T, fsys vfs.FS, dir string) {
	before := listing(t, fsys, dir)
	d, err := storage.Open(fsys, dir, c.options)
	if err == nil {
		if _, err = d.Log().Recover(); err != nil {
			err = errors.Join(err, d.Close())
		}
	}
	if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
		t.Fatalf("got %v, want an error with %q", err, c.says)
	}
	after := listing(t, fsys, dir)
	delete(after, "LOCK")
	delete(before, "LOCK")
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the directory held %d files, it holds %d, or others", len(before), len(after))
	}
	lock, err := fsys.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		t.Fatalf("the lock was kept: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestUnderFile: a path that is a regular file, or lies under one, is refused.
func TestUnderFile(t *testing.T) {
	eachFS(t, func(t *testing.T, newPlace func() (vfs.FS, string)) {
		fsys, dir := newPlace()
		putFile(t, fsys, dir, "file", []byte("content"))
		for _, path := range []string{filepath.Join(dir, "file"), filepath.Join(dir, "file", "below"), ""} {
			if _, err := storage.Open(fsys, path, options); err == nil {
				t.Errorf("%q was opened", path)
			} else if !strings.Contains(err.Error(), filepath.Join(path)) && path != "" {
				t.Errorf("%q: %v", path, err)
			}
		}
	})
}

// TestIdentityFlips changes every byte of the identity file: it is refused, and no other identity is read.
func TestIdentityFlips(t *testing.T) {
	disk := vfs.NewMemory()
	d := open(t, disk, "d", options)
	set := []entry.MemberID{"a", "b\x00\xff", "hex:c"}
	if err := errors.Join(d.SetInitial(set, []byte("print")), d.Close()); err != nil {
		t.Fatal(err)
	}
	want := d.Identity()
	size := len(listing(t, disk, "d")["identity"])
	for i := range 8 * size {
		after := disk.Crash(vfs.Keep)
		if err := after.Damage("d/identity", int64(i/8), 1<<(i%8)); err != nil {
			t.Fatal(err)
		}
		d, err := storage.Open(after, "d", options)
		if err == nil && !reflect.DeepEqual(d.Identity(), want) || err != nil && !errors.Is(err, storage.ErrIdentity) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
}

// TestSetOnce: member, cluster and initial set are recorded once; another one is refused and named.
func TestSetOnce(t *testing.T) {
	d := open(t, vfs.NewMemory(), "d", storage.Options{Incarnation: 1})
	a, b := []entry.MemberID{"a", "b"}, []entry.MemberID{"a", "c"}
	for range 2 {
		if err := errors.Join(d.SetMember("m"), d.SetCluster(entry.ClusterID{1}), d.SetInitial(a, []byte("f"))); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"member": d.SetMember("n"), "cluster": d.SetCluster(entry.ClusterID{2}), "set": d.SetInitial(b, []byte("f")),
		"fingerprint": d.SetInitial(a, []byte("g")),
	} {
		if !errors.Is(err, storage.ErrIdentity) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.SetMember("m"); err == nil {
		t.Error("a closed directory was changed")
	}
}

// TestCrashCreate cuts the power at every sync while a directory is created and named: the next Open
// completes it, whatever survived, with what had been set.
func TestCrashCreate(t *testing.T) {
	for at := 0; ; at++ {
		disk := vfs.NewMemory()
		syncs, broken := 0, false
		d, err := storage.Open(vfs.NewFaulty(disk, func(op vfs.Op) vfs.Fault {
			if op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncDir {
				syncs++
				broken = broken || syncs > at
			}
			if broken && op.Kind != vfs.OpClose {
				return vfs.Fault{Err: errors.New("the power is gone")}
			}
			return vfs.Fault{}
		}), "d", options)
		set := false
		if err == nil {
			set = d.SetCluster(entry.ClusterID{3}) == nil
		}
		units := len(disk.Pending())
		for mask := range uint64(1) << min(units, 10) {
			after := disk.Crash(vfs.Subset(mask))
			d, err := storage.Open(after, "d", options)
			if err != nil {
				t.Fatalf("sync %d, kept %b: %v", at, mask, err)
			}
			if _, err := d.Log().Recover(); err != nil {
				t.Fatalf("sync %d, kept %b: %v", at, mask, err)
			}
			if set && d.Identity().Cluster != (entry.ClusterID{3}) {
				t.Fatalf("sync %d, kept %b: the cluster's id is lost", at, mask)
			}
		}
		if !broken {
			return
		}
	}
}

// TestSecondOpener: a directory has one owner, in one process and across processes.
func TestSecondOpener(t *testing.T) {
	eachFS(t, func(t *testing.T, newPlace func() (vfs.FS, string)) {
		fsys, dir := newPlace()
		first := open(t, fsys, dir, options)
		if _, err := storage.Open(fsys, dir, options); !errors.Is(err, storage.ErrLocked) {
			t.Fatalf("a second opener: %v", err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if err := open(t, fsys, dir, options).Close(); err != nil {
			t.Fatal(err)
		}
	})
}

const childDir = "RAFT_STORAGE_TEST_CHILD_DIR"

// TestSecondProcess starts this test again as a child that holds a directory until it is killed.
func TestSecondProcess(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		holdForEver(t, dir)
	}
	dir := filepath.Join(t.TempDir(), "member")
	child := exec.Command(os.Args[0], "-test.run=^TestSecondProcess$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("held\n"))
	if n, err := out.Read(line); err != nil || !bytes.HasPrefix(line[:n], []byte("held")) {
		t.Fatalf("the child said %q, %v", line[:n], err)
	}
	if _, err := storage.OS(dir, options); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("while another process holds it: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	d, err := storage.OS(dir, options)
	if err != nil {
		t.Fatalf("after the death of its owner: %v", err)
	}
	rec, err := d.Log().Recover()
	if err != nil || rec.Last != 1 {
		t.Errorf("recovered %+v, %v", rec, err)
	}
	if err := errors.Join(d.Close(), ignoreClosed(stdin.Close())); err != nil {
		t.Fatal(err)
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// holdForEver is the child: it says when it has the directory, and reads until it is killed.
func holdForEver(t *testing.T, dir string) {
	d, err := storage.OS(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Log().Recover(); err != nil {
		t.Fatal(err)
	}
	if err := d.Log().Store(oneEntry(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stdout.WriteString("held\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}
