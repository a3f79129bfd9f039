package core_test

import (
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// solo is one member under test, always "a". The test plays its peers, its disk and its clock.
type solo struct {
	t    *testing.T
	core *core.Core
	now  core.Instant
	out  core.Effects
	// written is the newest batch that was handed out, stored what the disk has admitted.
	written, stored uint64
	next            core.ProposalID
	// round is the newest round that the member, a leader, has begun in its term.
	round uint64
	// incarnations are the directories from which the peers speak.
	incarnations map[entry.MemberID]entry.Incarnation
}

// setting is how a solo begins; the zero value of each field is a fresh one of three members.
type setting struct {
	members  []entry.Member
	terms    []entry.Term // of entries 1, 2, ... of the log
	base     entry.Position
	hard     entry.HardState
	commit   entry.Index
	snapshot *entry.SnapshotMeta
	lost     *entry.SnapshotMeta
	limits   core.Config
	level    uint32 // of the configuration
	lease    bool
	held     entry.Position
}

// cluster is the id that all tests use.
var cluster = entry.ClusterID{0: 0xc1, 15: 0x05}

func voters(ids ...entry.MemberID) []entry.Member {
	var members []entry.Member
	for _, id := range ids {
		members = append(members, entry.Member{ID: id})
	}
	return members
}

// runsOf returns the runs of a log whose entries after base have the terms.
func runsOf(base entry.Index, terms []entry.Term) []entry.TermRun {
	var runs []entry.TermRun
	for i, term := range terms {
		if i == 0 || terms[i-1] != term {
			runs = append(runs, entry.TermRun{First: base + entry.Index(i) + 1, Term: term})
		}
	}
	return runs
}

// newSolo starts the member and runs its first, empty Step.
func newSolo(t *testing.T, s setting) *solo {
	t.Helper()
	if s.members == nil {
		s.members = voters("a", "b", "c")
	}
	if n := len(s.terms); n > 0 {
		s.hard.Term = max(s.hard.Term, s.terms[n-1])
	}
	config := s.limits
	config.ID, config.Heartbeat = "a", beat
	if config.Message == 0 {
		config.Message, config.Window, config.Uncommitted, config.Tail = 1<<20, 1<<22, 1<<24, 1<<20
	}
	c, err := core.New(config, core.Start{
		Initial:  entry.Configuration{Cluster: cluster, Members: s.members, Level: s.level, Lease: s.lease},
		Snapshot: s.snapshot, Lost: s.lost,
		Recovered: entry.Recovered{
			Hard: s.hard, Base: s.base, Last: s.base.Index + entry.Index(len(s.terms)),
			Terms: runsOf(s.base.Index, s.terms), Commit: s.commit, Held: s.held,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &solo{t: t, core: c}
	p.step(core.Input{})
	return p
}

// step gives one input to the member. The effects are valid until the next step.
func (p *solo) step(in core.Input) *core.Effects {
	p.t.Helper()
	in.Now, in.Stored = p.now, p.stored
	p.core.Step(&in, &p.out)
	if p.out.Fatal != nil {
		p.t.Fatalf("fatal: %v", p.out.Fatal)
	}
	if p.out.Write.Seq != 0 {
		p.written = p.out.Write.Seq
	}
	for _, o := range p.sent(core.MsgAppend, "") {
		p.round = o.Round
	}
	return &p.out
}

// receive hands over messages to a, in the order given.
func (p *solo) receive(all ...core.Message) *core.Effects {
	p.t.Helper()
	for i := range all {
		all[i].To = "a"
		if all[i].Incarnation == 0 {
			all[i].Incarnation = p.incarnations[all[i].From]
		}
	}
	return p.step(core.Input{Received: all})
}

// sync makes everything durable that was handed out.
func (p *solo) sync() *core.Effects {
	p.t.Helper()
	p.stored = p.written
	return p.step(core.Input{})
}

// expire lets the time pass until the member's deadline.
func (p *solo) expire() *core.Effects {
	p.t.Helper()
	p.now = max(p.now, p.core.Deadline())
	return p.step(core.Input{})
}

// propose offers n commands of size bytes each.
func (p *solo) propose(n int, size uint32) *core.Effects {
	p.t.Helper()
	var in core.Input
	for range n {
		p.next++
		in.Proposals = append(in.Proposals, core.Proposal{ID: p.next, Size: size})
	}
	return p.step(in)
}

// candidate brings the member to ask for votes, with its own one durable.
func (p *solo) candidate() {
	p.t.Helper()
	p.expire()
	if p.role() == core.Follower { // it came late and excused the leader first
		p.expire()
	}
	for _, m := range p.peers() {
		p.receive(core.Message{Kind: core.MsgPreVoteReply, From: m, Term: p.term() + 1})
		if p.role() != core.PreCandidate {
			break
		}
	}
	p.want(core.Candidate)
	p.sync()
}

// lead makes the member the leader of a new term, with its first entry durable on its own disk.
func (p *solo) lead() {
	p.t.Helper()
	p.candidate()
	for _, m := range p.peers() {
		if p.role() == core.Candidate {
			p.receive(core.Message{Kind: core.MsgVoteReply, From: m, Term: p.term()})
		}
	}
	p.want(core.Leader)
	p.sync()
}

// ack acknowledges, on behalf of from, everything up to index as durable.
func (p *solo) ack(from entry.MemberID, index entry.Index, round uint64) *core.Effects {
	p.t.Helper()
	return p.receive(core.Message{
		Kind: core.MsgAppendReply, From: from, Term: p.term(), Index: index, Match: index, Round: round,
	})
}

// agree acknowledges everything on behalf of all peers.
func (p *solo) agree() {
	p.t.Helper()
	for _, m := range p.peers() {
		p.ack(m, p.last().Index, 0)
	}
}

// refusal says that from has another entry at index than the leader, and where they may agree.
func (p *solo) refusal(from entry.MemberID, index entry.Index, hint entry.Position) core.Message {
	return core.Message{
		Kind: core.MsgAppendReply, From: from, Term: p.term(), Index: index, Reject: true,
		Hint: uint64(hint.Index), HintTerm: hint.Term,
	}
}

func (p *solo) peers() []entry.MemberID {
	var ids []entry.MemberID
	for _, m := range p.core.Configuration().Value.Members {
		if m.ID != "a" {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (p *solo) role() core.Role      { return p.core.Status().Role }
func (p *solo) term() entry.Term     { return p.core.Status().Term }
func (p *solo) last() entry.Position { return p.core.Status().Last }
func (p *solo) commit() entry.Index  { return p.core.Status().Commit }

func (p *solo) want(role core.Role) {
	p.t.Helper()
	if got := p.role(); got != role {
		p.t.Fatalf("the member is a %v, want a %v", got, role)
	}
}

func (p *solo) wantCommit(index entry.Index) {
	p.t.Helper()
	if got := p.commit(); got != index || p.out.Commit != index {
		p.t.Fatalf("commit index %d (effects say %d), want %d", got, p.out.Commit, index)
	}
}

// sent returns the messages of one kind to one member among the newest effects; "" means to anyone.
func (p *solo) sent(kind core.MessageKind, to entry.MemberID) []core.Outgoing {
	var found []core.Outgoing
	for _, o := range p.out.Send {
		if o.Kind == kind && (to == "" || o.To == to) {
			found = append(found, o)
		}
	}
	return found
}

// only returns the one message of a kind to a member in the newest effects.
func (p *solo) only(kind core.MessageKind, to entry.MemberID) core.Outgoing {
	p.t.Helper()
	found := p.sent(kind, to)
	if len(found) != 1 {
		p.t.Fatalf("%d messages %q to %q, want 1, among %+v", len(found), kind, to, p.out.Send)
	}
	return found[0]
}

// frames returns a block of empty entries from first on, with the terms given.
func frames(first entry.Index, terms ...entry.Term) []*entry.Block {
	if len(terms) == 0 {
		return nil
	}
	var b entry.Builder
	for i, term := range terms {
		b.Add(entry.Header{Index: first + entry.Index(i), Term: term, PayloadSum: entry.Checksum(nil)}, nil)
	}
	return []*entry.Block{b.Block()}
}

// appendOf is a leader's message: entries with the terms given, after prev.
func appendOf(from entry.MemberID, term entry.Term, prev entry.Position, commit entry.Index,
	terms ...entry.Term,
) core.Message {
	return core.Message{
		Kind: core.MsgAppend, From: from, Term: term, Index: prev.Index, LogTerm: prev.Term, Commit: commit,
		Entries: core.Range{First: prev.Index + 1, Count: uint32(len(terms))}, Body: frames(prev.Index+1, terms...),
	}
}

// at is short for a position.
func at(index entry.Index, term entry.Term) entry.Position {
	return entry.Position{Index: index, Term: term}
}
