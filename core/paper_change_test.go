package core_test

import (
	"fmt"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Membership: Ongaro's thesis, chapter 4, and the paper's section 6, claim by claim.

// tell writes a configuration in few words: "a b c(leaving)".
func tell(c entry.Configuration) string {
	var all []string
	for _, m := range c.Members {
		var marks []string
		for _, f := range []struct {
			set  bool
			name string
		}{
			{m.Learner && !m.Promote, "learner"}, {m.Learner && m.Promote, "arriving"},
			{m.Leaving, "leaving"}, {m.Outgoing, "outgoing"},
		} {
			if f.set {
				marks = append(marks, f.name)
			}
		}
		text := string(m.ID)
		if m.Incarnation != 0 {
			text += fmt.Sprintf("#%d", m.Incarnation)
		}
		if len(marks) > 0 {
			text += "(" + strings.Join(marks, ",") + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func (p *solo) configuration() string { return tell(p.core.Configuration().Value) }

func (p *solo) wantConfiguration(want string) {
	p.t.Helper()
	if got := p.configuration(); got != want {
		p.t.Fatalf("configuration %q, want %q", got, want)
	}
}

// change asks for a change and returns how it was answered, "" when it was not yet.
func (p *solo) change(id core.ChangeID, add []entry.Member, remove ...entry.MemberID) string {
	p.t.Helper()
	request := core.ChangeRequest{ID: id, Change: core.Change{Add: add, Remove: remove}}
	return p.changed(p.step(core.Input{Changes: []core.ChangeRequest{request}}))
}

func (p *solo) changed(out *core.Effects) string {
	var all []string
	for _, r := range out.Changed {
		if r.Refusal == 0 {
			all = append(all, fmt.Sprintf("%d done at %d", r.ID, r.Index))
		} else {
			all = append(all, fmt.Sprintf("%d refused: %s", r.ID, r))
		}
	}
	return strings.Join(all, "; ")
}

// settled makes the member the leader of a term whose first entry is committed and was acknowledged
// by everybody in the newest round.
func (p *solo) settled() {
	p.t.Helper()
	p.lead()
	p.everybody()
	p.wantCommit(p.last().Index)
}

// everybody acknowledges the whole log, as the answer to the newest round.
func (p *solo) everybody() {
	p.t.Helper()
	p.answer(p.peers()...)
}

// answer acknowledges the whole log on behalf of some.
func (p *solo) answer(ids ...entry.MemberID) *core.Effects {
	p.t.Helper()
	p.sync()
	out := &p.out
	for _, id := range ids {
		out = p.ack(id, p.last().Index, p.round)
	}
	return out
}

func committedSolo(t *testing.T, s setting) *solo {
	t.Helper()
	p := newSolo(t, s)
	p.settled()
	return p
}

// Thesis, section 4.1: the new configuration is in force as soon as it is appended: it is replicated
// to the new set, and the new set's majority commits it.
func TestPaperChangeIsInForceAtAppend(t *testing.T) {
	p := committedSolo(t, setting{members: voters("a", "b", "c", "d")})
	if got := p.change(1, nil, "d"); got != "" {
		t.Fatalf("answered %q before it is committed", got)
	}
	p.wantConfiguration("a b c")
	p.sync()
	out := p.ack("b", p.last().Index, 0) // two of three; of four it would be too few
	if got := p.changed(out); got != "1 done at 2" {
		t.Errorf("answered %q, want done at 2", got)
	}
}

// The bug of single-server changes (Ongaro, raft-dev, 2015): no change before an entry of the
// leader's own term is committed. An earlier leader's change may still stand or fall.
func TestPaperNoChangeBeforeTheTermsFirstCommit(t *testing.T) {
	p := newSolo(t, setting{members: voters("a", "b", "c", "d"), terms: []entry.Term{1, 1}, commit: 2})
	p.lead()
	p.change(1, nil, "d")
	p.wantConfiguration("a b c d")
	p.ack("b", 2, 1) // old entries are no commit of this term
	p.wantConfiguration("a b c d")
	p.answer("b", "c")
	p.wantConfiguration("a b c")
}

// Thesis, section 4.1: the next change waits until the one before is committed.
func TestPaperOneChangeAtATime(t *testing.T) {
	p := committedSolo(t, setting{members: voters("a", "b", "c", "d", "e")})
	p.change(1, nil, "d")
	last := p.last()
	p.change(2, nil, "e")
	if p.last() != last {
		t.Fatalf("a second configuration was appended at %d before %d is committed", p.last().Index, last.Index)
	}
	p.wantConfiguration("a b c e")
	out := p.answer("b", "c")
	if got := p.changed(out); got != "1 done at 2" {
		t.Fatalf("answered %q", got)
	}
	p.wantConfiguration("a b c")
	if got := p.changed(p.answer("b")); got != "2 done at 3" {
		t.Errorf("answered %q", got)
	}
}

// Thesis, section 4.1: a follower returns to the configuration before when the new one is truncated,
// and uses the newest in its log, committed or not.
func TestPaperTruncationBringsTheOldConfigurationBack(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1}, commit: 1})
	p.receive(configurationOf("b", 2, at(1, 1), entry.Configuration{Cluster: cluster, Members: voters("a", "b")}))
	p.wantConfiguration("a b")
	if p.commit() != 1 || p.out.Configuration == nil || p.out.Configuration.Index != 2 {
		t.Fatalf("commit %d, effects %+v", p.commit(), p.out.Configuration)
	}
	p.receive(appendOf("c", 3, at(1, 1), 1, 3))
	p.wantConfiguration("a b c")
	if p.out.Configuration == nil || p.out.Configuration.Index != 0 {
		t.Errorf("effects %+v, want the configuration before", p.out.Configuration)
	}
}

// configurationOf is a leader's message with one configuration entry after prev.
func configurationOf(from entry.MemberID, term entry.Term, prev entry.Position, c entry.Configuration) core.Message {
	payload := entry.AppendConfiguration(nil, c)
	var b entry.Builder
	b.Add(entry.Header{Kind: entry.KindConfiguration, Index: prev.Index + 1, Term: term,
		Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
	return core.Message{
		Kind: core.MsgAppend, From: from, Term: term, Index: prev.Index, LogTerm: prev.Term,
		Entries: core.Range{First: prev.Index + 1, Count: 1}, Body: []*entry.Block{b.Block()},
	}
}

// Thesis, section 4.2.1: a new server is a learner first, and becomes a voter once it has caught up.
// While it catches up it counts for nothing.
func TestPaperArrivalsCatchUpFirst(t *testing.T) {
	p := committedSolo(t, setting{terms: []entry.Term{1, 1, 1}, commit: 3})
	p.change(1, voters("d"))
	p.wantConfiguration("a b c d(arriving)")
	if m := p.only(core.MsgAppend, "d"); m.Index != p.last().Index && m.Index >= 4 {
		t.Errorf("the arrival is asked about %d", m.Index)
	}
	p.ack("d", p.last().Index, p.round) // not counted: own and d's copy are no majority of a, b, c
	p.wantCommit(4)
	out := p.answer("b")
	if got := p.changed(out); got != "" {
		t.Fatalf("answered %q before d is a voter", got)
	}
	p.wantConfiguration("a b c d")
	p.answer("b")
	p.wantCommit(5) // two of four
	if got := p.changed(p.answer("c")); got != "1 done at 6" {
		t.Errorf("answered %q", got)
	}
}

// Thesis, section 4.2.1: a round that takes longer than an election time-out does not count, since the
// cluster would wait as long for the new voter. One that keeps up afterwards is promoted.
func TestPaperSlowArrivalsWait(t *testing.T) {
	p := committedSolo(t, setting{})
	p.change(1, voters("d"))
	p.everybodyBut("d")
	for range 4 { // each round of d takes longer than the log stands still
		p.propose(1, 100)
		for range 7 {
			p.now += beat
			p.everybodyBut("d")
		}
		p.ack("d", p.last().Index, p.round)
		p.propose(1, 100)
		p.wantConfiguration("a b c d(arriving)")
	}
	p.everybody()
	p.everybody()
	p.wantConfiguration("a b c d")
}

// everybodyBut acknowledges on behalf of all but one, after a heartbeat.
func (p *solo) everybodyBut(not entry.MemberID) {
	p.t.Helper()
	p.step(core.Input{})
	for _, id := range p.peers() {
		if id != not {
			p.answer(id)
		}
	}
}

// A learner for good is never promoted, and is made a voter when that is asked for.
func TestPaperLearnersForGood(t *testing.T) {
	p := committedSolo(t, setting{})
	p.change(1, []entry.Member{{ID: "l", Learner: true}})
	p.wantConfiguration("a b c l(learner)")
	out := p.answer("b", "c")
	for range 5 {
		p.everybody()
	}
	p.wantConfiguration("a b c l(learner)")
	if got := p.change(2, []entry.Member{{ID: "l", Learner: true}}); got != "2 done at 2" {
		t.Errorf("what is so already is answered %q (first %+v)", got, out.Changed)
	}
	p.change(3, voters("l"))
	p.wantConfiguration("a b c l(arriving)")
	p.everybody()
	p.everybody()
	p.everybody()
	p.wantConfiguration("a b c l")
}

// Thesis, section 4.2.2: a leader that is removed leads until the configuration without it is
// committed, does not count itself meanwhile, and then steps down: to a successor of its choice, once
// that one holds everything (section 3.10).
func TestPaperRemovedLeaderStepsDown(t *testing.T) {
	p := committedSolo(t, setting{})
	p.change(1, nil, "a")
	p.wantConfiguration("b c")
	p.sync()
	p.ack("b", p.last().Index, 0)
	p.wantCommit(1) // its own copy does not count: b alone is one of two
	p.want(core.Leader)
	p.propose(1, 100)
	if m := p.only(core.MsgAppend, "b"); m.Entries.Count != 1 {
		t.Errorf("a leader that goes still leads; sent %+v", m.Entries)
	}
	out := p.ack("c", 2, 0)
	if got := p.changed(out); got != "1 done at 2" {
		t.Errorf("answered %q", got)
	}
	if len(p.sent(core.MsgAppend, "b")) == 0 {
		t.Error("it does not tell the others of the commit")
	}
	if out := p.propose(1, 100); len(out.Refused) != 1 || out.Refused[0].Why != core.RefusedTransferring {
		t.Errorf("a retired leader takes proposals: %+v", out.Refused)
	}
	p.ack("b", 3, 0)
	p.want(core.Leader)
	p.ack("c", 3, 0)
	if got := p.sent(core.MsgTransfer, ""); len(got) != 1 {
		t.Errorf("told %+v to stand", got)
	}
	p.want(core.Follower)
	for range 3 {
		p.expire()
		p.step(core.Input{Campaign: true})
		p.want(core.Follower)
	}
}

// A removed leader that nobody can succeed steps down all the same, after an election time-out.
func TestPaperRemovedLeaderWithoutSuccessor(t *testing.T) {
	p := committedSolo(t, setting{})
	p.change(1, nil, "a")
	p.propose(1, 100)
	p.ack("b", 2, 0)
	p.ack("c", 2, 0)
	p.want(core.Leader)
	for range 11 {
		p.now += beat
		p.ack("b", 2, p.round)
		p.ack("c", 2, p.round)
		p.want(core.Leader)
	}
	p.now += beat
	p.step(core.Input{})
	p.want(core.Follower)
}

// Thesis, section 4.2.3: a removed member that did not hear of it cannot disturb: it asks in vain,
// and its term is taken over by nobody.
func TestPaperRemovedMembersDisturbNobody(t *testing.T) {
	p := committedSolo(t, setting{members: voters("a", "b", "c", "d")})
	p.change(1, nil, "d")
	p.everybody()
	p.now += 100 * beat // even a member that hears no leader any more
	p.step(core.Input{})
	p.want(core.Follower)
	term := p.term()
	for _, kind := range []core.MessageKind{core.MsgPreVote, core.MsgVote} {
		p.receive(vote(kind, "d", term+7, at(1, 1)))
	}
	if p.term() != term || len(p.out.Send) != 0 || p.core.Counters().Removed != 2 {
		t.Errorf("term %d, sent %+v, counters %+v", p.term(), p.out.Send, p.core.Counters())
	}
}

// The leader goes on sending to a member that it removed until that one has acknowledged it, or for
// an election time-out: so it learns that it is none any more.
func TestPaperRemovedMembersAreTold(t *testing.T) {
	p := committedSolo(t, setting{members: voters("a", "b", "c", "d")})
	p.change(1, nil, "d")
	if m := p.only(core.MsgAppend, "d"); m.Entries.Count != 1 {
		t.Fatalf("sent %+v", m)
	}
	p.ack("d", 2, p.round)
	p.expire()
	if got := p.sent(core.MsgAppend, "d"); len(got) != 0 {
		t.Errorf("it was told and is sent %+v", got)
	}
	p = committedSolo(t, setting{members: voters("a", "b", "c", "d")})
	p.change(1, nil, "d")
	for range 8 {
		p.answer("b", "c")
		p.expire()
	}
	if got := p.sent(core.MsgAppend, "d"); len(got) != 0 {
		t.Errorf("after an election time-out it is still sent %+v", got)
	}
}

// Meanwhile the leader hears that one's acks, and orders nothing more for it.
func TestRemovedMembersOrderNothing(t *testing.T) {
	p := committedSolo(t, setting{members: voters("a", "b", "c", "d")})
	if out := p.receive(forwarded("d", p.term(), 77, 1)); len(out.Write.Appended) != 1 {
		t.Fatalf("a member's command: ordered %+v", out.Write.Appended)
	}
	p.everybody()
	p.change(1, nil, "d")
	if out := p.receive(forwarded("d", p.term(), 77, 2)); len(out.Write.Appended) != 0 || p.core.Counters().Removed != 1 {
		t.Errorf("a removed member's command: ordered %+v, counters %+v", out.Write.Appended, p.core.Counters())
	}
	p.ack("d", 1, p.round)
	if c := p.core.Counters(); c.Removed != 1 {
		t.Errorf("its ack is not heard: %+v", c)
	}
}

// Paper, section 6, and thesis, section 4.2.2: a configuration may lag behind the one that made the
// sender a member. A leader is heard whoever it is, and a candidate whose log is as up to date as
// ours gets the vote; all else of those whom the configuration does not name is refused.
func TestPaperUnknownMembersAreHeard(t *testing.T) {
	p := newSolo(t, setting{terms: []entry.Term{1, 1}, hard: entry.HardState{Term: 2}})
	p.receive(vote(core.MsgPreVote, "x", 3, at(2, 1)), vote(core.MsgVote, "x", 3, at(2, 1)))
	if p.only(core.MsgPreVoteReply, "x").Reject || p.only(core.MsgVoteReply, "x").Reject {
		t.Errorf("an up-to-date candidate is answered %+v", p.out.Send)
	}
	p.receive(appendOf("x", 3, at(2, 1), 0, 3))
	if p.last() != at(3, 3) || p.core.Status().Leader != "x" {
		t.Errorf("after a leader's entries the status is %+v", p.core.Status())
	}
	if p.core.Counters() != (core.Counters{}) {
		t.Errorf("counters %+v", p.core.Counters())
	}
	before := p.core.Status()
	for _, m := range []core.Message{
		vote(core.MsgVote, "y", 9, at(2, 1)), vote(core.MsgPreVote, "y", 9, at(1, 1)),
		{Kind: core.MsgVoteReply, From: "y", Term: 9}, {Kind: core.MsgAppendReply, From: "y", Term: 9},
		{Kind: core.MsgRead, From: "y", Term: 9}, {Kind: core.MsgReadReply, From: "y", Term: 9},
		{Kind: core.MsgPropose, From: "y", Term: 9, Entries: core.Range{First: 1, Count: 1}, Body: frames(1, 1)},
		{Kind: core.MsgChange, From: "y", Term: 9, Entries: core.Range{First: 1, Count: 1}, Body: frames(1, 1)},
		{Kind: core.MsgTransfer, From: "y", Term: 9}, {Kind: core.MsgTransferRequest, From: "y", Term: 9},
	} {
		p.receive(m)
	}
	if p.core.Status() != before || len(p.out.Send) != 0 || p.core.Counters().Strangers != 10 {
		t.Errorf("status %+v, sent %+v, counters %+v", p.core.Status(), p.out.Send, p.core.Counters())
	}
}

// Who was removed and added again is a candidate like others for a member that knows of the removal
// only: its log holds the removal, and it stands nevertheless.
func TestPaperReturnedMembersAreHeard(t *testing.T) {
	removed := entry.Configuration{Cluster: cluster, Members: voters("a", "b", "c"), Removed: ids("d")}
	p := newSolo(t, setting{terms: []entry.Term{1}, commit: 1})
	p.receive(configurationOf("b", 2, at(1, 1), removed))
	p.sync()
	p.now += 20 * beat
	p.step(core.Input{})
	p.receive(vote(core.MsgVote, "d", 5, at(9, 1)))
	if len(p.out.Send) != 0 || p.core.Counters().Removed != 1 {
		t.Fatalf("a removed member that lags is answered %+v, counters %+v", p.out.Send, p.core.Counters())
	}
	p.receive(vote(core.MsgVote, "d", 5, at(4, 3)))
	if p.only(core.MsgVoteReply, "d").Reject {
		t.Error("a member that came back is refused")
	}
}

// Thesis, section 4.2.2: a server that is not in its newest configuration still stands for election until
// that is committed: its log may be the only one that holds the configuration without it, and then
// the others cannot be elected. It does not count itself.
func TestPaperRemovedMembersStandUntilItIsCommitted(t *testing.T) {
	for commit, stands := range map[entry.Index]bool{1: true, 2: false} {
		p := newSolo(t, setting{terms: []entry.Term{1}, members: voters("a", "b"), commit: 1})
		m := configurationOf("b", 2, at(1, 1), entry.Configuration{Cluster: cluster, Members: voters("b")})
		m.Commit = commit
		p.receive(m)
		p.sync()
		for range 3 {
			if p.role() == core.Follower {
				p.expire()
			}
		}
		if got := p.role() == core.PreCandidate; got != stands {
			t.Fatalf("with commit index %d it stands: %v", p.commit(), got)
		}
		if !stands {
			continue
		}
		p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "b", Term: p.term() + 1})
		p.sync()
		p.want(core.Candidate) // its own vote, durable by now, is no quorum
		p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: p.term()})
		p.want(core.Leader)
		p.sync()
		p.wantCommit(1)
		p.ack("b", 3, p.round)
		p.wantCommit(3)
		p.want(core.Follower)
	}
}
