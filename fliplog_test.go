package raft

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

// TestFlippedLog changes bytes of the log of a member that is stopped, one at a time, on a real disk: the
// member gets copies from the others and applies what all have applied, or refuses the start naming the file,
// the place and what to do, or the byte had no meaning; never does it apply anything wrong.
func TestFlippedLog(t *testing.T) {
	c := startCluster(t, 3, nil)
	var want []string
	random := rand.New(rand.NewPCG(11, 3))
	refused, healed, meaningless := 0, 0, 0
	done := func(n int) bool { // so many, and more while chance has not hit anything
		return n >= *logFlips && healed+refused > 0 || n >= 20**logFlips
	}
	for n := 0; !done(n); n++ {
		for range 10 {
			want = append(want, fmt.Sprint("command ", len(want)))
			c.append(c.leader(), want[len(want)-1])
		}
		c.agree(want)
		hurt := (c.leader() + 1) % 3
		m := c.members[hurt]
		c.stop(hurt)
		names, err := filepath.Glob(filepath.Join(m.config.LogDir, "*.log"))
		if err != nil || len(names) == 0 {
			t.Fatalf("segments %v, %v", names, err)
		}
		name := slices.Min(names)
		offset, undo := flipInLog(t, name, random)
		m.client = &journal{}
		r, err := NewRaft(m.ctx, &m.config, m.client)
		if err != nil {
			for _, part := range []string{name, "byte", "move"} {
				if !strings.Contains(err.Error(), part) {
					t.Fatalf("byte %d: refused without %q: %v", offset, part, err)
				}
			}
			refused++
			undo()
			c.restart(hurt)
			continue
		}
		m.Raft, m.up = r, true
		m.Start()
		c.agree(want)
		eventually(t, "the member is ready", func() bool { return m.Ready() == nil })
		if s := r.(*raft).replica.Status(); s.Damage.Repaired > 0 {
			healed++
		} else {
			meaningless++
		}
	}
	if healed+refused == 0 {
		t.Errorf("none of %d changed bytes was noticed", meaningless)
	}
	t.Logf("of %d changed bytes %d were healed by the others, %d refused, %d had no meaning or were at the end",
		healed+refused+meaningless, healed, refused, meaningless)
}
