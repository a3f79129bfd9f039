package core

import (
	"fmt"

	"v.io/x/ref/lib/raft/entry"
)

// This file: the level of formats and features that a cluster has agreed on, so that its members can be
// replaced by newer versions one after the other. It rises when every member has announced more, never
// falls, and a member that reads a level above its own stops. So a leader sends a learner nothing but
// heartbeats until that one has said what it knows:
//
//	leader                                         the member to add
//	records it as a learner      --heartbeat-->
//	                             <----answer----   with its level
//	high enough: goes on         --append----->
//	too low: takes the learner back and refuses the change (RefusedLevel)

// Level is the newest level of formats and features that this version knows. What a level added is
// used only once the configuration has reached it, which is when every member has announced it.
//
//	1  what the first released version knows
const Level = 1

// level returns the newest level that this member announces.
func (c *Config) level() uint32 {
	if c.Level != 0 {
		return c.Level
	}
	return Level
}

// below reports whether a configuration asks more of this member than its version knows. One that does
// not name it asks nothing: the entries on the way to its removal, and after it, are no failure.
func (c *Config) below(value *entry.Configuration) bool {
	_, found := value.Find(c.ID)
	return found && value.Level > c.level()
}

func levelText(at entry.Index, level, own uint32) string {
	return fmt.Sprintf("the configuration at index %d is at level %d and this version knows levels up to %d;"+
		" install a newer one", at, level, own)
}

// levelOf returns the newest level that a member knows, 0 when it told none.
func (c *Core) levelOf(id entry.MemberID) uint32 {
	if id == c.config.ID {
		return c.config.level()
	}
	if met := c.members.met.find(id); met != nil {
		return met.Level
	}
	return 0
}

// unready reports whether a member is not known to understand the configuration: it has told less, or nothing
// yet. The first level is understood by every version.
func (c *Core) unready(id entry.MemberID) bool {
	level := c.members.current().Value.Level
	return level > 1 && c.levelOf(id) < level
}

// outdated reports whether a member was met and knows less than the configuration asks for.
func (c *Core) outdated(id entry.MemberID) bool {
	return c.unready(id) && c.members.met.find(id) != nil
}

// withheld reports whether a member is sent heartbeats only, because it might not understand what it would
// read. A voter does: it was one when the level rose, or has caught up since. One that was taken back is still
// a peer for a while, and would read that it was added.
func (c *Core) withheld(id entry.MemberID) bool {
	if !c.unready(id) {
		return false
	}
	m, found := c.members.current().Value.Find(id)
	return !found || m.Learner
}

// refuseLevel refuses a change that adds a member which is known to be too old.
func (c *Core) refuseLevel(change *Change) ChangeResult {
	for _, m := range change.Add {
		if c.outdated(m.ID) {
			return refused(RefusedLevel, int(c.levelOf(m.ID)), int(c.members.current().Value.Level))
		}
	}
	return ChangeResult{}
}

// takeBack returns the configuration without the learners of a change that have turned out to be too old.
func (c *Core) takeBack(change *Change) entry.Configuration {
	var old Change
	for _, m := range change.Add {
		if c.outdated(m.ID) && c.withheld(m.ID) {
			old.Remove = append(old.Remove, m.ID)
		}
	}
	return planned(&c.members.current().Value, &old)
}
