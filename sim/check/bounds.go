package check

import (
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// Bounds checks that the queues of a member stay within the limits that it was given.
type Bounds struct {
	// QueueMax and InboxMax are the greatest sizes seen, in bytes.
	QueueMax, InboxMax int
	// back has the lives whose log has lost entries since their queue was last within its limits: commands that
	// had been ordered wait again.
	back map[Life]bool
}

// Turned is told of every turn: a log that does not end on the same entry, or go on from there, has lost some.
func (b *Bounds) Turned(t *Turn) {
	last := t.Before.Last
	if term, held := t.Log.TermAt(last.Index); last.Index > 0 && (!held || term != last.Term) {
		if b.back == nil {
			b.back = make(map[Life]bool)
		}
		b.back[t.Life] = true
	}
}

// Measured is told of a member's figures. A queue may exceed its bytes by one command or message,
// which is taken into an empty queue whatever its size; and by what may have been ordered and not committed, when
// the log has lost that.
func (b *Bounds) Measured(life Life, s *replica.Stats, limits *replica.Limits) error {
	b.QueueMax, b.InboxMax = max(b.QueueMax, s.QueueBytes), max(b.InboxMax, s.InboxBytes)
	count, bytes := limits.QueueCount, limits.QueueBytes
	within := s.QueueCount <= count && (s.QueueCount <= 1 || s.QueueBytes <= bytes)
	if b.back[life] {
		count, bytes = count+limits.Uncommitted/entry.HeaderSize, bytes+limits.Uncommitted
	}
	if within {
		delete(b.back, life)
	}
	switch {
	case s.QueueCount > count, s.QueueCount > 1 && s.QueueBytes > bytes:
		return broken("bounded memory", "%s queues %d commands of %d bytes, at most %d of %d", life.Member,
			s.QueueCount, s.QueueBytes, count, bytes)
	case s.InboxBytes > limits.InboxBytes+limits.Message:
		return broken("bounded memory", "%s holds %d bytes of messages, at most %d", life.Member,
			s.InboxBytes, limits.InboxBytes+limits.Message)
	}
	return nil
}
