package core

// This file: reads without a round (thesis, section 6.4.1), for clusters whose configuration says so.
//
//	leader     broadcasts round R at s ............ lease ......... s+4.5     by its own clock
//	member     hears it at h >= s, promises no vote ...................... h+6     by its own
//
// (in heartbeats). Another leader needs the votes of a quorum. Each quorum shares a voter with the one
// that acknowledged R, and that voter promised. So nobody else leads before h+6, and until s+4.5 the
// leader knows of every write that has completed.
//
// What it rests on: clocks that count suspend, and whose rates differ by less than a third (6/4.5). A
// clock that jumps back, or a member that answers from a copied-back directory while it is not known
// to be one, breaks it. What is compared is the present of the Step, taken after the read was asked: a
// pause of any length before the Step makes the lease expire, one after it delays an answer that was
// true while the caller waited, which is all that a read promises (linearizability).

// leaseSpan is how long a round is worth, in quarters of a heartbeat: three quarters of the shortest
// election time-out.
const leaseSpan = 3 * electionMin

// lease is a leader's right to answer reads on its own.
type lease struct {
	// sent are the broadcasts that no quorum has answered, oldest first.
	sent []broadcast
	// until is when the right ends, 0 while there is none.
	until Instant
}

// broadcast is when a round was sent: before anybody can have heard it. The time at which its answers
// come in proves nothing, they may have been under way for long.
type broadcast struct {
	round uint64
	at    Instant
}

// leases reports whether the configuration in force has leases. It is the same in every configuration
// of a log.
func (c *Core) leases() bool { return c.members.current().Value.Lease }

// noteBroadcast remembers when the present round is sent.
func (c *Core) noteBroadcast() {
	if c.leases() {
		c.lead.lease.sent = append(c.lead.lease.sent, broadcast{round: c.lead.round, at: c.now})
	}
}

// renewLease makes what a quorum has answered count. A voter that does not hold the leader's first
// entry does not count: it may not know of leases. A leader that is no voter any more has none, so the
// only voter of the next configuration need not wait for its end. It also has none once it told
// another member to campaign, since such a request overrides promises.
func (c *Core) renewLease() {
	l := &c.lead.lease
	if !c.leases() || c.config.Unleased || c.lead.ended || !c.voter(c.config.ID) {
		*l = lease{}
		return
	}
	answered := quorumReached(c, c.lead.round, func(p *progress) uint64 {
		if p.match < c.lead.opened {
			return 0
		}
		return p.round
	})
	for len(l.sent) > 0 && l.sent[0].round <= answered {
		l.until = l.sent[0].at + leaseSpan*c.config.Heartbeat/4
		l.sent = append(l.sent[:0], l.sent[1:]...)
	}
}

// leased reports whether this leader may answer reads now. Before it has committed an entry of its own
// term it does not know everything that earlier leaders committed.
func (c *Core) leased() bool {
	return c.now < c.lead.lease.until && c.commit >= c.lead.opened
}

// promise makes this member give no vote for the shortest election time-out: it has just heard a
// leader, or has restarted and may have heard one just before.
func (c *Core) promise() {
	c.election.promise = c.now + electionMin*c.config.Heartbeat
}

// promised reports whether some leader may rely on this member not to vote, not even for itself. The
// promise was made to a leader, not to a term: news of a later term do not end it, and neither does the
// loss of a connection.
func (c *Core) promised() bool { return c.leases() && c.now < c.election.promise }

// promiseAtStart makes a member that comes back keep what it may have promised before. One that was
// never in a term has promised nothing, and the only voter nothing to another.
func (c *Core) promiseAtStart() {
	if c.hard.Term > 0 && !c.alone() {
		c.promise()
	}
}
