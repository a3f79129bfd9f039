// Package core is the Raft algorithm and nothing else: a pure function of (state, input).
//
// [Core.Step] takes everything that happened since the last turn (messages, proposals, "this batch
// is durable", the time) and fills in everything that must now be done (what to write, what to
// send and after which write, what is committed). It does no I/O, reads no clock, draws randomness
// only from a seeded generator in its state, and never sees a payload. The same inputs give the
// same effects, which is what lets a simulator replay a cluster from one number.
//
// A member is a [Core], made by [New] from what its disk holds ([Start]). Whoever drives it repeats:
//
//	gather what happened    Input: Now, Received, Proposals, Reads, Stored, ...
//	core.Step(&input, &effects)
//	write Effects.Write, and say so in a later Input.Stored
//	send Effects.Send, each message once the write it names (After) is durable
//	apply up to Effects.Commit; answer Effects.Reads, Refused, Changed, Transferred
//	call again when something happened, or at Deadline
//
// The example does just that with three members. DESIGN.md beside this file has one Step in order, file
// by file, and the arguments behind the rules that no paper has. Read message.go (what members say to
// each other), then io.go (what goes in and what comes out), then core.go.
//
// The algorithm is that of Ongaro and Ousterhout, "In Search of an Understandable Consensus
// Algorithm" (extended version), and of Ongaro's thesis; comments cite their sections as "paper"
// and "thesis".
package core
