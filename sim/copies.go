package sim

import (
	"context"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim/check"
)

// This file: a member's directory is replaced by an older copy of itself, as by a backup that somebody
// means well with. The copy does not know what it has forgotten. A leader that counts on it tells it so in
// each message, and it stops; then its machine is given an empty directory. Before a leader has told it,
// nobody can know: the copy may vote a second time, or for one that lacks what it had acknowledged. So
// the atlas lets it happen only where the others remember all of it, and what is under way to the member does not
// reach the copy.

// oldCopy is a copy of a member's directory.
type oldCopy struct {
	memory      *vfs.Memory
	incarnation entry.Incarnation
	known       entry.Configuration
	cluster     entry.ClusterID
	confirmed   check.Copy
}

// beginOldCopy copies a directory now, and puts it back later, as soon as the atlas allows it.
func beginOldCopy(s *strike) func() {
	m := s.alive()
	if m == nil || m.forgot > 0 || m.wiped {
		return nil
	}
	c := s.copyOf(m)
	return func() { s.putBack(m, c, 50) }
}

// copyOf copies the directory of a member that runs.
func (w *world) copyOf(m *member) *oldCopy {
	return &oldCopy{
		memory: m.disk.memory.Crash(vfs.Keep), incarnation: m.incarnation, known: m.known, cluster: m.cluster,
		confirmed: w.checks.Disks.Copied(m.process.who),
	}
}

// putBack replaces the directory, or tries again a little later.
func (w *world) putBack(m *member, c *oldCopy, tries int) {
	if w.healing() || m.incarnation != c.incarnation || m.forgot > 0 || tries == 0 {
		return
	}
	if !w.mayPutBack(m, c) {
		w.in(100*Millisecond, func() { w.putBack(m, c, tries-1) })
		return
	}
	w.count("old copy put back")
	now := w.checks.Disks.Copied(check.Life{Member: m.id, Incarnation: m.incarnation})
	w.note(m.name(), didPutBack, "", uint64(c.confirmed.Last().Index), uint64(now.Last().Index))
	m.hold()
	m.die(true)
	m.copies++
	m.disk.memory, m.known, m.synced, m.cluster = c.memory, c.known, c.known, c.cluster
	if now.Last() != c.confirmed.Last() {
		m.forgot = max(now.Last().Index, 1)
	}
	w.checks.PutBack(check.Life{Member: m.id, Incarnation: m.incarnation}, c.confirmed)
	m.release()
}

// mayPutBack reports whether the others remember what the copy has forgotten. All that the directory has
// confirmed is held by a majority of every set of voters without it. And if it has forgotten a term or a
// vote, then nobody can be elected any more in the terms up to that one: all others are as far, none of
// them is a candidate, and the vote was not the member's own.
func (w *world) mayPutBack(m *member, c *oldCopy) bool {
	if slices.ContainsFunc(w.configurations(), func(c entry.Configuration) bool { return unsettled(&c) }) {
		return false // it may be about to be needed
	}
	disks := w.checks.Disks
	now := disks.Copied(check.Life{Member: m.id, Incarnation: m.incarnation})
	hard, last := now.Hard(), now.Last()
	if hard != c.confirmed.Hard() {
		if w.plan.Setting.Lease && c.confirmed.Hard().Term == 0 {
			return false // it would not know that it may have promised something
		}
		for _, other := range w.members {
			if other != m && len(other.known.Members) > 0 && !other.beyond(hard, disks.Hard(other.id).Term, m.id) {
				return false
			}
		}
	}
	remembers := func(c *entry.Configuration, id entry.MemberID) bool {
		return id != m.id && w.whole(c, id) && disks.Holds(id, last)
	}
	return w.shrinks == 0 && w.majorities(remembers) && majoritiesOf([]entry.Configuration{c.known}, remembers)
}

// beyond reports whether a member cannot win the term of a forgotten vote any more.
func (m *member) beyond(forgotten entry.HardState, term entry.Term, voter entry.MemberID) bool {
	if term != forgotten.Term || m.process == nil {
		return term > forgotten.Term
	}
	return m.process.status.Role != core.Candidate && forgotten.Vote != voter
}

// condemn is told when a member has noticed that its directory is an older copy: an operator removes the
// directory as soon as that destroys nothing, and the member starts empty.
func (m *member) condemn() {
	m.condemned = true
	var remove func()
	remove = func() {
		switch {
		case !m.condemned:
		case !m.world.mayRemove(m):
			m.world.in(Second/2, remove)
		default:
			m.wipe()
			m.world.count("old copy removed")
			if m.holds == 0 {
				m.start()
			}
		}
	}
	m.world.in(Second/10, remove)
}

// mayRemove is mayWipe; or, when everybody is healed, and all that was ever committed, in a term beyond all that
// this member has voted in, is in a majority that has converged without it, whether the configuration in force
// tells the member's next directory from this one, or has not come to know it.
func (w *world) mayRemove(m *member) bool {
	if w.healer.stage != allHealed {
		return w.mayWipe(m)
	}
	c := w.configurations()[0]
	line, found := c.Find(m.id)
	return !found || line.Incarnation != m.incarnation || line.Learner || !unsettled(&c)
}

// denial is an older copy that is put back in time to deny what it has acknowledged in the term of the present
// leader, and not to notice that it did: its log is as long as what the leader counts on, with other entries.
//
//	m leads term 4, alone   1 1 2 4 4 4 4 4 4    <- the copy
//	m follows in term 5     1 1 2 5 5            acknowledged up to here
//	the copy is put back    1 1 2 4 4 4 4 4 4    the next append does not match
//
// The leader serves it again and counts on nothing that it says in this term.
type denial struct {
	*strike
	m    *member
	p    *process
	asks []*replica.Proposing
	copy *oldCopy
	// join ends the cut, nil once it has ended; over is true when the fault is.
	join func()
	over bool
}

// orphans is how many entries a leader is given that it cannot commit.
const orphans = 48

// beginDeniedAcks cuts a leader off, gives it entries, and copies its directory.
func beginDeniedAcks(s *strike) func() {
	m := s.leader()
	if m == nil || m.pausedUntil > s.now || m.forgot > 0 || m.wiped || m.rotten || len(s.voters()) < 3 {
		return nil
	}
	d := &denial{strike: s, m: m, p: m.process, join: s.apart(m)}
	for range orphans {
		if b, err := d.p.barrier(); err == nil {
			d.asks = append(d.asks, b)
		}
	}
	d.p.settle()
	d.later(d.copied)
	return func() {
		d.over = true
		d.rejoin()
	}
}

// later goes on soon, unless the member has died meanwhile.
func (d *denial) later(do func()) {
	d.in(d.plan.Setting.Heartbeat/4, func() {
		if !d.healing() && !d.p.dead && !d.over {
			do()
		}
	})
}

func (d *denial) rejoin() {
	if d.join != nil {
		d.join()
		d.join = nil
	}
}

// copied waits until the entries are durable, and makes the copy. Nobody waits for them any more: they are not
// to be proposed again.
func (d *denial) copied() {
	s := &d.p.status
	if s.Role == core.Leader && (s.Durable < s.Last.Index || s.Last.Index < s.Commit+orphans/2) {
		d.later(d.copied)
		return
	}
	d.copy = d.copyOf(d.m)
	for _, b := range d.asks {
		b.Abandon(context.Canceled)
	}
	d.p.settle()
	d.later(d.succeeded)
}

// succeeded waits for the next leader, and lets the old one meet it.
func (d *denial) succeeded() {
	if leader := d.leader(); leader == nil || leader == d.m {
		d.later(d.succeeded)
		return
	}
	d.rejoin()
	d.later(d.followed)
}

// followed waits until the member has acknowledged something in the new term, and puts the copy back before it has
// acknowledged more than that could deny.
func (d *denial) followed() {
	leader, last := d.leader(), d.checks.Disks.Copied(d.p.who)
	switch {
	case last.Last().Index > d.copy.confirmed.Last().Index:
		return
	case leader != nil && leader != d.m && last.Last().Term == leader.process.status.Term:
		d.putBack(d.m, d.copy, 1)
	}
	d.later(d.followed)
}
