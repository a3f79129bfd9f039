package check

import "v.io/x/ref/lib/raft/replica"

// Bounds checks that the queues of a member stay within the limits that it was given.
type Bounds struct {
	// QueueMax and InboxMax are the greatest sizes seen, in bytes.
	QueueMax, InboxMax int
}

// Measured is told of a member's figures. A queue may exceed its bytes by one command or message,
// which is taken into an empty queue whatever its size.
func (b *Bounds) Measured(life Life, s *replica.Stats, limits *replica.Limits) error {
	b.QueueMax, b.InboxMax = max(b.QueueMax, s.QueueBytes), max(b.InboxMax, s.InboxBytes)
	switch {
	case s.QueueCount > limits.QueueCount, s.QueueCount > 1 && s.QueueBytes > limits.QueueBytes:
		return broken("bounded memory", "%s queues %d commands of %d bytes, at most %d of %d", life.Member,
			s.QueueCount, s.QueueBytes, limits.QueueCount, limits.QueueBytes)
	case s.InboxBytes > limits.InboxBytes+limits.Message:
		return broken("bounded memory", "%s holds %d bytes of messages, at most %d", life.Member,
			s.InboxBytes, limits.InboxBytes+limits.Message)
	}
	return nil
}
