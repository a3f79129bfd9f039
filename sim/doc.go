// Package sim runs a whole cluster in one goroutine over a virtual clock, with a network, disks,
// processes and clocks that fail as a seed says, and looks at every step whether a promise of the
// algorithm is broken.
//
// What runs is the code of production: replica's turn and its work, core, and storage over a file
// system in memory that loses what was not synced. Only the goroutines of replica's shell are not
// there: the simulator holds a replica.Driven and decides when it turns and when each piece of work
// is done.
//
//	 Plan = seed + setting + faults + operations        (nothing else decides what happens)
//	   |
//	   v
//	+-- world ---------------------------------------------------------------+
//	| agenda: a heap of events over virtual time                             |
//	|                                                                        |
//	|   clients ---> member ---> replica.Driven ---> jobs ---> storage.Dir   |
//	|                  ^  |                                        |         |
//	|                  |  v                                      disk        |
//	|                 network                            (vfs.Memory, faults)|
//	|                                                                        |
//	|   nemesis: faults of the plan     atlas: what must not be destroyed    |
//	+------------------------------------------------------------------------+
//	   |                                        |
//	   v                                        v
//	 Trace: a hash, and a line per event      check.Suite: the first violation ends the run
//
// A run has two phases. In the first anything may fail that the plan lists, as long as the atlas
// allows it. Then a quorum is healed, and the cluster must converge within a bound of virtual time;
// then everybody is healed, and all must be equal. After that comes, in one seed of
// four, an election without a log, with faults of its own (election.go).
//
// Whoever adds a feature adds one value: to the faults (faults.go) what can go wrong, to the operations
// (client.go) what callers can ask for, to package check what must hold.
package sim
