// Package explore is a bounded model check of the real core: it visits every state that a small
// cluster of [core.Core]s can reach, whatever the order in which messages arrive, disks finish,
// deadlines expire and members crash, and checks in each one what Raft promises (Raft paper, figure
// 3; Ongaro's thesis, chapter 3). It executes the code that runs in production, not a model of it.
//
// # A state
//
// A state of the cluster is a handful of numbers: for each member the number of its local state, the
// messages on their way, what an observer has seen (the history), and how often each kind of event
// may still happen. A local state is a core with its durable disk, the writes under way and the
// messages that wait for them. Equal local states have one number, so what an event does to one is
// computed once and then looked up: the core is asked a few hundred thousand times for many millions
// of steps of the cluster.
//
// # What may happen
//
// Each step is one of these, in any order, within the bounds of the [Space]:
//
//   - a message arrives; it may stay, and arrive again;
//   - a message vanishes. Since a message need never arrive, this is tried only when more of them
//     are under way than the bound;
//   - the oldest write of a member is durable;
//   - a member crashes and restarts: of the writes under way any prefix has survived, down to single
//     entries of one batch, as the contract of the log allows ([entry.Batch]);
//   - a member restarts with the end of its log lost, from any entry on, acknowledged or not; the disk says what
//     it can have held;
//   - a deadline of a member expires, or a part of it that ends the stickiness of votes, or so much
//     time passes that a leader must step down. The members' clocks are independent of one another,
//     which is the most that can go wrong with time;
//   - a client proposes a command or asks for a read point, at any member;
//   - the leader is asked to hand over, or to change the configuration: members that the space has
//     outside of the cluster are added, caught up and promoted, others removed;
//   - a member takes a snapshot and compacts its log; a snapshot arrives.
//
// # What is checked
//
// After each step: at most one leader in a term, with the votes of a quorum; equal positions mean
// equal logs; a new leader has everything that was committed; what is committed never changes, no
// quorum could decide without a member that holds it durably, or that votes as if it did because it has
// lost it, and such a one does not stand for an election; a leader counts only its own term;
// one change of the configuration at a time; a vote never changes within its term, also over a crash;
// no ack and no vote says more than what is durable; commit index and match only grow, and no match
// is beyond what the member holds, or held before a loss that the leader has not heard of; no read point
// is below what was committed when it was asked; no forwarded command is committed twice; no member stops
// because it saw a contradiction.
//
// # What is left out, and why it may be
//
// Counters, and the time of day: a state is written with distances from its member's present
// ([core.Core.AppendState]). The draws of random time-outs: every state continues with the same
// seed, because a deadline may expire at any moment anyway. A step that changes nothing is not
// taken. The visited states are remembered by 64-bit fingerprints; [Result.Missed] says how likely
// it is that two of them fell together.
package explore
