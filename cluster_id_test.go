package raft

import (
	"testing"

	"v.io/x/ref/lib/raft/replica"
)

func TestRefusedMessagesAreCounted(t *testing.T) {
	var m replica.RefusedMessages
	m.Impersonating, m.Foreign, m.Overflow = 1, 2, 4
	m.Core.Unknown, m.Core.Malformed, m.Core.Strangers, m.Core.Stale = 8, 16, 32, 64
	m.Core.Removed, m.Core.Replaced = 128, 256
	if got := refused(m); got != 63+128+256 {
		t.Errorf("counted %d, want %d: everything but the stale ones", got, 63+128+256)
	}
}

func TestEachClusterDrawsAnIDAndKeepsIt(t *testing.T) {
	var ids []string
	for range 2 {
		t.Run("", func(t *testing.T) {
			c := startCluster(t, 1, nil)
			c.append(0, "x")
			id := c.members[0].Raft.(*raft).memberStatus().Cluster
			eventually(t, "the directory records the cluster's id", func() bool {
				return c.members[0].Raft.(*raft).store.Recorded().Cluster.String() == id
			})
			c.stop(0)
			c.restart(0)
			c.append(0, "y")
			if again := c.members[0].Raft.(*raft).memberStatus().Cluster; again != id {
				t.Errorf("the id was %s and is %s", id, again)
			}
			ids = append(ids, id)
		})
	}
	if ids[0] == ids[1] {
		t.Errorf("two clusters have the id %s", ids[0])
	}
}
