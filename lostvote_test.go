package raft

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
	lost "v.io/x/ref/lib/raft/storage/damage"
	"v.io/x/ref/lib/raft/storage/wal"
)

// This file: members of which both copies of the newest vote are changed on the disk while they are stopped.

// spoilVote changes the two sectors that hold the newest term and vote of a stopped member, and
// returns the directory's incarnation.
func spoilVote(t *testing.T, dir string) uint64 {
	t.Helper()
	i, err := storage.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	var vote wal.BatchFound
	err = i.Log(wal.Inspector{Batch: func(b wal.BatchFound) {
		if b.Hard != nil {
			vote = b
		}
	}})
	if err := errors.Join(err, i.Close()); err != nil || vote.Hard == nil {
		t.Fatalf("found the vote %+v: %v", vote, err)
	}
	f, err := os.OpenFile(vote.File, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const marked = 500 // bytes of a sector in front of its mark
	for _, at := range []int64{vote.Offset, vote.Offset + vote.Size - vfs.SectorSize} {
		b := make([]byte, marked)
		_, err := f.ReadAt(b, at)
		for k := range b {
			b[k] ^= 1
		}
		if _, failed := f.WriteAt(b, at); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return uint64(i.Identity().Incarnation)
}

// files returns the files of log and images in a directory, and its identity.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, e := range list {
		if e.IsDir() || e.Name() == "LOCK" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

// wantAside checks that everything that a directory held lies, byte for byte, where it was set aside.
func wantAside(t *testing.T, dir string, former uint64, before map[string]string) {
	t.Helper()
	if aside := files(t, filepath.Join(dir, fmt.Sprintf("lost-%016x", former))); !maps.Equal(aside, before) {
		t.Errorf("%s held %d files; set aside are %d, or others", dir, len(before), len(aside))
	}
}

// lines is a log's text.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// incarnationOf returns the incarnation under which a member votes, as another one knows it; 0 when it does not.
func (c *cluster) incarnationOf(i, by int) uint64 {
	for _, m := range c.members[by].Members() {
		if m.Id == c.members[i].ID() && m.Standing == "voter" {
			return m.Incarnation
		}
	}
	return 0
}

// TestLostVote: a member whose newest vote cannot be read, started again as always, goes on as a new one: with a new
// incarnation and an empty log, caught up and made a voter by the leader, and needed by then. Its files are kept.
func TestLostVote(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	var want []string
	write := func(n int) {
		for range n {
			want = append(want, fmt.Sprint("command ", len(want)))
			c.append(c.leader(), want[len(want)-1])
		}
	}
	write(10)
	c.agree(want)
	leader := c.leader()
	hurt, third := (leader+1)%3, (leader+2)%3
	m := c.members[hurt]
	eventually(t, "the member's incarnation is recorded", func() bool { return c.incarnationOf(hurt, leader) != 0 })
	c.stop(hurt)
	former := spoilVote(t, m.config.LogDir)
	before := files(t, m.config.LogDir)
	told := &lines{}
	m.config.Logger = slog.New(slog.NewTextHandler(told, nil))
	c.create(m)
	if s := m.Stats(); s.Damage.Former != former || s.Last != 0 {
		t.Errorf("it begins with %+v", s)
	}
	for _, text := range []string{"level=ERROR", "newest vote is lost", fmt.Sprintf("former=%016x", former),
		"lost-", ".log is damaged at byte"} {
		if !strings.Contains(told.String(), text) {
			t.Errorf("%q is not in the log:\n%s", text, told)
		}
	}
	m.Start()
	eventually(t, "it votes under a new incarnation", func() bool {
		now := c.incarnationOf(hurt, leader)
		return now != 0 && now != former
	})
	c.agree(want)
	c.stop(third)
	write(5) // which takes the renewed member
	want = append(want, "through the renewed member")
	c.append(hurt, want[len(want)-1])
	c.agree(want)
	if s := c.askStatus(hurt); s.Former != former {
		t.Errorf("it says of itself %+v", s)
	}
	c.restart(third)
	c.agree(want)
	wantAside(t, m.config.LogDir, former, before)
	c.stop(hurt)
	told = &lines{}
	m.config.Logger = slog.New(slog.NewTextHandler(told, nil))
	c.restart(hurt)
	c.agree(want)
	if m.Stats().Damage.Former != former || strings.Contains(told.String(), "newest vote is lost") {
		t.Errorf("started once more: %+v\n%s", m.Stats().Damage, told)
	}
}

// TestLostVoteOfTheOnlyVoter: nobody else may have what the only voter holds, so it does not begin anew: it is
// refused with what to do, and nothing is changed.
func TestLostVoteOfTheOnlyVoter(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(c.leader(), "command")
	m := c.members[0]
	c.stop(0)
	spoilVote(t, m.config.LogDir)
	before := files(t, m.config.LogDir)
	r, err := NewRaft(m.ctx, &m.config, &journal{})
	if err == nil {
		r.Stop()
		t.Fatal("it begins anew")
	}
	for _, text := range []string{".log is damaged at byte", "the only voter", "raftctl recover plan " + m.config.LogDir} {
		if !errors.Is(err, lost.ErrVoteLost) || !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), text) {
			t.Errorf("the error %v does not say %q", err, text)
		}
	}
	if !maps.Equal(before, files(t, m.config.LogDir)) {
		t.Error("the directory was changed")
	}
}

// TestLostVotesOfAMajority: with the votes of two of three members lost nobody can tell what was committed. The
// cluster waits: the two, which were started with the list of all three, found no other one, and elect nobody,
// though they campaign when told to; and nothing of what anybody had is gone.
func TestLostVotesOfAMajority(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	c.append(c.leader(), "command")
	c.agree([]string{"command"})
	for i := range c.members {
		eventually(t, "the incarnations are recorded", func() bool { return c.incarnationOf(i, c.leader()) != 0 })
	}
	cluster := c.members[0].Stats()
	c.stopAll()
	var former []uint64
	var before []map[string]string
	for _, m := range c.members[:2] {
		former = append(former, spoilVote(t, m.config.LogDir))
		before = append(before, files(t, m.config.LogDir))
	}
	for i, m := range c.members[:2] {
		c.restart(i)
		if err := m.Live(); err != nil {
			t.Fatal(err)
		}
		m.StartElection()
	}
	c.restart(2)
	survivor := c.members[2]
	eventually(t, "the survivor has asked the two, and does not count their votes", func() bool {
		return survivor.Stats().Refused >= 6
	})
	if s := survivor.Stats(); s.Leader != "" || s.Last < cluster.Commit || !slices.Equal(s.Members, cluster.Members) {
		t.Errorf("the survivor is %+v, the cluster was %+v", s, cluster)
	}
	for i, m := range c.members[:2] {
		if s := m.Stats(); s.Last != 0 || s.Leader != "" || s.Role != RoleFollower || m.Ready() == nil {
			t.Errorf("member %d is %+v", i, s)
		}
		wantAside(t, m.config.LogDir, former[i], before[i])
	}
}
