// Package raft keeps one ordered, durable log of commands on several machines and applies it to
// your program.
//
// You implement [RaftClient], whose Apply is a deterministic function of your state and a command.
// Each machine runs one member, made by [NewRaft] and told the others' names by AddMember. Whatever
// any member is given by Append is applied at every member, in the same order, once a majority of
// them has it on disk. Up to half of the members (rounded down) may be lost, restarted or cut off
// without losing a command that Append has acknowledged.
//
//	r, err := raft.NewRaft(ctx, &raft.RaftConfig{
//		LogDir:   "/var/lib/app/raft",
//		HostPort: "10.0.0.1:4000",
//		ACL:      access.AccessList{In: []security.BlessingPattern{"example:app"}},
//	}, client)
//	...
//	r.AddMember(ctx, "10.0.0.2:4000")
//	r.AddMember(ctx, "10.0.0.3:4000")
//	r.Start()
//	defer r.Stop()
//	applyErr, err := r.Append(ctx, []byte("a command"))
//
// Members talk over Vanadium RPC: every connection is encrypted, both ends prove their blessings,
// and every call is authorised against an access list. The package example is a whole program.
//
// # Reads
//
// A read of your own state on any member may be old. After ReadIndex returns it is linearizable: it
// reflects every Append that had completed, anywhere, when ReadIndex was called.
//
// # What can go wrong
//
// An Append that fails says whether the command certainly did nothing, or whether that cannot be
// known ([ErrOutcomeUnknown]); the table stands at [Raft]. A member whose disk fails, or whose
// client panics, stops by itself and says why in Stats and Live; the process goes on. A directory
// that is not what the member wrote is refused, never repaired by deleting.
//
// # The rooms
//
// Each package has one verb. Package core decides: it is the Raft algorithm as a pure function.
// Package session decides which commands were applied already. Package replica waits: its one loop
// has done what core decides. Package storage remembers, and package entry holds the words they
// share. Package sim doubts all of them, and raftcheck your own program. This package is the door:
// model.go is its whole public contract on one page, limits.go every bound and default, raft.go puts
// the rooms together, service.go and peers.go speak Vanadium RPC, and machine.go calls your program.
package raft
