package replica

import (
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// The errors of a replica. Those marked "not proposed" say that the command certainly did not and
// will not happen, so that the caller may safely try again, here or elsewhere.
var (
	// ErrNotStarted is returned before Start. Not proposed.
	ErrNotStarted = errors.New("replica: not started")
	// ErrStopped is returned after Stop, and after the replica has failed (then Err tells why). Not
	// proposed.
	ErrStopped = errors.New("replica: stopped")
	// ErrNotLeader is returned when nobody could be given the command because the leader changed. Not
	// proposed.
	ErrNotLeader = errors.New("replica: not the leader")
	// ErrTransferring is returned when the leader hands over and takes nothing more; it wraps
	// ErrNotLeader, since the next leader will take the command. Not proposed.
	ErrTransferring = fmt.Errorf("%w: it is handing over leadership", ErrNotLeader)
	// ErrNotTransferred is wrapped by the errors of Transfer, which say why.
	ErrNotTransferred = errors.New("replica: leadership was not transferred")
	// ErrNoLeader is returned when no leader is known. Not proposed. [Replica.Watch] tells when
	// that changes.
	ErrNoLeader = errors.New("replica: no leader is known")
	// ErrOverloaded is returned when a bounded queue, here or at the leader, is full. Not proposed.
	ErrOverloaded = errors.New("replica: overloaded")
	// ErrNoSpace is returned when the log of this member, or of the leader, has no room for more commands:
	// free space on its disk, and the service returns by itself. Not proposed; nor is it known what
	// another member has applied, so reads fail with it, too.
	ErrNoSpace = fmt.Errorf("replica: this member's log, or the leader's, has no room; free space on its disk: %w",
		entry.ErrNoSpace)
	// ErrChangeRefused is wrapped by the error of a Change that was refused; the text says why.
	ErrChangeRefused = errors.New("replica: the change of the configuration was refused")
	// ErrChangeGoesOn is wrapped by the error of a Change whose ctx ended, or whose member stopped,
	// before the answer: it may have been begun, and then goes on, under any leader. Asking again joins
	// it.
	ErrChangeGoesOn = errors.New("replica: no answer yet; the change may have begun and then goes on")
	// ErrTooLarge is returned for a command above Limits.Command. Not proposed.
	ErrTooLarge = errors.New("replica: command too large")
	// ErrRemoved is returned by a member that is not part of the configuration. Not proposed.
	ErrRemoved = errors.New("replica: not a member of the configuration")
	// ErrNotProposed is wrapped by the error of a Propose whose ctx ended while the command was
	// still here and could be withdrawn. Not proposed.
	ErrNotProposed = errors.New("replica: withdrawn before it was proposed")
	// ErrResultLost is the cause of an [OutcomeUnknownError] of which more is known: the command was
	// applied, once, but a snapshot took the place of its entry here, so its result is not known.
	ErrResultLost = errors.New("replica: applied, but a snapshot took the place of the result")
	// ErrOutcomeUnknown is what errors.Is finds in every [OutcomeUnknownError].
	ErrOutcomeUnknown = errors.New("replica: outcome unknown")
	// ErrPoisoned is wrapped by Err when the log store failed: what it holds can no longer be
	// trusted, so the member acknowledges nothing more.
	ErrPoisoned = errors.New("replica: the log store failed")
	// ErrMachine is wrapped by Err when the user's program panicked or could not restore.
	ErrMachine = errors.New("replica: the state machine failed")
	// ErrProtocol is wrapped by Err when the log itself is not what this version can go on with:
	// an entry of an unknown kind, or a committed entry contradicted.
	ErrProtocol = errors.New("replica: the log cannot be continued")
	// ErrBare is wrapped by Ready while the member has no state: its own image was damaged when it started,
	// and was set aside; the leader has not sent one yet. If no leader can, the state is in the damaged file
	// or in a backup.
	ErrBare = errors.New("replica: waits for an image of the state in place of a damaged one")
	// ErrBlocked is returned by Stop when Apply, Snapshot or Restore did not return in time.
	ErrBlocked = errors.New("replica: the state machine did not return")
)

// OutcomeUnknownError says that a command may have happened, may still happen, or may never
// happen. The caller must find out by reading before it repeats anything that must happen once.
//
// A change of leader is not among the reasons: what lost its leader is proposed again, and applied at
// most once. What remains is that the wait ended first:
//
//	Cause                    what happened
//	ctx's error              the caller's ctx ended
//	ErrStopped               the replica stopped
//	ErrNoLeader, ErrNotLeader
//	                         nobody could be given the command for Limits.Patience, and ctx has no
//	                         deadline; or a snapshot replaced the entries in which the command may
//	                         have been, and this member's session was forgotten meanwhile
//	ErrResultLost            a snapshot replaced the entry: the command was applied
//	ErrRemoved               this member was removed, and learns of no more entries
type OutcomeUnknownError struct {
	// Position is where the command was ordered, or zero when that is not known.
	Position entry.Position
	// Cause says why the outcome cannot be told.
	Cause error
}

// Error implements error.
func (e *OutcomeUnknownError) Error() string {
	if e.Position.Index == 0 {
		return fmt.Sprintf("replica: outcome unknown: %v", e.Cause)
	}
	return fmt.Sprintf("replica: outcome unknown of the command at (index %d, term %d): %v",
		e.Position.Index, e.Position.Term, e.Cause)
}

// Unwrap returns ErrOutcomeUnknown and the cause.
func (e *OutcomeUnknownError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.Cause} }
