package replica_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// unheard is a transport whose heartbeats carry no entries while it is mute.
type unheard struct {
	replica.Transport
	mute *atomic.Bool
}

func (u unheard) Send(to entry.MemberID, all []core.Message) int {
	for i := range all {
		if all[i].Kind == core.MsgAppend && u.mute.Load() {
			all[i].Entries, all[i].Body = core.Range{}, nil
		}
	}
	return u.Transport.Send(to, all)
}

// TestFoundersThatFailAlone: each member that starts has an id for the cluster to propose. The first leader
// makes its own durable, and nobody else hears of it; then the others found the cluster under another
// one, and say so. The first one must take it: what it has in its log was never committed.
func TestFoundersThatFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mute atomic.Bool
		recorded := map[entry.MemberID]entry.ClusterID{}
		c := newCluster(t, 3, func(m *member, config *replica.Config) {
			config.Initial.Cluster = entry.ClusterID{m.id[len(m.id)-1]}
			config.Transport = unheard{m.cluster.network.Join(replica.Peer{ID: m.id, Cluster: recorded[m.id]}), &mute}
		})
		mute.Store(true)
		c.start()
		first := c.leader()
		alone := first.await("an entry of its own", func(s replica.Status) bool { return s.Durable > 0 })
		c.network.Isolate(first.id)
		mute.Store(false)
		var others []*member
		for _, m := range c.members {
			if m != first {
				others = append(others, m)
			}
		}
		founded := others[0].await("the founding by another leader", func(s replica.Status) bool {
			return s.Leader != "" && s.Leader != first.id && s.Commit > 0
		})
		if founded.Configuration.Cluster == alone.Configuration.Cluster || alone.Commit > 0 {
			t.Fatalf("the first leader founded %v with commit %d, the next one %v: this tests nothing",
				alone.Configuration.Cluster, alone.Commit, founded.Configuration.Cluster)
		}
		for _, m := range others {
			recorded[m.id] = founded.Configuration.Cluster
			m.stop()
			m.start()
		}
		c.network.Heal()
		others[0].propose("command")
		c.converge()
		if got := first.Status().Configuration.Cluster; got != founded.Configuration.Cluster {
			t.Errorf("the first leader belongs to %v, the cluster is %v", got, founded.Configuration.Cluster)
		}
	})
}
