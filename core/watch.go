package core

import "v.io/x/ref/lib/raft/entry"

// PeerProgress is what a leader knows of another member, for operators.
type PeerProgress struct {
	ID entry.MemberID
	// Match is the last entry that the member is known to hold durably, Next the one to send next.
	Match, Next entry.Index
	// Heard is when it last answered in this term; the start of the term counts as an answer.
	Heard Instant
	// InFlight are the bytes of entries that it has not acknowledged, Window how many may be.
	InFlight, Window int
	// Snapshot is true while an image is on its way, because the entries that it needs are gone.
	Snapshot bool
	// Rank is its place in the order of those who should lead, as it says itself.
	Rank uint64
}

// Peers appends what this leader knows of the other members to dst; nothing when it does not lead.
func (c *Core) Peers(dst []PeerProgress) []PeerProgress {
	if c.role != Leader {
		return dst
	}
	for i := range c.lead.peers {
		p := &c.lead.peers[i]
		dst = append(dst, PeerProgress{
			ID: p.id, Match: p.match, Next: p.next, Heard: p.heard, InFlight: p.window.bytes, Window: p.window.limit,
			Snapshot: p.state == snapshotting, Rank: p.rank,
		})
	}
	return dst
}
