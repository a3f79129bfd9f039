package raft

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hasSnapshot reports whether a directory holds a complete snapshot.
func hasSnapshot(t *testing.T, dir string) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.snap"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names) > 0
}

func TestSnapshotAndRestart(t *testing.T) {
	c := startCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 10 })
	var want []string
	for i := range 25 {
		cmd := fmt.Sprint("command ", i)
		c.append(0, cmd)
		want = append(want, cmd)
	}
	eventually(t, "a snapshot exists", func() bool { return hasSnapshot(t, c.members[0].config.LogDir) })
	before := c.members[0].client.all()
	c.stop(0)
	c.restart(0)
	c.append(0, "after")
	c.agree(append(want, "after"))
	if c.members[0].client.restored != 1 {
		t.Errorf("RestoreFromSnapshot was called %d times", c.members[0].client.restored)
	}
	if got := c.members[0].client.all()[:25]; fmt.Sprint(got) != fmt.Sprint(before) {
		t.Error("the same commands came back at other indexes")
	}
}

func TestLaggardAndWipedMemberCatchUpBySnapshot(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 30 })
	var want []string
	appendSome := func(n int) {
		for range n {
			cmd := fmt.Sprint("command ", len(want))
			c.append(c.leader(), cmd)
			want = append(want, cmd)
		}
	}
	appendSome(10)
	away := (c.leader() + 1) % 3
	c.stop(away)
	appendSome(200)
	c.restart(away)
	appendSome(5)
	c.agree(want)
	if c.members[away].client.restored == 0 {
		t.Error("the laggard caught up without an image: the log was not compacted, this tests nothing")
	}
}

func TestEmptySnapshotsAreLegal(t *testing.T) {
	c := newCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 5 })
	c.members[0].client.empty = true
	c.members[0].Start()
	for i := range 20 {
		c.append(0, fmt.Sprint(i))
	}
	eventually(t, "a snapshot exists", func() bool { return hasSnapshot(t, c.members[0].config.LogDir) })
	c.stop(0)
	c.restart(0)
	c.append(0, "after")
	if c.members[0].client.restored != 1 {
		t.Errorf("RestoreFromSnapshot was called %d times", c.members[0].client.restored)
	}
}

func TestFilesAreNamedByTermAndIndex(t *testing.T) {
	c := startCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 5 })
	for i := range 20 {
		c.append(0, fmt.Sprint(i))
	}
	dir := c.members[0].config.LogDir
	eventually(t, "a snapshot exists", func() bool { return hasSnapshot(t, dir) })
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	logs := 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".log") {
			logs++
		}
	}
	if logs == 0 {
		t.Errorf("no .log file among %v", files)
	}
}

func TestSnapshotOnDemand(t *testing.T) {
	c := newCluster(t, 1, nil)
	m := c.members[0]
	if _, err := m.Snapshot(c.ctx); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before Start: %v", err)
	}
	m.Start()
	for i := range 3 {
		c.append(0, fmt.Sprint(i))
	}
	applied := m.Stats().Applied
	at, err := m.Snapshot(c.soon())
	if err != nil || at < applied || !hasSnapshot(t, m.config.LogDir) {
		t.Errorf("after index %d was applied: up to %d, %v", applied, at, err)
	}
	c.stop(0)
	c.restart(0)
	c.agree([]string{"0", "1", "2"})
	if m.client.restored != 1 {
		t.Errorf("the client was restored %d times", m.client.restored)
	}
}
