package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: a disk that stands still. No paper has it; several libraries have had the bug.

// beats lets n heartbeats pass, with the peers answering each and the disk ending writes only when told.
func (p *solo) beats(n int) {
	p.t.Helper()
	for range n {
		p.now += beat
		p.step(core.Input{})
		if p.role() != core.Leader {
			return
		}
		p.agree()
	}
}

// A leader whose write is under way for longer than an election time-out hands over, to a member that
// could be elected without its vote, and refuses commands meanwhile.
func TestStalledLeaderHandsOver(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.propose(1, 100)
	p.beats(12)
	if s := p.core.Status(); s.Stalled || s.Transferring != "" {
		t.Fatalf("after exactly an election time-out: %+v", s)
	}
	p.now++
	p.step(core.Input{})
	if s := p.core.Status(); !s.Stalled || s.Transferring != "b" {
		t.Fatalf("after an election time-out and a moment: %+v", s)
	}
	p.only(core.MsgTransfer, "b")
}

// When nothing comes of the transfer within an election time-out it steps down, so that the others
// elect.
func TestStalledLeaderStepsDown(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.propose(1, 100)
	p.beats(13)
	p.want(core.Leader)
	p.beats(11)
	p.want(core.Leader)
	p.beats(2)
	p.want(core.Follower)
	for range 20 {
		if p.expire(); len(p.out.Send) != 0 {
			t.Fatalf("campaigns with a stalled disk: %+v", p.out.Send)
		}
	}
	p.sync()
	p.expire()
	p.want(core.PreCandidate)
}

// Idle is no stall, and a disk that ends one write after the other, each within the time, is slow but
// not stalled: the time runs from the last end.
func TestSlowDiskIsNoStall(t *testing.T) {
	p := newSolo(t, setting{})
	p.lead()
	p.agree()
	p.beats(100)
	p.want(core.Leader)
	for range 10 {
		p.propose(1, 100)
	}
	for range 10 {
		p.beats(11)
		p.stored++ // one batch; the others have been waiting all the time
		p.step(core.Input{})
	}
	if s := p.core.Status(); s.Role != core.Leader || s.Stalled || s.Transferring != "" {
		t.Errorf("a slow disk is taken for a stalled one: %+v", s)
	}
}

// A leader that nobody could replace goes on: without it nothing would be committed at all.
func TestStalledLeaderThatNobodyCanReplace(t *testing.T) {
	for name, lost := range map[string][]entry.MemberID{"half of the others": {"c"}, "only voter": nil} {
		t.Run(name, func(t *testing.T) {
			s := setting{}
			if lost == nil {
				s.members = voters("a")
			}
			p := newSolo(t, s)
			if lost == nil {
				p.expire()
				p.sync()
			} else {
				p.lead()
				p.agree()
			}
			p.propose(1, 100)
			for range 30 {
				p.now += beat
				p.step(core.Input{Lost: lost})
				p.ack("b", p.last().Index, 0)
			}
			if s := p.core.Status(); s.Role != core.Leader || !s.Stalled || s.Transferring != "" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A follower with a stalled disk is no candidate either, also when its leader wants it.
func TestStalledFollowerDoesNotCampaign(t *testing.T) {
	p := newSolo(t, setting{})
	p.receive(appendOf("b", 1, at(0, 0), 0, 1))
	p.now += 12*beat + 1
	p.receive(core.Message{Kind: core.MsgAppend, From: "b", Term: 1, Index: 1, LogTerm: 1})
	if !p.core.Status().Stalled {
		t.Fatal("not stalled")
	}
	p.receive(core.Message{Kind: core.MsgTransfer, From: "b", Term: 1})
	p.step(core.Input{Lost: []entry.MemberID{"b"}, Campaign: true})
	p.want(core.Follower)
	p.sync()
	p.receive(core.Message{Kind: core.MsgTransfer, From: "b", Term: 1})
	p.want(core.Candidate)
}
