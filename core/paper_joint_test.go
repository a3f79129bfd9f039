package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Joint consensus: thesis, section 4.3, and paper, section 6.

// jointSolo leads a b c in the joint configuration towards c d e.
func jointSolo(t *testing.T) *solo {
	t.Helper()
	p := committedSolo(t, setting{members: voters("a", "b", "c")})
	p.change(1, voters("d", "e"), "a", "b")
	p.wantConfiguration("a(leaving) b(leaving) c d(arriving) e(arriving)")
	p.everybody()
	p.wantConfiguration("a(leaving,outgoing) b(leaving,outgoing) c(outgoing) d e")
	return p
}

// Thesis, section 4.3: sets that differ by more than one voter are joined first; the joint
// configuration is committed by a majority of each, and then the final one by its own.
func TestPaperJointConsensus(t *testing.T) {
	for _, row := range []struct {
		acks      string
		committed bool
	}{
		{"de", false}, // all of the new set but c, and of the old one a alone
		{"b", false},  // of the old set a and b, of the new set nobody
		{"bd", false}, // of the new set one of three
		{"bde", true},
		{"cd", true},
		{"ce", true},
		{"c", false},
	} {
		p := jointSolo(t)
		at := p.last().Index
		p.sync()
		for _, id := range row.acks {
			p.ack(entry.MemberID(id), at, 0)
		}
		if committed := p.commit() >= at; committed != row.committed {
			t.Errorf("acknowledged by a%s: committed %v, want %v", row.acks, committed, row.committed)
		}
		if row.committed {
			p.wantConfiguration("c d e")
		}
	}
}

// The final configuration is committed by the incoming set alone; the outgoing leader then steps
// down.
func TestPaperJointConsensusEnds(t *testing.T) {
	p := jointSolo(t)
	p.answer("c", "d")
	p.wantConfiguration("c d e")
	at := p.last().Index
	p.sync()
	p.ack("b", at, 0)
	p.ack("d", at, 0)
	if p.commit() >= at {
		t.Fatal("one of three of the new set committed the new configuration")
	}
	out := p.ack("e", at, 0)
	if got := p.changed(out); got != "1 done at 4" {
		t.Errorf("answered %q", got)
	}
	p.want(core.Follower)
	if got := p.core.Configuration().Value.Removed; len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("removed %v", got)
	}
}

// Thesis, section 4.3: while it is joint an election needs a majority of each set, and so do a
// pre-vote and the confirmation of a read.
func TestPaperJointElection(t *testing.T) {
	members := []entry.Member{
		{ID: "a", Outgoing: true}, {ID: "b", Outgoing: true, Leaving: true}, {ID: "c", Outgoing: true, Leaving: true},
		{ID: "d"}, {ID: "e"},
	}
	for votes, wins := range map[string]bool{"b": false, "bc": false, "de": false, "bd": true, "cde": true, "d": false} {
		p := newSolo(t, setting{members: members, terms: []entry.Term{1}, commit: 1})
		p.expire()
		for _, id := range votes {
			p.receive(core.Message{Kind: core.MsgPreVoteReply, From: entry.MemberID(id), Term: p.term() + 1})
		}
		if stands := p.role() == core.Candidate; stands != wins {
			t.Errorf("pre-votes of a%s: stands %v, want %v", votes, stands, wins)
		}
		p = newSolo(t, setting{members: members, terms: []entry.Term{1}, commit: 1})
		p.candidate()
		for _, id := range votes {
			p.receive(core.Message{Kind: core.MsgVoteReply, From: entry.MemberID(id), Term: p.term()})
		}
		if leads := p.role() == core.Leader; leads != wins {
			t.Errorf("votes of a%s: leads %v, want %v", votes, leads, wins)
		}
	}
}

func TestPaperJointReads(t *testing.T) {
	p := jointSolo(t)
	p.step(core.Input{Reads: []core.ReadID{7}})
	for _, from := range []entry.MemberID{"d", "e"} {
		if out := p.ack(from, 3, p.round); len(out.Reads) != 0 {
			t.Fatalf("the new set alone confirmed a read: %+v", out.Reads)
		}
	}
	if out := p.ack("b", 3, p.round); len(out.Reads) != 1 || out.Reads[0].Failed {
		t.Errorf("both sets confirmed, and the read got %+v", out.Reads)
	}
}

// Thesis, section 6.2 with 4.3: a leader that hears one of the two sets only steps down.
func TestPaperJointQuorumCheck(t *testing.T) {
	for heard, stays := range map[string]bool{"de": false, "b": false, "bd": false, "bde": true, "ce": true} {
		p := jointSolo(t)
		for range 14 {
			p.now += beat
			for _, id := range heard {
				if p.role() == core.Leader {
					p.ack(entry.MemberID(id), 3, p.round)
				}
			}
		}
		if leads := p.role() == core.Leader; leads != stays {
			t.Errorf("hearing %s: leads %v, want %v", heard, leads, stays)
		}
	}
}

// A new leader that finds a joint configuration, committed or not, completes it after the first commit
// of its own term, and not before.
func TestPaperNewLeaderCompletesJoint(t *testing.T) {
	members := []entry.Member{
		{ID: "a", Outgoing: true}, {ID: "b", Outgoing: true, Leaving: true}, {ID: "c", Outgoing: true, Leaving: true},
		{ID: "d"}, {ID: "e"},
	}
	p := newSolo(t, setting{terms: []entry.Term{1}, commit: 1})
	p.receive(configurationOf("b", 2, at(1, 1), entry.Configuration{Cluster: cluster, Members: members}))
	p.sync()
	p.now += 20 * beat
	p.lead()
	joint := p.configuration()
	p.ack("b", 2, p.round)
	p.ack("d", 2, p.round)
	p.wantConfiguration(joint) // entry 2 is not of this term
	p.answer("b", "d")
	p.wantConfiguration("a d e")
	p.answer("d")
	p.wantCommit(4)
}

// A new leader goes on with a change of which only the beginning is in the log: it brings the
// arrivals up, promotes them, and lets those go who leave.
func TestPaperNewLeaderGoesOnWithAChange(t *testing.T) {
	half := entry.Configuration{Cluster: cluster, Members: []entry.Member{
		{ID: "a"}, {ID: "b"}, {ID: "c", Leaving: true}, {ID: "d", Learner: true, Promote: true}, {ID: "l", Learner: true},
	}}
	p := newSolo(t, setting{terms: []entry.Term{1}, commit: 1})
	p.receive(configurationOf("b", 2, at(1, 1), half))
	p.sync()
	p.now += 20 * beat
	p.lead()
	if got := p.change(7, voters("d"), "c"); got != "" {
		t.Fatalf("asking for what is under way is answered %q", got)
	}
	for range 4 {
		p.everybody()
	}
	p.wantConfiguration("a b d l(learner)")
}

// Thesis, section 4.1: where the sets differ by one voter no joint configuration is needed, a
// demotion and a promotion included.
func TestPaperSimpleChangesAreNotJoint(t *testing.T) {
	for _, row := range []struct {
		add    []entry.Member
		remove []entry.MemberID
		want   string
	}{
		{nil, []entry.MemberID{"c"}, "a b"},
		{[]entry.Member{{ID: "b", Learner: true}}, nil, "a b(learner) c"},
		{[]entry.Member{{ID: "d"}}, nil, "a b c d(arriving)"},
		{nil, []entry.MemberID{"b", "c"}, "a(outgoing) b(leaving,outgoing) c(leaving,outgoing)"},
	} {
		p := committedSolo(t, setting{})
		p.change(1, row.add, row.remove...)
		p.wantConfiguration(row.want)
	}
}
