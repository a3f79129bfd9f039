package core

import "v.io/x/ref/lib/raft/entry"

// This file: a member whose file system is full. Terms and votes have a reserve, so it goes on voting,
// hears its leader, and leads on if it does; it takes no entries, and acknowledges none.

// noRoomFlag in MsgAppendReply.HintTerm of a success says that the sender takes no entries at present.
const noRoomFlag = 1

// dropUnwritten forgets the entries that were handed out and could not be written. The member stands as
// if it had crashed before they were: what it promised waited for the disk. A candidate asked for votes
// with them as its log's end, so it stands no more.
func (c *Core) dropUnwritten(out *Effects) {
	from := max(c.disk.last, c.log.base.Index) + 1
	if c.role == Leader || from > c.log.last {
		return
	}
	if c.role != Follower {
		c.becomeFollower(c.hard.Term, "", out)
	}
	c.truncate(from, out)
	c.commit = min(c.commit, c.log.last)
}

// learn takes a configuration that could not be read until now.
func (c *Core) learn(at *ConfigurationAt) {
	if c.role == Leader || at.Index <= c.log.base.Index || at.Index > c.log.last || at.Value.Validate() != nil {
		return
	}
	if c.config.below(&at.Value) {
		c.fail("%s", levelText(at.Index, at.Value.Level, c.config.level()))
		return
	}
	c.members.learn(at)
}

// heldOf returns the last entry of a message that this log holds: what a member without room can
// acknowledge of it.
func (c *Core) heldOf(m *Message) entry.Index {
	for _, block := range m.Body {
		if fresh := c.firstNew(block); fresh <= block.Last() {
			return max(fresh-1, m.Index)
		}
	}
	return m.Index + entry.Index(m.Entries.Count)
}

// leaveFull makes a leader without room hand over, once, to a voter that has some. If none takes over it
// leads on: the others may be full, too, and reads need a leader.
func (c *Core) leaveFull() {
	if !c.disk.noRoom || c.lead.gaveWay || c.transferring() {
		return
	}
	_, why := c.handOver("")
	c.lead.gaveWay = why == 0
}
