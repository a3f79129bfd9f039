package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: heartbeats beside entries that take long to arrive.

// pulses returns those of the newest messages to a member that may overtake entries.
func (p *solo) pulses(to entry.MemberID) (all []core.Outgoing) {
	for _, o := range p.sent(core.MsgAppend, to) {
		if o.Urgent() {
			all = append(all, o)
		}
	}
	return all
}

// While a quarter of a message is under way to a member, each heartbeat has a companion that need not wait for
// it: any log matches it, it commits nothing, and its answer moves nothing but the time. To others it has none.
func TestPulsesGoBesideManyEntries(t *testing.T) {
	limits := core.Config{Message: 400 * entry.HeaderSize, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 1 << 20}
	for count, want := range map[int]int{0: 0, 100: 0, 101: 1, 300: 1} {
		p := newSolo(t, setting{limits: limits})
		p.lead()
		p.agree()
		p.propose(count, entry.HeaderSize)
		if n := len(p.pulses("b")); n != 0 {
			t.Errorf("%d pulses between heartbeats", n)
		}
		p.expire()
		pulses := p.pulses("b")
		if len(pulses) != want || len(p.sent(core.MsgAppend, "b")) != want+1 {
			t.Fatalf("%d entries are under way: %d pulses among %+v", count, len(pulses), p.sent(core.MsgAppend, "b"))
		}
		for _, m := range pulses {
			if m.Index != 0 || m.LogTerm != 0 || m.Entries.Count != 0 || m.Round != p.round || m.Term != p.term() {
				t.Errorf("the pulse is %+v", m)
			}
		}
		p.sync()
		p.ack("b", 1, p.round)
		if got := p.sent(core.MsgAppend, "b"); len(got) != 0 || p.commit() != 1 {
			t.Errorf("the answer to a pulse has %+v sent, and the commit index is %d", got, p.commit())
		}
		p.ack("b", entry.Index(count+1), 0)
		p.wantCommit(entry.Index(count + 1))
	}
}

// A leader stays one through its pulses alone: their answers are those of a quorum, for reads, too.
func TestPulsesKeepTheLeader(t *testing.T) {
	limits := core.Config{Message: 100, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 1 << 20}
	p := newSolo(t, setting{limits: limits})
	p.lead()
	p.agree()
	p.propose(1, 50000)
	for range 50 {
		p.expire()
		p.ack("b", 1, p.round)
	}
	p.want(core.Leader)
	p.step(core.Input{Reads: []core.ReadID{7}})
	out := p.ack("b", 1, p.pulses("b")[0].Round)
	if len(out.Reads) != 1 || out.Reads[0].Failed || out.Reads[0].Index != 1 {
		t.Errorf("read points %+v", out.Reads)
	}
}

// A probe is repeated with each heartbeat until it is answered, so it carries little: a quarter of a message, and
// no entry that is larger. The rest follows the answer.
func TestProbesAreLight(t *testing.T) {
	limits := core.Config{Message: 1000, Window: 1 << 20, Tail: 1 << 20, Uncommitted: 1 << 20}
	for _, row := range []struct {
		size uint32
		want uint32
	}{{50, 5}, {100, 2}, {250, 1}, {251, 0}, {50000, 0}} {
		p := newSolo(t, setting{limits: limits})
		p.lead()
		p.agree()
		p.propose(9, row.size)
		p.step(core.Input{Lost: []entry.MemberID{"b"}})
		for range 3 {
			p.expire()
			p.ack("c", 1, p.round)
			p.step(core.Input{}) // The heartbeat is over.
			if got := p.sent(core.MsgAppend, "b"); len(got) != 0 {
				t.Fatalf("a second probe before the next heartbeat: %+v", got)
			}
		}
		p.expire()
		if m := p.only(core.MsgAppend, "b"); m.Index != 1 || m.Entries.Count != row.want {
			t.Errorf("entries of %d bytes: probes with %+v, want %d entries", row.size, m, row.want)
		}
		p.ack("b", 1+entry.Index(row.want), 0)
		if all := p.sent(core.MsgAppend, "b"); len(all) == 0 || all[0].Entries.First != 2+entry.Index(row.want) {
			t.Errorf("after the answer: %+v", all)
		}
	}
}

// Entries and what must stay behind them are not urgent; what answers, asks and votes is.
func TestUrgent(t *testing.T) {
	for name, row := range map[string]struct {
		m    core.Message
		want bool
	}{
		"entries":            {appendOf("b", 1, at(0, 0), 0, 1), false},
		"entries later":      {appendOf("b", 1, at(4, 1), 0, 1), false},
		"heartbeat":          {appendOf("b", 1, at(4, 1), 0), false},
		"pulse":              {appendOf("b", 1, at(0, 0), 0), true},
		"ack":                {core.Message{Kind: core.MsgAppendReply, Index: 7, Match: 7}, true},
		"vote":               {core.Message{Kind: core.MsgVote, Index: 7}, true},
		"question":           {core.Message{Kind: core.MsgRead}, true},
		"forwarded commands": {core.Message{Kind: core.MsgPropose, Body: frames(1, 1)}, false},
		"copies":             {core.Message{Kind: core.MsgFetched, Entries: core.Range{First: 1, Count: 1}}, false},
	} {
		if row.m.Urgent() != row.want {
			t.Errorf("%s: urgent %v", name, !row.want)
		}
	}
}
