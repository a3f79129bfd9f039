package core_test

import (
	"fmt"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// stage is a cluster in which nothing moves unless a scenario says so: no message arrives, no disk
// finishes (unless disks are fast), no time passes. It writes down what its members do, and checks
// what must hold in every scenario (paper, figure 3).
type stage struct {
	now    core.Instant
	ids    []entry.MemberID
	actors map[entry.MemberID]*actor
	// air are the messages that have left and not arrived, in the order they left.
	air []core.Message
	// slow are the members whose disks finish a write only when the scenario says so.
	slow map[entry.MemberID]bool
	// terse leaves messages out of the account.
	terse   bool
	account strings.Builder
	// leaders and committed are the truth that no member may contradict.
	saved     map[entry.MemberID]platter
	leaders   map[entry.Term]entry.MemberID
	committed map[entry.Index]entry.Term
}

// actor is one member: its core, its memory, its disk.
type actor struct {
	stage *stage
	id    entry.MemberID
	core  *core.Core // nil while it is down
	disk  platter
	// memory is the log as core has it, written or not.
	memory platter
	// writes are not on disk yet, held waits for them.
	writes  []core.Write
	blocks  map[uint64][]*entry.Block
	held    []core.Outgoing
	stored  uint64
	commit  entry.Index
	next    uint64
	initial entry.Configuration
	// incarnation is the directory's; 0 in clusters without any.
	incarnation entry.Incarnation
	// met are the incarnations that it has heard of.
	met map[entry.MemberID]entry.Incarnation
	// told is the configuration that was last written down.
	told string
}

// platter is a log with its hard state and snapshot.
type platter struct {
	hard     entry.HardState
	snapshot *entry.SnapshotMeta
	base     entry.Position
	entries  []*entry.Block // one entry each
	// held is what the log can have held before its end was lost.
	held entry.Position
}

func (p *platter) last() entry.Index { return p.base.Index + entry.Index(len(p.entries)) }

func (p *platter) terms() []entry.Term { return termsOf(p.entries) }

func (p platter) copy() platter {
	q := p
	q.entries = slices.Clone(p.entries)
	return q
}

func (p *platter) truncate(from entry.Index) {
	p.entries = p.entries[: from-p.base.Index-1 : from-p.base.Index-1]
}

func (p *platter) reset(base entry.Position) { p.base, p.entries = base, nil }

func (p *platter) compact(to entry.Position) {
	p.entries = slices.Clone(p.entries[to.Index-p.base.Index:])
	p.base = to
}

// apply carries out one write.
func (p *platter) apply(w *core.Write, blocks []*entry.Block) {
	if w.Hard != nil {
		p.hard = *w.Hard
	}
	if w.TruncateFrom != 0 {
		p.truncate(w.TruncateFrom)
	}
	if w.Reset != nil {
		p.reset(*w.Reset)
	}
	p.entries = append(p.entries, blocks...)
}

func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(&s.account, format+"\n", args...)
}

// start recovers a member from its disk.
func (a *actor) start() error {
	start := core.Start{Initial: a.initial, Snapshot: a.disk.snapshot, Recovered: entry.Recovered{
		Hard: a.disk.hard, Base: a.disk.base, Last: a.disk.last(), Terms: runsOf(a.disk.base.Index, a.disk.terms()),
		Held: a.disk.held,
	}}
	for _, block := range a.disk.entries {
		if i := block.First(); block.Kind(i) == entry.KindConfiguration {
			value, err := entry.DecodeConfiguration(block.Payload(i))
			if err != nil {
				return err
			}
			start.Configurations = append(start.Configurations, core.ConfigurationAt{Index: i, Value: value})
		}
	}
	c, err := core.New(core.Config{
		ID: a.id, Incarnation: a.incarnation, Seed: 1, Heartbeat: beat,
		Uncommitted: 1 << 20, Message: 1 << 16, Window: 1 << 20, Tail: 1 << 20,
	}, start)
	if err != nil {
		return err
	}
	a.core, a.memory, a.told = c, a.disk.copy(), tell(c.Configuration().Value)
	a.writes, a.blocks, a.held, a.stored, a.commit = nil, map[uint64][]*entry.Block{}, nil, 0, 0
	a.met = map[entry.MemberID]entry.Incarnation{}
	a.step(core.Input{})
	return nil
}

// crash loses what is not on disk.
func (a *actor) crash() { a.core = nil }

// step gives one input to the core, carries out its effects and writes them down.
func (a *actor) step(in core.Input) {
	if a.core == nil {
		return
	}
	var out core.Effects
	in.Now, in.Stored = a.stage.now, a.stored
	before := a.core.Status()
	a.core.Step(&in, &out)
	if out.Fatal != nil {
		a.stage.say("%s stops: %v", a.id, out.Fatal)
		a.core = nil
		return
	}
	a.tellStatus(before)
	a.write(&out)
	a.tellResults(&out)
	for _, o := range out.Send {
		a.leave(o)
	}
	a.release()
	for _, l := range out.Loads {
		a.load(l)
	}
	if !a.stage.slow[a.id] && len(a.writes) > 0 {
		a.sync(len(a.writes))
	}
}

func (a *actor) tellStatus(before core.Status) {
	s, now := a.stage, a.core.Status()
	if now.Role != before.Role || now.Term != before.Term || now.Leader != before.Leader || now.Vote != before.Vote {
		text := fmt.Sprintf("%s: %v, term %d", a.id, now.Role, now.Term)
		if now.Vote != "" {
			text += fmt.Sprintf(", vote %s", now.Vote)
		}
		if now.Leader != "" {
			text += fmt.Sprintf(", leader %s", now.Leader)
		}
		s.say("%s", text)
	}
	if now.Role != core.Leader {
		return
	}
	if other, ok := s.leaders[now.Term]; ok && other != a.id {
		s.say("VIOLATION: %s and %s lead term %d", other, a.id, now.Term)
	}
	s.leaders[now.Term] = a.id
}

// write changes the memory at once and the disk later.
func (a *actor) write(out *core.Effects) {
	w := out.Write
	if w.Seq == 0 {
		return
	}
	blocks := a.frame(w.Appended)
	for _, block := range w.Received {
		for i := block.First(); i <= block.Last(); i++ {
			blocks = append(blocks, block.Slice(i, i))
		}
	}
	if w.Reset != nil {
		a.stage.say("%s: log reset to %d/%d", a.id, w.Reset.Index, w.Reset.Term)
	}
	if w.TruncateFrom != 0 {
		a.stage.say("%s: log truncated from %d", a.id, w.TruncateFrom)
	}
	a.memory.apply(&w, blocks)
	w.Appended, w.Received = nil, nil
	a.writes = append(a.writes, w)
	a.blocks[w.Seq] = blocks
}

// frame builds the entries that core has ordered.
func (a *actor) frame(all []core.Appended) []*entry.Block {
	var blocks []*entry.Block
	for _, o := range all {
		h := entry.Header{Kind: o.Kind, Index: o.Index, Term: o.Term}
		var payload []byte
		if o.Configuration != nil {
			payload = entry.AppendConfiguration(nil, *o.Configuration)
		}
		h.Size, h.PayloadSum = uint32(len(payload)), entry.Checksum(payload)
		var b entry.Builder
		b.Add(h, payload)
		blocks = append(blocks, b.Block())
	}
	return blocks
}

func (a *actor) tellResults(out *core.Effects) {
	s := a.stage
	if out.Commit > a.commit {
		s.say("%s: commits %d", a.id, out.Commit)
	}
	for a.commit < out.Commit {
		a.commit++
		if a.commit <= a.memory.base.Index {
			continue
		}
		term := a.memory.entries[a.commit-a.memory.base.Index-1].Term(a.commit)
		if other, ok := s.committed[a.commit]; ok && other != term {
			s.say("VIOLATION: entry %d is committed with term %d and with term %d", a.commit, other, term)
		}
		s.committed[a.commit] = term
	}
	if at := out.Configuration; at != nil && tell(at.Value) != a.told {
		a.told = tell(at.Value)
		s.say("%s: configuration %d is %s", a.id, at.Index, a.told)
	}
	for _, r := range out.Changed {
		if r.Refusal == 0 {
			s.say("%s: change %d is done at %d", a.id, r.ID, r.Index)
		} else {
			s.say("%s: change %d is refused: %s", a.id, r.ID, r)
		}
	}
	for _, r := range out.Refused {
		s.say("%s: refuses proposal %d", a.id, r.Proposal)
	}
	for _, r := range out.Reads {
		if r.Failed {
			s.say("%s: read %d cannot be answered", a.id, r.Read)
		} else {
			s.say("%s: read %d at %d", a.id, r.Read, r.Index)
		}
	}
	for _, r := range out.Transferred {
		if r.Refusal == 0 {
			s.say("%s: transfer %d done", a.id, r.ID)
		} else {
			s.say("%s: transfer %d refused (%d)", a.id, r.ID, r.Refusal)
		}
	}
	for _, o := range out.Snapshots {
		s.say("%s: orders a snapshot for %s", a.id, o.To)
	}
}

// leave takes a message that may leave now or after a write.
func (a *actor) leave(o core.Outgoing) {
	if o.Kind == core.MsgAppend && o.Body == nil {
		for i := o.Entries.First; i <= o.Entries.Last(); i++ {
			o.Body = append(o.Body, a.memory.entries[i-a.memory.base.Index-1])
		}
	}
	if !a.stage.terse {
		wait := ""
		if a.stage.slow[a.id] && o.After > a.stored {
			wait = " (waits for its write)"
		}
		a.stage.say("  %s%s", describe(&o.Message), wait)
	}
	o.Incarnation = a.incarnation
	a.held = append(a.held, o)
}

// release lets go what no write holds back any more.
func (a *actor) release() {
	waits := a.held[:0]
	for _, o := range a.held {
		if o.After > a.stored {
			waits = append(waits, o)
			continue
		}
		a.stage.air = append(a.stage.air, o.Message)
	}
	a.held = waits
}

// sync ends the first n writes under way.
func (a *actor) sync(n int) {
	for i := range a.writes[:n] {
		w := &a.writes[i]
		a.disk.apply(w, a.blocks[w.Seq])
		a.stored = w.Seq
		delete(a.blocks, w.Seq)
	}
	a.writes = a.writes[n:]
	a.release()
	a.step(core.Input{})
}

// load answers from the disk at once.
func (a *actor) load(l core.Load) {
	answer := core.Loaded{To: l.To, Entries: core.Range{First: l.Entries.First}}
	for i := l.Entries.First; i <= min(l.Entries.Last(), a.disk.last()) && l.Entries.First > a.disk.base.Index; i++ {
		answer.Body = append(answer.Body, a.disk.entries[i-a.disk.base.Index-1])
		answer.Entries.Count++
	}
	a.step(core.Input{Loaded: []core.Loaded{answer}})
}

// compact makes a snapshot up to index and drops the log before it.
func (a *actor) compact(index entry.Index) {
	to := entry.Position{Index: index, Term: a.disk.entries[index-a.disk.base.Index-1].Term(index)}
	a.disk.snapshot = &entry.SnapshotMeta{Index: to.Index, Term: to.Term, Configuration: a.configurationAt(index)}
	a.disk.compact(to)
	a.memory.compact(to)
	a.step(core.Input{Compacted: index})
}

// configurationAt returns the configuration that is in force at an index of the disk's log.
func (a *actor) configurationAt(index entry.Index) entry.Configuration {
	c := a.initial
	if a.disk.snapshot != nil {
		c = a.disk.snapshot.Configuration
	}
	for _, block := range a.disk.entries {
		if i := block.First(); i <= index && block.Kind(i) == entry.KindConfiguration {
			if value, err := entry.DecodeConfiguration(block.Payload(i)); err == nil {
				c = value
			}
		}
	}
	return c
}

// install takes over the snapshot of another member and reports it.
func (a *actor) install(from *actor) {
	meta := *from.disk.snapshot
	a.disk.snapshot = &meta
	a.step(core.Input{Installed: &meta})
	a.stage.air = append(a.stage.air, core.Message{Kind: core.MsgSnapshotReply, From: a.id, To: from.id,
		Term: from.core.Status().Term, Index: meta.Index})
}

// describe says in few words what a message says.
func describe(m *core.Message) string {
	head := fmt.Sprintf("%s->%s %v, term %d", m.From, m.To, m.Kind, m.Term)
	switch m.Kind {
	case core.MsgPreVote, core.MsgVote:
		text := fmt.Sprintf("%s, log ends %d/%d", head, m.Index, m.LogTerm)
		if m.Hint == 1 {
			text += ", the leader wants it"
		}
		return text
	case core.MsgPreVoteReply, core.MsgVoteReply, core.MsgReadReply, core.MsgSnapshotReply:
		if m.Reject {
			return head + ": no"
		}
		return head + ": yes"
	case core.MsgAppend:
		text := fmt.Sprintf("%s, after %d/%d", head, m.Index, m.LogTerm)
		if m.Entries.Count > 0 {
			text += fmt.Sprintf(", entries %d-%d", m.Entries.First, m.Entries.Last())
		}
		return text + fmt.Sprintf(", commit %d", m.Commit)
	case core.MsgAppendReply:
		if m.Reject {
			return fmt.Sprintf("%s: no to %d, try %d/%d", head, m.Index, m.Hint, m.HintTerm)
		}
		return fmt.Sprintf("%s: holds %d", head, m.Match)
	}
	return head
}
