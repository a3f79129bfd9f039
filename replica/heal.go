package replica

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: entries that the log holds and cannot read. They are replaced by intact copies, from this
// member's own memory or from peers (Alagappan et al., Protocol-Aware Recovery, FAST 2018): by log matching
// (paper, section 5.3) an entry with the same index and term is the same entry, wherever it is and whether
// committed or not, so nobody needs to lead and nobody is asked what should be there. fetch.go is the
// conversation.
//
//	found (open, read, scrub) --> damaged --> copy from memory or a peer --> Repair --> readable
//	                                 |
//	                                 +--> truncated, compacted, or covered by an image, which is taken for
//	                                      it or comes from the leader when nobody has copies: forgotten
//
// Meanwhile the machine waits at the first of them, and so does every member that needs them from here.

// healing is the engine's part that knows what is damaged.
type healing struct {
	// damaged is what cannot be read. Invariant: ascending, disjoint, and in the log.
	damaged []entry.Damage
	// unclean is true while some of it was found by the start, unsure what of that may be a configuration:
	// this member may not know the newest one, so it does not lead. untold is true until the first turn has
	// told what was found.
	unclean bool
	untold  bool
	unsure  []entry.Damage
	// copies wait to be written, or are being written; nil for none. writing tells which.
	copies  *entry.Block
	writing bool
	// parked are reads for members that lag, of entries that are damaged.
	parked []core.Load
	asking asking
	serving
	scrubbing
	hardship
	// drop is up to where the log shall be dropped because an image has what cannot be read, 0 for not.
	drop entry.Index
	// repaired counts the entries that were healed, images the own images that were found damaged.
	repaired, images uint64
}

// hardship is a leader's that cannot read what it has not applied, and gets no copies: it cannot commit that,
// or the others have compacted it, and only a leader sends images.
type hardship struct {
	// since is when this leader first had such damage, 0 while it has none.
	since core.Instant
	// impaired is true once that has lasted for an election time-out: others should lead.
	impaired bool
}

// firstFrom returns the first damaged entry from index on, or 0.
func (h *healing) firstFrom(i entry.Index) entry.Index {
	for _, d := range h.damaged {
		if d.Last >= i {
			return max(d.First, i)
		}
	}
	return 0
}

// runAt returns the damaged run with entry i, and false when i can be read.
func (h *healing) runAt(i entry.Index) (entry.Damage, bool) {
	for _, d := range h.damaged {
		if d.First <= i && i <= d.Last {
			return d, true
		}
	}
	return entry.Damage{}, false
}

// count returns how many entries are damaged.
func (h *healing) count() (n uint64) {
	for _, d := range h.damaged {
		n += uint64(d.Last-d.First) + 1
	}
	return n
}

// remove forgets the damage from lo to hi.
func (h *healing) remove(lo, hi entry.Index) {
	h.damaged, h.unsure = without(h.damaged, lo, hi), without(h.unsure, lo, hi)
}

// without returns the runs with the entries from lo to hi taken out.
func without(all []entry.Damage, lo, hi entry.Index) (rest []entry.Damage) {
	for _, d := range all {
		if d.Last < lo || d.First > hi {
			rest = append(rest, d)
			continue
		}
		if d.First < lo {
			rest = append(rest, entry.Damage{First: d.First, Last: lo - 1, Known: d.Known})
		}
		if d.Last > hi {
			rest = append(rest, entry.Damage{First: hi + 1, Last: d.Last, Known: d.Known})
		}
	}
	return rest
}

// add takes note of damage within the log and returns how many entries of it are new.
func (h *healing) add(found []entry.Damage, base, last entry.Index) uint64 {
	before := h.count()
	for _, d := range found {
		d.First, d.Last = max(d.First, base+1), min(d.Last, last)
		if d.First > d.Last {
			continue
		}
		h.damaged = append(without(h.damaged, d.First, d.Last), d)
	}
	slices.SortFunc(h.damaged, func(a, b entry.Damage) int { return cmp.Compare(a.First, b.First) })
	return h.count() - before
}

// noteDamage takes note of what a read or the scrub has found.
func (e *engine) noteDamage(found []entry.Damage, act *actions) {
	h := &e.writer.heal
	last := e.status.Last.Index
	if n := h.add(found, e.core.Base().Index, last); n > 0 {
		e.tellDamage(found[0], act)
		e.config.Logger.Error("entries of the log cannot be read; copies are asked for", "member", e.config.ID,
			"first", found[0].First, "last", found[0].Last, "new", n, "damaged", h.count())
		h.asking.pause = 0
	}
}

// tellDamage tells those who subscribe of damage that begins with a run.
func (e *engine) tellDamage(d entry.Damage, act *actions) {
	event := e.event(EventDamage)
	event.Index, event.Err = d.First, fmt.Errorf("%w: entries %d to %d of the log and perhaps more",
		entry.ErrCorrupt, d.First, d.Last)
	act.events = append(act.events, event)
}

// foundAtStart takes note of what the store has found when it was recovered.
func (e *engine) foundAtStart(rec *entry.Recovered) {
	h := &e.writer.heal
	if h.add(rec.Damaged, e.core.Base().Index, e.status.Last.Index) == 0 {
		return
	}
	h.unclean, h.untold = true, true
	for _, d := range h.damaged {
		if d.Last > e.images.newest.Index && (!d.Known || configures(rec, d)) {
			h.unsure = append(h.unsure, d)
		}
	}
	e.config.Logger.Error("the log is damaged; copies are asked for", "member", e.config.ID,
		"first", h.damaged[0].First, "damaged", h.count())
}

// configures reports whether a configuration is among damaged entries whose kinds are known.
func configures(rec *entry.Recovered, d entry.Damage) bool {
	return slices.ContainsFunc(rec.Configurations, func(i entry.Index) bool { return d.First <= i && i <= d.Last })
}

// learn takes the configurations out of copies that have just been written.
func (e *engine) learn(copies *entry.Block) {
	h := &e.writer.heal
	for i := copies.First(); len(h.unsure) > 0 && i <= copies.Last(); i++ {
		if copies.Kind(i) != entry.KindConfiguration {
			continue
		}
		value, err := entry.DecodeConfiguration(copies.Payload(i))
		if err != nil {
			e.fail(fmt.Errorf("%w: the configuration at index %d: %w", ErrProtocol, i, err))
			return
		}
		e.input.Learned = append(e.input.Learned, core.ConfigurationAt{Index: i, Value: value})
	}
}

// cutDamage forgets damage in entries that a batch removes from the log.
func (e *engine) cutDamage(w *core.Write) {
	h := &e.writer.heal
	if w.TruncateFrom != 0 {
		h.remove(w.TruncateFrom, entry.NumberMax)
		h.cut = true
	}
	if w.Reset != nil {
		h.remove(0, entry.NumberMax)
		h.cut = true
	}
}

// heal does what is to be done about damage: it is called once in each turn, when core has decided.
func (e *engine) heal(act *actions) {
	h := &e.writer.heal
	if h.untold && len(h.damaged) > 0 {
		e.tellDamage(h.damaged[0], act)
	}
	h.untold = false
	e.bearHardship()
	if len(h.damaged) > 0 {
		h.remove(0, e.core.Base().Index)
	}
	e.unpark()
	if len(h.damaged) == 0 {
		e.healed(act)
		return
	}
	if h.copies != nil || e.healFromMemory() {
		return
	}
	e.ask(act)
}

// healed tells, once, that nothing is damaged any more.
func (e *engine) healed(act *actions) {
	h := &e.writer.heal
	if h.asking.told {
		event := e.event(EventHealed)
		event.Index = e.status.Last.Index
		act.events = append(act.events, event)
		e.config.Logger.Info("the log can be read again", "member", e.config.ID, "repaired", h.repaired)
	}
	h.unclean, h.asking = false, asking{id: h.asking.id}
}

// healFromMemory takes the copies from the log's tail, if they are still there.
func (e *engine) healFromMemory() bool {
	h := &e.writer.heal
	first, ok := e.tail.first()
	if !ok {
		return false
	}
	lo := h.firstFrom(first)
	run, bad := h.runAt(lo)
	if lo == 0 || !bad {
		return false
	}
	h.copies = e.tail.upTo(lo, run.Last, e.config.Limits.Message, fetchMax)[0]
	return true
}

// unpark reads for members that lag what can be read again. Who does not lead any more reads nothing for others:
// the next leader may truncate it, and then there would be nothing to read.
func (e *engine) unpark() {
	h := &e.writer.heal
	if e.status.Role != core.Leader {
		h.parked, e.loader.queue = nil, nil
	}
	h.parked = slices.DeleteFunc(h.parked, func(l core.Load) bool {
		if _, bad := h.runAt(l.Entries.First); bad {
			return false
		}
		e.loader.queue = append(e.loader.queue, l)
		return true
	})
}

// nextLoad returns the next read for a member that lags, nil for none. It ends before what is damaged, and
// waits when it would begin there.
func (e *engine) nextLoad() *core.Load {
	l, h := &e.loader, &e.writer.heal
	for !l.busy && len(l.queue) > 0 {
		next := l.queue[0]
		l.queue = slices.Delete(l.queue, 0, 1)
		switch at := h.firstFrom(next.Entries.First); {
		case at == next.Entries.First:
			h.park(next)
			continue
		case at != 0 && at <= next.Entries.Last():
			next.Entries.Count = uint32(at - next.Entries.First)
		}
		l.busy, l.cut = true, false
		return &next
	}
	return nil
}

// park keeps a read until its entries are healed; a member has one at most.
func (h *healing) park(l core.Load) {
	h.parked = slices.DeleteFunc(h.parked, func(p core.Load) bool { return p.To == l.To })
	h.parked = append(h.parked, l)
}

// bearHardship judges whether this member, if it leads, should go on.
func (e *engine) bearHardship() {
	h := &e.writer.heal
	n := len(h.damaged)
	if n == 0 || h.damaged[n-1].Last <= e.applier.applied {
		h.hardship = hardship{}
		return
	}
	switch {
	case e.status.Role != core.Leader:
		h.since = 0
	case h.since == 0:
		h.since = e.input.Now
	case e.input.Now-h.since > core.ElectionTimeout*core.Instant(e.config.Heartbeat):
		h.impaired = true
	}
}

// repairedEvent ends the writing of copies.
type repairedEvent struct{ err error }

// repair puts copies in the place of damaged entries.
func (r *Replica) repair(copies *entry.Block) outcome {
	err := r.config.healer().Repair(copies)
	return func(ev *events) { ev.repaired = &repairedEvent{err: err} }
}

// takeRepaired takes the outcome.
func (e *engine) takeRepaired(ev *repairedEvent) {
	h := &e.writer.heal
	copies := h.copies
	e.writer.busy, h.copies, h.writing = false, nil, false
	switch {
	case ev.err == nil:
		before := h.count()
		e.learn(copies)
		h.remove(copies.First(), copies.Last())
		h.repaired += before - h.count()
		h.asking.barren, h.asking.told = 0, true
		h.asking.cursor = copies.Last() + 1
	case errors.Is(ev.err, ErrCopyRefused):
		// The log was truncated meanwhile, or the copy is another entry's.
		e.config.Logger.Warn("a copy of damaged entries was refused", "member", e.config.ID, "first", copies.First(),
			"last", copies.Last(), "error", ev.err)
		h.refused++
		h.asking.nextPeer()
		h.asking.pause = e.input.Now + core.Instant(e.config.Heartbeat)
	case errors.Is(ev.err, entry.ErrNoSpace):
		h.asking.pause = e.input.Now + roomEvery*core.Instant(e.config.Heartbeat)
	default:
		e.poison(fmt.Sprintf("repairing entries %d to %d", copies.First(), copies.Last()), ev.err)
	}
}

// examine says what is damaged from an entry on that could not be read.
func (r *Replica) examine(from entry.Index) ([]entry.Damage, error) {
	_, found, err := r.config.healer().Verify(from, r.config.Limits.Message)
	if err != nil {
		return nil, fmt.Errorf("verifying the log from entry %d on: %w", from, err)
	}
	// Whatever it says now, the entry could not be read: to write a copy of one that is not damaged is
	// harmless.
	return append(found, entry.Damage{First: from, Last: from}), nil
}

// damaged returns what a read found damaged. An error is the disk's.
func (r *Replica) damaged(from entry.Index, failed error) ([]entry.Damage, error) {
	if !errors.Is(failed, entry.ErrCorrupt) || r.config.healer() == nil {
		return nil, failed
	}
	return r.examine(from)
}
