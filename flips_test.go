package raft

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// imageFlips is how many bytes TestFlippedImage changes; 200 take minutes.
var imageFlips = flag.Int("image-flips", 4, "how many bytes of images TestFlippedImage changes, one at a time")

// newestImage returns the path of a member's newest image.
func newestImage(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.snap"))
	if err != nil || len(names) == 0 {
		t.Fatalf("images %v, %v", names, err)
	}
	return slices.Max(names)
}

// flip changes the byte at offset of a file.
func flip(t *testing.T, name string, offset int64, mask byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[offset] ^= mask
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFlippedImage changes bytes of the newest image of a member that is stopped, one at a time, on a real
// disk: the member gets its state from the others, or refuses the start naming the file; never does it apply or
// serve anything wrong.
func TestFlippedImage(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 16 })
	var want []string
	appendSome := func() {
		for range 40 {
			want = append(want, fmt.Sprint("command ", len(want)))
			c.append(c.leader(), want[len(want)-1])
		}
	}
	random := rand.New(rand.NewPCG(7, 7))
	refused, healed := 0, 0
	for range *imageFlips {
		appendSome()
		hurt := (c.leader() + 1) % 3
		m := c.members[hurt]
		eventually(t, "the member has an image", func() bool { return hasSnapshot(t, m.config.LogDir) })
		c.agree(want)
		c.stop(hurt)
		name := newestImage(t, m.config.LogDir)
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		offset, mask := random.Int64N(info.Size()), byte(1+random.IntN(255))
		flip(t, name, offset, mask)
		m.client = &journal{}
		r, err := NewRaft(m.ctx, &m.config, m.client)
		if err != nil {
			if !strings.Contains(err.Error(), name) {
				t.Fatalf("byte %d: refused without naming %s: %v", offset, name, err)
			}
			refused++
			flip(t, name, offset, mask)
			c.restart(hurt)
			continue
		}
		m.Raft, m.up = r, true
		if got := m.client.commands(); !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("byte %d: it begins with %d commands that are not the first ones", offset, len(got))
		}
		events := m.Subscribe(0)
		m.Start()
		until(t, c, events, "the damaged image", func(e Event) bool { return e.Kind == EventSnapshotDamaged })
		events.Close()
		c.agree(want)
		eventually(t, "the member is ready", func() bool { return m.Ready() == nil })
		if d := m.Stats().Damage; d.Images != 1 || d.AwaitsImage != 0 {
			t.Fatalf("byte %d: the figures are %+v", offset, d)
		}
		aside, err := filepath.Glob(filepath.Join(m.config.LogDir, "*.snap.damaged"))
		if err != nil || len(aside) == 0 {
			t.Fatalf("byte %d: the member has all, and nothing was set aside (%v): the byte had no meaning", offset, err)
		}
		healed++
		for _, name := range aside {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("of %d changed bytes %d were healed by the others, %d refused", *imageFlips, healed, refused)
}
