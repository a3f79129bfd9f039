package replica

import (
	"fmt"
	"log/slog"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

// Config is everything that a replica is told. Fields without a default are required.
type Config struct {
	// ID names this member.
	ID entry.MemberID
	// Self is what this member proves of itself to others, for the configuration to record.
	Self Self
	// Origin names this start of the member: a random number, never 0, drawn anew by the caller
	// each time. With a sequence number it identifies a command for ever.
	Origin uint64
	// Initial is the configuration of a new cluster, with a cluster id drawn at random by each
	// member (the first leader's is the one that counts). A log or snapshot that already holds a
	// configuration wins. Without members the replica joins: it waits to be added and never
	// campaigns.
	Initial entry.Configuration
	// Log, Snapshots, Transport and Machine are the four rooms around the loop. From a successful
	// New on, the replica closes Log and Transport at Stop.
	Log       LogStore
	Snapshots SnapshotStore
	Transport Transport
	Machine   Machine
	// Now reads a monotonic clock that counts suspend: where leases are on (Initial.Lease), reads are
	// only as safe as that. Nil is the system's ([SystemClock]).
	Now func() core.Instant
	// Seed starts the generator of election time-outs. It should differ between members.
	Seed uint64
	// Heartbeat is the longest silence of a leader. Every time-out of the algorithm is a multiple
	// of it, see [core.Config]. 0 is [DefaultHeartbeat].
	Heartbeat time.Duration
	// Limits bound every queue; zero fields take the defaults.
	Limits Limits
	// Snapshot says when to take snapshots.
	Snapshot SnapshotPolicy
	// Logger receives what an operator should know. Nil discards it.
	Logger *slog.Logger
	// Election says how this member takes part in elections.
	Election Election
}

// Election is a member's part in elections. The zero value is that of most members.
type Election struct {
	// Rank orders the members by who should lead, 0 before all others: see [core.Config], at most
	// [core.RankMax].
	Rank uint64
	// Unleased makes this member, when it leads, answer no read from a lease. New sets it when Now is
	// nil and the system's clock does not count suspend.
	Unleased bool
	// Only makes a replica that only elects: it has no log, Propose is refused, and Log sees nothing
	// but Hard.
	Only bool
	// Size makes an election among so many members that are not listed: Initial has none, and the
	// transport delivers a message to "" to everybody (its own copy does not matter). At most
	// entry.MembersMax; it needs Only.
	Size int
	// Compare decides about candidates, nil for none: without a log the first one is good enough. It
	// needs Only.
	Compare Compare
}

// Self is what a member proves of itself. The zero value proves nothing; then nothing is recorded, and
// a directory that was wiped or copied back is not told from what it was.
type Self struct {
	// Incarnation is the directory's, 0 when stores have none.
	Incarnation entry.Incarnation
	// Former is the incarnation that the directory had before its newest vote was lost, 0 when none was. Then
	// the member belongs to a cluster that exists: Config.Initial must have no members.
	Former entry.Incarnation
	// Key is the public key that the transport proves, as PKIX DER.
	Key []byte
	// Level is the newest level of formats and features that the member announces; 0 is core.Level.
	Level uint32
	// ManualReplace leaves it to an operator (by adding the member again) to replace a member whose
	// directory is a new one. Otherwise the leader does it.
	ManualReplace bool
}

// DefaultHeartbeat gives, with the multiples of [core.Config], a new leader about 0.4 s after the
// old one was killed (median), and tolerates a leader that is not scheduled for 0.3 s.
const DefaultHeartbeat = 50 * time.Millisecond

// Limits are the bounds of a replica. In each field 0 stands for the default in brackets.
type Limits struct {
	// Command is the largest payload of a proposal in bytes [1 MiB], at most entry.PayloadMax.
	Command int
	// QueueBytes and QueueCount bound the proposals that wait to be ordered, those included that were
	// sent to a leader and of which nothing was heard [64 MiB, 65536]. Beyond them, no new ones are taken; what
	// was ordered and is lost from the log again, Uncommitted at most, waits there all the same.
	QueueBytes int
	QueueCount int
	// Uncommitted bounds the bytes that a leader has ordered but not committed [64 MiB]; beyond it
	// proposals are refused as overloaded.
	Uncommitted int
	// Tail bounds the bytes of the log's end kept in memory, beside what is not durable yet [16 MiB].
	Tail int
	// Message is the largest number of entry bytes in one message [1 MiB]; a single larger entry
	// still travels. Window bounds the bytes in flight to one member [4 MiB].
	Message int
	Window  int
	// InboxBytes and InboxCount bound received messages that wait for the loop [64 MiB, 16384].
	InboxBytes int
	InboxCount int
	// ApplyBytes and ApplyCount bound one call of Machine.Apply [4 MiB, 4096].
	ApplyBytes int
	ApplyCount int
	ReadLimits
	// StopWait bounds how long Stop waits for a call of the machine to return [5 s].
	StopWait time.Duration
	// Patience is how long a command that has lost its leader is proposed again when the ctx of its
	// caller has no deadline [30 s].
	Patience time.Duration
	// Sessions bounds the table of commands that were applied already [session.Default]. It is part
	// of the replicated state: all members must have the same.
	Sessions session.Bounds
}

// ReadLimits bound reads, of callers and of the disk.
type ReadLimits struct {
	// Reads bounds the reads that wait for a read point or for apply [65536].
	Reads int
	// ScrubRate is how many bytes of the log are read and checked in a second [1 MiB]; negative: none.
	// A pass begins 10 s after the last one began, or when that has ended. The log store must be a
	// [Healer]. Images are read at this rate, too.
	ScrubRate int64
	// ImageRest is the time between two passes over the images, and before the first one [10 min].
	ImageRest time.Duration
}

// SnapshotPolicy says when a replica takes a snapshot of its machine: as soon as one of the
// thresholds is reached. Each replica raises both by a part of up to an eighth that its id decides, so that
// members do not take theirs together.
type SnapshotPolicy struct {
	// Entries is the number of entries applied since the last snapshot [100000]; negative: never by
	// count.
	Entries int64
	// Bytes is the size of the frames applied since the last snapshot [256 MiB]; negative: never by
	// size.
	Bytes int64
	// Trailing is how many entries before the snapshot stay in the log, so that a member that lags a
	// little needs no image [an eighth of Entries]; negative: none.
	Trailing int64
}

func orDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func (l *Limits) fill() {
	const mib = 1 << 20
	orDefault(&l.Command, mib)
	orDefault(&l.QueueBytes, 64*mib)
	orDefault(&l.QueueCount, 65536)
	orDefault(&l.Uncommitted, 64*mib)
	orDefault(&l.Tail, 16*mib)
	orDefault(&l.Message, mib)
	orDefault(&l.Window, 4*mib)
	orDefault(&l.InboxBytes, 64*mib)
	orDefault(&l.InboxCount, 16384)
	orDefault(&l.ApplyBytes, 4*mib)
	orDefault(&l.ApplyCount, 4096)
	orDefault(&l.Reads, 65536)
	orDefault(&l.StopWait, 5*time.Second)
	orDefault(&l.Patience, 30*time.Second)
	orDefault(&l.ScrubRate, mib)
	orDefault(&l.ImageRest, 10*time.Minute)
	if l.Sessions == (session.Bounds{}) {
		l.Sessions = session.Default()
	}
}

func (p *SnapshotPolicy) fill() {
	orDefault(&p.Entries, 100_000)
	orDefault(&p.Bytes, 256<<20)
	orDefault(&p.Trailing, max(p.Entries, 0)/8)
}

func (l *Limits) validate() error {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"Command", l.Command}, {"QueueBytes", l.QueueBytes}, {"QueueCount", l.QueueCount},
		{"Uncommitted", l.Uncommitted}, {"Tail", l.Tail}, {"Message", l.Message}, {"Window", l.Window},
		{"InboxBytes", l.InboxBytes}, {"InboxCount", l.InboxCount}, {"ApplyBytes", l.ApplyBytes},
		{"ApplyCount", l.ApplyCount}, {"Reads", l.Reads}, {"StopWait", int(l.StopWait)},
		{"Patience", int(l.Patience)}, {"ImageRest", int(l.ImageRest)},
	} {
		if f.value < 0 {
			return fmt.Errorf("replica: Limits.%s is %d, want a positive number or 0 for the default", f.name, f.value)
		}
	}
	if l.Command > entry.PayloadMax {
		return fmt.Errorf("replica: Limits.Command is %d, at most %d", l.Command, entry.PayloadMax)
	}
	if err := l.Sessions.Validate(); err != nil {
		return fmt.Errorf("replica: Limits.Sessions: %w", err)
	}
	return nil
}

// complete fills the defaults and checks the rest.
func (c *Config) complete() error {
	if len(c.ID) == 0 || len(c.ID) > entry.MemberIDMax {
		return fmt.Errorf("replica: Config.ID has %d bytes, want 1 to %d", len(c.ID), entry.MemberIDMax)
	}
	if c.Origin == 0 {
		return fmt.Errorf("replica: Config.Origin is 0, want a random number")
	}
	if c.Log == nil || c.Snapshots == nil || c.Transport == nil || c.Machine == nil {
		return fmt.Errorf("replica: Config needs Log, Snapshots, Transport and Machine")
	}
	if c.Heartbeat < 0 {
		return fmt.Errorf("replica: Config.Heartbeat is %v, want a positive duration or 0 for %v",
			c.Heartbeat, DefaultHeartbeat)
	}
	if err := c.Initial.Validate(); err != nil {
		return fmt.Errorf("replica: Config.Initial: %w", err)
	}
	if len(c.Initial.Members) > 0 && c.Initial.Cluster.IsZero() {
		return fmt.Errorf("replica: Config.Initial.Cluster is zero, want a random id")
	}
	orDefault(&c.Heartbeat, DefaultHeartbeat)
	c.Limits.fill()
	c.Snapshot.fill()
	if c.Now == nil {
		var suspend bool
		c.Now, suspend = SystemClock()
		c.Election.Unleased = c.Election.Unleased || !suspend
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c.Limits.validate()
}
