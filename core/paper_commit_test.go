package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: what a leader orders, counts and commits.

// Paper, section 5.4.2 and figure 8: an entry of an older term is never committed by counting
// copies, even when all members hold it; it is committed with the first one of the leader's own.
func TestPaperCommitCountsOwnTermOnly(t *testing.T) {
	p := newSolo(t, setting{members: voters("a", "b", "c", "d", "e"), terms: []entry.Term{1, 2, 2}})
	p.lead()
	for _, from := range p.peers() {
		p.ack(from, 3, 0)
		p.wantCommit(0)
	}
	p.ack("b", 4, 0)
	p.wantCommit(0)
	p.ack("c", 4, 0)
	p.wantCommit(4)
}

// Paper, section 5.3: a majority of all voters must hold the entry; half is not enough, and no
// member counts twice.
func TestPaperCommitMajority(t *testing.T) {
	all := []entry.MemberID{"a", "b", "c", "d", "e", "f", "g"}
	for n := 2; n <= len(all); n++ {
		p := newSolo(t, setting{members: voters(all[:n]...)})
		p.lead()
		for i, from := range all[1:n] {
			p.ack(from, 1, 0)
			p.ack(from, 1, 0)
			want := entry.Index(0)
			if holders := i + 2; holders > n/2 {
				want = 1
			}
			if p.commit() != want {
				t.Fatalf("of %d members %d hold entry 1: commit index %d, want %d", n, i+2, p.commit(), want)
			}
		}
	}
}

// Thesis, section 10.2.1: the leader sends before its own disk has the entry, and then counts its
// own copy only once its disk says so.
func TestPaperLeaderCountsItselfWhenDurable(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	out := p.propose(1, 100)
	seq := out.Write.Seq
	if len(out.Send) != 2 || seq == 0 {
		t.Fatalf("sent %+v, batch %d", out.Send, seq)
	}
	for _, o := range out.Send {
		if o.After != 0 || o.Entries.Count != 1 {
			t.Errorf("sent %+v, want the entry at once", o)
		}
	}
	p.ack("b", 2, 0)
	p.wantCommit(1)
	p.sync()
	p.wantCommit(2)
	// Two other members are a majority without the leader.
	p.propose(1, 100)
	p.ack("b", 3, 0)
	p.ack("c", 3, 0)
	p.wantCommit(3)
	if d := p.core.Status().Durable; d != 2 {
		t.Errorf("durable %d, want 2", d)
	}
}

// An ack that is received but not durable (Index beyond Match) commits nothing.
func TestPaperReceivedIsNotDurable(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: p.term(), Index: 1, Match: 0},
		core.Message{Kind: core.MsgAppendReply, From: "c", Term: p.term(), Index: 1, Match: 0})
	p.wantCommit(0)
}

// Paper, section 8: a new leader opens its term with a no-op, which commits what came before.
func TestPaperNoOpOpensTheTerm(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1}})
	p.candidate()
	w := p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: p.term()}).Write
	if len(w.Appended) != 1 || w.Appended[0].Kind != entry.KindNoOp || w.Appended[0].Index != 3 ||
		w.Appended[0].Term != p.term() || w.Appended[0].Proposal != 0 {
		t.Fatalf("the term opens with %+v", w.Appended)
	}
	if got := p.sent(core.MsgAppend, ""); len(got) != 2 {
		t.Fatalf("a new leader makes itself known with %+v", got)
	}
}

// Thesis, section 4.1 (configurations live in the log): the first entry of a cluster is its initial
// configuration, with the cluster's id and learners; a later leader does not repeat it.
func TestPaperBootstrapConfigurationComesFirst(t *testing.T) {
	members := voters("a", "b", "l")
	members[2].Learner = true
	p := newSolo(t, setting{members: members})
	p.candidate()
	w := p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: p.term()}).Write
	if len(w.Appended) != 1 {
		t.Fatalf("the first leader writes %+v", w.Appended)
	}
	first := w.Appended[0]
	if first.Kind != entry.KindConfiguration || first.Index != 1 || first.Configuration == nil {
		t.Fatalf("the first entry is %+v", first)
	}
	if c := first.Configuration; c.Cluster != cluster || len(c.Members) != 3 || !c.Members[2].Learner {
		t.Errorf("the configuration is %+v", c)
	}
	if got := p.core.Configuration(); got.Index != 1 {
		t.Errorf("in force is the configuration of entry %d, want 1", got.Index)
	}
}

// Thesis, section 4.1: a configuration is in force as soon as it is in the log, and a truncated one
// never was.
func TestPaperConfigurationInForce(t *testing.T) {
	payload := entry.AppendConfiguration(nil, entry.Configuration{Cluster: cluster, Members: voters("a", "b", "x")})
	var b entry.Builder
	b.Add(entry.Header{Kind: entry.KindConfiguration, Index: 1, Term: 1, Size: uint32(len(payload)),
		PayloadSum: entry.Checksum(payload)}, payload)
	p := newSolo(t, setting{})
	out := p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1,
		Entries: core.Range{First: 1, Count: 1}, Body: []*entry.Block{b.Block()}})
	if out.Configuration == nil || out.Configuration.Index != 1 || out.Configuration.Value.Members[2].ID != "x" {
		t.Fatalf("in force: %+v", out.Configuration)
	}
	p.receive(core.Message{Kind: core.MsgReadReply, From: "c", Term: 1})
	if p.core.Counters().Strangers != 1 {
		t.Errorf("counters %+v, want c to be a stranger", p.core.Counters())
	}
	out = p.receive(appendOf("b", 2, at(0, 0), 0, 2))
	if out.Configuration == nil || out.Configuration.Index != 0 || out.Configuration.Value.Members[2].ID != "c" {
		t.Errorf("after the truncation %+v is in force", out.Configuration)
	}
}

// Thesis, section 6.2 (check-quorum): a leader that a majority has not answered for twelve
// heartbeats steps down, without raising its term; answers keep it.
func TestPaperCheckQuorum(t *testing.T) {
	p := newSolo(t, setting{members: voters("a", "b", "c", "d", "e")})
	p.lead()
	start, term := p.now, p.term()
	for p.now-start < 12*beat {
		p.expire()
		p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: term})
		p.want(core.Leader)
	}
	p.now = start + 12*beat + 1
	p.step(core.Input{})
	p.want(core.Follower)
	if s := p.core.Status(); s.Term != term || s.Leader != "" {
		t.Errorf("status %+v", s)
	}
	p = newSolo(t, setting{members: voters("a", "b", "c", "d", "e")})
	p.lead()
	for range 100 {
		p.now += 4 * beat
		p.receive(core.Message{Kind: core.MsgAppendReply, From: "b", Term: p.term()},
			core.Message{Kind: core.MsgAppendReply, From: "c", Term: p.term(), Reject: true})
		p.want(core.Leader)
	}
}

// Paper, section 5.2: an idle leader sends a heartbeat every heartbeat, with a fresh round each.
func TestPaperIdleHeartbeats(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	var round uint64
	for range 5 {
		before := p.now
		p.expire()
		if p.now-before != beat {
			t.Fatalf("a heartbeat after %d ns", p.now-before)
		}
		for _, to := range p.peers() {
			m := p.only(core.MsgAppend, to)
			if m.Entries.Count != 0 || m.Index != 1 || m.Commit != 1 || m.Round <= round {
				t.Fatalf("heartbeat %+v after round %d", m, round)
			}
		}
		round = p.only(core.MsgAppend, "b").Round
		p.ack("b", 1, round)
		p.ack("c", 1, round)
	}
}

// Paper, section 5.3: what became committed is told at once, not with the next heartbeat.
func TestPaperCommitIsToldAtOnce(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.ack("b", 1, 0)
	p.wantCommit(1)
	if m := p.only(core.MsgAppend, "b"); m.Commit != 1 || m.Entries.Count != 0 {
		t.Errorf("told %+v", m)
	}
}

// A leader orders uncommitted bytes up to its bound, one entry always, and takes more once some are
// committed. What it refuses it refuses for certain.
func TestPaperUncommittedBound(t *testing.T) {
	limits := core.Config{Message: 1 << 20, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 1000}
	p := newSolo(t, setting{limits: limits})
	p.lead()
	p.agree()
	out := p.propose(12, 100)
	if len(out.Write.Appended) != 10 || len(out.Refused) != 2 ||
		out.Refused[0] != (core.Refused{Proposal: 11, Why: core.RefusedOverloaded}) {
		t.Fatalf("ordered %d, refused %+v", len(out.Write.Appended), out.Refused)
	}
	p.sync()
	p.ack("b", 4, 0)
	if out = p.propose(4, 100); len(out.Write.Appended) != 3 || len(out.Refused) != 1 {
		t.Fatalf("after three commits: ordered %d, refused %+v", len(out.Write.Appended), out.Refused)
	}
	p.sync()
	p.agree()
	if out = p.propose(1, 5000); len(out.Write.Appended) != 1 {
		t.Fatalf("one large entry: refused %+v", out.Refused)
	}
	if out = p.propose(1, 1); len(out.Refused) != 1 {
		t.Error("a second entry beside the large one")
	}
	p.sync()
	p.agree()
	p.wantCommit(p.last().Index)
	if out = p.propose(10, 100); len(out.Refused) != 0 {
		t.Errorf("the bytes of committed entries were not given back: %+v", out.Refused)
	}
}

// What a new leader inherits uncommitted counts against the bound, too.
func TestPaperUncommittedBoundInherits(t *testing.T) {
	limits := core.Config{Message: 1 << 20, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 10 * entry.HeaderSize}
	p := newSolo(t, setting{limits: limits})
	p.receive(appendOf("b", 1, at(0, 0), 0, 1, 1, 1, 1, 1, 1, 1, 1))
	p.sync()
	p.now += 12 * beat
	p.lead()
	if out := p.propose(3, entry.HeaderSize); len(out.Write.Appended) != 1 || len(out.Refused) != 2 {
		t.Errorf("ordered %d, refused %+v: 8 inherited, 1 no-op, 1 more fits", len(out.Write.Appended), out.Refused)
	}
}

// A follower orders nothing: it forwards, or refuses for certain when it knows no leader.
func TestPaperOnlyTheLeaderOrders(t *testing.T) {
	p := newSolo(t, setting{})
	out := p.propose(2, 100)
	if len(out.Refused) != 2 || out.Refused[1].Why != core.RefusedNotLeader || out.Write.Seq != 0 {
		t.Fatalf("without a leader: %+v", out)
	}
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 3})
	out = p.propose(2, 100)
	if f := out.Forward; f.To != "b" || f.Term != 3 || len(f.Proposals) != 2 ||
		f.Proposals[0] != 3 || len(out.Refused) != 0 {
		t.Errorf("with a leader: %+v", out.Forward)
	}
}
