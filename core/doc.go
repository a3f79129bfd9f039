// Package core is the Raft algorithm and nothing else: a pure function of (state, input).
//
// [Core.Step] takes everything that happened since the last turn (messages, proposals, "this batch
// is durable", the time) and fills in everything that must now be done (what to write, what to
// send and after which write, what is committed). It does no I/O, reads no clock, draws randomness
// only from a seeded generator in its state, and never sees a payload. The same inputs give the
// same effects, which is what lets a simulator replay a cluster from one number.
//
// The algorithm is that of Ongaro and Ousterhout, "In Search of an Understandable Consensus
// Algorithm" (extended version), and of Ongaro's thesis; comments cite their sections as "paper"
// and "thesis".
package core
