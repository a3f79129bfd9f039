package storage_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
)

// former is the configuration of the cluster whose state is taken over.
var former = entry.Configuration{Cluster: entry.ClusterID{1}, Level: 1,
	Members: []entry.Member{{ID: "a", Incarnation: 7}, {ID: "b"}, {ID: "c"}}, Removed: []entry.MemberID{"d"}}

// founding is one with an image at (9, 2) and entries 10 to 12, of which 11 is a configuration.
func founding(image io.Reader) storage.Founding {
	var b entry.Builder
	change := entry.AppendConfiguration(nil, former)
	b.Add(entry.Header{Index: 10, Term: 2, Kind: entry.KindCommand, Size: 3, PayloadSum: entry.Checksum([]byte("ten"))},
		[]byte("ten"))
	b.Add(entry.Header{Index: 11, Term: 3, Kind: entry.KindConfiguration, Size: uint32(len(change)),
		PayloadSum: entry.Checksum(change)}, change)
	b.Add(entry.Header{Index: 12, Term: 3, PayloadSum: entry.Checksum(nil)}, nil)
	blocks := []*entry.Block{b.Block(), nil}
	return storage.Founding{
		Member: "new:1", Cluster: entry.ClusterID{9}, Incarnation: 99, Term: 5,
		Image: &storage.FoundingImage{Bytes: image,
			Meta: entry.SnapshotMeta{Index: 9, Term: 2, Size: -1, Configuration: former}},
		Next: func() (*entry.Block, error) { next := blocks[0]; blocks = blocks[1:]; return next, nil },
	}
}

// TestFound makes a directory of another cluster's state, and finds that state in it under the new set.
func TestFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "to", "log")
	if err := os.MkdirAll(path+".founding", 0o700); err != nil {
		t.Fatal(err)
	}
	putFile(t, vfs.OS(), path+".founding", "left", []byte("by an earlier attempt"))
	f := founding(strings.NewReader("the state"))
	told := int64(0)
	f.Progress = func(done int64) { told = done }
	if err := storage.Found(vfs.OS(), path, f); err != nil {
		t.Fatal(err)
	}
	if told <= int64(len("the state")) {
		t.Errorf("progress ended with %d bytes", told)
	}
	d := open(t, vfs.OS(), path, storage.Options{Incarnation: 1})
	defer d.Close()
	if id := d.Identity(); id.Member != f.Member || id.Cluster != f.Cluster || id.Incarnation != f.Incarnation {
		t.Errorf("identity %+v", id)
	}
	rec, err := d.Log().Recover()
	if err != nil || rec.Base != (entry.Position{Index: 9, Term: 2}) || rec.Last != 12 || rec.Hard.Term != 5 ||
		rec.Hard.Vote != "" {
		t.Fatalf("recovered %+v, %v", rec, err)
	}
	block, err := d.Log().Read(10, 12, 1<<20)
	if err != nil || string(block.Payload(10)) != "ten" || block.Term(12) != 3 {
		t.Fatalf("read %v", err)
	}
	inForce, err := entry.DecodeConfiguration(block.Payload(11))
	if err != nil {
		t.Fatal(err)
	}
	metas, err := d.Snapshots().List()
	if err != nil || len(metas) != 1 {
		t.Fatalf("%d images, %v", len(metas), err)
	}
	for _, c := range []entry.Configuration{inForce, metas[0].Configuration} {
		if c.Cluster != f.Cluster || len(c.Members) != 1 || c.Members[0].ID != f.Member ||
			c.Members[0].Incarnation != f.Incarnation || len(c.Removed) != 0 || c.Level != former.Level {
			t.Errorf("configuration %+v", c)
		}
	}
	r, err := d.Snapshots().Open(metas[0].ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	state, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(state, []byte("the state")) {
		t.Errorf("state %q, %v", state, err)
	}
	if err := storage.Found(vfs.OS(), path, founding(nil)); !errors.Is(err, storage.ErrNotEmpty) {
		t.Errorf("over a member's directory: %v", err)
	}
}

// TestFoundFails: a founding that fails leaves nothing under its name, nor beside it.
func TestFoundFails(t *testing.T) {
	planted := errors.New("planted")
	short := founding(strings.NewReader("the state"))
	short.Image.Meta.Size = 4
	torn := founding(strings.NewReader("the state"))
	torn.Next = func() (*entry.Block, error) { return nil, planted }
	nobody := founding(strings.NewReader("the state"))
	nobody.Member = ""
	for name, f := range map[string]storage.Founding{
		"reading": founding(iotest.ErrReader(planted)), "size": short, "entries": torn, "nobody": nobody,
	} {
		place := t.TempDir()
		if err := storage.Found(vfs.OS(), filepath.Join(place, "log"), f); err == nil {
			t.Errorf("%s: it succeeds", name)
		}
		if left, err := os.ReadDir(place); err != nil || len(left) > 0 {
			t.Errorf("%s: it left %v, %v", name, left, err)
		}
	}
}
