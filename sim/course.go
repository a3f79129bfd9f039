package sim

import "fmt"

// course is virtual time: what will happen, what has happened, and whether a promise was broken.
type course struct {
	now       Instant
	agenda    agenda
	trace     trace
	counts    map[string]int
	violation error
	finished  bool
}

// eventsMax bounds a run: a world that never rests is as wrong as one that never moves.
const eventsMax = 20_000_000

// loop goes on until the end or the first violation.
func (c *course) loop() {
	for c.violation == nil && !c.finished {
		next, found := c.agenda.next()
		if !found {
			c.violate(fmt.Errorf("liveness: nothing will happen any more"))
			return
		}
		c.now = next.at
		next.do()
		if c.trace.events > eventsMax {
			c.violate(fmt.Errorf("liveness: %d events without an end", c.trace.events))
		}
	}
}

// violate ends the run: the first violation counts.
func (c *course) violate(err error) {
	if c.violation == nil {
		c.violation = err
	}
}

func (c *course) in(d Instant, do func()) { c.agenda.add(c.now+d, do) }

func (c *course) count(what string) { c.counts[what]++ }

func (c *course) note(who string, v verb, name string, numbers ...uint64) {
	c.trace.note(c.now, who, v, name, numbers...)
}
