package replica

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/session"
)

// nextTask chooses what the machine does next: a received snapshot first, then a due capture, then
// entries that are committed and durable here.
func (e *engine) nextTask() *applyTask {
	if i := e.images.nextInstall(e.applier.applied); i != nil {
		return &applyTask{kind: applyRestore, install: i}
	}
	if e.images.bare.need != 0 {
		return nil
	}
	if e.images.captureDue(e.applier.applied) {
		e.images.capturing = true
		e.images.demands.begin()
		return &applyTask{kind: applyCapture}
	}
	first, last := e.applier.applied+1, min(e.effects.Commit, e.status.Durable)
	if first > last {
		return nil
	}
	t := e.applier.spare
	if t == nil {
		t = new(applyTask)
	}
	e.applier.spare = nil
	t.kind, t.first, t.last = applyEntries, first, last
	if held, ok := e.tail.first(); !ok || first < held {
		// They have left memory: the apply goroutine reads them itself.
		t.last = min(last, first+entry.Index(e.config.Limits.ApplyCount)-1)
		if ok {
			t.last = min(t.last, held-1)
		}
		if at := e.writer.heal.firstFrom(first); at != 0 && at <= t.last {
			t.last = at - 1
		}
		if t.last < first {
			e.applier.spare = t
			return nil // It waits for a copy.
		}
		return t
	}
	t.blocks = e.tail.upTo(first, last, e.config.Limits.ApplyBytes, e.config.Limits.ApplyCount)
	t.last = t.blocks[len(t.blocks)-1].Last()
	return t
}

// takeApplied takes the outcome of a job of the machine.
func (e *engine) takeApplied(t *applyTask, act *actions) {
	e.applier.busy = false
	if t.err != nil {
		e.fail(t.err)
		return
	}
	switch t.kind {
	case applyEntries:
		if len(t.damage) > 0 {
			e.noteDamage(t.damage, act)
			*t = applyTask{results: t.results[:0], own: t.own[:0]}
			e.applier.spare = t
			return
		}
		e.answerOwned(t)
		e.images.count(int64(t.last-t.first+1), t.bytes)
		e.applier.applied = t.last
		clear(t.results)
		*t = applyTask{results: t.results[:0], own: t.own[:0]}
		e.applier.spare = t
	case applyCapture:
		e.images.captured(t.failed, e.applier.applied)
	case applyRestore:
		e.takeRestored(t.install)
	}
	e.reads.applied(e.applier.applied)
}

// takeRestored goes on from a snapshot that has replaced the machine's state.
func (e *engine) takeRestored(i *install) {
	e.applier.applied = i.meta.Index
	e.jumped(i.meta.Index, i.own, i.floor)
	e.images.installed(i)
	meta := i.meta
	e.input.Installed = &meta
}

var errOvertaken = fmt.Errorf("%w: a snapshot replaced the entries, and does not tell", ErrNotLeader)

// machinist runs the user's program: it is the state of the apply goroutine.
type machinist struct {
	replica *Replica
	// end is the last entry applied, configuration and sessions what is in force there.
	end           entry.Position
	configuration entry.Configuration
	sessions      *session.Table
	commands      []Command
}

// run does one job and catches a panic of the user's program.
func (m *machinist) run(t *applyTask) {
	defer func() {
		if v := recover(); v != nil {
			t.err = m.replica.panicked(v)
		}
	}()
	switch t.kind {
	case applyEntries:
		t.err = m.apply(t)
	case applyCapture:
		t.failed = m.capture(t)
	case applyRestore:
		t.err = m.restore(t)
	}
}

// apply gives the task's entries to the machine, commands in runs between entries of other kinds.
func (m *machinist) apply(t *applyTask) error {
	if len(t.blocks) == 0 {
		block, err := m.replica.config.Log.Read(t.first, t.last, m.replica.config.Limits.ApplyBytes)
		if err != nil {
			if t.damage, err = m.replica.damaged(t.first, err); err == nil {
				return nil
			}
			return fmt.Errorf("%w: reading committed entries %d to %d: %w", ErrPoisoned, t.first, t.last, err)
		}
		t.blocks = []*entry.Block{block}
		t.last = block.Last()
	}
	count := int(t.last-t.first) + 1
	if cap(t.results) < count {
		t.results = make([]any, count)
	}
	t.results = t.results[:count]
	m.commands = m.commands[:0]
	for _, block := range t.blocks {
		t.bytes += int64(block.Size())
		for i := block.First(); i <= block.Last(); i++ {
			if err := m.take(t, block, i); err != nil {
				return err
			}
		}
	}
	m.flush(t, t.last+1)
	last := t.blocks[len(t.blocks)-1]
	m.end = entry.Position{Index: t.last, Term: last.Term(t.last)}
	t.end = m.end
	return nil
}

// take gathers a command, or acts on an entry of another kind.
func (m *machinist) take(t *applyTask, block *entry.Block, i entry.Index) error {
	switch kind := block.Kind(i); kind {
	case entry.KindCommand:
		if m.judge(t, block.Header(i)) != session.Fresh {
			m.flush(t, i)
			return nil
		}
		m.commands = append(m.commands, Command{Index: i, Term: block.Term(i), Payload: block.Payload(i)})
	case entry.KindNoOp, entry.KindSession:
		m.flush(t, i)
		if h := block.Header(i); h.Sequence != 0 || kind == entry.KindSession {
			m.judge(t, h)
		}
	case entry.KindConfiguration:
		m.flush(t, i)
		value, err := entry.DecodeConfiguration(block.Payload(i))
		if err != nil {
			return fmt.Errorf("%w: the configuration at index %d: %w", ErrProtocol, i, err)
		}
		m.configuration = value
	default:
		return fmt.Errorf("%w: the entry at index %d has %v, which this version does not know; install a newer one",
			ErrProtocol, i, kind)
	}
	return nil
}

// judge asks the table of sessions what is to be done with an entry, and notes the verdict when the
// entry is this member's.
func (m *machinist) judge(t *applyTask, h entry.Header) session.Verdict {
	var v session.Verdict
	if h.Kind == entry.KindSession {
		v = m.sessions.Open(h.Origin, entry.Index(h.Sequence), h.Index)
	} else {
		v = m.sessions.Take(h.Origin, h.Sequence, h.Index)
		m.replica.gauges.repeated.judged(v)
	}
	if h.Origin == t.origin {
		t.own = append(t.own, owned{
			kind: h.Kind, sequence: h.Sequence, at: entry.Position{Index: h.Index, Term: h.Term}, verdict: v,
			dead: v == session.Unknown && m.sessions.Floor() > t.base,
		})
	}
	return v
}

// flush applies the gathered commands, which end before index end.
func (m *machinist) flush(t *applyTask, end entry.Index) {
	n := len(m.commands)
	if n == 0 {
		return
	}
	to := int(end - t.first)
	m.replica.config.Machine.Apply(m.commands, t.results[to-n:to])
	clear(m.commands)
	m.commands = m.commands[:0]
}
