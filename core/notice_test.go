package core_test

import (
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// kinds are those of the newest effects' notices.
func (p *solo) kinds() []core.NoticeKind {
	var all []core.NoticeKind
	for _, n := range p.out.Notices {
		all = append(all, n.Kind)
	}
	return all
}

func (p *solo) wantNotices(kinds ...core.NoticeKind) {
	p.t.Helper()
	if got := p.kinds(); !slices.Equal(got, kinds) {
		p.t.Fatalf("notices %v, want %v", got, kinds)
	}
}

// Each kind is told with the Step in which it happened, once, and nothing is told when nothing did.
func TestNotices(t *testing.T) {
	p := newSolo(t, setting{})
	p.wantNotices(core.NoticeMembership) // the one that was given from outside
	p.expire()
	p.wantNotices(core.NoticeRole)
	p.receive(core.Message{Kind: core.MsgPreVoteReply, From: "b", Term: 1})
	p.wantNotices(core.NoticeTerm, core.NoticeRole)
	if n := p.out.Notices[1]; n.Role != core.Candidate || n.Was != core.PreCandidate || n.Term != 1 {
		t.Errorf("%+v", n)
	}
	p.sync()
	p.wantNotices()
	p.receive(core.Message{Kind: core.MsgVoteReply, From: "b", Term: 1})
	p.wantNotices(core.NoticeRole, core.NoticeLeader, core.NoticeMembership)
	if n := p.out.Notices[2]; n.Index != 1 || n.Leader != "a" {
		t.Errorf("%+v", n)
	}
	p.sync()
	p.agree()
	p.wantNotices()
	p.receive(appendOf("c", 2, at(1, 1), 1))
	p.wantNotices(core.NoticeTerm, core.NoticeRole, core.NoticeLeader)
	if n := p.out.Notices[2]; n.Role != core.Follower || n.Was != core.Leader || n.Leader != "c" {
		t.Errorf("%+v", n)
	}
	p.receive(appendOf("c", 2, at(1, 1), 1, 2))
	p.wantNotices()
	p.now += 12*beat + 1
	p.receive(appendOf("c", 2, at(1, 1), 1))
	p.wantNotices(core.NoticeStall)
	if !p.out.Notices[0].Stalled {
		t.Error("the stall's beginning is told as its end")
	}
	p.sync()
	p.wantNotices(core.NoticeStall)
	if p.out.Notices[0].Stalled {
		t.Error("the stall's end is told as its beginning")
	}
	meta := entry.SnapshotMeta{Index: 9, Term: 2,
		Configuration: entry.Configuration{Cluster: cluster, Members: voters("a", "c")}}
	p.step(core.Input{Installed: &meta})
	p.wantNotices(core.NoticeMembership, core.NoticeSnapshot)
	if n := p.out.Notices[1]; n.Index != 9 {
		t.Errorf("%+v", n)
	}
}

func TestNoticeNames(t *testing.T) {
	for kind, name := range map[core.NoticeKind]string{
		core.NoticeTerm: "term", core.NoticeRole: "role", core.NoticeLeader: "leader",
		core.NoticeMembership: "membership", core.NoticeSnapshot: "snapshot", core.NoticeStall: "stall",
		0: "notice kind 0", 99: "notice kind 99",
	} {
		if kind.String() != name {
			t.Errorf("%q, want %q", kind, name)
		}
	}
}
