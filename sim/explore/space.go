package explore

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// Choice is a kind of event that a [Space] bounds by number.
type Choice uint8

// The choices.
const (
	// Deadline: a follower's or candidate's deadline expires.
	Deadline Choice = iota
	// Heartbeat: a leader's deadline expires.
	Heartbeat
	// Lull: the minimum election time-out passes at a follower, which ends the stickiness of its
	// vote.
	Lull
	// Sleep: a member was not scheduled for a hundred heartbeats.
	Sleep
	// Command: a client proposes at a member that leads or knows the leader.
	Command
	// Read: a client asks for a read point at such a member.
	Read
	// Copy: a message arrives and stays on its way.
	Copy
	// Crash: a member crashes and restarts.
	Crash
	// Snapshot: a member takes a snapshot of what it has applied and compacts its log.
	Snapshot
	// Break: a member loses its connection to another one.
	Break
	// Transfer: a member is asked to see to it that another one leads.
	Transfer
	// Change: the leader is asked for one of the space's changes.
	Change
	// Loss: a member crashes and restarts, and the end of its log, which it may have acknowledged, cannot be
	// read any more.
	Loss
	choices
)

var choiceNames = [choices]string{"deadlines", "heartbeats", "lulls", "sleeps", "commands", "reads", "copies",
	"crashes", "snapshots", "breaks", "transfers", "changes", "losses"}

// String returns the plural of what is bounded.
func (c Choice) String() string { return choiceNames[c] }

// Times says how often each choice may happen on one path.
type Times [choices]uint8

// Space is a bounded part of all that can happen to a cluster.
type Space struct {
	// Name is one word; About says what the space is good for.
	Name, About string
	// Members is the size of the cluster, and Outsiders how many more wait to be added; 1 to 5 together.
	// They are named a, b, c and so on.
	Members, Outsiders int
	// Terms and Entries are the greatest term and index. A step beyond them is not taken.
	Terms   entry.Term
	Entries entry.Index
	// Messages is how many may be on their way; when a step sends more, all choices of those that
	// vanish are tried.
	Messages int
	// Candidates is how many of the members, from the first on, may see their deadline as a follower
	// expire; 0 for all. Fewer make a space smaller by what is the same but for names.
	Candidates int
	// Led starts the cluster with a leader in term 1 whose first entry everybody holds; otherwise
	// nothing has happened yet.
	Led bool
	// Rivals starts it as in figure 8 (b) of the paper: the first member still leads term 1, with an
	// entry that nobody else holds; the second one leads term 2, with one that nobody else holds.
	Rivals bool
	// Instant makes every write durable at once, so that a space reaches deeper into what disks have no
	// part in.
	Instant bool
	// Single makes each message carry one entry at most.
	Single bool
	// Changes are the changes of the configuration that may be asked for.
	Changes []core.Change
	// Times bounds the events that could go on for ever.
	Times Times
}

// membersMax bounds a cluster; more members would not be explored to any depth.
const membersMax = 5
