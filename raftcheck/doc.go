// Package raftcheck looks for the mistakes that a raft.RaftClient can make and that a cluster would
// only show much later, as members that differ. It is for the tests of programs that stand on the
// library.
//
// A [Program] says how to make a client and commands for it. [Check] runs clients by hand, in one
// goroutine and without a cluster:
//
//   - Apply is deterministic: several clients that are given the same commands are in the same state,
//     and return the same errors.
//   - Apply does not modify cmd, at once or later: the log shares it.
//   - Restoring an image and replaying what follows it equals replaying everything, in a new client and
//     in one that had another state.
//   - An image that is written beside Apply is that of the moment when SaveToSnapshot was called: each
//     Write is held while further commands are applied, and takes the bytes as they are then.
//   - SaveToSnapshot ends: it closes its channel, and reports no error.
//
// [Simulate] runs a whole cluster of such clients in the library's simulator, under the faults of a
// seed: members are killed, lose power, fall behind, are brought back by images and replay their logs,
// and must be in the same state at the same index. The same seed gives the same run as long as the
// client itself is deterministic.
//
// Both return a [*Finding] that says what is wrong, with the seed and the index at which it showed.
package raftcheck
