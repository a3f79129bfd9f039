package replica

import (
	"fmt"
	"sync/atomic"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

// ownSession is this member's session: under which name its commands are known (thesis, section 6.3).
type ownSession struct {
	// origin is the name, drawn anew at each start and when a session is lost.
	origin uint64
	// base is the commit index that was known when the origin was first used. Invariant: it is the same
	// in every entry that opens the session (see package session for why).
	base entry.Index
	used bool
	// open is true once this member has applied the entry that opens the session. Until then every
	// batch of commands begins with one.
	open bool
	// sequence is the number of the newest command.
	sequence uint64
	// opening stands for the entry that opens the session; nobody waits for it.
	opening proposal
	// again is when parked commands may be proposed again, sweep when those that wait are looked over.
	again, sweep core.Instant
	// proposedAgain and renewed count for Stats.
	proposedAgain, renewed uint64
}

const (
	// againAfter is the pause between two tries, when nothing says that trying is worth it.
	againAfter = 1 // heartbeats
	// sweepAfter is the pause between two looks at those that wait.
	sweepAfter = 10 // heartbeats
	// forwardPatience is how many heartbeats pass until a forwarded command that was not seen is
	// proposed again. What the transport knows to be lost is noticed at once; this is for what vanished
	// without a word, so it may be long: a large command on a busy machine travels for a while.
	forwardPatience = 100
)

// repeated counts for [RepeatedCommands].
type repeated struct{ again, renewed, duplicates, refused atomic.Uint64 }

func (c *repeated) figures() RepeatedCommands {
	return RepeatedCommands{
		ProposedAgain: c.again.Load(), Renewed: c.renewed.Load(),
		Duplicates: c.duplicates.Load(), Refused: c.refused.Load(),
	}
}

// judged counts the verdict on a command.
func (c *repeated) judged(v session.Verdict) {
	switch v {
	case session.Duplicate:
		c.duplicates.Add(1)
	case session.Below, session.Unknown:
		c.refused.Add(1)
	}
}

// noteCommands tells the inbox and the figures what the turn has changed.
func (r *Replica) noteCommands() {
	e := r.engine
	r.gauges.repeated.again.Store(e.orders.session.proposedAgain)
	r.gauges.repeated.renewed.Store(e.orders.session.renewed)
	if held := e.waiting.held; held != e.orders.reported {
		e.orders.reported = held
		r.inbox.hold(held)
	}
}

// nextOrigin draws the origin after o, by a permutation: members that have different origins draw
// different ones.
func nextOrigin(o uint64) uint64 { return max(core.SplitMix64(o), 1) }

// order puts a command into this turn's input, behind the entry that opens the session while that is
// not known to be there.
func (e *engine) order(p *proposal) {
	s := &e.orders.session
	if len(e.orders.batch) == 0 && !s.open {
		if !s.used {
			s.base, s.used = e.status.Commit, true
		}
		s.opening.kind, s.opening.sequence = entry.KindSession, uint64(s.base)
		e.enlist(&s.opening)
	}
	e.enlist(p)
}

func (e *engine) enlist(p *proposal) {
	e.orders.batch = append(e.orders.batch, p)
	e.input.Proposals = append(e.input.Proposals, core.Proposal{
		ID: core.ProposalID(len(e.orders.batch)), Kind: p.kind, Size: uint32(p.frameSize()),
	})
}

// number gives a command that is framed for the first time its sequence: what core refuses leaves no
// gap.
func (e *engine) number(p *proposal) {
	if p.sequence == 0 {
		e.orders.session.sequence++
		p.sequence = e.orders.session.sequence
		e.waiting.add(p)
	}
}

// park takes note that a command has no place any more. loose says that the copy which it had may
// nevertheless be applied.
func (e *engine) park(p *proposal, loose bool) {
	if p.trace.lost == 0 {
		p.trace.lost = e.input.Now
	}
	p.at = entry.Position{}
	p.trace.loose = p.trace.loose || loose
	e.waiting.move(p, parked)
}

// loseLeader parks the commands that were sent to a leader that is none any more: what it has ordered of
// them will be seen in the next leader's log, if it is there. What has a place in the log keeps it: it
// will be committed, or removed.
func (e *engine) loseLeader() {
	e.waiting.each(func(p *proposal) {
		e.waiting.shaken = true
		switch {
		case p.trace.standing == forwarded:
			e.park(p, true)
		case p.trace.lost == 0:
			p.trace.lost = e.input.Now
		}
	})
}

// parkPlaced parks the commands whose places, from index from on, were removed from the log. Another
// member's log may still have them.
func (e *engine) parkPlaced(from entry.Index) {
	e.waiting.each(func(p *proposal) {
		if p.trace.standing == placed && p.at.Index >= from {
			e.park(p, true)
		}
	})
}

// worthProposing reports whether parked commands can be given to a leader now. In a new term that is
// when the log has an entry of it: by then every copy that survives from earlier terms has been seen.
func (e *engine) worthProposing() bool {
	s := &e.status
	return e.waiting.parked > 0 && s.Leader != "" && s.Last.Term == s.Term && e.wantsProposals() == atOnce
}

// proposeAgain puts the parked commands into this turn's input, in order, before new ones.
func (e *engine) proposeAgain(now core.Instant) {
	s := &e.orders.session
	if !e.worthProposing() || now < s.again || e.stage.failed != nil {
		return
	}
	s.again = now + againAfter*core.Instant(e.config.Heartbeat)
	e.waiting.each(func(p *proposal) {
		switch {
		case p.trace.standing != parked:
		case p.state.Load() == gone:
			e.drop(p)
		default:
			e.order(p)
			s.proposedAgain++
		}
	})
}

// drop forgets a command without a place whose caller no longer waits.
func (e *engine) drop(p *proposal) {
	e.waiting.remove(p)
	p.free()
}

// lookOver proposes again what vanished, and ends waits that have become useless.
func (e *engine) lookOver(now core.Instant) {
	s, heartbeat := &e.orders.session, core.Instant(e.config.Heartbeat)
	if !e.waiting.uneasy() || now < s.sweep {
		return
	}
	s.sweep = now + sweepAfter*heartbeat
	member := isMember(&e.status.Configuration, e.config.ID)
	e.waiting.shaken = false
	e.waiting.each(func(p *proposal) {
		e.waiting.shaken = e.waiting.shaken || p.trace.lost != 0
		impatient := !p.trace.bounded && p.trace.lost != 0 && now-p.trace.lost >= core.Instant(e.config.Limits.Patience)
		switch {
		case p.trace.standing == placed:
			if impatient && e.status.Leader == "" {
				e.waiting.giveUp(p, e.patienceEnds())
			}
		case p.state.Load() == gone:
			e.drop(p)
		case !member:
			e.waiting.giveUp(p, ErrRemoved)
		case impatient:
			e.waiting.giveUp(p, e.patienceEnds())
		case p.trace.standing == forwarded && now-p.trace.sent >= forwardPatience*heartbeat:
			e.park(p, true)
		}
	})
}

func (e *engine) patienceEnds() error {
	why := ErrNotLeader
	if e.status.Leader == "" {
		why = ErrNoLeader
	}
	return fmt.Errorf("%w for %v", why, e.config.Limits.Patience)
}

// waitDeadline is when those that wait need a turn.
func (e *engine) waitDeadline() core.Instant {
	deadline := core.Forever
	if e.waiting.uneasy() {
		deadline = e.orders.session.sweep
	}
	if e.worthProposing() {
		deadline = min(deadline, e.orders.session.again)
	}
	return deadline
}

// refused takes the answer that a message, or this turn's input, did not propose a command. loose says
// that the answer does not exclude another copy of the message.
func (e *engine) refused(p *proposal, why core.Refusal, loose bool) {
	member := isMember(&e.status.Configuration, e.config.ID)
	err := refusal(why, &e.status.Status, member)
	p.trace.loose = p.trace.loose || loose
	switch {
	case p.kind == entry.KindSession, p.trace.standing == placed:
	case p.trace.standing == raw:
		e.waiting.answer(p, nil, err)
	case !member, (why == core.RefusedOverloaded || why == core.RefusedNoSpace) && !p.trace.loose:
		if p.trace.standing == forwarded {
			e.park(p, false)
		}
		e.waiting.giveUp(p, err)
	case p.trace.standing == forwarded:
		e.park(p, false)
	}
}

// owned is the verdict on an entry of this member's origin.
type owned struct {
	kind     entry.Kind
	sequence uint64
	at       entry.Position
	verdict  session.Verdict
	// dead is true when the origin has no session and never will.
	dead bool
}

// answerOwned answers the callers whose commands a task has applied.
func (e *engine) answerOwned(t *applyTask) {
	dead := false
	for i := range t.own {
		o := &t.own[i]
		if o.kind == entry.KindSession {
			e.orders.session.open = e.orders.session.open || o.verdict != session.Unknown
			dead = dead || o.dead
			continue
		}
		p := e.waiting.get(o.sequence)
		if p == nil {
			dead = dead || o.dead
			continue
		}
		switch o.verdict {
		case session.Fresh:
			e.waiting.remove(p)
			p.at = o.at
			e.waiting.answer(p, t.results[o.at.Index-t.first], nil)
		case session.Below:
			e.renumber(p)
		case session.Unknown:
			dead = dead || o.dead
			if p.at == o.at { // Ordered without the entry that opens the session.
				e.park(p, false)
			}
		}
	}
	if dead {
		e.renew()
	}
}

// renumber gives a command that its session refuses a new sequence: under the old one it was not
// applied, or its caller would have been answered, and never will be.
func (e *engine) renumber(p *proposal) {
	e.waiting.remove(p)
	p.at, p.sequence = entry.Position{}, 0
	p.trace.standing, p.trace.loose = parked, false
	if p.trace.lost == 0 {
		p.trace.lost = e.input.Now
	}
	e.number(p)
}

// renew begins a new session, because this member's is gone for ever: what was not applied under its
// origin never will be, so it may be proposed under another.
func (e *engine) renew() {
	s := &e.orders.session
	s.origin, s.base, s.used, s.open = nextOrigin(s.origin), 0, false, false
	s.renewed++
	var all []*proposal
	e.waiting.each(func(p *proposal) { all = append(all, p) })
	for _, p := range all {
		e.renumber(p)
	}
	e.config.Logger.Info("session lost; another one is opened", "member", e.config.ID, "commands", len(all))
}

// jumped judges the waiting commands after a snapshot has replaced the entries up to an index: own is
// this member's session in it, nil for none, and floor the table's.
func (e *engine) jumped(to entry.Index, own *session.Session, floor entry.Index) {
	s := &e.orders.session
	// Without a session now and without a chance to open it, there may have been one in between.
	missed := own == nil && s.used && floor > s.base
	s.open = own != nil
	e.waiting.each(func(p *proposal) {
		verdict := session.Fresh
		if own != nil {
			verdict = own.Judge(p.sequence)
		}
		switch {
		case missed || verdict == session.Below:
			e.waiting.giveUp(p, errOvertaken)
		case verdict == session.Duplicate:
			e.waiting.remove(p)
			e.waiting.unknown(p, ErrResultLost)
		case p.trace.standing == placed && p.at.Index <= to:
			e.park(p, true)
		}
	})
	if missed {
		e.renew()
	}
}
