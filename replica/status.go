package replica

import (
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Status is one consistent picture of a replica, taken after a turn of its loop.
type Status struct {
	core.Status
	// Running is true from Start until Stop or a failure.
	Running bool
	// Applied is the last entry that the machine has applied.
	Applied entry.Index
	// Snapshot is the newest complete snapshot, Index 0 when there is none.
	Snapshot entry.Position
	// Awaits is up to where at least an image must reach that the leader is asked for, because this
	// member's own was damaged when it started; 0 when it has its state. Until then it applies nothing.
	Awaits entry.Index
	// Damage is what the log holds and cannot read.
	Damage Damage
	// Configuration is the one in force. It must not be modified. Its Cluster is zero until the log
	// or a snapshot says which it is.
	Configuration entry.Configuration
}

// Damage is what a replica's log holds and cannot read, and what was done about it. Counters start at 0 with
// New.
type Damage struct {
	// Entries is how many log entries cannot be read at present, First the first of them, 0 for none.
	Entries uint64
	First   entry.Index
	// AtStart is true while some of them were found by the start: the member is not ready.
	AtStart bool
	// Repaired counts the entries that were healed, Refused the messages about copies that could not be
	// meant, or that nobody had asked for.
	Repaired, Refused uint64
	// Images counts this member's own images that were found damaged, and set aside.
	Images uint64
	Scrub  Scrub
}

// Scrub is how far the background check of the log is.
type Scrub struct {
	// Passes is how often the whole log was read, Next the entry that the present pass goes on from, 0 between
	// two passes.
	Passes uint64
	Next   entry.Index
}

// damage returns the figures of damage for the status.
func (e *engine) damage() Damage {
	h := &e.writer.heal
	return Damage{
		Entries: h.count(), First: h.firstFrom(0), AtStart: h.unclean, Repaired: h.repaired, Refused: h.serving.refused,
		Images: h.images, Scrub: Scrub{Passes: h.scrubbing.passes, Next: h.scrubbing.next},
	}
}

// Stats are the figures of a replica, for operators. Counters start at 0 with New.
type Stats struct {
	Status
	// SinceContact is how long ago a quorum (on a leader) or the leader was last heard, negative
	// when never.
	SinceContact time.Duration
	// QueueBytes and QueueCount are the proposals waiting to be ordered.
	QueueBytes int
	QueueCount int
	// InboxBytes are the bytes of received messages waiting for the loop.
	InboxBytes int
	// Syncs is the number of batches stored; SyncP50 and SyncP99 are quantiles of how long the last
	// ones took.
	Syncs   uint64
	SyncP50 time.Duration
	SyncP99 time.Duration
	// Refused counts messages that were not heard, by reason.
	Refused RefusedMessages
	// Peers is what a leader knows of the other members, at most a heartbeat old; empty on others. It
	// must not be modified.
	Peers []core.PeerProgress
	// Images are the snapshots on their way to members that lag.
	Images []ImageProgress
	// EventsDropped counts the events that subscribers lost because they did not read.
	EventsDropped uint64
	// Commands counts what was done so that commands are applied once.
	Commands RepeatedCommands
	Health
}

// Health is how a replica's rooms are.
type Health struct {
	// Full is true while the log has no room for commands: the member votes, and takes no entries.
	Full bool
	// Failure is why the replica stopped by itself, nil while it did not: [Replica.Err].
	Failure error
}

// peerPicture is Stats.Peers and when it was taken.
type peerPicture struct {
	at  core.Instant
	all []core.PeerProgress
}

// picturePeers renews the picture when a heartbeat has passed, or the role has changed.
func (r *Replica) picturePeers(now core.Instant) {
	last := r.gauges.peers.Load()
	leads := r.engine.status.Role == core.Leader
	if !leads {
		if last != nil {
			r.gauges.peers.Store(nil)
		}
		return
	}
	if last == nil || now-last.at >= core.Instant(r.config.Heartbeat) {
		r.gauges.peers.Store(&peerPicture{at: now, all: r.engine.core.Peers(nil)})
	}
}

// RepeatedCommands counts what became of commands that were sent more than once.
type RepeatedCommands struct {
	// ProposedAgain are proposals of this member that lost their leader and were given to another.
	ProposedAgain uint64
	// Renewed is how often this member had to open another session.
	Renewed uint64
	// Duplicates are committed commands that this member skipped, because they were applied before.
	Duplicates uint64
	// Refused are committed commands that this member, like all others, did not apply, because their
	// session does not tell whether they were applied before.
	Refused uint64
}

// RefusedMessages counts what a member received and did not listen to.
type RefusedMessages struct {
	// Impersonating: From was not the peer that the connection proved, or To not this member.
	Impersonating uint64
	// Foreign: the peer belongs to another cluster.
	Foreign uint64
	// Overflow: there was no room in the inbox.
	Overflow uint64
	// Core are those that the algorithm refused.
	Core core.Counters
}
