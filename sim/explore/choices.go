package explore

import (
	"v.io/x/ref/lib/raft/core"
)

// choices returns what may happen in a state.
func (l *lab) choices(s *state, dst []event) []event {
	if len(s.packets) > l.space.Messages {
		// The network is too full: something vanishes before anything else happens.
		for _, p := range s.packets {
			dst = append(dst, event{kind: vanishes, arg: p})
		}
		return dst
	}
	for _, p := range s.packets {
		e := event{kind: arrives, member: l.packets.items[p].to, arg: p}
		dst = append(dst, e)
		if s.left[Copy] > 0 {
			e.kind = arrivesAndStays
			dst = append(dst, e)
		}
	}
	for i, n := range s.nodes {
		dst = l.localChoices(s, i, l.nodes.items[n], dst)
	}
	return dst
}

// localChoices are those that concern one member and no message.
func (l *lab) localChoices(s *state, member int, n *node, dst []event) []event {
	add := func(k kind, arg uint32) { dst = append(dst, event{kind: k, member: member, arg: arg}) }
	if len(n.writes) > 0 {
		add(synced, 0)
	}
	if len(n.loads) > 0 {
		add(loaded, 0)
	}
	candidate := l.space.Candidates == 0 || member < l.space.Candidates || n.status.Role == core.Leader
	if candidate && s.left[waiting(n)] > 0 {
		add(expires, 0)
	}
	if s.left[Lull] > 0 && n.status.Role == core.Follower && n.status.Leader != "" {
		add(lulls, 0)
	}
	if s.left[Sleep] > 0 {
		add(sleeps, 0)
	}
	if n.status.Leader != "" {
		if left := s.left[Command]; left > 0 {
			add(proposed, uint32(l.space.Times[Command]-left+1))
		}
		if left := s.left[Read]; left > 0 {
			add(asked, uint32(l.space.Times[Read]-left+1))
		}
	}
	return l.rareChoices(s, member, n, dst)
}

// rareChoices are crashes, snapshots, broken connections and transfers.
func (l *lab) rareChoices(s *state, member int, n *node, dst []event) []event {
	if s.left[Crash] > 0 {
		for survived := range len(n.writes) + 1 {
			dst = append(dst, event{kind: crashes, member: member, arg: uint32(survived)})
		}
	}
	if s.left[Snapshot] > 0 && n.applied() > n.disk.base.Index {
		dst = append(dst, event{kind: snapshot, member: member})
	}
	if s.left[Loss] > 0 {
		for keep := n.disk.readable(); keep < len(n.disk.log); keep++ {
			dst = append(dst, event{kind: loses, member: member, arg: uint32(keep)})
		}
	}
	for other := range s.nodes {
		if s.left[Break] > 0 && other != member {
			dst = append(dst, event{kind: breaks, member: member, arg: uint32(other)})
		}
		if s.left[Transfer] > 0 && n.status.Leader != "" && n.status.Leader != l.ids[other] {
			dst = append(dst, event{kind: transfers, member: member, arg: uint32(other)})
		}
	}
	if s.left[Change] > 0 && n.status.Role == core.Leader {
		for k := range l.space.Changes {
			dst = append(dst, event{kind: changes, member: member, arg: uint32(k)})
		}
	}
	return dst
}

// waiting is what the end of a member's wait is counted as.
func waiting(n *node) Choice {
	if n.status.Role == core.Leader {
		return Heartbeat
	}
	return Deadline
}

// pay counts a step against its bound.
func (l *lab) pay(s *state, e event, left *Times) {
	switch e.kind {
	case arrivesAndStays:
		left[Copy]--
	case expires:
		left[waiting(l.nodes.items[s.nodes[e.member]])]--
	case lulls:
		left[Lull]--
	case sleeps:
		left[Sleep]--
	case proposed:
		left[Command]--
	case asked:
		left[Read]--
	case crashes:
		left[Crash]--
	case snapshot:
		left[Snapshot]--
	case breaks:
		left[Break]--
	case transfers:
		left[Transfer]--
	case changes:
		left[Change]--
	case loses:
		left[Loss]--
	}
}
