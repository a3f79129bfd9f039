package core_test

import (
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Members of older versions, where the cluster is at level 3.

const tooOld = "refused: the member to add knows level 2, the cluster is at 3; install a newer version there"

func levelSolo(t *testing.T) *solo {
	t.Helper()
	return committedSolo(t, setting{level: 3, limits: core.Config{Level: 3}})
}

// beatsBeside lets n heartbeats pass in which everybody but the member of an unknown version answers, and fails the
// test when that one is sent anything that it might not understand.
func (p *solo) beatsBeside(n int, unknown entry.MemberID) (answered string) {
	p.t.Helper()
	for range n {
		p.now += beat
		p.step(core.Input{})
		p.onlyHeartbeats(unknown)
		for _, id := range []entry.MemberID{"b", "c"} {
			out := p.answer(id)
			p.onlyHeartbeats(unknown)
			answered += p.changed(out)
		}
	}
	return answered
}

// deny answers the next heartbeat as a member does that holds nothing.
func (p *solo) deny(from entry.MemberID) {
	p.t.Helper()
	p.now += beat
	p.step(core.Input{})
	p.receive(p.refusal(from, p.only(core.MsgAppend, from).Index, at(0, 0)))
	p.onlyHeartbeats(from)
}

func (p *solo) onlyHeartbeats(to entry.MemberID) {
	p.t.Helper()
	for _, o := range p.sent(core.MsgAppend, to) {
		if o.Entries.Count > 0 {
			p.t.Fatalf("%s was sent %d entries", to, o.Entries.Count)
		}
	}
	for _, s := range p.out.Snapshots {
		if s.To == to {
			p.t.Fatalf("%s was sent an image", to)
		}
	}
}

// A leader that has not met the member to add sends it nothing that it might not understand, takes it back when
// it turns out to be too old, and says so to who asked: the member must not stop because somebody tried.
func TestTooOldMembersAreTakenBack(t *testing.T) {
	for name, add := range map[string]entry.Member{
		"a voter": {ID: "d"}, "a learner": {ID: "d", Learner: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := levelSolo(t)
			p.propose(2, 100)
			p.everybody()
			p.step(core.Input{Compacted: p.commit()}) // an image would be needed
			p.change(3, []entry.Member{add})
			if got := p.change(1, []entry.Member{add}); got != "" {
				t.Fatalf("answered %q", got)
			}
			if got := p.beatsBeside(20, "d"); got != "" {
				t.Fatalf("before the member was met the change is answered %q", got)
			}
			p.deny("d")
			p.propose(3, 100)
			p.onlyHeartbeats("d")
			p.beatsBeside(2, "d")
			got := p.changed(p.step(core.Input{Peers: []core.Peer{{ID: "d", Level: 2}}}))
			if got += p.beatsBeside(20, "d"); got != "3 "+tooOld+"1 "+tooOld {
				t.Errorf("answered %q", got)
			}
			p.wantConfiguration("a b c")
			if got := p.change(2, []entry.Member{add}); got != "2 "+tooOld {
				t.Errorf("once it is known, answered %q", got)
			}
		})
	}
}

// One that turns out to be new enough is served, and promoted or called added.
func TestMembersNewEnoughAreServed(t *testing.T) {
	for name, row := range map[string]struct {
		add  entry.Member
		want string
	}{
		"a voter":   {entry.Member{ID: "d"}, "a b c d"},
		"a learner": {entry.Member{ID: "d", Learner: true}, "a b c d(learner)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := levelSolo(t)
			p.change(1, []entry.Member{row.add})
			p.beatsBeside(3, "d")
			p.deny("d")
			got := p.changed(p.step(core.Input{Peers: []core.Peer{{ID: "d", Level: 3}}}))
			if entries := p.only(core.MsgAppend, "d").Entries; entries.Count == 0 {
				t.Error("the member is sent nothing")
			}
			for range 4 {
				p.now += beat
				p.step(core.Input{})
				p.sync()
				for _, id := range p.peers() {
					got += p.changed(p.ack(id, p.last().Index, p.round))
				}
			}
			if !strings.HasPrefix(got, "1 done at ") {
				t.Errorf("answered %q", got)
			}
			p.wantConfiguration(row.want)
		})
	}
}

// A leader that finds the beginning of such a change in its log does as the one that began it: to the member it
// sends heartbeats, and who asks again is refused. A change of which others are a part goes on without the one.
func TestTooOldMembersAreTakenBackByTheNextLeader(t *testing.T) {
	members := append(voters("a", "b", "c"), entry.Member{ID: "d", Learner: true, Promote: true},
		entry.Member{ID: "e", Learner: true, Promote: true})
	p := committedSoloOf(t, members)
	p.step(core.Input{Peers: []core.Peer{{ID: "d", Level: 2}, {ID: "e", Level: 3}}})
	if got := p.beatsBeside(20, "d"); got != "" {
		t.Errorf("answered %q", got)
	}
	p.wantConfiguration("a b c d(arriving) e(arriving)")
	if got := p.change(7, voters("d", "e")) + p.beatsBeside(1, "d"); got != "7 "+tooOld {
		t.Errorf("answered %q", got)
	}
	p.wantConfiguration("a b c e(arriving)")
}

// committedSoloOf is a settled leader of a cluster at level 3 with the members given.
func committedSoloOf(t *testing.T, members []entry.Member) *solo {
	t.Helper()
	p := newSolo(t, setting{members: members, level: 3, limits: core.Config{Level: 3}})
	p.lead()
	p.answer("b", "c")
	p.wantCommit(p.last().Index)
	return p
}

// A member that is a voter and comes back with nothing, and with an older version, is not made a learner: it is
// sent what the log holds, stops, and says which version it needs.
func TestTooOldWipedMembersAreNotReplaced(t *testing.T) {
	p := newSolo(t, setting{level: 3, limits: core.Config{Level: 3}})
	p.settled()
	p.step(core.Input{Peers: []core.Peer{{ID: "b", Incarnation: 4, Level: 3}, {ID: "c", Incarnation: 5, Level: 3}}})
	p.incarnations = map[entry.MemberID]entry.Incarnation{"b": 4, "c": 5}
	p.everybody()
	p.wantConfiguration("a b#4 c#5")
	p.step(core.Input{Peers: []core.Peer{{ID: "c", Incarnation: 6, Level: 2}}})
	for range 20 {
		p.now += beat
		p.step(core.Input{})
		p.answer("b")
	}
	p.wantConfiguration("a b#4 c#5")
}
