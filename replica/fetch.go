package replica

import (
	"errors"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: how members ask each other for copies of entries.
//
//	a, which cannot read 7 to 9                     b, any member
//	  fetch 7 to 9, the last of which has term 3 ->   has (9, 3), so its 7 to 9 are a's
//	                                             <-   fetched 7 to 9, or as many of them as it can
//	                                                  read and as fit a message; or refused, and
//	                                                  from where it may have more
//
// One question is under way at a time. Who refuses, or does not answer, is followed by the next member.

const (
	// fetchMax bounds the entries of one question.
	fetchMax = 1 << 16
	// fetchPatience is how many heartbeats a question waits for its answer.
	fetchPatience = 3
	// fetchRest is how many heartbeats pass after nobody had any of the copies.
	fetchRest = 10
)

// asking is the question under way, and who comes next.
type asking struct {
	// id numbers the questions; to is who was asked, "" while none is under way.
	id uint64
	to entry.MemberID
	// first and last are the entries asked for.
	first, last entry.Index
	due         core.Instant
	// pause is until when nobody is asked.
	pause core.Instant
	// cursor is from where on the present peer is asked, peer its place.
	cursor entry.Index
	peer   int
	// barren counts the peers in a row that had nothing.
	barren int
	// told is true once something was healed, logged how much was damaged when it was last said that
	// nobody has copies.
	told   bool
	logged uint64
}

// nextPeer begins with the next member.
func (a *asking) nextPeer() {
	a.to, a.cursor = "", 0
	a.peer++
}

// serving are the questions of peers.
type serving struct {
	// queue has one question of each member at most.
	queue []core.Message
	busy  bool
	// cut is true when entries were removed from the log since the present read began.
	cut bool
	// refused counts messages about copies that could not be meant, or that nobody asked for.
	refused uint64
}

// healDue returns when the engine must turn because of damage.
func (e *engine) healDue() core.Instant {
	h := &e.writer.heal
	switch a := &h.asking; {
	case len(h.damaged) == 0 || h.copies != nil:
		return core.Forever
	case h.drop != 0:
		return e.input.Now
	case a.to != "":
		return a.due
	default:
		return a.pause
	}
}

// ask asks the next peer, if it is time to.
func (e *engine) ask(act *actions) {
	h := &e.writer.heal
	a := &h.asking
	now, heartbeat := e.input.Now, core.Instant(e.config.Heartbeat)
	if a.to != "" && now >= a.due {
		a.barren++
		a.nextPeer()
	}
	if a.to != "" || now < a.pause {
		return
	}
	peers := e.others()
	for ; a.barren < len(peers); a.nextPeer() {
		if first := h.firstFrom(a.cursor); first != 0 {
			run, _ := h.runAt(first)
			a.first, a.last = first, min(run.Last, first+fetchMax-1)
			a.to, a.due = peers[a.peer%len(peers)], now+fetchPatience*heartbeat
			e.postFetch(act)
			return
		}
		a.barren++
	}
	a.barren, a.pause = 0, now+fetchRest*heartbeat
	if n := h.count(); n != a.logged {
		a.logged = n
		e.config.Logger.Warn("no member has copies of damaged entries", "member", e.config.ID, "damaged", n,
			"first", h.firstFrom(0), "asked", len(peers))
	}
	e.askInstead(act)
}

// postFetch sends the question.
func (e *engine) postFetch(act *actions) {
	a := &e.writer.heal.asking
	a.id++
	term, _ := e.core.TermAt(a.last)
	act.post(core.Message{
		Kind: core.MsgFetch, From: e.config.ID, To: a.to, LogTerm: term, Round: a.id, Index: a.first, Match: a.last,
	})
}

// others returns the other members of the configuration.
func (e *engine) others() (all []entry.MemberID) {
	for i := range e.status.Configuration.Members {
		if id := e.status.Configuration.Members[i].ID; id != e.config.ID {
			all = append(all, id)
		}
	}
	if leader := e.status.Leader; len(all) == 0 && leader != "" && leader != e.config.ID {
		all = append(all, leader)
	}
	return all
}

// askInstead takes an image in place of copies that nobody has any more: the others have compacted the
// entries, so they were committed, and an image has what they did. Damage that an own image covers is
// dropped with the log up to there. What was applied is in the machine, so one is taken of that; for the rest
// the leader is asked.
func (e *engine) askInstead(act *actions) {
	h, s := &e.writer.heal, &e.images
	first := h.firstFrom(0)
	own := min(s.newest.Index, e.applier.applied, e.status.Commit, e.status.Durable)
	switch {
	case own >= first:
		s.compacted = max(s.compacted, own)
		h.drop = own
	case e.applier.applied >= first:
		s.wanted = true
	case e.status.Leader != "" && e.status.Role != core.Leader && first <= e.status.Commit:
		act.post(core.Message{
			Kind: core.MsgImageRequest, From: e.config.ID, To: e.status.Leader, Term: e.status.Term, Index: first,
		})
	}
}

// takeCopies takes the messages about copies out of those for core.
func (e *engine) takeCopies(all []core.Message, act *actions) []core.Message {
	about := func(m core.Message) bool { return m.Kind == core.MsgFetch || m.Kind == core.MsgFetched }
	if !slices.ContainsFunc(all, about) {
		return all
	}
	for i := range all {
		switch m := &all[i]; m.Kind {
		case core.MsgFetch:
			e.takeFetch(m, act)
		case core.MsgFetched:
			e.takeFetched(m)
		}
	}
	return slices.DeleteFunc(all, about)
}

// takeFetch answers a question that can be answered at once, and queues the others.
func (e *engine) takeFetch(m *core.Message, act *actions) {
	h := &e.writer.heal
	_, member := e.status.Configuration.Find(m.From)
	if !member || m.Index == 0 || m.Match < m.Index || m.Match-m.Index >= fetchMax || m.Match > entry.NumberMax ||
		len(m.Body) > 0 || m.LogTerm == 0 || m.Reject {
		h.refused++
		return
	}
	r := core.Range{First: m.Index, Count: uint32(m.Match-m.Index) + 1}
	m.Entries = r
	base, last := e.core.Base().Index, r.Last()
	term, holds := e.core.TermAt(last)
	damage, bad := h.runAt(r.First)
	switch {
	case !holds || term != m.LogTerm || r.First > e.status.Durable:
		e.refuseFetch(m, last+1, act)
	case r.First <= base:
		e.refuseFetch(m, base+1, act)
	case bad:
		e.refuseFetch(m, damage.Last+1, act)
	default:
		h.queue = slices.DeleteFunc(h.queue, func(q core.Message) bool { return q.From == m.From })
		if len(h.queue) < entry.MembersMax {
			h.queue = append(h.queue, *m)
		}
	}
}

// refuseFetch says that there is nothing to have before index on.
func (e *engine) refuseFetch(m *core.Message, on entry.Index, act *actions) {
	act.post(core.Message{
		Kind: core.MsgFetched, From: e.config.ID, To: m.From, Round: m.Round, Reject: true, Hint: uint64(on),
		Entries: core.Range{First: m.Entries.First},
	})
}

// nextServe returns the next question to answer from the disk, nil for none.
func (e *engine) nextServe() *core.Message {
	h := &e.writer.heal
	if h.serving.busy || len(h.queue) == 0 {
		return nil
	}
	m := h.queue[0]
	h.queue = slices.Delete(h.queue, 0, 1)
	last := min(m.Entries.Last(), e.status.Durable)
	if at := h.firstFrom(m.Entries.First); at != 0 {
		last = min(last, at-1)
	}
	if last < m.Entries.First {
		return nil // Truncated, or found damaged meanwhile: the next question will be told.
	}
	m.Entries.Count = uint32(last-m.Entries.First) + 1
	h.serving.busy, h.cut = true, false
	return &m
}

// servedEvent ends the reading of copies for a peer.
type servedEvent struct {
	question core.Message
	copies   *entry.Block
	damage   []entry.Damage
	err      error
}

// serveFetch reads the copies that a peer asks for.
func (r *Replica) serveFetch(m *core.Message) outcome {
	ev := &servedEvent{question: *m}
	ev.copies, ev.err = r.config.Log.Read(m.Entries.First, m.Entries.Last(), r.config.Limits.Message)
	if ev.err != nil {
		ev.damage, ev.err = r.damaged(m.Entries.First, ev.err)
	}
	return func(all *events) { all.served = ev }
}

// takeServed answers the peer.
func (e *engine) takeServed(ev *servedEvent, act *actions) {
	h := &e.writer.heal
	h.serving.busy = false
	m := &ev.question
	switch {
	case ev.copies != nil:
		act.post(core.Message{
			Kind: core.MsgFetched, From: e.config.ID, To: m.From, Round: m.Round, Body: []*entry.Block{ev.copies},
			Entries: core.Range{First: ev.copies.First(), Count: uint32(ev.copies.Len())},
		})
		return
	case len(ev.damage) > 0:
		e.noteDamage(ev.damage, act)
	case errors.Is(ev.err, entry.ErrCompacted), errors.Is(ev.err, entry.ErrCorrupt), h.cut:
	default:
		e.poison("reading copies for "+string(m.From), ev.err)
		return
	}
	e.refuseFetch(m, m.Entries.First+1, act)
}

// takeFetched takes the answer to the question under way. What nobody asked for is counted, and changes
// nothing.
func (e *engine) takeFetched(m *core.Message) {
	h := &e.writer.heal
	a := &h.asking
	if a.to == "" || m.From != a.to || m.Round != a.id || m.Entries.First != a.first || h.copies != nil {
		h.refused++
		return
	}
	if m.Reject {
		a.to, a.cursor = "", max(a.first+1, entry.Index(min(m.Hint, uint64(a.last)+1)))
		return
	}
	copies := e.fitting(m)
	if copies == nil {
		h.refused++
		a.barren++
		a.nextPeer()
		return
	}
	a.to, h.copies = "", copies
}

// fitting returns the copies of an answer as one block, nil when they are not what was asked for: each must
// be an entry of this log.
func (e *engine) fitting(m *core.Message) *entry.Block {
	a := &e.writer.heal.asking
	next := a.first
	var b entry.Builder
	for _, block := range m.Body {
		if block == nil || block.First() != next || block.Last() > a.last {
			return nil
		}
		for ; next <= block.Last(); next++ {
			if term, ok := e.core.TermAt(next); !ok || term != block.Term(next) {
				return nil
			}
			if len(m.Body) > 1 {
				b.Add(block.Header(next), block.Payload(next))
			}
		}
	}
	switch {
	case next == a.first || uint64(next-a.first) != uint64(m.Entries.Count):
		return nil
	case len(m.Body) == 1:
		return m.Body[0]
	}
	return b.Block()
}
