package raftcheck

import (
	"bytes"
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim"
)

// Simulate runs a cluster of the program's clients for a minute of virtual time in the simulator, under
// the faults of a seed: crashes, losses of power, partitions, slow and failing disks, members that fall
// behind. It takes about half a second, and more with large states. It returns the first [*Finding], or
// nil. Another error is a mistake in p, or one of the library.
//
// About once in 16 commands the states of the members at one index are compared, whichever way they got
// there.
func Simulate(p Program, seed uint64) error {
	if p.New == nil || p.Command == nil {
		return errors.New("raftcheck: New and Command are needed")
	}
	if p.Patience == 0 {
		p.Patience = patienceDefault
	}
	plan := sim.NewPlan(seed)
	plan.Election = sim.Election{} // it has no client
	f := &fleet{
		program: &p, states: make(map[entry.Index]*moment), habit: habit{patience: p.Patience},
		series: series{seed: seed},
	}
	if err := f.prepare(&plan); err != nil {
		return err
	}
	var cancel context.CancelFunc
	f.ctx, cancel = rootContext()
	defer cancel()
	result := sim.Run(plan, sim.Options{Beside: f.start, Payload: f.payload})
	for _, s := range f.savings {
		s.end()
	}
	switch {
	case f.broken != nil:
		return f.broken
	case result.Violation != nil:
		return fmt.Errorf("raftcheck: the library broke a promise of its own, with seed %d: %w", seed, result.Violation)
	}
	return nil
}

// fleet is the clients of all members in one simulated world. Everything is called by one goroutine.
type fleet struct {
	series
	program *Program
	ctx     *context.T
	habit   habit
	// states has what the first member that came to an index was like there.
	states  map[entry.Index]*moment
	savings []*saving
	// broken is the first finding.
	broken error
}

// moment is what a client was like after one command.
type moment struct {
	member int
	text   string
	state  []byte
}

// prepare makes a command for each operation of the plan, and room for them.
func (f *fleet) prepare(plan *sim.Plan) error {
	largest := 0
	for n := range len(plan.Operations) + 1 {
		c := f.program.Command(n, rand.New(rand.NewPCG(f.seed, uint64(n))))
		if len(c) > CommandMax {
			return fmt.Errorf("raftcheck: command %d has %d bytes, at most %d", n, len(c), CommandMax)
		}
		f.commands = append(f.commands, c)
		largest = max(largest, len(c))
	}
	// A command also carries what the simulator needs.
	plan.Setting.Limits.Command = largest + 64
	plan.Setting.Stores.SegmentSize = max(plan.Setting.Stores.SegmentSize, int64(8*largest))
	return nil
}

// payload is what write n carries; the last ones, which end the run, begin anew.
func (f *fleet) payload(n uint64) []byte { return f.commands[n%uint64(len(f.commands))] }

func (f *fleet) start(member int) replica.Machine {
	return &part{fleet: f, member: member, client: f.program.New()}
}

// found keeps the first finding and returns it.
func (f *fleet) found(check string, at entry.Index, format string, args ...any) error {
	err := f.finding(check, raft.Index(at), format, args...)
	f.keep(err)
	return err
}

func (f *fleet) keep(err error) {
	if f.broken == nil {
		f.broken = err
	}
}

// part is one client, as a machine of one start of one member.
type part struct {
	fleet  *fleet
	member int
	client raft.RaftClient
}

// Apply implements replica.Machine.
func (m *part) Apply(commands []replica.Command, _ []any) {
	for i := range commands {
		if m.fleet.broken == nil {
			m.apply(&commands[i])
		}
	}
}

func (m *part) apply(c *replica.Command) {
	f := m.fleet
	defer func() {
		if v := recover(); v != nil {
			f.keep(f.finding(Standing, raft.Index(c.Index), "member %d: Apply panics: %v", m.member+1, v))
		}
	}()
	original := bytes.Clone(c.Payload)
	now := moment{member: m.member}
	if err := m.client.Apply(c.Payload, raft.Index(c.Index)); err != nil {
		now.text = err.Error()
	}
	if !bytes.Equal(c.Payload, original) {
		f.keep(f.finding(Untouched, raft.Index(c.Index), "the command is now %.40q, it was %.40q", c.Payload, original))
		return
	}
	if c.Index%stride == 0 {
		f.keep(m.compare(c.Index, &now))
	}
}

// compare compares a client with the first one that came to the index.
func (m *part) compare(at entry.Index, now *moment) (err error) {
	f := m.fleet
	if now.state, err = m.state(); err != nil {
		return f.finding(Complete, raft.Index(at), "member %d: %v", m.member+1, err)
	}
	first := f.states[at]
	switch {
	case first == nil:
		f.states[at] = now
	case first.text != now.text:
		return f.finding(Deterministic, raft.Index(at), "Apply returned %q at member %d and returns %q at member %d",
			first.text, first.member+1, now.text, m.member+1)
	case !bytes.Equal(first.state, now.state):
		return f.finding(Deterministic, raft.Index(at), "members %d and %d, after what their replays and restores "+
			"gave them: %s", m.member+1, first.member+1, difference(now.state, first.state))
	}
	return nil
}

func (m *part) state() ([]byte, error) {
	if m.fleet.program.State != nil {
		return m.fleet.program.State(m.client)
	}
	return imageOf(m.fleet.ctx, m.client, &m.fleet.habit)
}

// Snapshot implements replica.Machine: the client's Writes are held until finish, while the simulator
// may let further commands be applied.
func (m *part) Snapshot(_ stdcontext.Context, at entry.Index, w io.Writer) (func() error, error) {
	f := m.fleet
	s, err := save(f.ctx, m.client, &f.habit)
	if err == nil {
		err = s.settle()
	}
	if err != nil {
		return nil, f.found(Complete, at, "member %d: %v", m.member+1, err)
	}
	f.savings = append(f.savings, s)
	return func() error {
		image, err := s.finish(func() error { return nil })
		if err != nil {
			return f.found(Complete, at, "member %d: %v", m.member+1, err)
		}
		_, err = w.Write(image)
		return err
	}, nil
}

// Restore implements replica.Machine.
func (m *part) Restore(_ stdcontext.Context, at entry.Index, r io.Reader) (err error) {
	f := m.fleet
	defer func() {
		if v := recover(); v != nil {
			err = f.found(Standing, at, "member %d: RestoreFromSnapshot panics: %v", m.member+1, v)
		}
	}()
	if err := m.client.RestoreFromSnapshot(f.ctx, raft.Index(at), r); err != nil {
		return f.found(Restorable, at, "member %d: RestoreFromSnapshot: %v", m.member+1, err)
	}
	return nil
}
