package core

import "v.io/x/ref/lib/raft/entry"

// progressState says how a leader treats one member.
type progressState uint8

const (
	// probing: it is not known where the logs agree; one message at a time.
	probing progressState = iota
	// replicating: the member follows; messages are pipelined within the window.
	replicating
	// snapshotting: the entries that it needs are gone; an image is on its way.
	snapshotting
)

// progress is what a leader knows about one other member.
type progress struct {
	id    entry.MemberID
	state progressState
	// match is the last entry that the member holds durably. Invariant: match < next, and it
	// decreases within a term only when the member says that it has lost what it held.
	match entry.Index
	// since is the newest round when match last grew. Only a refusal of a later one, sent to a member
	// that held match, can deny it; others are late.
	since uint64
	// next is the entry to send next.
	next entry.Index
	// round is the newest round that the member has answered.
	round uint64
	// heard is when it last answered in this term; the start of the term counts as an answer.
	heard Instant
	// told is the commit index of the newest message sent.
	told entry.Index
	// paused is true while a probe waits for its answer or for the next heartbeat.
	paused bool
	// lost is true from the loss of its connection until it is heard again.
	lost bool
	// rank is the member's own place in the order of those who should lead, the lowest first.
	rank uint64
	// loading is the first entry asked from the segments, 0 for none.
	loading entry.Index
	window  window
	tenure
}

// tenure is what a leader knows of a member as such.
type tenure struct {
	// incarnation is the directory whose answers count: the recorded one, or while the log has none
	// the first that answered in this term. 0 while neither is known.
	incarnation entry.Incarnation
	// denied is true once the member has denied what it acknowledged: it is served, and counts for
	// nothing in this term.
	denied bool
	// settled is the newest round from before the member said that it had lost its log's end: acks of
	// rounds up to it may speak of what is lost. 0 for never.
	settled uint64
	// full is true while the member's log has no room: it is sent heartbeats only.
	full     bool
	arrival  arrival
	farewell farewell
}

// farewell is set for a member that was removed: it hears of it, by the configuration at index or
// until a time.
type farewell struct {
	index entry.Index
	until Instant
}

// probe starts again from what is certain or hinted.
func (p *progress) probe(next entry.Index) {
	p.state, p.next, p.paused, p.loading = probing, max(next, p.match+1), false, 0
	p.window.clear()
}

// acknowledge takes note of a success, while round is the newest one.
func (p *progress) acknowledge(agreed, match, base entry.Index, round uint64, config *Config) {
	if match > p.match {
		p.match, p.since = match, round
	}
	p.window.acknowledge(p.match, config)
	switch p.state {
	case probing:
		next := max(agreed, p.match) + 1
		if next <= base && p.next > base {
			return // It answers a heartbeat from before an image arrived: to go back would take another one.
		}
		p.state, p.paused, p.next = replicating, false, next
	case replicating:
		p.next = max(p.next, p.match+1)
	case snapshotting:
		if agreed >= base {
			p.probe(agreed + 1)
		}
	}
}
