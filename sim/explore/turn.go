package explore

import (
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// turn gives one event to one member and carries out what the core wants, as replica does.
type turn struct {
	lab    *lab
	next   *node
	out    core.Effects
	result outcome
}

// newTurn begins with a copy of the node that shares no memory which the turn may write to.
func newTurn(l *lab, n *node) *turn {
	next := *n
	next.log, next.writes = slices.Clip(n.log), slices.Clip(n.writes)
	next.held, next.loads = slices.Clip(n.held), slices.Clip(n.loads)
	return &turn{lab: l, next: &next}
}

// play carries out the event.
func (t *turn) play(e event) {
	t.happen(e)
	for t.lab.space.Instant && len(t.next.writes) > 0 && t.result.fatal == nil {
		t.sync()
	}
}

func (t *turn) happen(e event) {
	n := t.next
	switch e.kind {
	case crashes:
		t.restart(n.writes[:e.arg])
		return
	case loses:
		n.disk.lose(int(e.arg))
		t.restart(nil)
		return
	}
	n.core = n.core.Clone()
	switch e.kind {
	case arrives, arrivesAndStays:
		t.deliver(t.lab.packets.items[e.arg])
	case synced:
		t.sync()
	case expires:
		n.clock = max(n.clock, n.core.Deadline())
		t.step(core.Input{})
	case lulls:
		n.clock += 6 * beat
		t.step(core.Input{})
	case sleeps:
		n.clock += 100 * beat
		t.step(core.Input{})
	case proposed:
		t.propose(byte(e.arg))
	case asked:
		t.result.loud = true
		t.step(core.Input{Reads: []core.ReadID{core.ReadID(e.arg)}})
	case snapshot:
		t.snapshot()
	case breaks:
		t.step(core.Input{Lost: []entry.MemberID{t.lab.ids[e.arg]}})
	case transfers:
		request := core.TransferRequest{ID: core.TransferID(n.run) + 1, To: t.lab.ids[e.arg]}
		t.step(core.Input{Transfers: []core.TransferRequest{request}})
	case changes:
		request := core.ChangeRequest{ID: core.ChangeID(e.arg) + 1, Change: t.lab.space.Changes[e.arg]}
		t.step(core.Input{Changes: []core.ChangeRequest{request}})
	case loaded:
		t.load()
	}
}

// step gives one input to the core and carries out the effects.
func (t *turn) step(in core.Input) {
	n := t.next
	in.Now, in.Stored = n.clock, n.stored
	n.core.Reseed(seed)
	n.core.Step(&in, &t.out)
	if t.out.Fatal != nil {
		t.result.fatal = t.out.Fatal
		return
	}
	t.write(&t.out.Write)
	for _, o := range t.out.Send {
		if o.Kind == core.MsgAppend && o.Body == nil {
			o.Body = t.body(o.Entries)
		}
		n.held = append(n.held, held{after: o.After, packet: t.lab.packet(packet{message: o.Message})})
	}
	t.forward(&t.out.Forward)
	t.release()
	t.result.reads = append(t.result.reads, t.out.Reads...)
	t.result.loud = t.result.loud || len(t.out.Reads) > 0
	n.loads = append(n.loads, t.out.Loads...)
	for _, order := range t.out.Snapshots {
		t.sendSnapshot(order.To)
	}
}

// write changes the log at once and queues what must become durable.
func (t *turn) write(w *core.Write) {
	n := t.next
	if w.Seq == 0 {
		return
	}
	if w.Hard != nil {
		n.writes = append(n.writes, write{hard: w.Hard})
	}
	if w.TruncateFrom != 0 {
		n.log = slices.Clip(n.log[:min(int(w.TruncateFrom-1), len(n.log))])
		n.writes = append(n.writes, write{truncate: w.TruncateFrom})
	}
	if w.Reset != nil {
		n.log = slices.Clip(n.disk.snapshot.log)
		n.writes = append(n.writes, write{reset: n.disk.snapshot})
	}
	for _, a := range w.Appended {
		t.append(t.lab.item(t.frame(a)))
	}
	for _, block := range w.Received {
		if first := int(block.First()); first != len(n.log)+1 {
			t.result.fatal = fmt.Errorf("entry %d is written after entry %d", first, len(n.log))
			return
		}
		for _, i := range t.lab.items(block) {
			t.append(i)
		}
	}
	n.writes = append(n.writes, write{seq: w.Seq, commit: w.Commit})
}

func (t *turn) append(i item) {
	t.next.log = append(t.next.log, i)
	t.next.writes = append(t.next.writes, write{entry: &i})
}

// frame builds an entry of the leader's own.
func (t *turn) frame(a core.Appended) *entry.Block {
	h := entry.Header{Kind: a.Kind, Index: a.Index, Term: a.Term}
	var payload []byte
	switch {
	case a.Configuration != nil:
		payload = entry.AppendConfiguration(nil, *a.Configuration)
	case a.Forwarded != nil:
		from := a.Forwarded.Header(a.At)
		h.Origin, h.Sequence, payload = from.Origin, from.Sequence, a.Forwarded.Payload(a.At)
	case a.Proposal != 0:
		h.Origin, h.Sequence, payload = t.next.origin(), t.next.sequence, []byte{byte(a.Proposal)}
	}
	return build(h, payload)
}

func build(h entry.Header, payload []byte) *entry.Block {
	h.Size, h.PayloadSum = uint32(len(payload)), entry.Checksum(payload)
	var b entry.Builder
	b.Add(h, payload)
	return b.Block()
}

// origin is another number for each member and each of its runs.
func (n *node) origin() uint64 { return uint64(n.run)*membersMax + uint64(n.member) + 1 }

// body returns the entries of a message, from the log that is kept in memory.
func (t *turn) body(r core.Range) []*entry.Block {
	var all []*entry.Block
	for i := r.First; i <= r.Last(); i++ {
		all = append(all, t.lab.block(t.next.log[i-1]))
	}
	return all
}

// forward frames proposals for the leader.
func (t *turn) forward(f *core.Forward) {
	for _, id := range f.Proposals {
		block := build(entry.Header{Index: 1, Term: 1, Origin: t.next.origin(), Sequence: t.next.sequence},
			[]byte{byte(id)})
		t.send(packet{message: core.Message{
			Kind: core.MsgPropose, From: t.lab.ids[t.next.member], To: f.To, Term: f.Term, Round: t.next.sequence,
			Entries: core.Range{First: 1, Count: 1}, Body: []*entry.Block{block},
		}})
	}
}

func (t *turn) send(p packet) { t.result.sends = append(t.result.sends, t.lab.packet(p)) }

// release sends what its batch no longer holds back.
func (t *turn) release() {
	n := t.next
	var rest []held
	for _, h := range n.held {
		if h.after > n.stored {
			rest = append(rest, h)
			continue
		}
		t.result.sends = append(t.result.sends, h.packet)
		m := &t.lab.packets.items[h.packet].message
		promise := m.Kind == core.MsgVoteReply || m.Kind == core.MsgAppendReply
		t.result.loud = t.result.loud || promise && !m.Reject
	}
	n.held = rest
}

// sync makes the oldest batch durable.
func (t *turn) sync() {
	n := t.next
	for i := range n.writes {
		w := &n.writes[i]
		n.disk.apply(w)
		if w.seq != 0 {
			n.stored, n.writes = w.seq, n.writes[i+1:]
			break
		}
	}
	t.step(core.Input{})
}

func (t *turn) deliver(p *packet) {
	m := p.message
	switch {
	case p.image != nil:
		t.install(p)
	case m.Kind == core.MsgSnapshotReply:
		if s := t.next.core.Status(); s.Role == core.Leader {
			m.Term = s.Term
			t.step(core.Input{Received: []core.Message{m}})
		}
	default:
		t.step(core.Input{Received: []core.Message{m}})
	}
}

func (t *turn) propose(command byte) {
	t.next.sequence++
	size := uint32(entry.HeaderSize + 1)
	t.step(core.Input{Proposals: []core.Proposal{{ID: core.ProposalID(command), Size: size}}})
}

// snapshot makes an image of what has been applied and drops what it covers from the log.
func (t *turn) snapshot() {
	n := t.next
	at := n.applied()
	_, value := t.configuration(n.log[:at])
	n.disk.snapshot = &image{log: n.log[:at:at], meta: entry.SnapshotMeta{
		ID: "image", Index: at, Term: n.log[at-1].term, Configuration: value,
	}}
	n.disk.base = n.disk.snapshot.meta.Position()
	t.step(core.Input{Compacted: at})
}

// applied is what a machine has been given: what is committed and durable.
func (n *node) applied() entry.Index {
	s := n.core.Status()
	return min(s.Commit, s.Durable)
}

// configuration returns the configurations of a log, and the one in force at its end.
func (t *turn) configuration(log []item) ([]core.ConfigurationAt, entry.Configuration) {
	var all []core.ConfigurationAt
	last := t.lab.given(t.next.member)
	for n, i := range log {
		if i.configuration != nil {
			last = *i.configuration
			all = append(all, core.ConfigurationAt{Index: entry.Index(n + 1), Value: last})
		}
	}
	return all, last
}

func (t *turn) sendSnapshot(to entry.MemberID) {
	m := core.Message{From: t.lab.ids[t.next.member], To: to}
	t.send(packet{message: m, image: t.next.disk.snapshot})
}

// install takes over a snapshot: durable first, then the machine, then the core; the answer waits
// for the log's reset.
func (t *turn) install(p *packet) {
	n, at := t.next, p.image.meta.Index
	var after uint64
	if at > n.applied() {
		if old := n.disk.snapshot; old == nil || old.meta.Index < at {
			n.disk.snapshot = p.image
		}
		t.step(core.Input{Installed: &p.image.meta})
		if t.out.Write.Reset != nil {
			after = t.out.Write.Seq
		}
	}
	reply := core.Message{Kind: core.MsgSnapshotReply, From: p.message.To, To: p.message.From, Index: at}
	n.held = append(n.held, held{after: after, packet: t.lab.packet(packet{message: reply})})
	t.release()
}

// load answers the oldest question for entries that only the disk holds.
func (t *turn) load() {
	n := t.next
	l := n.loads[0]
	n.loads = n.loads[1:]
	answer := core.Loaded{To: l.To, Entries: core.Range{First: l.Entries.First}}
	last := min(l.Entries.Last(), entry.Index(len(n.disk.log)))
	if l.Entries.First > n.disk.base.Index && l.Entries.First <= last {
		answer.Entries.Count = uint32(last - l.Entries.First + 1)
		for i := l.Entries.First; i <= last; i++ {
			answer.Body = append(answer.Body, t.lab.block(n.disk.log[i-1]))
		}
	}
	t.step(core.Input{Loaded: []core.Loaded{answer}})
}

// restart ends the run: what survives is the disk with some of the writes under way. Then the next
// run begins.
func (t *turn) restart(survived []write) {
	old := t.next
	n := &node{view: view{member: old.member, run: old.run + 1, disk: old.disk}, clock: dawn}
	for i := range survived {
		n.disk.apply(&survived[i])
	}
	t.next = n
	t.start()
}

// start recovers the member from its disk.
func (t *turn) start() {
	n := t.next
	d := &n.disk
	rec := entry.Recovered{Hard: d.hard, Base: d.base, Last: entry.Index(len(d.log)), Held: d.held}
	rec.Commit = min(d.commit, rec.Last)
	for i := rec.Base.Index + 1; i <= rec.Last; i++ {
		if term, k := d.log[i-1].term, len(rec.Terms); k == 0 || rec.Terms[k-1].Term != term {
			rec.Terms = append(rec.Terms, entry.TermRun{First: i, Term: term})
		}
	}
	start := core.Start{Recovered: rec, Initial: t.lab.given(n.member)}
	all, _ := t.configuration(d.log)
	for _, at := range all {
		if at.Index > rec.Base.Index {
			start.Configurations = append(start.Configurations, at)
		}
	}
	if d.snapshot != nil {
		start.Snapshot = &d.snapshot.meta
	}
	config := core.Config{
		ID: t.lab.ids[n.member], Seed: uint64(n.run) + 1, Heartbeat: beat,
		Uncommitted: 1 << 20, Message: 1 << 20, Window: 1 << 20, Tail: 1 << 20,
	}
	if t.lab.space.Single {
		config.Message, config.Window = 1, 1
	}
	c, err := core.New(config, start)
	if err != nil {
		t.result.fatal = fmt.Errorf("it does not start again: %w", err)
		return
	}
	n.core, n.log = c, slices.Clip(d.log)
	t.step(core.Input{})
}
