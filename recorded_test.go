package raft

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/replica"
)

func TestClusterAndIncarnationAreDrawnOnceAndKept(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"one", "another"} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 1, nil)
			c.append(0, "x")
			r := c.members[0].Raft.(*raft)
			eventually(t, "the cluster's id is recorded", func() bool { return !r.store.Recorded().Cluster.IsZero() })
			first := r.identity.hello("b")
			c.stop(0)
			c.create(c.members[0])
			again := c.members[0].Raft.(*raft).identity.hello("b") // Before Start: from the directory.
			if len(first.Cluster) == 0 || string(again.Cluster) != string(first.Cluster) {
				t.Errorf("the cluster's id was %x, is %x after a restart", first.Cluster, again.Cluster)
			}
			if first.Incarnation == 0 || again.Incarnation != first.Incarnation {
				t.Errorf("the incarnation was %d, is %d after a restart", first.Incarnation, again.Incarnation)
			}
			for _, drawn := range []string{fmt.Sprint(first.Incarnation), string(first.Cluster)} {
				if seen[drawn] {
					t.Errorf("two new directories drew the same %q", drawn)
				}
				seen[drawn] = true
			}
		})
	}
}

func TestStatsCarryTheQueueAndTheRefusals(t *testing.T) {
	c := startCluster(t, 1, nil)
	r := c.members[0].Raft.(*raft)
	r.peers.receiver.Receive(replica.Peer{ID: "stranger"}, []core.Message{
		{Kind: core.MsgVote, From: "stranger", To: "other"},
	})
	eventually(t, "the refusal is counted", func() bool { return c.members[0].Stats().Refused > 0 })
}

func TestStatsCountTheCommandsThatWait(t *testing.T) {
	c := startCluster(t, 1, nil)
	m := c.members[0]
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			cmd := make([]byte, 4<<10)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := m.Append(m.ctx, cmd); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	// While one batch is written, the next one waits.
	eventually(t, "commands wait", func() bool { return m.Stats().QueueBytes >= 4<<10 })
	close(stop)
	callers.Wait()
	if left := m.Stats().QueueBytes; left != 0 {
		t.Errorf("%d bytes are said to wait when every command was answered", left)
	}
}

// TestIdentitiesAreRecorded: the log records which directory and which key each member proved, and the
// level that all of them know.
func TestIdentitiesAreRecorded(t *testing.T) {
	c := startCluster(t, 3, nil)
	c.append(0, "x")
	recorded := func(m *member) bool {
		configuration := m.Raft.(*raft).replica.Status().Configuration
		known := 0
		for _, other := range c.members {
			r := other.Raft.(*raft)
			line, _ := configuration.Find(r.identity.id)
			if line.Incarnation == r.identity.incarnation && bytes.Equal(line.Key, r.ownKey()) && len(line.Key) > 0 {
				known++
			}
		}
		return known == 3 && configuration.Level == core.Level
	}
	for _, m := range c.members {
		eventually(t, "incarnations, keys and level are in the log", func() bool { return recorded(m) })
	}
}
