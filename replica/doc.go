// Package replica drives one member: it waits for things to happen, asks core what to do, and
// has it done.
//
// There is one loop in the repository, and this is it: turn(event) effects, fed by a few goroutines
// (the disk writer, the apply goroutine, the transport's readers, callers). Every door of the
// library stands on this loop; none has one of its own. The package declares the interfaces that it
// needs and never imports an implementation.
//
// [Replica.Start] runs it with goroutines; [Replica.Drive] hands the loop and its work to a caller,
// a simulator for example, who decides when each piece is done.
package replica
