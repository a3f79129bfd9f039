package replica

import (
	"fmt"
	"sync"
	"sync/atomic"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// EventKind says what an event tells.
type EventKind uint8

// What a replica tells those who subscribe.
const (
	// EventTerm: the member is in another term.
	EventTerm EventKind = iota + 1
	// EventRole: the member's role changed from Was to Role.
	EventRole
	// EventLeader: Leader is known to lead Term, or "" that nobody is any more.
	EventLeader
	// EventMembership: the configuration of entry Index is in force; [Replica.Status] has it.
	EventMembership
	// EventStall: the disk has not ended a write for an election time-out (Stalled), or moves again.
	EventStall
	// EventSnapshotTaken: an image of this member's own, up to entry Index, is complete; or, with Err, was
	// dropped.
	EventSnapshotTaken
	// EventSnapshotSent: Member has installed the image up to entry Index; or, with Err, it did not, and
	// the transfer goes on later.
	EventSnapshotSent
	// EventSnapshotInstalled: the image up to entry Index, received from a leader, has replaced the state, and
	// the log unless that goes on from it.
	EventSnapshotInstalled
	// EventSpace: the log has no room for commands (Err), or has room again.
	EventSpace
	// EventDamage: entries of the log cannot be read (Err), from Index on; copies are asked for.
	EventDamage
	// EventHealed: all entries of the log, which ends at Index, can be read again.
	EventHealed
	// EventSnapshotDamaged: this member's own image up to entry Index is damaged (Err) and was set aside. What
	// replaces it is told as EventSnapshotTaken or EventSnapshotInstalled.
	EventSnapshotDamaged
	// EventFailed: the replica has stopped by itself, because of Err. It is the last event.
	EventFailed
)

var eventNames = [...]string{"", "term", "role", "leader", "membership", "stall", "snapshot taken", "snapshot sent",
	"snapshot installed", "space", "damage", "healed", "snapshot damaged", "failed"}

// String returns the kind's name.
func (k EventKind) String() string {
	if k > 0 && int(k) < len(eventNames) {
		return eventNames[k]
	}
	return fmt.Sprintf("event kind %d", uint8(k))
}

// Event tells that something happened.
type Event struct {
	Kind EventKind
	// At is the present of the turn in which it happened.
	At core.Instant
	// Term, Role and Leader are the member's after that turn; Was is the role before, of an EventRole.
	Term   entry.Term
	Role   core.Role
	Was    core.Role
	Leader entry.MemberID
	// Index, Member, Stalled and Err are explained at the kinds that use them.
	Index   entry.Index
	Member  entry.MemberID
	Stalled bool
	Err     error
	// Missed is how many events were dropped for this subscriber just before this one, because its
	// queue was full.
	Missed uint64
}

// SubscribeDefault and SubscribeMax bound the events that wait for one subscriber.
const (
	SubscribeDefault = 64
	SubscribeMax     = 1 << 16
)

// Subscription is one stream of events.
type Subscription struct {
	hub     *hub
	events  chan Event
	missed  uint64
	dropped atomic.Uint64
}

// Events returns the stream, in the order in which things happened. It is closed by Close, and when the
// replica has stopped.
func (s *Subscription) Events() <-chan Event { return s.events }

// Dropped returns how many events this subscriber has lost because it did not read.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the stream. It may be called more than once.
func (s *Subscription) Close() { s.hub.leave(s) }

// Subscribe returns a stream of events from now on, of which size may wait (0 is SubscribeDefault, at
// most SubscribeMax). The replica never waits for a subscriber: what does not fit is dropped, counted,
// and told with the next event that fits. When an event arrives, [Replica.Status] shows what it tells,
// or what came later.
func (r *Replica) Subscribe(size int) *Subscription {
	if size <= 0 {
		size = SubscribeDefault
	}
	return r.watch.hub.join(min(size, SubscribeMax))
}

// hub are the subscribers. Its lock is held for moments only.
type hub struct {
	mu     sync.Mutex
	all    []*Subscription
	closed bool
	// dropped counts over all subscribers, past ones too.
	dropped uint64
}

func (h *hub) join(size int) *Subscription {
	s := &Subscription{hub: h, events: make(chan Event, size)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(s.events)
		return s
	}
	h.all = append(h.all, s)
	return s
}

func (h *hub) leave(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.all {
		if h.all[i] == s {
			h.all = append(h.all[:i:i], h.all[i+1:]...)
			close(s.events)
			return
		}
	}
}

// tell gives the events to everybody who has room.
func (h *hub) tell(events []Event) {
	if len(events) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.all {
		for _, e := range events {
			e.Missed = s.missed
			select {
			case s.events <- e:
				s.missed = 0
			default:
				s.missed++
				s.dropped.Add(1)
				h.dropped++
			}
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, s := range h.all {
		close(s.events)
	}
	h.all = nil
}

func (h *hub) losses() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped
}

// event begins an event with how the member stands.
func (e *engine) event(kind EventKind) Event {
	s := &e.status.Status
	return Event{Kind: kind, At: e.input.Now, Term: s.Term, Role: s.Role, Leader: s.Leader}
}

// tellNotices passes on what core noticed, and that the machine has been restored from a received snapshot,
// whether core replaced the log by it, too, or not.
func (e *engine) tellNotices(act *actions) {
	kinds := [...]EventKind{
		core.NoticeTerm: EventTerm, core.NoticeRole: EventRole, core.NoticeLeader: EventLeader,
		core.NoticeMembership: EventMembership, core.NoticeStall: EventStall,
	}
	for _, n := range e.effects.Notices {
		if n.Kind == core.NoticeSnapshot {
			continue
		}
		event := e.event(kinds[n.Kind])
		event.Was, event.Index, event.Stalled = n.Was, n.Index, n.Stalled
		act.events = append(act.events, event)
		if n.Kind == core.NoticeStall {
			e.config.Logger.Warn("the disk stands still or moves again", "member", e.config.ID, "stalled", n.Stalled)
		}
	}
	if installed := e.input.Installed; installed != nil {
		event := e.event(EventSnapshotInstalled)
		event.Index = installed.Index
		act.events = append(act.events, event)
	}
}
