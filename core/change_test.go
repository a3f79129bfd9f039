package core_test

import (
	"fmt"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

func ids(all ...entry.MemberID) []entry.MemberID { return all }

// Each refusal, with its numbers, and nothing is begun.
func TestChangesRefused(t *testing.T) {
	learner := func(id entry.MemberID) entry.Member { return entry.Member{ID: id, Learner: true} }
	var many []entry.Member
	for i := range entry.MembersMax {
		many = append(many, entry.Member{ID: entry.MemberID(fmt.Sprintf("n%02d", i))})
	}
	for _, row := range []struct {
		name   string
		add    []entry.Member
		remove []entry.MemberID
		want   string
	}{
		{"named twice to add", voters("d", "d"), nil, "number 1 of the change is named twice"},
		{"named twice to remove", nil, ids("b", "b"), "number 1 of the change is named twice"},
		{"added and removed", voters("d"), ids("d"), "number 1 of the change is named twice"},
		{"no id", voters(""), nil, "number 0 of the change"},
		{"a mark of the log", []entry.Member{{ID: "d", Outgoing: true}}, nil, "number 0 of the change"},
		{"unknown alone", nil, ids("x"), "number 0 of the list, never was one"},
		{"unknown", nil, ids("b", "x"), "number 1 of the list, never was one"},
		{"too many", many, nil, "67 members are more than 64"},
		{"nobody left", nil, ids("a", "b", "c"), "no voter would be left"},
		{"only learners left", []entry.Member{learner("d")}, ids("a", "b", "c"), "no voter would be left"},
		{"two demoted while one arrives", []entry.Member{learner("b"), learner("c"), {ID: "d"}}, nil,
			"2 voters would have to catch up anew, at most 1 at a time"},
		{"an older version", voters("old"), nil, "the member to add knows level 2, the cluster is at 3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := committedSolo(t, setting{level: 3, limits: core.Config{Level: 3}})
			p.step(core.Input{Peers: []core.Peer{{ID: "old", Level: 2}}})
			last := p.last()
			if got := p.change(4, row.add, row.remove...); !strings.Contains(got, row.want) {
				t.Errorf("answered %q, want %q", got, row.want)
			}
			if p.last() != last {
				t.Errorf("the log grew to %+v", p.last())
			}
		})
	}
}

// A change after which the voters that were heard would be no majority is refused: it would stop the
// cluster for good.
func TestChangesThatLoseTheQuorumAreRefused(t *testing.T) {
	p := committedSolo(t, setting{})
	for range 7 { // c is silent for longer than the least election time-out
		p.now += beat
		p.answer("b")
	}
	if got := p.change(1, nil, "b"); !strings.Contains(got, "1 voters of the new set were heard lately and 2 are needed") {
		t.Errorf("removing the living one of two is answered %q", got)
	}
	if got := p.change(2, nil, "a"); !strings.Contains(got, "1 voters of the new set") {
		t.Errorf("removing the leader is answered %q", got)
	}
	p.change(3, voters("d"), "c") // replacing the dead one helps
	p.wantConfiguration("a b c(leaving) d(arriving)")
	// A leader that was just elected has heard nobody in its term but who voted for it.
	p = newSolo(t, setting{})
	p.lead()
	p.sync()
	p.ack("b", 1, p.round)
	if got := p.change(1, nil, "b"); !strings.Contains(got, "1 voters of the new set") {
		t.Errorf("a new leader that heard b alone answers %q", got)
	}
}

// While arrivals catch up other changes are refused; removing the arrival cancels the change, and who
// was to leave for it stays.
func TestChangesAreCancelled(t *testing.T) {
	p := committedSolo(t, setting{})
	p.change(1, voters("d"), "c")
	p.answer("b")
	if got := p.change(2, voters("e")); !strings.Contains(got, "2 refused: another change is under way (index 2)") {
		t.Errorf("a second change is answered %q", got)
	}
	if got := p.change(3, nil, "b"); !strings.Contains(got, "another change is under way") {
		t.Errorf("removing another one is answered %q", got)
	}
	p.change(4, nil, "d")
	p.wantConfiguration("a b c")
	if got := p.changed(p.answer("b")); got != "1 refused: another change took this one back; 4 done at 3" {
		t.Errorf("answered %q", got)
	}
	p.change(5, voters("e"))
	p.wantConfiguration("a b c e(arriving)")
}

// An arrival that never answers is never promoted, and the cluster goes on without it.
func TestChangesWaitForArrivals(t *testing.T) {
	p := committedSolo(t, setting{})
	p.change(1, voters("d"))
	for range 40 {
		p.now += beat
		p.propose(1, 100)
		p.answer("b", "c")
		p.wantConfiguration("a b c d(arriving)")
	}
	if p.commit() != p.last().Index {
		t.Errorf("commit %d of %d", p.commit(), p.last().Index)
	}
}

// What is so already is answered at once; what is under way is joined; the same request twice is one.
func TestChangesAreIdempotent(t *testing.T) {
	p := committedSolo(t, setting{})
	if got := p.change(1, voters("b", "c")); got != "1 done at 1" {
		t.Errorf("adding members is answered %q", got)
	}
	p.change(2, voters("d"))
	p.change(2, voters("d"))
	p.change(3, voters("d"))
	p.everybody()
	if got := p.changed(p.answer("b", "c")); got != "2 done at 3; 3 done at 3" {
		t.Errorf("answered %q", got)
	}
	p.change(4, nil, "d")
	if got := p.changed(p.answer("b")); got != "4 done at 4" {
		t.Errorf("answered %q", got)
	}
	if got := p.change(5, nil, "d"); got != "5 done at 4" {
		t.Errorf("removing a removed member is answered %q", got)
	}
	p.change(6, voters("d")) // who was removed may come back
	p.wantConfiguration("a b c d(arriving)")
	if got := p.core.Configuration().Value.Removed; len(got) != 0 {
		t.Errorf("removed %v", got)
	}
}

// A follower sends a request to its leader, again and again under the same round, and hands the
// answer on.
func TestChangesAreForwarded(t *testing.T) {
	p := newSolo(t, setting{})
	if got := p.change(1, nil, "b"); !strings.Contains(got, "1 refused: the member asked is not the leader") {
		t.Errorf("without a leader it is answered %q", got)
	}
	p.receive(appendOf("b", 1, at(0, 0), 0))
	p.change(2, voters("d"), "c")
	request := p.only(core.MsgChange, "b").Message
	leader := committedSolo(t, setting{})
	request.From, request.Term = "b", leader.term()
	leader.receive(request, request)
	leader.wantConfiguration("a b c(leaving) d(arriving)")
	leader.everybody()
	leader.sync()
	leader.ack("b", leader.last().Index, 0)
	leader.answer("d")
	reply := leader.only(core.MsgChangeReply, "b").Message
	if reply.Reject || reply.Round != 2 {
		t.Fatalf("replied %+v", reply)
	}
	reply.From, reply.Term = "b", p.term()
	if got := p.changed(p.receive(reply)); got != fmt.Sprintf("2 done at %d", reply.Index) {
		t.Errorf("answered %q", got)
	}
	request.Body, request.Entries = frames(1, 1), core.Range{First: 1, Count: 1}
	leader.receive(request)
	if leader.core.Counters().Malformed != 1 {
		t.Errorf("a change that does not decode: counters %+v", leader.core.Counters())
	}
}

// A refusal travels with its numbers.
func TestRefusalsAreForwarded(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(appendOf("b", 1, at(0, 0), 0))
	p.change(2, nil, "c", "x")
	request := p.only(core.MsgChange, "b").Message
	leader := committedSolo(t, setting{})
	request.From, request.Term = "b", leader.term()
	leader.receive(request)
	reply := leader.only(core.MsgChangeReply, "b").Message
	reply.From, reply.Term = "b", p.term()
	if got := p.changed(p.receive(reply)); !strings.Contains(got, "number 1 of the list, never was one") {
		t.Errorf("answered %q", got)
	}
}

// A deposed leader tells all who wait: the change may go on under the next one.
func TestChangesEndWithTheLeader(t *testing.T) {
	p := committedSolo(t, setting{})
	p.change(1, voters("d"))
	out := p.receive(appendOf("b", p.term()+1, at(1, 1), 1))
	if got := p.changed(out); !strings.Contains(got, "1 refused: the member asked is not the leader") {
		t.Errorf("answered %q", got)
	}
}

// The requests that wait at a leader are bounded.
func TestChangesAreBounded(t *testing.T) {
	p := committedSolo(t, setting{members: voters("a", "b", "c", "d")})
	p.change(1, nil, "d")
	var refused int
	for i := range core.ChangeID(100) {
		if got := p.change(10+i, nil, "c"); strings.Contains(got, "too many changes wait") {
			refused++
		}
	}
	if refused != 100-63 {
		t.Errorf("%d of 100 were refused, want 37", refused)
	}
}

// A member removed with others stays a voter of the outgoing set until the end, and the removed ids
// are remembered in the order of their removal, the newest of them.
func TestRemovedIdsAreBounded(t *testing.T) {
	c := entry.Configuration{Cluster: cluster, Members: voters("a", "b", "c")}
	for i := range entry.RemovedMax {
		c.Removed = append(c.Removed, entry.MemberID(fmt.Sprintf("r%d", i)))
	}
	p := newSolo(t, setting{terms: []entry.Term{1}, commit: 1})
	p.receive(configurationOf("b", 2, at(1, 1), c))
	p.sync()
	p.now += 20 * beat
	p.lead()
	p.everybody()
	p.change(1, nil, "c")
	got := p.core.Configuration().Value.Removed
	if len(got) != entry.RemovedMax || got[0] != "r1" || got[entry.RemovedMax-1] != "c" {
		t.Errorf("removed %v", got)
	}
}

// A leader that hands over takes no step of a change: the target waits for the end of its log. The
// request is answered by what becomes of the transfer.
func TestChangesWaitForTransfers(t *testing.T) {
	p := committedSolo(t, setting{members: voters("a", "b", "c", "d")})
	p.propose(1, 100) // b lacks it, so the transfer is under way
	p.step(core.Input{Transfers: []core.TransferRequest{{ID: 1, To: "b"}}})
	last := p.last()
	for range 11 {
		p.now += beat
		if got := p.change(1, nil, "d"); got != "" {
			t.Fatalf("answered %q", got)
		}
		p.sync()
		p.ack("c", last.Index, p.round)
		p.ack("d", last.Index, p.round)
		if p.last() != last {
			t.Fatalf("the log grew to %+v while leadership moves", p.last())
		}
	}
	p.now += beat // an election time-out later the transfer is given up
	p.step(core.Input{})
	p.ack("c", last.Index, p.round)
	p.wantConfiguration("a b c")
}
