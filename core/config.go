package core

import "v.io/x/ref/lib/raft/entry"

// RankMax is the greatest Config.Rank.
const RankMax = 64

// Electors is how an election without a log is decided. The zero value is that of an election with one:
// by the members that the configuration lists, and by their logs.
type Electors struct {
	// Size makes an election among so many members that are not listed, 0 for listed ones. It needs
	// ElectionOnly and a transport that takes a message to "" for all.
	Size int
	// Ask makes every request for a vote a question (Effects.Questions), in an election without a log.
	Ask bool
}

// Config is what a member's core is told once.
type Config struct {
	ID entry.MemberID
	// Incarnation is the directory's, 0 when the stores have none; Key is the member's public key as
	// PKIX DER. A leader records its own as it does those of others.
	Incarnation entry.Incarnation
	Key         []byte
	// Level is the newest level of formats and features that the member announces; 0 is [Level].
	Level uint32
	// ManualReplace leaves it to an operator to replace a member whose directory is a new one.
	ManualReplace bool
	// Seed starts the generator of election time-outs.
	Seed uint64
	// Heartbeat is the longest silence of a leader, in nanoseconds. All time-outs are multiples of
	// it:
	//
	//	leader sends at least every      1 heartbeat
	//	follower's election time-out     random in [6, 12) heartbeats, later by 6 for each rank
	//	candidate's time-out             the same, random in [1, 3) heartbeats after a refusal
	//	stickiness of a leader           6 heartbeats since it was heard
	//	check-quorum of a leader         12 heartbeats without a majority
	//	question asked again             3 heartbeats
	//	pre-vote after a lost connection random in [1, 3) heartbeats, later by 2 for each rank
	//	a lease                          4.5 heartbeats since the round was sent
	//	no vote where leases are on      6 heartbeats since a leader was heard, or since the start
	//	a transfer of leadership         given up after 12 heartbeats
	//	a write that does not end        a stalled disk after 12 heartbeats
	//
	// At the default of 50 ms a follower bears five lost heartbeats and a leader that is not
	// scheduled for 0.3 s. Of two survivors the first to notice wakes after the smaller of two
	// draws from [0.3 s, 0.6 s), 0.39 s in the median, less what had passed since the last
	// heartbeat; two round trips and two syncs later it leads. When the leader's process ends, the
	// transport says at once that the connection broke, and it takes a few heartbeats only.
	Heartbeat Instant
	// Rank orders the members by who should lead, 0 before all others: it adds Rank times 6 heartbeats
	// to the election time-out, so that a member of a higher rank stands only when those of lower
	// ones did not, and a leader that hands over to the best prefers low ones. At most [RankMax].
	Rank uint64
	// Unleased makes this member, when it leads, answer no read from a lease: its clock may stand still
	// while the machine is suspended, so that it would not notice the end of one.
	Unleased bool
	// Uncommitted bounds the bytes that a leader orders beyond its commit index. One entry is
	// always taken.
	Uncommitted int
	// Message bounds the entry bytes of one message, Window those in flight to one member, which
	// begin with two messages' worth and grow with acks. One entry always travels. Probes carry a quarter
	// of a message, and heartbeats have a pulse beside them when more is under way.
	Message int
	Window  int
	// Tail bounds the bytes of entries that replica keeps in memory, beside those not yet durable.
	Tail int
	// Electors says how an election without a log is decided.
	Electors
	// ElectionOnly makes a core without a log: it elects and confirms leadership, and refuses
	// proposals.
	ElectionOnly bool
}

// light is how many bytes of entries may go before a heartbeat: 256 KiB by default, a fifth of a second at
// 10 Mbit/s.
func (c *Config) light() int { return c.Message / 4 }
