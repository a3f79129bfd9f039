// Package check holds the checkers of a simulated cluster: each is an object that is told what
// happens and returns a [Violation] as soon as a promise of the algorithm is broken.
//
// Checkers know nothing of the simulator. They see what members do from outside (turns, writes that
// the disk confirmed, messages, applied commands, answers to callers) and keep their own record of
// what must never change. [Suite] passes each event to all that want it.
//
//	        Stored, Recovered        Turned            Sent        Applied, Restored    Called, Returned
//	             |                     |                |                |                     |
//	+------------+--------+   +--------+------+    +----+----+    +------+------+        +-----+-----+
//	| Disks     | Entries |   | Leaders| Commits|   | Promises|    | Machines    |        | History   |
//	+------------+--------+   +--------+------+    +---------+    +-------------+        +-----------+
//
// Disks is the record of what each member's log has made durable; others ask it whether an
// acknowledgement was true when it was given.
package check
