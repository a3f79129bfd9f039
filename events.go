package raft

import (
	"v.io/v23/context"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/replica"
)

// EventKind says what an Event tells.
type EventKind string

// The kinds of event.
const (
	EventTerm              EventKind = "term"               // The member is in another term.
	EventRole              EventKind = "role"               // Its role changed from Was to Role.
	EventLeader            EventKind = "leader"             // Leader leads Term, or "" for nobody any more.
	EventMembership        EventKind = "membership"         // The member set of entry Index is in force.
	EventStall             EventKind = "stall"              // The disk stands still (Stalled), or moves again.
	EventSnapshotTaken     EventKind = "snapshot taken"     // Its own image up to Index is durable, or was dropped: Err.
	EventSnapshotSent      EventKind = "snapshot sent"      // Member has the image up to Index, or has not yet: Err.
	EventSnapshotInstalled EventKind = "snapshot installed" // The leader's image up to Index replaced the state.
	EventSpace             EventKind = "space"              // The log has no room for commands: Err; or has room again.
	EventDamage            EventKind = "damage"             // Log entries from Index on cannot be read: Err.
	EventHealed            EventKind = "healed"             // All entries can be read again.
	EventSnapshotDamaged   EventKind = "snapshot damaged"   // Its own image up to Index is damaged (Err) and set aside.
	EventFailed            EventKind = "failed"             // The member stopped by itself because of Err: the last event.
)

// eventKinds are the kinds as replica has them.
var eventKinds = map[replica.EventKind]EventKind{
	replica.EventTerm:              EventTerm,
	replica.EventRole:              EventRole,
	replica.EventLeader:            EventLeader,
	replica.EventMembership:        EventMembership,
	replica.EventStall:             EventStall,
	replica.EventSnapshotTaken:     EventSnapshotTaken,
	replica.EventSnapshotSent:      EventSnapshotSent,
	replica.EventSnapshotInstalled: EventSnapshotInstalled,
	replica.EventSpace:             EventSpace,
	replica.EventDamage:            EventDamage,
	replica.EventHealed:            EventHealed,
	replica.EventSnapshotDamaged:   EventSnapshotDamaged,
	replica.EventFailed:            EventFailed,
}

// Event tells that something happened to a member. Its fields are explained at the kinds that use them.
type Event struct {
	Kind EventKind
	// Term, Role and Leader are the member's when it happened, whatever the kind.
	Term   Term
	Role   int
	Leader string
	// Was is the role before.
	Was     int
	Index   Index
	Member  string
	Stalled bool
	Err     error
	// Missed is how many events were dropped for this subscriber just before this one, because as many
	// as it has room for waited to be read. Status, Stats and Members tell where the member stands.
	Missed uint64
}

// Subscription is a stream of a member's events, made by Raft.Subscribe. Its methods may be called by any
// goroutine.
type Subscription struct {
	raft   *raft
	events *replica.Subscription
}

// Subscribe implements Raft.
func (r *raft) Subscribe(size int) *Subscription {
	return &Subscription{raft: r, events: r.replica.Subscribe(size)}
}

// Next waits for the next event and returns it. Events come in the order in which they happened. The error
// is ctx's, or ErrNotRunning when the member has stopped, or Close was called, and all events were read.
func (s *Subscription) Next(ctx *context.T) (Event, error) {
	select {
	case e, open := <-s.events.Events():
		if !open {
			return Event{}, ErrorfNotRunning(ctx, "no more events: the subscription is closed, or the member is %s",
				s.raft.lifeOrFailure())
		}
		return newEvent(e), nil
	case <-ctx.Done():
		return Event{}, ctx.Err()
	}
}

// Dropped returns how many events this subscriber has lost because it did not read them in time.
func (s *Subscription) Dropped() uint64 { return s.events.Dropped() }

// Close ends the stream; what waits can still be read. It may be called more than once.
func (s *Subscription) Close() { s.events.Close() }

// newEvent translates an event of replica.
func newEvent(e replica.Event) Event {
	return Event{
		Kind:    eventKinds[e.Kind],
		Term:    Term(e.Term),
		Role:    coreRole(e.Role),
		Leader:  string(e.Leader),
		Was:     coreRole(e.Was),
		Index:   Index(e.Index),
		Member:  string(e.Member),
		Stalled: e.Stalled,
		Err:     e.Err,
		Missed:  e.Missed,
	}
}

// coreRole translates a role of core.
func coreRole(r core.Role) int {
	switch r {
	case core.Leader:
		return RoleLeader
	case core.Follower:
		return RoleFollower
	}
	return RoleCandidate
}
