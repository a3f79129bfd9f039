package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// bench is one core under test, fed by hand.
type bench struct {
	t   *testing.T
	c   *core.Core
	out core.Effects
	now core.Instant
	// stored is the last batch that the test calls durable; with slow set, none becomes so by itself.
	stored uint64
	slow   bool
}

// newBench returns member a of members a to e (the first n), with a log of these terms.
func newBench(t *testing.T, n int, hard entry.HardState, terms ...entry.Term) *bench {
	t.Helper()
	start := core.Start{Recovered: entry.Recovered{Hard: hard, Last: entry.Index(len(terms))}}
	for i, term := range terms {
		if i == 0 || term != terms[i-1] {
			start.Recovered.Terms = append(start.Recovered.Terms, entry.TermRun{First: entry.Index(i + 1), Term: term})
		}
	}
	for i := range n {
		start.Initial.Members = append(start.Initial.Members, entry.Member{ID: entry.MemberID(rune('a' + i))})
	}
	c, err := core.New(core.Config{
		ID: "a", Heartbeat: beat, Uncommitted: 1000, Message: 500, Window: 1000, Tail: 500,
	}, start)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, c: c, now: 1}
	b.step(core.Input{})
	return b
}

// step gives one input; afterwards the disk has done everything, unless it is slow.
func (b *bench) step(in core.Input) *core.Effects {
	b.t.Helper()
	in.Now, in.Stored = b.now, b.stored
	b.c.Step(&in, &b.out)
	if b.out.Fatal != nil {
		b.t.Fatalf("fatal: %v", b.out.Fatal)
	}
	if !b.slow && b.out.Write.Seq > b.stored {
		b.stored = b.out.Write.Seq
	}
	return &b.out
}

// hear gives one message.
func (b *bench) hear(m core.Message) *core.Effects {
	b.t.Helper()
	m.To = "a"
	return b.step(core.Input{Received: []core.Message{m}})
}

// wait lets the deadline come.
func (b *bench) wait() *core.Effects {
	b.t.Helper()
	b.now = max(b.now, b.c.Deadline())
	return b.step(core.Input{})
}

// sent returns the messages of a kind that the last step sent.
func (b *bench) sent(kind core.MessageKind) (all []core.Outgoing) {
	for _, o := range b.out.Send {
		if o.Kind == kind {
			all = append(all, o)
		}
	}
	return all
}

// one returns the only message of the kind that the last step sent.
func (b *bench) one(kind core.MessageKind) core.Outgoing {
	b.t.Helper()
	all := b.sent(kind)
	if len(all) != 1 {
		b.t.Fatalf("%d messages of kind %v were sent, want one: %+v", len(all), kind, b.out.Send)
	}
	return all[0]
}

// candidate makes a stand for election.
func (b *bench) candidate() *bench {
	b.t.Helper()
	for b.c.Status().Role != core.Candidate {
		b.wait()
		for _, from := range []entry.MemberID{"b", "c", "d", "e"} {
			if b.c.Status().Role == core.PreCandidate {
				b.hear(core.Message{Kind: core.MsgPreVoteReply, From: from, Term: b.c.Status().Term + 1})
			}
		}
	}
	return b
}

// leader makes a the leader, with everybody's votes.
func (b *bench) leader() *bench {
	b.t.Helper()
	b.candidate()
	for _, from := range []entry.MemberID{"b", "c", "d", "e"} {
		b.hear(core.Message{Kind: core.MsgVoteReply, From: from, Term: b.c.Status().Term})
	}
	b.step(core.Input{})
	if b.c.Status().Role != core.Leader {
		b.t.Fatalf("not a leader: %+v", b.c.Status())
	}
	return b
}

// ack acknowledges entries up to match, in the present round.
func (b *bench) ack(from entry.MemberID, match entry.Index) *core.Effects {
	b.t.Helper()
	return b.hear(core.Message{Kind: core.MsgAppendReply, From: from, Term: b.c.Status().Term, Index: match, Match: match})
}

// claimBlock returns entries of the given terms, the first one at index.
func claimBlock(index entry.Index, terms ...entry.Term) []*entry.Block {
	var b entry.Builder
	for i, term := range terms {
		payload := []byte("payload")
		b.Add(entry.Header{Index: index + entry.Index(i), Term: term, Size: 7, PayloadSum: entry.Checksum(payload)}, payload)
	}
	return []*entry.Block{b.Block()}
}

// claimAppend is an append of entries of the given terms after (index, logTerm).
func claimAppend(from entry.MemberID, term entry.Term, after entry.Position, commit entry.Index,
	terms ...entry.Term) core.Message {
	m := core.Message{
		Kind: core.MsgAppend, From: from, Term: term, Index: after.Index, LogTerm: after.Term, Commit: commit,
	}
	if len(terms) > 0 {
		m.Entries = core.Range{First: after.Index + 1, Count: uint32(len(terms))}
		m.Body = claimBlock(after.Index+1, terms...)
	}
	return m
}

// Paper 5.1: a server that sees a greater term adopts it and becomes a follower.
func TestClaimTermAdopted(t *testing.T) {
	b := newBench(t, 3, entry.HardState{}).leader()
	b.hear(claimAppend("b", 9, entry.Position{}, 0))
	if s := b.c.Status(); s.Term != 9 || s.Role != core.Follower || s.Leader != "b" {
		t.Errorf("a leader that heard of term 9 is %+v", s)
	}
}

// Paper 5.1: a request of an old term is refused, and the answer says which term it is.
func TestClaimOldTermRefused(t *testing.T) {
	for _, kind := range []core.MessageKind{core.MsgAppend, core.MsgVote, core.MsgPreVote} {
		b := newBench(t, 3, entry.HardState{Term: 5})
		b.hear(core.Message{Kind: kind, From: "b", Term: 4})
		if m := b.one(kind + 1); !m.Reject || m.Term != 5 {
			t.Errorf("%v of term 4 in term 5 was answered by %+v", kind, m.Message)
		}
	}
}

// Paper 5.2: a follower that hears nothing stands for election after a time that is drawn between 6
// and 12 heartbeats; thesis 9.6: first by a pre-vote that raises no term.
func TestClaimElectionTimeout(t *testing.T) {
	drawn := map[core.Instant]bool{}
	for seed := range uint64(50) {
		c, err := core.New(core.Config{ID: "a", Seed: seed, Heartbeat: beat}, core.Start{Initial: entry.Configuration{
			Members: []entry.Member{{ID: "a"}, {ID: "b"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		var out core.Effects
		c.Step(&core.Input{Now: 1}, &out)
		due := c.Deadline() - 1
		if due < 6*beat || due >= 12*beat {
			t.Errorf("seed %d waits %d heartbeats", seed, due/beat)
		}
		drawn[due] = true
		c.Step(&core.Input{Now: due}, &out)
		if len(out.Send) > 0 {
			t.Error("it did not wait for its time-out")
		}
		c.Step(&core.Input{Now: due + 1}, &out)
		if s := c.Status(); s.Role != core.PreCandidate || s.Term != 0 || len(out.Send) != 1 || out.Write.Seq != 0 {
			t.Errorf("after the time-out it is %+v and sent %+v", s, out.Send)
		}
	}
	if len(drawn) < 40 {
		t.Errorf("50 seeds drew %d different time-outs", len(drawn))
	}
}

// Paper 5.2: term and own vote are one record, durable before any request leaves; the own vote does
// not count before.
func TestClaimOwnVoteDurable(t *testing.T) {
	b := newBench(t, 3, entry.HardState{})
	b.slow = true
	b.candidate()
	w := b.out.Write
	if w.Hard == nil || *w.Hard != (entry.HardState{Term: 1, Vote: "a"}) {
		t.Fatalf("a candidate writes %+v", w.Hard)
	}
	for _, m := range b.sent(core.MsgVote) {
		if m.After != w.Seq {
			t.Errorf("a vote request leaves after batch %d, the vote is in %d", m.After, w.Seq)
		}
	}
	b.hear(core.Message{Kind: core.MsgVoteReply, From: "b", Term: 1})
	if b.c.Status().Role == core.Leader {
		t.Error("a vote that is not durable made a leader")
	}
	b.stored = w.Seq
	if b.step(core.Input{}); b.c.Status().Role != core.Leader {
		t.Error("a majority of durable votes made no leader")
	}
}

// Paper 5.2: at most one vote per term, first come, durable before the answer; the same candidate
// may ask again.
func TestClaimOneVote(t *testing.T) {
	b := newBench(t, 5, entry.HardState{Term: 1})
	b.slow = true
	ask := core.Message{Kind: core.MsgVote, From: "b", Term: 2}
	b.hear(ask)
	if m := b.one(core.MsgVoteReply); m.Reject || m.After != b.out.Write.Seq || m.After == 0 {
		t.Errorf("the first request was answered by %+v", m)
	}
	if b.hear(ask); b.one(core.MsgVoteReply).Reject {
		t.Error("the same candidate was refused when it asked again")
	}
	ask.From = "c"
	if b.hear(ask); !b.one(core.MsgVoteReply).Reject {
		t.Error("a second candidate got the same term's vote")
	}
	if h := b.c.Status(); h.Vote != "b" {
		t.Errorf("the vote is %q", h.Vote)
	}
}

// Paper 5.4.1: a candidate whose log is behind gets no vote.
func TestClaimUpToDate(t *testing.T) {
	for _, test := range []struct {
		last  entry.Position
		grant bool
	}{
		{entry.Position{Index: 3, Term: 2}, true},
		{entry.Position{Index: 4, Term: 2}, true},
		{entry.Position{Index: 1, Term: 3}, true},
		{entry.Position{Index: 2, Term: 2}, false},
		{entry.Position{Index: 9, Term: 1}, false},
	} {
		for _, kind := range []core.MessageKind{core.MsgPreVote, core.MsgVote} {
			b := newBench(t, 3, entry.HardState{Term: 3}, 1, 1, 2)
			b.hear(core.Message{Kind: kind, From: "b", Term: 4, Index: test.last.Index, LogTerm: test.last.Term})
			if got := !b.one(kind + 1).Reject; got != test.grant {
				t.Errorf("%v of a log that ends at %v: granted %v, want %v", kind, test.last, got, test.grant)
			}
		}
	}
}

// Paper 5.2: a majority of all voters elects, counted by distinct voters: repeated answers are one.
func TestClaimMajority(t *testing.T) {
	for n := 1; n <= 7; n++ {
		if got, want := core.Majority(n), map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4}[n]; got != want {
			t.Errorf("a majority of %d is %d, want %d", n, got, want)
		}
	}
	for n := 1; n <= 5; n++ {
		b := newBench(t, n, entry.HardState{}).candidate()
		votes := 1
		for b.step(core.Input{}); b.c.Status().Role != core.Leader; votes++ {
			for range 3 {
				b.hear(core.Message{Kind: core.MsgVoteReply, From: entry.MemberID(rune('a' + votes)), Term: 1})
			}
		}
		if votes != core.Majority(n) {
			t.Errorf("%d of %d votes made a leader, want %d", votes, n, core.Majority(n))
		}
	}
}

// Paper 5.2: a candidate that hears the leader of its term follows it.
func TestClaimCandidateStepsDown(t *testing.T) {
	b := newBench(t, 3, entry.HardState{}).candidate()
	b.hear(claimAppend("c", 1, entry.Position{}, 0))
	if s := b.c.Status(); s.Role != core.Follower || s.Leader != "c" || s.Vote != "a" {
		t.Errorf("after hearing the leader of its term the candidate is %+v", s)
	}
}

// Thesis 4.2.3 and 9.6: while a leader is heard, (pre-)votes are refused and no term is adopted.
func TestClaimSticky(t *testing.T) {
	for _, kind := range []core.MessageKind{core.MsgPreVote, core.MsgVote} {
		b := newBench(t, 3, entry.HardState{Term: 1})
		b.hear(claimAppend("b", 1, entry.Position{}, 0))
		b.now += 6*beat - 1
		b.hear(core.Message{Kind: kind, From: "c", Term: 2})
		if s := b.c.Status(); s.Term != 1 || s.Vote != "" || s.Leader != "b" {
			t.Errorf("a %v within the minimum time-out left %+v", kind, s)
		}
		if n := b.c.Counters().Sticky; n != 1 {
			t.Errorf("%d refusals were counted", n)
		}
	}
}

// Paper 5.3: the consistency check; the hint lets the leader skip a whole term at once.
func TestClaimConsistencyCheck(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 4}, 1, 1, 2, 2, 2)
	b.hear(claimAppend("b", 5, entry.Position{Index: 5, Term: 4}, 0))
	if m := b.one(core.MsgAppendReply); !m.Reject || m.Index != 5 || m.Hint != 5 || m.HintTerm != 2 {
		t.Errorf("a mismatch was answered by %+v", m.Message)
	}
	b.hear(claimAppend("b", 5, entry.Position{Index: 5, Term: 1}, 0))
	if m := b.one(core.MsgAppendReply); !m.Reject || m.Hint != 2 || m.HintTerm != 1 {
		t.Errorf("a mismatch with a smaller term was answered by %+v", m.Message)
	}
	b.hear(claimAppend("b", 5, entry.Position{Index: 9, Term: 3}, 0))
	if m := b.one(core.MsgAppendReply); !m.Reject || m.Hint != 5 {
		t.Errorf("a hole was answered by %+v", m.Message)
	}
}

// Paper 5.3: conflicting entries are removed, agreeing ones stay, also those after a late message.
func TestClaimTruncateOnlyOnConflict(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 2}, 1, 1, 2, 2)
	b.hear(claimAppend("b", 3, entry.Position{Index: 1, Term: 1}, 0, 1))
	if b.out.Write.TruncateFrom != 0 || b.c.Status().Last.Index != 4 {
		t.Errorf("a message that agrees truncated the log: %+v, %+v", b.out.Write, b.c.Status())
	}
	b.hear(claimAppend("b", 3, entry.Position{Index: 2, Term: 1}, 0, 3))
	if s := b.c.Status(); b.out.Write.TruncateFrom != 3 || s.Last != (entry.Position{Index: 3, Term: 3}) {
		t.Errorf("a conflict at 3 wrote %+v and left %+v", b.out.Write, s)
	}
}

// Paper 5.3: entries are acknowledged once they are durable.
func TestClaimAckAfterSync(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 1})
	b.slow = true
	b.hear(claimAppend("b", 1, entry.Position{}, 0, 1, 1))
	first := b.out.Write.Seq
	if m := b.one(core.MsgAppendReply); m.Match != 2 || m.After != first || first == 0 {
		t.Errorf("entries in batch %d were acknowledged by %+v", first, m)
	}
	// A repetition of the same entries must wait for the same batch.
	b.hear(claimAppend("b", 1, entry.Position{}, 0, 1, 1))
	if m := b.one(core.MsgAppendReply); m.Match == 2 && m.After < first {
		t.Errorf("repeated entries were acknowledged before their sync: %+v", m)
	}
	// A heartbeat is answered at once, but only for what is durable.
	b.hear(claimAppend("b", 1, entry.Position{Index: 2, Term: 1}, 0))
	if m := b.one(core.MsgAppendReply); m.After != 0 || m.Match != 0 || m.Index != 2 {
		t.Errorf("a heartbeat beside a slow disk was answered by %+v", m)
	}
}

// A truncated entry whose write ends late must not count for the entry that took its place.
func TestClaimLateSyncOfTruncated(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 1})
	b.slow = true
	b.hear(claimAppend("b", 1, entry.Position{}, 0, 1, 1, 1))
	old := b.out.Write.Seq
	b.hear(claimAppend("c", 2, entry.Position{Index: 1, Term: 1}, 0, 2, 2))
	b.stored = old
	b.step(core.Input{})
	if d := b.c.Status().Durable; d != 1 {
		t.Errorf("the sync of overwritten entries made entry %d durable", d)
	}
}

// Paper figure 2: a follower's commit index is the smaller one of the leader's and of the last
// entry that is known to agree.
func TestClaimFollowerCommit(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 1}, 1, 1, 1, 1)
	b.hear(claimAppend("b", 2, entry.Position{Index: 2, Term: 1}, 9))
	if c := b.out.Commit; c != 2 {
		t.Errorf("commit index %d after agreement up to 2", c)
	}
	b.hear(claimAppend("b", 2, entry.Position{Index: 3, Term: 1}, 9, 2))
	if c := b.out.Commit; c != 4 {
		t.Errorf("commit index %d after agreement up to 4", c)
	}
}

// A committed entry is never truncated: the member stops.
func TestClaimCommittedStays(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 1}, 1, 1, 1)
	b.hear(claimAppend("b", 2, entry.Position{Index: 3, Term: 1}, 3))
	m := claimAppend("b", 3, entry.Position{Index: 1, Term: 1}, 0, 3)
	m.To = "a"
	b.c.Step(&core.Input{Now: b.now, Received: []core.Message{m}}, &b.out)
	if b.out.Fatal == nil {
		t.Error("a committed entry was contradicted and the member goes on")
	}
}

// Paper section 8: a leader opens its term with an entry of its own; in an empty log that is the
// configuration.
func TestClaimOpeningEntry(t *testing.T) {
	b := newBench(t, 3, entry.HardState{}).candidate()
	b.hear(core.Message{Kind: core.MsgVoteReply, From: "b", Term: 1})
	if a := b.out.Write.Appended; len(a) != 1 || a[0].Kind != entry.KindConfiguration || a[0].Configuration == nil {
		t.Errorf("the first leader opens with %+v", a)
	}
	b = newBench(t, 3, entry.HardState{Term: 4}, 1, 4).candidate()
	b.hear(core.Message{Kind: core.MsgVoteReply, From: "b", Term: 5})
	if a := b.out.Write.Appended; len(a) != 1 || a[0].Kind != entry.KindNoOp || a[0].Index != 3 || a[0].Term != 5 {
		t.Errorf("a leader opens with %+v", a)
	}
}

// Paper 5.4.2: only entries of the own term are committed by counting.
func TestClaimOwnTermOnly(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 2}, 1, 2).leader()
	if b.ack("b", 2); b.out.Commit != 0 {
		t.Errorf("an old entry was committed by counting: %d", b.out.Commit)
	}
	if b.ack("b", 3); b.out.Commit != 3 {
		t.Errorf("commit index %d after a majority has the own entry", b.out.Commit)
	}
}

// A leader counts its own copy when its disk says so, and sends before that (thesis 10.2.1).
func TestClaimParallelWrite(t *testing.T) {
	b := newBench(t, 3, entry.HardState{}).leader()
	b.ack("b", 1)
	b.slow = true
	b.step(core.Input{Proposals: []core.Proposal{{ID: 1, Size: 100}}})
	if m := b.sent(core.MsgAppend); len(m) == 0 || m[0].After != 0 || m[0].Entries.Count != 1 {
		t.Errorf("a new entry was sent as %+v", m)
	}
	if b.ack("b", 2); b.out.Commit != 1 {
		t.Errorf("commit index %d with one durable copy", b.out.Commit)
	}
	if b.ack("c", 2); b.out.Commit != 2 {
		t.Errorf("commit index %d with two durable copies of others", b.out.Commit)
	}
}

// Commit index of every size: the acknowledgements needed beside the leader's own copy.
func TestClaimCommitQuorum(t *testing.T) {
	for n := 1; n <= 5; n++ {
		b := newBench(t, n, entry.HardState{}).leader()
		acks := 0
		for b.step(core.Input{}); b.out.Commit == 0; acks++ {
			b.ack(entry.MemberID(rune('b'+acks)), 1)
			b.ack(entry.MemberID(rune('b'+acks)), 1)
		}
		if acks != core.Majority(n)-1 {
			t.Errorf("%d acknowledgements committed in a cluster of %d", acks, n)
		}
	}
}

// A member that comes late to its own time-out does not blame the leader at once, but it does so two
// heartbeats later.
func TestClaimLateMemberExcusesLeader(t *testing.T) {
	b := newBench(t, 3, entry.HardState{Term: 1})
	b.hear(claimAppend("b", 1, entry.Position{}, 0))
	b.now = b.c.Deadline() + beat
	if b.step(core.Input{}); b.c.Status().Role != core.Follower {
		t.Error("a member that was not scheduled stands for election at once")
	}
	if b.c.Deadline() != b.now+2*beat {
		t.Errorf("it waits %d heartbeats more", (b.c.Deadline()-b.now)/beat)
	}
	if b.wait(); b.c.Status().Role != core.PreCandidate {
		t.Errorf("two heartbeats later it is %+v", b.c.Status())
	}
}
