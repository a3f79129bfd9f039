package core

import (
	"encoding/binary"
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// Clone returns an independent copy: a model check explores from it.
func (c *Core) Clone() *Core {
	d := *c
	d.log.runs = slices.Clone(c.log.runs)
	d.log.tail.sizes = slices.Clone(c.log.tail.sizes)
	d.members.all = slices.Clone(c.members.all)
	d.disk.pending = slices.Clone(c.disk.pending)
	d.election.votes = slices.Clone(c.election.votes)
	d.election.questions = slices.Clone(c.election.questions)
	d.election.asked = slices.Clone(c.election.asked)
	d.lead.lease.sent = slices.Clone(c.lead.lease.sent)
	d.lead.handover.askers = slices.Clone(c.lead.handover.askers)
	d.lead.peers = slices.Clone(c.lead.peers)
	for i := range d.lead.peers {
		w := &d.lead.peers[i].window
		w.flights = slices.Clone(w.flights)
	}
	d.lead.marks = slices.Clone(c.lead.marks)
	d.lead.changes = slices.Clone(c.lead.changes)
	d.members.met.all = slices.Clone(c.members.met.all)
	d.lead.reads.asking = slices.Clone(c.lead.reads.asking)
	d.lead.reads.waiting = slices.Clone(c.lead.reads.waiting)
	d.reads.waiting = slices.Clone(c.reads.waiting)
	d.reads.asked.ids = slices.Clone(c.reads.asked.ids)
	return &d
}

// Reseed begins the sequence of time-outs anew. A model check, in which a deadline may expire at any
// moment, gives each state the same seed, so that states which differ only in chance are one.
func (c *Core) Reseed(seed uint64) { c.random = random(seed) }

// AppendState appends everything that later Steps depend on, in a fixed order: equal bytes mean
// equal behaviour. Counters are left out. Instants are written as distances from the present, so
// two members that are in the same state at different times are equal.
func (c *Core) AppendState(dst []byte) []byte {
	e := encoder{b: dst, now: c.now}
	e.text(c.config.ID)
	e.numbers(uint64(c.random), uint64(c.hard.Term))
	e.text(c.hard.Vote)
	e.numbers(uint64(c.role), uint64(c.commit))
	e.text(c.leader)
	e.log(&c.log)
	e.membership(&c.members)
	e.acquainted(&c.members.met)
	e.durability(&c.disk)
	e.election(&c.election)
	e.leading(&c.lead)
	e.followerReads(&c.reads)
	e.flag(c.step.reset)
	e.flag(c.log.bare)
	e.flag(c.report.fatal != nil)
	return e.b
}

// encoder writes fields one after another, lists with their length in front.
type encoder struct {
	b   []byte
	now Instant
}

// instants writes distances from the present; 0 is no instant but "never" and stays 0.
func (e *encoder) instants(all ...Instant) {
	for _, t := range all {
		e.flag(t != 0)
		if t != 0 {
			e.b = binary.AppendVarint(e.b, int64(t-e.now))
		}
	}
}

func (e *encoder) numbers(all ...uint64) {
	for _, n := range all {
		e.b = binary.AppendUvarint(e.b, n)
	}
}

func (e *encoder) text(s entry.MemberID) {
	e.numbers(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) flag(f bool) {
	if f {
		e.numbers(1)
		return
	}
	e.numbers(0)
}

func (e *encoder) log(l *logState) {
	e.numbers(uint64(l.base.Index), uint64(l.base.Term), uint64(l.last), uint64(len(l.runs)))
	for _, run := range l.runs {
		e.numbers(uint64(run.First), uint64(run.Term))
	}
	e.numbers(uint64(l.tail.first), uint64(l.held.Index), uint64(l.held.Term))
	for _, size := range l.tail.sizes[l.tail.head:] {
		e.numbers(uint64(size))
	}
}

func (e *encoder) membership(m *membership) {
	e.numbers(uint64(m.former), uint64(len(m.all)))
	for i := range m.all {
		e.numbers(uint64(m.all[i].Index))
		e.b = entry.AppendConfiguration(e.b, m.all[i].Value)
	}
	e.flag(m.changed)
}

func (e *encoder) durability(d *durability) {
	e.flag(d.noRoom)
	e.flag(d.impaired)
	e.numbers(d.seq, d.stored, d.hard, uint64(d.last), uint64(d.written.Term), uint64(len(d.pending)))
	e.text(d.written.Vote)
	e.instants(d.moved)
	for _, p := range d.pending {
		e.numbers(p.seq, uint64(p.last))
		e.instants(p.at)
	}
}

func (e *encoder) election(n *election) {
	e.numbers(uint64(n.timeout), n.self, uint64(n.wish.asked), uint64(len(n.votes)))
	e.instants(n.deadline, n.heard, n.promise, n.wish.until, n.wish.again)
	e.flag(n.suspect)
	e.flag(n.excused)
	for _, v := range n.votes {
		e.text(v.from)
		e.flag(v.granted)
	}
	e.numbers(uint64(len(n.asked)))
	for _, a := range n.asked {
		e.text(a.to)
		e.text(a.leader)
		e.numbers(uint64(a.id), uint64(a.term))
		e.instants(a.due)
	}
	e.numbers(uint64(n.question), uint64(len(n.questions)))
	for _, q := range n.questions {
		e.text(q.from)
		e.numbers(uint64(q.id), uint64(q.kind), uint64(q.term), q.hint)
	}
}

func (e *encoder) handover(t *handover) {
	e.text(t.to)
	e.instants(t.due)
	e.numbers(uint64(len(t.askers)))
	e.flag(t.sent)
	for _, a := range t.askers {
		e.text(a.from)
		e.numbers(a.round)
	}
}

func (e *encoder) leading(l *leading) {
	e.numbers(uint64(l.opened), l.round, uint64(l.uncommitted), uint64(l.term))
	e.instants(l.heartbeat)
	e.flag(l.broadcast)
	e.handover(&l.handover)
	e.flag(l.ended)
	e.flag(l.gaveWay)
	e.instants(l.lease.until)
	e.numbers(uint64(len(l.lease.sent)))
	for _, b := range l.lease.sent {
		e.numbers(b.round)
		e.instants(b.at)
	}
	e.numbers(uint64(len(l.peers)))
	for i := range l.peers {
		e.progress(&l.peers[i])
	}
	e.numbers(uint64(len(l.marks)))
	for _, m := range l.marks {
		e.text(m.from)
		e.numbers(m.origin, m.round)
	}
	e.changes(l.changes)
	e.numbers(l.reads.round, uint64(l.reads.index))
	for _, list := range [][]readRequest{l.reads.asking, l.reads.waiting} {
		e.numbers(uint64(len(list)))
		for _, r := range list {
			e.numbers(uint64(r.local), r.remote)
			e.text(r.from)
		}
	}
}

func (e *encoder) progress(p *progress) {
	e.text(p.id)
	e.numbers(uint64(p.state), uint64(p.match), uint64(p.next), p.round)
	e.instants(p.heard)
	e.numbers(uint64(p.told), uint64(p.loading), p.since, p.rank)
	e.flag(p.paused)
	e.flag(p.lost)
	e.numbers(uint64(p.window.limit), uint64(len(p.window.flights)))
	for _, f := range p.window.flights {
		e.numbers(uint64(f.last), uint64(f.bytes))
	}
	e.numbers(uint64(p.incarnation), uint64(p.arrival.target), uint64(p.farewell.index))
	e.instants(p.arrival.began, p.farewell.until)
	e.flag(p.denied)
	e.flag(p.full)
	e.numbers(p.settled)
	e.flag(p.arrival.waits)
	e.flag(p.arrival.quick)
}

func (e *encoder) changes(all []changeWait) {
	e.numbers(uint64(len(all)))
	for i := range all {
		e.numbers(uint64(all[i].id))
		e.text(all[i].from)
		e.b = appendChange(e.b, &all[i].change)
		e.flag(all[i].begun)
	}
}

func (e *encoder) acquainted(a *acquaintances) {
	e.flag(a.news)
	e.flag(a.settled)
	e.numbers(uint64(len(a.all)))
	for i := range a.all {
		x := &a.all[i]
		e.text(x.ID)
		e.numbers(uint64(x.Incarnation), uint64(x.Former), uint64(x.Level), uint64(len(x.Key)))
		e.b = append(e.b, x.Key...)
		e.flag(x.Settled)
		e.instants(x.since)
	}
}

func (e *encoder) followerReads(r *followerReads) {
	e.numbers(r.id)
	e.instants(r.asked.due)
	for _, list := range [][]ReadID{r.asked.ids, r.waiting} {
		e.numbers(uint64(len(list)))
		for _, id := range list {
			e.numbers(uint64(id))
		}
	}
}
