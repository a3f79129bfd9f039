package core

// This file: a member whose disk stands still. Its heartbeats would go out as before, so nobody else
// would notice that nothing it leads can be answered by it, and that it cannot vote.

// stalled reports whether the disk has not ended a write for an election time-out although one is
// under way. Idle is not a stall, and neither is a slow disk that ends one write after the other, nor a
// full one: see space.go.
func (c *Core) stalled() bool {
	if len(c.disk.pending) == 0 || c.disk.noRoom {
		return false
	}
	return c.now-max(c.disk.pending[0].at, c.disk.moved) > quorumMax*c.config.Heartbeat
}

// leaveStalled makes a leader with a stalled disk give way, when the others could elect one of them
// without its vote: it hands over, and steps down if nothing comes of that. It reports whether the
// member leads no more. A leader that nobody can replace goes on: its followers may still have their
// entries committed.
func (c *Core) leaveStalled(out *Effects) bool {
	if !c.stalled() && !c.disk.impaired {
		c.lead.gaveWay = c.lead.gaveWay && c.disk.noRoom
		return false
	}
	// Its own vote would have to be durable, too.
	if c.transferring() || !c.quorumReachable(0) {
		return false
	}
	if !c.lead.gaveWay {
		c.lead.gaveWay = true
		if _, why := c.handOver(""); why == 0 {
			return false
		}
	}
	c.becomeFollower(c.hard.Term, "", out)
	return true
}
