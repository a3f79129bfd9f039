package raft

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/entry"
)

// flipCommand changes a byte of a command in the log of a member that is stopped.
func flipCommand(t *testing.T, dir, command string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(names) == 0 {
		t.Fatalf("segments %v, %v", names, err)
	}
	name := slices.Min(names)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte(command))
	if at < 0 {
		t.Fatalf("%q is not in %s", command, name)
	}
	flip(t, name, int64(at), 1)
}

// askStatus asks a member for its status as a client does.
func (c *cluster) askStatus(i int) MemberStatus {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.principal("user"), patience)
	defer cancel()
	s, err := MemberClient("/"+c.members[i].ID()).Status(ctx, directly...)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// TestStatsTellOfDamage flips a byte of a command on the disk of a member that is stopped: figures and events
// tell what cannot be read, that it is healed, and how far the scrub is.
func TestStatsTellOfDamage(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	var want []string
	for i := range 10 {
		want = append(want, fmt.Sprint("command ", i))
		c.append(c.leader(), want[i])
	}
	c.agree(want)
	hurt := (c.leader() + 1) % 3
	m := c.members[hurt]
	c.stop(hurt)
	flipCommand(t, m.config.LogDir, "command 5")
	m.client = &journal{}
	r, err := NewRaft(m.ctx, &m.config, m.client)
	if err != nil {
		t.Fatal(err)
	}
	m.Raft, m.up = r, true
	d := r.Stats().Damage
	if d.Entries != 1 || d.First == 0 || d.Repaired != 0 {
		t.Errorf("with damage the figures are %+v", d)
	}
	events := r.Subscribe(0)
	defer events.Close()
	if before := r.(*raft).memberStatus(); before.Damaged != 1 || before.Healed != 0 {
		t.Errorf("with damage it would tell clients %+v", before)
	}
	r.Start()
	seen := until(t, c, events, "damage", func(e Event) bool { return e.Kind == EventDamage })
	if last := seen[len(seen)-1]; last.Index != d.First || !errors.Is(last.Err, entry.ErrCorrupt) {
		t.Errorf("the event is %+v, want damage at %d", last, d.First)
	}
	until(t, c, events, "the end of it", func(e Event) bool { return e.Kind == EventHealed })
	c.agree(want)
	if d := r.Stats().Damage; d.Entries != 0 || d.First != 0 || d.Repaired != 1 || d.Images != 0 {
		t.Errorf("healed, the figures are %+v", d)
	}
	if now := c.askStatus(hurt); now.Damaged != 0 || now.Healed != 1 || now.Images != 0 || now.Former != 0 {
		t.Errorf("healed, it tells clients %+v", now)
	}
	eventually(t, "a pass of the scrub", func() bool { return r.Stats().Damage.ScrubPasses > 0 })
}
