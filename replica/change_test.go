package replica_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// changing is a cluster whose set changes: its members prove incarnations, and new ones join.
type changing struct {
	*cluster
	incarnations map[entry.MemberID]entry.Incarnation
	joins        map[entry.MemberID]bool
}

func newChanging(t *testing.T, n int) *changing {
	c := &changing{incarnations: map[entry.MemberID]entry.Incarnation{}, joins: map[entry.MemberID]bool{}}
	c.cluster = newCluster(t, n, func(m *member, config *replica.Config) {
		if c.incarnations[m.id] == 0 {
			c.incarnations[m.id] = entry.Incarnation(100 + len(c.incarnations))
		}
		self := replica.Peer{ID: m.id, Incarnation: c.incarnations[m.id], Key: []byte("key of " + m.id), Level: core.Level}
		config.Self = replica.Self{Incarnation: self.Incarnation, Key: self.Key}
		config.Transport = c.network.Join(self)
		if c.joins[m.id] {
			config.Initial = entry.Configuration{}
		}
	})
	c.start()
	return c
}

// join starts a member without a configuration.
func (c *changing) join(name string) *member {
	id := entry.MemberID(name)
	m := &member{t: c.t, cluster: c.cluster, id: id, log: new(storetest.LogPlace), images: new(storetest.SnapshotPlace)}
	c.joins[id] = true
	c.members = append(c.members, m)
	m.start()
	return m
}

// wipe empties a stopped member's directory: it comes back with another incarnation.
func (c *changing) wipe(m *member) {
	m.stop()
	m.log, m.images = new(storetest.LogPlace), new(storetest.SnapshotPlace)
	c.incarnations[m.id] += 1000
}

// forget takes a stopped member out of the cluster.
func (c *changing) forget(m *member) {
	m.stop()
	c.members = slices.DeleteFunc(c.members, func(other *member) bool { return other == m })
}

func (m *member) change(add []entry.Member, remove ...entry.MemberID) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	at, err := m.Change(ctx, core.Change{Add: add, Remove: remove})
	if err != nil || at == 0 {
		m.t.Fatalf("changing through %s: index %d, %v; status %+v", m.id, at, err, m.Status())
	}
}

func voters(all ...*member) []entry.Member {
	var members []entry.Member
	for _, m := range all {
		members = append(members, entry.Member{ID: m.id})
	}
	return members
}

// wantVoters waits until every running member has this set in force.
func (c *changing) wantVoters(want ...*member) {
	c.t.Helper()
	var ids []entry.MemberID
	for _, m := range want {
		ids = append(ids, m.id)
	}
	slices.Sort(ids)
	for _, m := range c.members {
		if m.Replica != nil {
			m.await(fmt.Sprint("the voters ", ids), func(s replica.Status) bool {
				return !s.Configuration.Joint() && slices.Equal(s.Configuration.Voters(), ids) && s.Commit == s.Last.Index
			})
		}
	}
}

// TestChangeGrows grows a cluster from one member to three and to five, asking through old and new
// members, and shrinks it again; commands go on meanwhile and nothing is lost.
func TestChangeGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 1)
		a := c.members[0]
		c.leader().proposeMany(50, "before")
		b, d := c.join("b"), c.join("d")
		a.change(voters(b))
		b.change(voters(d)) // through the new follower
		c.wantVoters(a, b, d)
		d.proposeMany(50, "three")
		e, f := c.join("e"), c.join("f")
		d.change(voters(e, f))
		c.wantVoters(a, b, d, e, f)
		f.proposeMany(50, "five")
		f.change(nil, a.id, b.id)
		c.forget(a)
		c.forget(b)
		c.wantVoters(d, e, f)
		e.proposeMany(50, "after")
		c.converge()
		if got := len(f.machine.all()); got != 200 {
			t.Errorf("%d commands, want 200", got)
		}
	})
}

func (m *member) proposeMany(n int, payload string) {
	for i := range n {
		m.propose(fmt.Sprintf("%s %d", payload, i))
	}
}

// TestChangeReplacesDeadAndLeader replaces a member that is gone for good, and then the leader, by
// joint consensus in one change.
func TestChangeReplacesDeadAndLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		leader := c.leader()
		leader.proposeMany(20, "before")
		dead := c.follower()
		c.forget(dead)
		c.join("x")
		x := c.members[len(c.members)-1]
		leader.change(voters(x), dead.id)
		old := c.leader()
		other := c.follower()
		y := c.join("y")
		other.change(voters(y), old.id)
		old.await("its end as a leader", func(s replica.Status) bool { return s.Role != core.Leader })
		if _, _, err := old.Propose(t.Context(), []byte("late")); !errors.Is(err, replica.ErrRemoved) {
			t.Errorf("a removed member proposes: %v", err)
		}
		c.forget(old)
		c.leader().proposeMany(20, "after")
		c.converge()
	})
}

// TestChangeReplacesWiped wipes a member: its new directory is replaced through the log, gets
// everything again, and votes again.
func TestChangeReplacesWiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		leader := c.leader()
		leader.proposeMany(100, "command")
		c.converge()
		wiped := c.follower()
		c.wipe(wiped)
		wiped.start()
		recorded := func(s replica.Status) bool {
			m, _ := s.Configuration.Find(wiped.id)
			return m.Incarnation == c.incarnations[wiped.id] && !m.Learner && string(m.Key) == "key of "+string(wiped.id)
		}
		wiped.await("its replacement", recorded)
		c.converge()
		if got := len(wiped.machine.all()); got != 100 {
			t.Errorf("the wiped member applied %d commands", got)
		}
	})
}

// TestWipedVoterDecidesNothing wipes one of three while another one is away: the leader has no quorum
// then, though two directories run, and commits nothing.
func TestWipedVoterDecidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		leader := c.leader()
		leader.proposeMany(10, "command")
		c.converge()
		var others []*member
		for _, m := range c.members {
			if m != leader {
				others = append(others, m)
			}
		}
		c.network.Isolate(others[0].id)
		c.wipe(others[1])
		before := leader.Status().Commit
		others[1].start()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, at, err := leader.Propose(ctx, []byte("lost?")); err == nil {
			t.Errorf("committed at %+v with a wiped voter", at)
		}
		if got := leader.Status().Commit; got != before {
			t.Errorf("commit went from %d to %d", before, got)
		}
		c.network.Heal()
		others[1].await("its replacement", func(s replica.Status) bool {
			m, _ := s.Configuration.Find(others[1].id)
			return m.Incarnation == c.incarnations[others[1].id] && !m.Learner
		})
	})
}

// TestChangeLearners adds a learner for good, and makes it a voter later.
func TestChangeLearners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		old := slices.Clone(c.members)
		c.leader().change([]entry.Member{{ID: "l", Learner: true}})
		l := c.join("l")
		c.leader().proposeMany(10, "command")
		c.converge()
		l.Campaign()
		c.wantVoters(old...)
		l.change(voters(l))
		c.wantVoters(append(old, l)...)
	})
}

// TestChangeGoesOn ends the wait for a change before the new member is there: the change goes on, and
// asking again joins it.
func TestChangeGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		old := slices.Clone(c.members)
		asked := c.follower()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		add := core.Change{Add: []entry.Member{{ID: "late"}}}
		if _, err := asked.Change(ctx, add); !errors.Is(err, replica.ErrChangeGoesOn) ||
			!errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the change of a member that is not there: %v", err)
		}
		late := c.join("late")
		asked.change(voters(late))
		c.wantVoters(append(old, late)...)
		if _, err := asked.Change(t.Context(), add); err != nil {
			t.Errorf("what is so already: %v", err)
		}
	})
}

// TestChangeSurvivesLeaders loses the leader in the middle of a change: the next one completes it, and
// the caller is answered.
func TestChangeSurvivesLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		leader, asked := c.leader(), c.follower()
		result := make(chan error, 1)
		go func() {
			_, err := asked.Change(t.Context(), core.Change{Add: []entry.Member{{ID: "x"}, {ID: "y"}}})
			result <- err
		}()
		leader.await("the change's beginning", func(s replica.Status) bool { return len(s.Configuration.Members) == 5 })
		leader.stop()
		x, y := c.join("x"), c.join("y")
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		leader.start()
		c.wantVoters(c.members...)
		x.proposeMany(5, "x")
		y.proposeMany(5, "y")
		c.converge()
	})
}

// TestChangeRefused wraps the reason with its numbers.
func TestChangeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		asked := c.follower()
		_, err := asked.Change(t.Context(), core.Change{Remove: []entry.MemberID{"nobody"}})
		const want = "number 0 of the list, never was one"
		if !errors.Is(err, replica.ErrChangeRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("removing nobody: %v", err)
		}
		if _, err := asked.Change(t.Context(), core.Change{}); err != nil {
			t.Errorf("an empty change: %v", err)
		}
	})
}

// TestChangeEndsWithTheReplica answers those who wait when their member stops.
func TestChangeEndsWithTheReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		asked := c.follower()
		result := make(chan error, 1)
		r := asked.Replica
		go func() {
			_, err := r.Change(t.Context(), core.Change{Add: []entry.Member{{ID: "x"}}})
			result <- err
		}()
		c.leader().await("the change's beginning", func(s replica.Status) bool { return len(s.Configuration.Members) == 4 })
		asked.stop()
		if err := <-result; !errors.Is(err, replica.ErrChangeGoesOn) || !errors.Is(err, replica.ErrStopped) {
			t.Errorf("answered %v", err)
		}
		if _, err := r.Change(t.Context(), core.Change{}); !errors.Is(err, replica.ErrStopped) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

// TestFreshMemberFoundsNoCluster wipes all but one of a settled cluster's members and starts two of
// them empty, with their initial set: together they would be a majority of it.
func TestFreshMemberFoundsNoCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, 3)
		c.leader().proposeMany(5, "command")
		c.converge()
		left := c.members[0]
		settled := replica.Peer{ID: left.id, Incarnation: c.incarnations[left.id]}
		settled.Cluster = left.Status().Configuration.Cluster
		for _, m := range c.members[1:] {
			c.wipe(m)
		}
		left.stop()
		for _, m := range c.members[1:] {
			m.start()
		}
		// What is left of the cluster speaks to them, but leads nothing.
		transport := c.network.Join(settled)
		for _, m := range c.members[1:] {
			question := core.Message{Kind: core.MsgPreVote, From: left.id, To: m.id, Term: 9, Index: 5, LogTerm: 1}
			transport.Send(m.id, []core.Message{question})
		}
		time.Sleep(10 * time.Second)
		for _, m := range c.members[1:] {
			if s := m.Status(); s.Role == core.Leader || s.Last.Index != 0 {
				t.Errorf("%s founds a second cluster: %+v", m.id, s)
			}
		}
		if err := transport.Close(); err != nil {
			t.Error(err)
		}
	})
}
