package raft

import (
	"errors"
	"testing"
	"time"

	"v.io/v23/context"
)

// leaseBeat is long enough for a lease, 4.5 of it, to outlast a pause of a busy machine.
const leaseBeat = 200 * time.Millisecond

// leaseCluster is three wired members.
func leaseCluster(t *testing.T, leases bool) (*cluster, *wires) {
	t.Helper()
	c := newCluster(t, 3, func(_ int, config *RaftConfig) {
		config.Heartbeat, config.LeaseReads = leaseBeat, leases
	})
	w := c.wire()
	c.start()
	c.elect()
	return c, w
}

// readAlone makes the leader hear from a quorum, and then asks it for a read point while nobody answers it.
func readAlone(c *cluster, w *wires) error {
	i := c.leader()
	leader := c.members[i]
	if _, err := leader.ReadIndex(leader.ctx); err != nil {
		c.t.Fatal(err)
	}
	w.isolate(i, linkFrozen, true, true)
	defer w.set(linkUp)
	ctx, cancel := context.WithTimeout(leader.ctx, leaseBeat)
	defer cancel()
	_, err := leader.ReadIndex(ctx)
	return err
}

// TestLeaseReads: with leases a leader that was heard lately answers on its own. That leases end is tested
// where time is virtual (package replica); here a pause may make one end too early.
func TestLeaseReads(t *testing.T) {
	t.Parallel()
	c, w := leaseCluster(t, true)
	if got := c.members[0].Raft.(*raft).identity.hello("x").LeaseBeat; got != uint64(leaseBeat) {
		t.Errorf("the hello says a lease of heartbeat %v, want %v", time.Duration(got), leaseBeat)
	}
	eventually(t, "a leader that nobody answers gives a read point", func() bool { return readAlone(c, w) == nil })
}

func TestReadsWithoutLeasesNeedAQuorum(t *testing.T) {
	t.Parallel()
	c, w := leaseCluster(t, false)
	for range 3 {
		if err := readAlone(c, w); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a leader that nobody answers gave a read point: %v", err)
		}
	}
}

// TestLeaseReadsAreForGood: a directory of a cluster with leases is not opened without them, and the
// reverse: the other members go by what the log says.
func TestLeaseReadsAreForGood(t *testing.T) {
	t.Run("founded with", func(t *testing.T) { refusesToChangeLeases(t, true) })
	t.Run("founded without", func(t *testing.T) { refusesToChangeLeases(t, false) })
}

func refusesToChangeLeases(t *testing.T, leases bool) {
	c := startCluster(t, 1, func(_ int, config *RaftConfig) { config.LeaseReads = leases })
	m := c.members[0]
	if _, err := m.Append(m.ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	m.Stop()
	config := m.config
	config.LeaseReads = !leases
	_, err := NewRaft(m.ctx, &config, m.client)
	_, _, field, _, _, perr := ParamsErrBadConfig(err)
	if !errors.Is(err, ErrBadConfig) || perr != nil || field != "LeaseReads" {
		t.Errorf("founded with %t, opened with %t: %v (%v)", leases, !leases, err, perr)
	}
}

func TestRankIsHandedToTheReplica(t *testing.T) {
	c := newCluster(t, 1, func(_ int, config *RaftConfig) { config.Rank = 3 })
	if got := c.members[0].Raft.(*raft).replicaConfig(&journal{}).Election.Rank; got != 3 {
		t.Errorf("rank %d, want 3", got)
	}
}
