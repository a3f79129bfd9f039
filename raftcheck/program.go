package raftcheck

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft"
)

// Program is what is checked.
type Program struct {
	// New returns a client in its first state. It is called often; clients must share nothing.
	New func() raft.RaftClient
	// Command returns the n-th command, from 0. It must be a function of its arguments. A command
	// has at most CommandMax bytes.
	Command func(n int, random *rand.Rand) []byte
	// State returns what is compared: equal states have equal bytes. Nil compares the images that
	// SaveToSnapshot writes, which must then be equal for equal states. A client whose images are
	// empty, because it keeps its state durable itself, must have a State; nothing is restored then.
	State func(raft.RaftClient) ([]byte, error)
	// Patience is how long, on the machine's clock, a snapshot may stand still before it is called
	// stuck; 0 is 10 s.
	Patience time.Duration
}

// CommandMax is the largest command in bytes that a check gives to a client.
const CommandMax = 256 << 10

// The names of the checks, as a [Finding] bears them.
const (
	Deterministic = "Apply is deterministic"
	Untouched     = "Apply does not modify cmd"
	Restorable    = "restoring and replaying equals replaying"
	Isolated      = "an image written beside Apply is that of its moment"
	Complete      = "SaveToSnapshot ends without an error"
	Standing      = "the client does not panic"
)

// Finding is a broken promise of a client.
type Finding struct {
	// Check is the name of the check.
	Check string
	// Seed is the one with which it can be seen again, and Index that of the command at which it
	// showed, 0 when it belongs to none.
	Seed  uint64
	Index raft.Index
	// What says what was seen.
	What string
}

// Error implements error.
func (f *Finding) Error() string {
	return fmt.Sprintf("raftcheck: broken: %s: at index %d, seed %d: %s", f.Check, f.Index, f.Seed, f.What)
}

// series is the commands of one run, as the log has them.
type series struct {
	seed     uint64
	commands [][]byte
	// originals are what the commands were before a client saw them.
	originals [][]byte
}

func newSeries(p *Program, seed uint64, n int) (*series, error) {
	s := &series{seed: seed}
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		c := p.Command(i, random)
		if len(c) > CommandMax {
			return nil, fmt.Errorf("raftcheck: command %d has %d bytes, at most %d", i, len(c), CommandMax)
		}
		s.originals = append(s.originals, bytes.Clone(c))
		s.commands = append(s.commands, append(make([]byte, 0, len(c)), c...))
	}
	return s, nil
}

// index is where the n-th command stands in the log: there are gaps.
func (s *series) index(n int) raft.Index { return raft.Index(2 + n + n/7) }

// last is the index of the last of the first n commands, or of what stands before them.
func (s *series) last(n int) raft.Index {
	if n == 0 {
		return 1
	}
	return s.index(n - 1)
}

func (s *series) finding(check string, at raft.Index, format string, args ...any) *Finding {
	return &Finding{Check: check, Seed: s.seed, Index: at, What: fmt.Sprintf(format, args...)}
}

// apply gives command n to a client and returns the text of its error.
func (s *series) apply(c raft.RaftClient, n int) (text string, err error) {
	at := s.index(n)
	defer func() {
		if v := recover(); v != nil {
			err = s.finding(Standing, at, "Apply panics: %v", v)
		}
	}()
	if e := c.Apply(s.commands[n], at); e != nil {
		text = e.Error()
	}
	return text, s.intact(n, at)
}

// intact compares command n with what it was.
func (s *series) intact(n int, at raft.Index) error {
	if bytes.Equal(s.commands[n], s.originals[n]) {
		return nil
	}
	return s.finding(Untouched, at, "the command of index %d is now %.40q, it was %.40q",
		s.index(n), s.commands[n], s.originals[n])
}

// allIntact is intact for the first n commands, which clients may have kept.
func (s *series) allIntact(n int) error {
	for i := range n {
		if err := s.intact(i, s.last(n)); err != nil {
			return err
		}
	}
	return nil
}

// replay gives commands from to end-1 to a client.
func (s *series) replay(c raft.RaftClient, from, end int) error {
	for n := from; n < end; n++ {
		if _, err := s.apply(c, n); err != nil {
			return err
		}
	}
	return nil
}

// rootContext is the ctx of every call; the client must not use more of it than that it ends.
func rootContext() (*context.T, context.CancelFunc) { return context.RootContext() }
