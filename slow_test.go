package raft

import (
	"strings"
	"testing"
)

// TestLargeCommandsOnSlowLines: commands of 4 MiB are under way for much longer than an election time-out, from
// the leader and to it, and nobody stands for election: heartbeats and their answers pass them.
func TestLargeCommandsOnSlowLines(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, func(_ int, config *RaftConfig) { config.Heartbeat = HeartbeatDefault })
	w := c.wire()
	c.start()
	c.elect()
	c.append(0, "before")
	w.each(func(l *link) { l.slow(4 << 20) })
	leader := c.leader()
	term := c.members[leader].Stats().Term
	want := []string{"before"}
	for i := range c.members {
		large := strings.Repeat(string(rune('a'+i)), CommandMax)
		c.append((leader+i)%3, large)
		want = append(want, large)
	}
	c.agree(want)
	for i, m := range c.members {
		if now := m.Stats().Term; now != term {
			t.Errorf("member %d is in term %d, want %d: there was an election", i, now, term)
		}
	}
}
