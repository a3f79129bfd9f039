package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// This file: a member is started with a program that is older than what its log, or its leader's, holds: it does
// not know one kind of entries. It must stop, and say why, before it has taken such an entry into its log or its
// state; with the newer program it goes on.
//
//	                 older program                       everybody else, every disk
//	reads, is sent   kind 77, which no version knows <-- a barrier
//	passes on        kind 77                         --> a barrier
//
// What runs is this version, which knows every kind there is. So to an older program the barriers are shown
// with another kind; and as this version would write barriers itself, nobody asks an older one for them.

// unknown is the kind that an older program sees in place of a barrier's.
const unknown entry.Kind = 77

// program is what runs in a process.
type program struct {
	// older is true for one that does not know a kind.
	older bool
	// strange are the entries of that kind that it has read from its own log and has not applied; from is the
	// last one that an image stood for.
	strange []entry.Position
	from    entry.Index
}

// recast returns a block as an older program sees it, or for hide false as everybody else does.
func recast(b *entry.Block, hide bool) *entry.Block {
	var (
		all     entry.Builder
		changed bool
	)
	for i := b.First(); i <= b.Last(); i++ {
		h := b.Header(i)
		switch {
		case hide && h.Kind == entry.KindNoOp && h.Sequence != 0:
			h.Kind, changed = unknown, true
		case !hide && h.Kind == unknown:
			h.Kind, changed = entry.KindNoOp, true
		}
		all.Add(h, b.Payload(i))
	}
	if !changed {
		return b
	}
	return all.Block()
}

// recastAll does the same with what messages carry.
func recastAll(messages []core.Message, hide bool) []core.Message {
	messages = slices.Clone(messages)
	for i := range messages {
		m := &messages[i]
		m.Body = slices.Clone(m.Body)
		for k := range m.Body {
			m.Body[k] = recast(m.Body[k], hide)
		}
	}
	return messages
}

// Read implements replica.LogStore.
func (l *watchedLog) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	block, err := l.Log.Read(lo, hi, maxBytes)
	if err != nil || !l.process.older {
		return block, err
	}
	block = recast(block, true)
	for i := block.First(); i <= block.Last(); i++ {
		if block.Kind(i) == unknown && i > max(l.process.status.Applied, l.process.from) {
			l.process.strange = append(l.process.strange, entry.Position{Index: i, Term: block.Term(i)})
		}
	}
	return block, nil
}

// Repair implements replica.Healer.
func (l *watchedLog) Repair(copies *entry.Block) error { return l.Log.Repair(recast(copies, false)) }

// takesUnknown ends the run when an older program takes into its log what it does not know.
func (p *process) takesUnknown(b *entry.Batch) {
	for _, block := range b.Blocks {
		for i := block.First(); i <= block.Last(); i++ {
			if block.Kind(i) == unknown {
				p.violate(fmt.Errorf("unknown kinds stop a member: %s has taken entry %d of %v into its log", p.member.id,
					i, unknown))
			}
		}
	}
}

// passedOver ends the run when an older program has applied what follows an entry that it does not know.
func (p *process) passedOver() {
	for _, at := range p.strange {
		term, held := p.driven.TermAt(at.Index)
		if held && term == at.Term && at.Index > p.from && at.Index <= p.status.Applied {
			p.violate(fmt.Errorf("unknown kinds stop a member: %s has applied %d entries and read that %d has %v",
				p.member.id, p.status.Applied, at.Index, unknown))
		}
	}
}

// tooOld reports whether a process has stopped because of what its program does not know, and says that a newer
// one will do.
func (p *process) tooOld(err error) bool {
	text := err.Error()
	return p.older && errors.Is(err, replica.ErrProtocol) && strings.Contains(text, unknown.String()) &&
		strings.Contains(text, "install a newer one")
}

// outdated takes a process that has stopped so: its operator installs a newer program.
func (p *process) outdated() {
	m := p.member
	p.note(didRefuse, unknown.String(), uint64(p.status.Applied))
	m.world.count("unknown kind refused")
	m.older = false
	p.end()
	m.later()
}

// barrier asks a member for one, an error when it cannot be asked.
func (p *process) barrier() (*replica.Proposing, error) {
	if p.older {
		return nil, errors.New("its program is older than barriers")
	}
	return p.driven.Barrier()
}

// beginOlder starts a member with an older program, and lets there be barriers before and after that.
func beginOlder(s *strike) func() {
	m := s.alive()
	if m == nil || m.pausedUntil > s.now || m.older || m.forgot > 0 {
		return nil
	}
	down := Second / 10
	for range 3 {
		s.in(s.dice.between(0, 4*down), func() {
			if !s.healing() {
				beginBarrier(s)
			}
		})
	}
	s.in(s.dice.between(0, 2*down), func() {
		if p := m.process; s.healing() || p == nil || m.pausedUntil > s.now {
			return
		}
		m.older = true
		m.hold()
		m.die(false)
		s.in(s.dice.between(Millisecond, down), func() {
			if !s.healing() {
				m.release()
			}
		})
	})
	return m.renew
}

// renew installs the newest program on a member that has an older one.
func (m *member) renew() {
	if !m.older {
		return
	}
	m.older = false
	if m.process != nil && m.process.older {
		m.hold()
		m.die(false)
		m.release()
	}
}
