package replica_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// settle waits for the outcomes of commands and wants success.
func (c *drivenCluster) settle(all []*replica.Proposing) {
	c.t.Helper()
	c.until("outcomes", func() bool {
		all = slices.DeleteFunc(all, func(p *replica.Proposing) bool {
			outcome, done := p.Poll()
			if done && outcome.Err != nil {
				c.t.Error(outcome.Err)
			}
			return done
		})
		return len(all) == 0
	})
}

// offer gives commands to a member in one batch.
func (c *drivenCluster) offer(m *drivenMember, commands ...[]byte) (all []*replica.Proposing) {
	c.t.Helper()
	for _, command := range commands {
		p, err := m.Propose(command)
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// settledPair returns the leader and a follower that knows it.
func (c *drivenCluster) settledPair() (leader, follower *drivenMember) {
	leader = c.leader()
	follower = c.members[(slices.Index(c.members, leader)+1)%len(c.members)]
	c.until("leader at the follower", func() bool { return follower.Replica().Status().Leader == leader.id })
	return leader, follower
}

// TestOpeningLost loses the message with the entry that opens a session, so that a later command of the
// same batch is ordered without it: every member refuses that copy, and both commands are proposed
// again, behind another opening.
func TestOpeningLost(t *testing.T) {
	c := newDrivenCluster(t, 3)
	leader, follower := c.settledPair()
	lost := 0
	c.fate = func(m core.Message) []core.Message {
		if m.Kind == core.MsgPropose && lost == 0 {
			lost++
			return nil
		}
		return []core.Message{m}
	}
	large := bytes.Repeat([]byte("x"), 700<<10)
	all := c.offer(follower, append([]byte("1"), large...), append([]byte("2"), large...))
	c.until("a refused copy", func() bool { return leader.Replica().Stats().Commands.Refused == 1 })
	c.settle(all)
	if got := follower.machine.all(); len(got) != 2 || got[0][0] == got[1][0] || lost != 1 {
		t.Errorf("%d commands were applied after %d messages were lost", len(got), lost)
	}
	if r := follower.Replica().Stats().Commands; r.Renewed != 0 {
		t.Errorf("the session was given up: %+v", r)
	}
}

// TestCopiesOfMessages delivers every forwarded message three times, the last copy much later: each
// command is ordered by the first and by no other.
func TestCopiesOfMessages(t *testing.T) {
	c := newDrivenCluster(t, 3)
	leader, follower := c.settledPair()
	var late []core.Message
	c.fate = func(m core.Message) []core.Message {
		if m.Kind != core.MsgPropose {
			return []core.Message{m}
		}
		late = append(late, m)
		return []core.Message{m, m}
	}
	for i := range 10 {
		c.settle(c.offer(follower, fmt.Appendf(nil, "%d/1", i), fmt.Appendf(nil, "%d/2", i)))
	}
	for _, m := range late {
		leader.receiver.Receive(replica.Peer{ID: m.From}, []core.Message{m})
	}
	c.settle(c.offer(leader, []byte("last")))
	if n := len(leader.machine.all()); n != 21 || len(late) != 10 {
		t.Errorf("%d commands were applied of %d messages, want 21 of 10", n, len(late))
	}
	if r := leader.Replica().Stats().Commands; r != (replica.RepeatedCommands{}) {
		t.Errorf("copies were ordered: %+v", r)
	}
}

// TestImpostor lets a member forward, beside its own commands, frames of an origin without a session,
// of a number that was used, and of no origin at all: none of them is applied, and nobody stops.
func TestImpostor(t *testing.T) {
	c := newDrivenCluster(t, 3)
	leader, follower := c.settledPair()
	c.settle(c.offer(follower, []byte("1")))
	var b entry.Builder
	for i, h := range []entry.Header{
		{Origin: 4711, Sequence: 1}, {Kind: entry.KindSession, Origin: 4711, Sequence: 1 << 40},
		{Origin: 4711, Sequence: 1}, {Kind: entry.KindSession}, {Sequence: 5}, {},
		{Origin: 1000 + uint64(slices.Index(c.members, follower)), Sequence: 1},
	} {
		h.Index, h.Term = entry.Index(i+1), 1
		b.Add(h, nil)
	}
	block := b.Block()
	forged := core.Message{
		Kind: core.MsgPropose, From: follower.id, To: leader.id, Term: leader.Replica().Status().Term, Round: 100,
		Entries: core.Range{First: 1, Count: uint32(block.Len())}, Body: []*entry.Block{block},
	}
	leader.receiver.Receive(replica.Peer{ID: follower.id}, []core.Message{forged})
	c.settle(c.offer(leader, []byte("2")))
	c.settle(c.offer(follower, []byte("3")))
	if got := fmt.Sprintf("%s", follower.machine.all()); got != "[1 2 3]" {
		t.Errorf("applied %s", got)
	}
	if r := leader.Replica().Stats().Commands; r.Duplicates != 1 || r.Refused != 4 {
		t.Errorf("%+v, want one duplicate and four refused", r)
	}
}
