package check

import (
	"slices"

	"v.io/x/ref/lib/raft/entry"
)

// Configurations checks configuration safety (thesis, section 4): of two configurations that follow
// each other in the committed log, any two quorums share a voter. They differ by one voter at most, or
// one of them is joint: then it holds the whole set of voters before it, or ends in the set that it
// announced.
type Configurations struct {
	stored map[entry.Position]entry.Configuration
	// current is the newest committed one.
	current entry.Configuration
	// Changes is how many were compared, Joint how many of them were joint.
	Changes, Joint int
}

// take remembers the configurations of a batch.
func (c *Configurations) take(b *entry.Batch) error {
	for _, block := range b.Blocks {
		for i := block.First(); i <= block.Last(); i++ {
			if block.Kind(i) != entry.KindConfiguration {
				continue
			}
			value, err := entry.DecodeConfiguration(block.Payload(i))
			if err != nil {
				return broken("configuration safety", "entry %d: %v", i, err)
			}
			c.stored[entry.Position{Index: i, Term: block.Term(i)}] = value
		}
	}
	return nil
}

// committed takes the next committed entry.
func (c *Configurations) committed(at entry.Position) error {
	next, found := c.stored[at]
	if !found {
		return nil
	}
	before := c.current
	c.current = next
	if len(before.Members) == 0 {
		return nil // the first one was given from outside
	}
	c.Changes++
	if next.Joint() {
		c.Joint++
	}
	if !mayFollow(&before, &next) {
		return broken("configuration safety", "entry %d leads from the voters %v (joint with %v) to %v (joint with %v)",
			at.Index, before.Incoming(), before.Outgoing(), next.Incoming(), next.Outgoing())
	}
	return nil
}

// Current returns the newest committed configuration.
func (c *Configurations) Current() entry.Configuration { return c.current }

// mayFollow reports whether quorums of the two share a voter for certain.
func mayFollow(before, next *entry.Configuration) bool {
	switch {
	case before.Joint() && next.Joint():
		// Learners may come and go; the two sets stay, or a voter's directory was replaced.
		return near(before.Incoming(), next.Incoming()) && near(before.Outgoing(), next.Outgoing())
	case before.Joint():
		return near(before.Incoming(), next.Incoming())
	case next.Joint():
		return near(before.Voters(), next.Outgoing())
	}
	return near(before.Voters(), next.Voters())
}

// near reports whether two sets of voters differ by one at most, so that their majorities meet.
func near(a, b []entry.MemberID) bool {
	different := 0
	for _, pair := range [2][2][]entry.MemberID{{a, b}, {b, a}} {
		for _, id := range pair[0] {
			if !slices.Contains(pair[1], id) {
				different++
			}
		}
	}
	return different <= 1
}
