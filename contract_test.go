package raft

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
	"v.io/x/ref/lib/raft/transport/mem"
)

// lone starts a replica that waits to be added, and so never knows a leader.
func lone(t *testing.T) *replica.Replica {
	t.Helper()
	log, err := new(storetest.LogPlace).Open()
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := new(storetest.SnapshotPlace).Open()
	if err != nil {
		t.Fatal(err)
	}
	r, err := replica.New(replica.Config{ID: "a", Origin: 1, Log: log, Snapshots: snapshots,
		Machine: &machine{client: nothing{}}, Transport: mem.New(1).Join(replica.Peer{ID: "a"})})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAppendWithoutADeadlineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.RootContext()
		defer cancel()
		r := &raft{replica: lone(t), identity: &identity{id: "a"}}
		for what, try := range map[string]func() error{
			"Append":    func() error { _, err := r.Append(ctx, []byte("x")); return err },
			"ReadIndex": func() error { _, err := r.ReadIndex(ctx); return err },
		} {
			began := time.Now()
			if err := try(); !errors.Is(err, ErrNoLeader) {
				t.Errorf("%s: got %v, want ErrNoLeader", what, err)
			}
			if took := time.Since(began); took != AppendBound {
				t.Errorf("%s gave up after %v, want %v", what, took, time.Duration(AppendBound))
			}
		}
		if err := r.replica.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestSeedMessagesAreTheirErrors(t *testing.T) {
	if err := MessageNotLeader(nil, "plain"); !errors.Is(err, ErrNotLeader) || !strings.Contains(err.Error(), "plain") {
		t.Errorf("MessageNotLeader returns %v", err)
	}
	err := MessageOutOfSequence(nil, "plain", 3, 7)
	if !errors.Is(err, ErrOutOfSequence) || !strings.Contains(err.Error(), "plain") {
		t.Errorf("MessageOutOfSequence returns %v", err)
	}
	if _, _, term, index, err := ParamsErrOutOfSequence(err); term != 3 || index != 7 || err != nil {
		t.Errorf("its parameters are %d, %d, %v", term, index, err)
	}
}

func TestAddMemberTakesTheLargestSetAndNoMore(t *testing.T) {
	c := newCluster(t, 1, nil)
	m := c.members[0]
	for i := range entry.MembersMax {
		if err := m.AddMember(m.ctx, fmt.Sprint("member-", i)); err != nil {
			t.Fatalf("member %d: %v", i, err)
		}
	}
	if err := m.AddMember(m.ctx, "one more"); !errors.Is(err, ErrBadConfig) {
		t.Errorf("member %d: got %v, want ErrBadConfig", entry.MembersMax+1, err)
	}
}

func TestADifferenceToTheRecordedSetIsLogged(t *testing.T) {
	c := startCluster(t, 1, nil)
	m := c.members[0]
	c.append(0, "x")
	c.stop(0)
	var log lockedBuffer
	m.config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c.create(m)
	if err := m.AddMember(m.ctx, "another:1"); err != nil {
		t.Fatal(err)
	}
	m.Start()
	for _, text := range []string{"another:1", m.ID(), "in force"} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log %q does not say %q", log.String(), text)
		}
	}
}

func TestStatsTellWhereAMemberStands(t *testing.T) {
	c := startCluster(t, 3, nil)
	for i := range 10 {
		c.append(i%3, fmt.Sprint(i))
	}
	leader := c.members[c.leader()]
	want := []string{c.members[0].ID(), c.members[1].ID(), c.members[2].ID()}
	slices.Sort(want)
	for i, m := range c.members {
		role := RoleFollower
		if m == leader {
			role = RoleLeader
		}
		eventually(t, fmt.Sprint("member ", i, " has applied and synced everything"), func() bool {
			s := m.Stats()
			return s.Applied >= 10 && s.Applied == s.Last && s.Commit == s.Last && s.Durable == s.Last
		})
		s := m.Stats()
		if s.ID != m.ID() || s.Role != role || s.Leader != leader.ID() || s.Term == 0 ||
			!slices.Equal(s.Members, want) || s.Failure != nil {
			t.Errorf("member %d: %+v", i, s)
		}
		if s.FsyncP50 <= 0 || s.FsyncP99 < s.FsyncP50 || s.LastContact < 0 || s.LastContact > patience {
			t.Errorf("member %d measures syncs of %v and %v, contact %v ago", i, s.FsyncP50, s.FsyncP99, s.LastContact)
		}
	}
}

func TestSnapshotsAreTakenByBytesToo(t *testing.T) {
	c := startCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotBytes = 20_000 })
	for range 40 {
		c.append(0, strings.Repeat("x", 1000))
	}
	eventually(t, "a snapshot exists", func() bool { return hasSnapshot(t, c.members[0].config.LogDir) })
}

// scripted replaces the client of a member that is not started yet.
func (c *cluster) scripted(m *member, client RaftClient) {
	c.t.Helper()
	m.Stop()
	r, err := NewRaft(m.ctx, &m.config, client)
	if err != nil {
		c.t.Fatal(err)
	}
	m.Raft, m.up = r, true
}

// noSnapshot is a SaveToSnapshot that writes nothing.
func noSnapshot(_ *context.T, _ io.Writer, response chan<- error) error {
	close(response)
	return nil
}

func TestCommandsMayBeKept(t *testing.T) {
	var mu sync.Mutex
	var kept [][]byte
	c := newCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 20 })
	c.scripted(c.members[0], &scriptedClient{save: noSnapshot, apply: func(cmd []byte, _ Index) error {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, cmd)
		return nil
	}})
	c.members[0].Start()
	const commands = 300
	for i := range commands {
		c.append(0, fmt.Sprintf("command %d", i))
	}
	eventually(t, "the log was compacted", func() bool { return hasSnapshot(t, c.members[0].config.LogDir) })
	mu.Lock()
	defer mu.Unlock()
	for i := range commands {
		if want := fmt.Sprintf("command %d", i); string(kept[i]) != want {
			t.Errorf("a kept command became %q, was %q", kept[i], want)
		}
	}
}

func TestApplyWaitsUntilSaveToSnapshotReturns(t *testing.T) {
	var saving, overlapped atomic.Bool
	begun, release := make(chan struct{}, 100), make(chan struct{})
	c := newCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 5 })
	m := c.members[0]
	c.scripted(m, &scriptedClient{
		apply: func([]byte, Index) error {
			if saving.Load() {
				overlapped.Store(true)
			}
			return nil
		},
		save: func(_ *context.T, _ io.Writer, response chan<- error) error {
			saving.Store(true)
			begun <- struct{}{}
			<-release
			saving.Store(false)
			close(response)
			return nil
		},
	})
	m.Start()
	var running sync.WaitGroup
	for i := range 50 {
		running.Go(func() { c.append(0, fmt.Sprint(i)) })
	}
	<-begun
	before := m.Stats().Commit
	running.Go(func() { c.append(0, "ordered meanwhile") })
	eventually(t, "a command is committed during the call", func() bool { return m.Stats().Commit > before })
	close(release)
	running.Wait()
	if overlapped.Load() {
		t.Error("a command was applied during SaveToSnapshot")
	}
}
