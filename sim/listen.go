package sim

import (
	"errors"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// This file: what members tell of themselves, counted, so that a summary shows that every feature of the
// algorithm was at work.

// news is what a process has told of itself.
type news struct {
	events *replica.Subscription
	// configured is the entry of the newest configuration that was told, turned how many turns there were.
	configured entry.Index
	turned     uint64
	// stalled is what the newest event says of the disk. windows are a leader's at the newest sample.
	stalled bool
	windows map[entry.MemberID]int
	// lacking is true from when an image was set aside until there is another one.
	lacking bool
}

// listen takes the events of a turn.
func (p *process) listen() {
	w := p.member.world
	for {
		select {
		case e, open := <-p.events.Events():
			if !open {
				return
			}
			if e.Missed > 0 {
				p.violate(errors.New("events: some were dropped, although there is room for those of many turns"))
			}
			p.heard(w, &e)
		default:
			return
		}
	}
}

func (p *process) heard(w *world, e *replica.Event) {
	switch e.Kind {
	case replica.EventRole:
		switch {
		case e.Role == core.PreCandidate:
			w.count("pre-vote asked for")
		case e.Role == core.Leader && w.plan.Setting.Ranks > 1:
			w.count(fmt.Sprintf("leader of rank %d", p.member.rank))
		}
	case replica.EventStall:
		if p.stalled = e.Stalled; e.Stalled {
			w.count("disk stall noticed")
		}
	case replica.EventMembership:
		if e.Index < p.configured {
			w.count("configuration rolled back")
		}
		p.configured = e.Index
	case replica.EventDamage:
		w.count("damage found")
	case replica.EventHealed:
		w.count("damage healed")
	case replica.EventSnapshotDamaged:
		w.count("damaged image set aside")
		p.lacking = true
	case replica.EventSnapshotTaken:
		if e.Err == nil {
			w.count("snapshot taken")
			p.imaged("damaged image taken anew")
		}
	}
}

// imaged takes note of a new image.
func (p *process) imaged(how string) {
	if p.lacking {
		p.lacking = false
		p.member.world.count(how)
	}
}

// deposed tells why a leader leads no more.
func (p *process) deposed(before, after *replica.Status) {
	why := "no quorum was heard"
	self, _ := after.Configuration.Find(p.member.id)
	switch {
	case after.Term > before.Term:
		why = "a newer term"
	case p.stalled:
		why = "its disk stands still"
	case self.ID == "" || self.Learner:
		why = "it was removed"
	}
	p.member.world.count("leader steps down: " + why)
}

// sampled compares the windows of a leader with those at the sample before.
func (p *process) sampled(s *replica.Stats) {
	now := make(map[entry.MemberID]int, len(s.Peers))
	for i := range s.Peers {
		peer := &s.Peers[i]
		now[peer.ID] = peer.Window
		switch was := p.windows[peer.ID]; {
		case was == 0 || peer.Window == was:
		case peer.Window > was:
			p.member.world.count("window grown")
		default:
			p.member.world.count("window shrunk")
		}
	}
	p.windows = now
}

// changed compares the configurations of a leader before and after a turn.
func (p *process) changed(before, after *entry.Configuration) {
	w := p.member.world
	if slices.EqualFunc(before.Members, after.Members, sameMember) && before.Level == after.Level {
		return
	}
	if after.Level > before.Level {
		w.count("level raised")
	}
	switch {
	case after.Joint() && !before.Joint():
		w.count("joint configuration begun")
		w.joiner = p.member.id
		if strike := w.waylay; strike != nil {
			w.waylay = nil
			strike(p)
		}
	case before.Joint() && !after.Joint() && w.joiner != p.member.id:
		w.count("joint configuration ended by the next leader")
	}
	for i := range after.Members {
		now := &after.Members[i]
		was, found := before.Find(now.ID)
		switch {
		case !found:
		case was.Incarnation != 0 && was.Incarnation != now.Incarnation:
			w.count("new incarnation recorded")
		case was.Learner && !now.Learner:
			w.count("learner promoted")
		}
	}
}

// countLosses adds what a loss of power has taken from a disk.
func (w *world) countLosses(l *losses) {
	w.counts["power took a name"] += l.names
	w.counts["power took a file's new size"] += l.sizes
	w.counts["power took a sector"] += l.sectors
	w.counts["power tore a sector"] += l.torn
}

func sameMember(a, b entry.Member) bool {
	return a.ID == b.ID && a.Incarnation == b.Incarnation && a.Learner == b.Learner && a.Promote == b.Promote &&
		a.Leaving == b.Leaving
}

// figures adds what a life has counted of itself.
func (p *process) figures() {
	w := p.member.world
	s := p.driven.Replica().Stats()
	for _, f := range []struct {
		name string
		n    uint64
	}{
		{"command proposed again", s.Commands.ProposedAgain},
		{"duplicate skipped", s.Commands.Duplicates},
		{"command of an unknown session", s.Commands.Refused},
		{"session renewed", s.Commands.Renewed},
		{"message of another directory", s.Refused.Core.Replaced},
		{"message of a removed member", s.Refused.Core.Removed},
		{"message of a stranger", s.Refused.Core.Strangers},
		{"message of another cluster", s.Refused.Foreign},
		{"message under another's name", s.Refused.Impersonating},
		{"message of an old term", s.Refused.Core.Stale},
		{"vote refused for a leader", s.Refused.Core.Sticky},
		{"denial of what was acknowledged", s.Refused.Core.Forgotten},
	} {
		w.counts[f.name] += int(f.n)
	}
}
