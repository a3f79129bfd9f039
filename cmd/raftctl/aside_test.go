package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
)

// withoutVote makes the directory of member a of three, with an entry that has their configuration and a vote of
// which both copies are changed then.
func withoutVote(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "a")
	d, err := storage.OS(dir, storage.Options{Member: "a", Incarnation: 7, SegmentSize: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Log().Recover(); err != nil {
		t.Fatal(err)
	}
	f := found("a", 3, entry.Position{}, 0)
	f.inForce.Members[0].Incarnation = 7
	payload := entry.AppendConfiguration(nil, f.inForce)
	var b entry.Builder
	b.Add(entry.Header{Kind: entry.KindConfiguration, Index: 1, Term: 1, Size: uint32(len(payload)),
		PayloadSum: entry.Checksum(payload)}, payload)
	const whom = "the one who got the newest vote"
	hard := entry.HardState{Term: 2, Vote: whom}
	err = errors.Join(d.Log().Store(&entry.Batch{Hard: &entry.HardState{Term: 1}, Blocks: []*entry.Block{b.Block()}}),
		d.Log().Store(&entry.Batch{Hard: &hard}), d.Close())
	names, failed := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || failed != nil || len(names) != 1 {
		t.Fatal(err, failed, names)
	}
	content, err := os.ReadFile(names[0])
	if err != nil || bytes.Count(content, []byte(whom)) != 2 {
		t.Fatalf("the vote stands there %d times, %v", bytes.Count(content, []byte(whom)), err)
	}
	content = bytes.ReplaceAll(content, []byte(whom), []byte(strings.ToUpper(whom)))
	if err := os.WriteFile(names[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// factsOf surveys a directory.
func factsOf(t *testing.T, dir string) facts {
	t.Helper()
	std := command.Streams{In: strings.NewReader(""), Out: new(strings.Builder), Err: new(strings.Builder)}
	s, err := survey(t.Context(), std, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := closeAll([]*survivor{s}); err != nil {
		t.Fatal(err)
	}
	return s.facts
}

// TestLostVote: a plan may go on from a directory of which only the newest vote is lost, where the member left it
// and where that was set aside; one that began anew names the place.
func TestLostVote(t *testing.T) {
	dir := withoutVote(t)
	if f := factsOf(t, dir); !f.voteless || f.unfit != "" || f.last != at(1, 1) || len(f.inForce.Members) != 3 {
		t.Errorf("with a lost vote: %+v", f)
	}
	d, err := storage.OS(dir, storage.Options{Incarnation: 8, Renew: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(dir, "lost-0000000000000007")
	if f := factsOf(t, dir); f.voteless || !strings.Contains(f.unfit, "what it had is in "+lost) {
		t.Errorf("begun anew: %+v", f)
	}
	if f := factsOf(t, lost); !f.voteless || f.unfit != "" || f.last != at(1, 1) || f.identity.Incarnation != 7 {
		t.Errorf("set aside: %+v", f)
	}
}
