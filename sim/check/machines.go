package check

import "v.io/x/ref/lib/raft/entry"

// Machines checks what machines see: the same commands at the same places (state machine safety;
// paper, figure 3), in order, once; the same state after each, an image included; a command at most
// once; and that what a caller was told happened did happen, where he was told.
type Machines struct {
	commits *Commits
	// commands has what was first applied at each index, from 1; a zero Index marks an entry that is
	// no command, or that no machine has applied yet.
	commands []Command
	attempts map[Attempt]entry.Index
	// denied are the attempts of which the library said that they did not happen.
	denied map[Attempt]bool
	lives  map[Life]*machine
}

// machine is how far the machine of one life is.
type machine struct {
	last  entry.Index
	state uint64
}

func (m *Machines) of(life Life) *machine {
	if m.lives == nil {
		m.lives = make(map[Life]*machine)
	}
	if m.lives[life] == nil {
		m.lives[life] = new(machine)
	}
	return m.lives[life]
}

// At returns what was applied at an index, and false when nothing was.
func (m *Machines) At(i entry.Index) (Command, bool) {
	if i == 0 || i > entry.Index(len(m.commands)) || m.commands[i-1].Index == 0 {
		return Command{}, false
	}
	return m.commands[i-1], true
}

// Where returns the index at which an attempt was applied, 0 for nowhere.
func (m *Machines) Where(a Attempt) entry.Index { return m.attempts[a] }

func (m *Machines) applied(life Life, c Command) error {
	own := m.of(life)
	if c.Index <= own.last {
		return broken("in order, once", "%s applied entry %d after %d", life.Member, c.Index, own.last)
	}
	for i := own.last + 1; i < c.Index; i++ {
		if skipped, found := m.At(i); found {
			return broken("in order, once", "%s applied entry %d after %d, and not %+v between them",
				life.Member, c.Index, own.last, skipped)
		}
	}
	own.last, own.state = c.Index, c.State
	if before, found := m.At(c.Index); found {
		if before != c {
			return broken("state machine safety", "%s applied %+v, another member %+v", life.Member, c, before)
		}
		return nil
	}
	return m.first(life, c)
}

// first takes a command that no machine had applied yet.
func (m *Machines) first(life Life, c Command) error {
	if term := m.commits.Term(c.Index); term != c.Term {
		return broken("only committed", "%s applied entry %d of term %d, committed is term %d",
			life.Member, c.Index, c.Term, term)
	}
	if other := m.attempts[c.Attempt]; other != 0 {
		return broken("at most once", "%s applied attempt %d at %d, it was applied at %d",
			life.Member, c.Attempt, c.Index, other)
	}
	if m.denied[c.Attempt] {
		return denial(c.Attempt, c.Index)
	}
	m.attempts[c.Attempt] = c.Index
	for entry.Index(len(m.commands)) < c.Index {
		m.commands = append(m.commands, Command{})
	}
	m.commands[c.Index-1] = c
	return nil
}

// restored takes an image; its state must be that after the last command up to its index.
func (m *Machines) restored(life Life, at entry.Index, state uint64) error {
	own := m.of(life)
	own.last, own.state = at, state
	for i := min(at, entry.Index(len(m.commands))); i > 0; i-- {
		c, found := m.At(i)
		if !found {
			continue
		}
		if c.State != state {
			return broken("state machine safety", "%s restored an image at %d with state %x, it is %x after entry %d",
				life.Member, at, state, c.State, i)
		}
		return nil
	}
	return nil
}

func (m *Machines) acknowledged(a Attempt, at entry.Position) error {
	c, found := m.At(at.Index)
	if !found || c.Attempt != a || c.Term != at.Term {
		return broken("acknowledged writes", "attempt %d was acknowledged at (%d, %d), where %+v was applied",
			a, at.Index, at.Term, c)
	}
	return nil
}

// deny takes note that a caller was told that the attempt did not happen, and never will.
func (m *Machines) deny(a Attempt) error {
	m.denied[a] = true
	if i := m.attempts[a]; i != 0 {
		return denial(a, i)
	}
	return nil
}

func denial(a Attempt, i entry.Index) error {
	return broken("not proposed", "the caller of attempt %d was told that it did not happen; it was applied at %d", a, i)
}

// Same checks that two lives are at the same place in the same state, for the end of a run.
func (m *Machines) Same(a, b Life) error {
	if x, y := m.of(a), m.of(b); x.state != y.state {
		return broken("state machine safety", "at the end %s has state %x after entry %d, and %s %x after %d",
			a.Member, x.state, x.last, b.Member, y.state, y.last)
	}
	return nil
}
