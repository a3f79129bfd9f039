package raft

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/wal"
)

// logFlips is how many bytes TestFlippedLog changes; 200 take minutes.
var logFlips = flag.Int("log-flips", 6, "how many bytes of logs TestFlippedLog changes, one at a time")

// flipInLog changes a byte of a log segment among those that were written, and returns what undoes it.
func flipInLog(t *testing.T, name string, random *rand.Rand) (offset int64, undo func()) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 1<<20)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 {
		t.Fatal(err)
	}
	offset = random.Int64N(int64(len(bytes.TrimRight(head[:n], "\x00"))))
	mask := byte(1 + random.IntN(255))
	put := func(b byte) {
		if _, err := f.WriteAt([]byte{b}, offset); err != nil {
			t.Fatal(err)
		}
	}
	put(head[offset] ^ mask)
	return offset, func() {
		put(head[offset])
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// faults reads a stopped member's log whole and returns how many places are not what was written. With mend it
// puts right what the log itself can.
func faults(t *testing.T, dir string, mend bool) (places int) {
	t.Helper()
	i, err := storage.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = i.Log(wal.Inspector{Mend: mend, Fault: func(wal.Fault) { places++ }})
	if errors.Is(err, entry.ErrCorrupt) { // for which the log is refused
		places, err = places+1, nil
	}
	if err := errors.Join(err, i.Close()); err != nil {
		t.Fatal(err)
	}
	return places
}

// wantReadable reads every entry of a stopped member's log from the disk that its newest image does not cover.
func wantReadable(t *testing.T, dir string) {
	t.Helper()
	d, err := storage.OS(dir, storage.Options{Incarnation: 1})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := d.Log().Recover()
	if err != nil || rec.Held != (entry.Position{}) {
		t.Fatalf("a member that was ready left a log that lost its end up to %v: %v", rec.Held, err)
	}
	images, err := d.Snapshots().List()
	if err != nil {
		t.Fatal(err)
	}
	next := rec.Base.Index + 1
	if len(images) > 0 {
		next = max(next, images[0].Index+1)
	}
	for next != 0 && next <= rec.Last {
		var damaged []entry.Damage
		if next, damaged, err = d.Log().Verify(next, 1<<20); err != nil || len(damaged) > 0 {
			t.Fatalf("a member that was ready left a log with the damage %v: %v", damaged, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// flips counts what became of changed bytes.
type flips struct {
	healed  int // the other members sent copies
	own     int // the log noticed it, and had what was needed itself
	refused int // the start was refused
	nothing int // the byte had no meaning: nothing notices it, and nothing is missed
}

func (f *flips) all() int { return f.healed + f.own + f.refused + f.nothing }

// TestFlippedLog changes bytes of the log of a member that is stopped, one at a time, on a real disk: the
// member gets copies from the others and applies what all have applied, or refuses the start naming the file,
// the place and what to do, or the byte had no meaning; never does it apply anything wrong.
func TestFlippedLog(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	var want []string
	random := rand.New(rand.NewPCG(11, 3))
	var f flips
	done := func() bool { // so many, and more while chance has not hit anything
		return f.all() >= *logFlips && f.healed+f.refused > 0 || f.all() >= 20**logFlips
	}
	for !done() {
		for range 10 {
			want = append(want, fmt.Sprintf("command %d %s", len(want), strings.Repeat("x", random.IntN(900))))
			c.append(c.leader(), want[len(want)-1])
		}
		c.agree(want)
		hurt := (c.leader() + 1) % 3
		c.stop(hurt)
		dir := c.members[hurt].config.LogDir
		wantReadable(t, dir)
		faults(t, dir, true) // What an earlier change left, of which there is another copy, is put right.
		names, err := filepath.Glob(filepath.Join(dir, "*.log"))
		if err != nil || len(names) == 0 {
			t.Fatalf("segments %v, %v", names, err)
		}
		name := slices.Min(names)
		offset, undo := flipInLog(t, name, random)
		noticed := faults(t, dir, false)
		if err := c.flipped(hurt, want, noticed, &f); err != nil {
			for _, part := range []string{name, "byte", "move"} {
				if !strings.Contains(err.Error(), part) {
					t.Fatalf("byte %d: refused without %q: %v", offset, part, err)
				}
			}
			undo()
			c.restart(hurt)
		}
	}
	if f.healed+f.refused == 0 {
		t.Errorf("none of %d changed bytes was noticed", f.all())
	}
	t.Logf("of %d changed bytes %d were healed by the others, %d by the log's own copies, %d refused, %d had no meaning, "+
		"0 were applied", f.all(), f.healed, f.own, f.refused, f.nothing)
}

// flipped starts a member whose log has a changed byte, which noticed places of it show, and counts what came of
// it. It returns why the start was refused.
func (c *cluster) flipped(hurt int, want []string, noticed int, f *flips) error {
	c.t.Helper()
	m := c.members[hurt]
	m.client = &journal{}
	r, err := NewRaft(m.ctx, &m.config, m.client)
	if err != nil {
		f.refused++
		return err
	}
	m.Raft, m.up = r, true
	m.Start()
	c.agree(want)
	eventually(c.t, "the member is ready", func() bool { return m.Ready() == nil })
	switch {
	case m.Stats().Damage.Repaired > 0:
		f.healed++
	case noticed > 0:
		f.own++
	default:
		f.nothing++
	}
	return nil
}
