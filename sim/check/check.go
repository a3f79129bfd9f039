package check

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// Violation is a broken promise.
type Violation struct {
	// Check is the name of the checker.
	Check string
	// Text says what was seen, with the numbers.
	Text string
}

// Error implements error.
func (v *Violation) Error() string { return v.Check + ": " + v.Text }

func broken(check, format string, args ...any) error {
	return &Violation{Check: check, Text: fmt.Sprintf(format, args...)}
}

// Life names one run of a member's process: a member that restarts has another one.
type Life struct {
	Member entry.MemberID
	// Incarnation is the directory's: a member whose directory was wiped has another one.
	Incarnation entry.Incarnation
	// Start counts the starts of the member.
	Start uint64
}

// Log is a member's log as it stands after a turn, durable or not. [replica.Driven] is one.
type Log interface {
	// TermAt returns the term of an entry, and false when it is not in the log.
	TermAt(entry.Index) (entry.Term, bool)
}

// Turn is one turn of a member: its status before and after.
type Turn struct {
	Life          Life
	Before, After replica.Status
	Log           Log
}

// Attempt names one call of Propose for ever. A command that is proposed again bears another one,
// unless the library has said that the first was not proposed.
type Attempt uint64

// Command is an applied command as its machine sees it.
type Command struct {
	Index   entry.Index
	Term    entry.Term
	Attempt Attempt
	// State is a hash of the machine's whole state after the command.
	State uint64
}

// Suite is all checkers of one run. The zero value is not usable; see [New].
type Suite struct {
	Leaders        *Leaders
	Steady         *Steady
	Disks          *Disks
	Entries        *Entries
	Commits        *Commits
	Configurations *Configurations
	Promises       *Promises
	Machines       *Machines
	History        *History
	Bounds         *Bounds
}

// New returns the checkers of a cluster that has done nothing yet.
func New() *Suite {
	disks := newDisks()
	configurations := &Configurations{stored: make(map[entry.Position]entry.Configuration)}
	commits := &Commits{disks: disks, configurations: configurations}
	return &Suite{
		Leaders: &Leaders{led: make(map[entry.Term]Life)}, Steady: &Steady{}, Disks: disks, Commits: commits,
		Configurations: configurations,
		Entries:        &Entries{disks: disks, seen: make(map[entry.Position]written)},
		Promises:       &Promises{disks: disks, votes: make(map[ballot]entry.MemberID)},
		Machines:       &Machines{commits: commits, attempts: make(map[Attempt]entry.Index), denied: make(map[Attempt]bool)},
		History:        &History{}, Bounds: &Bounds{},
	}
}

// Turned is told of every turn.
func (s *Suite) Turned(t *Turn) error {
	s.Bounds.Turned(t)
	if err := s.Leaders.Turned(t); err != nil {
		return err
	}
	if err := s.Steady.Turned(t); err != nil {
		return err
	}
	return s.Commits.Turned(t)
}

// Storing is told of a batch before the disk has it, Stored once the disk confirmed it.
func (s *Suite) Storing(life Life, b *entry.Batch) { s.Disks.storing(life, b) }

// Stored is told of every batch that a log confirmed.
func (s *Suite) Stored(life Life, b *entry.Batch) error {
	if err := s.Entries.stored(life, b); err != nil {
		return err
	}
	if err := s.Configurations.take(b); err != nil {
		return err
	}
	s.Disks.stored(life, b)
	return nil
}

// Recovered is told what a log says at a restart.
func (s *Suite) Recovered(life Life, r *entry.Recovered) error { return s.Disks.recovered(life, r) }

// PutBack is told that a member's directory was replaced by an older copy of itself: what it had confirmed
// since then is forgotten. Whether that may be is the simulator's care.
func (s *Suite) PutBack(life Life, c Copy) {
	s.Disks.putBack(life, c)
	s.Promises.forget(life, c.log.hard)
}

// Sent is told of every message that leaves a member.
func (s *Suite) Sent(life Life, m *core.Message) error { return s.Promises.sent(life, m) }

// Applied is told of every command that a machine applies, in its order.
func (s *Suite) Applied(life Life, c Command) error { return s.Machines.applied(life, c) }

// Restored is told of every image that replaces a machine's state.
func (s *Suite) Restored(life Life, at entry.Index, state uint64) error {
	s.Disks.imaged(life, at)
	return s.Machines.restored(life, at, state)
}

// Acknowledged is told of every Propose that returned without an error.
func (s *Suite) Acknowledged(a Attempt, at entry.Position) error {
	return s.Machines.acknowledged(a, at)
}

// Denied is told of every attempt whose caller was told that it did not happen, and who did not try
// again.
func (s *Suite) Denied(a Attempt) error { return s.Machines.deny(a) }
