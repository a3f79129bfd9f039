package raft

import (
	"fmt"
	"testing"
)

func TestOneLeaderForEachSizeOfSet(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 4, 5, 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := newCluster(t, n, nil)
			c.start()
			c.leader()
		})
	}
}

func TestAppendThroughAnyMemberIsAppliedByAll(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	var want []string
	for i := range 30 {
		cmd := fmt.Sprint("command ", i)
		c.append(i%3, cmd)
		want = append(want, cmd)
	}
	c.agree(want)
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	var want []string
	for round := range 3 {
		for i := range 3 {
			cmd := fmt.Sprint("round ", round, " through ", i)
			c.append(i, cmd)
			want = append(want, cmd)
		}
		for i := range 3 {
			c.stop(i)
		}
		for i := range 3 {
			c.restart(i)
		}
		c.agree(want)
	}
}

func TestAnotherMemberLeadsWhenTheLeaderStops(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	c.append(0, "before")
	old := c.leader()
	c.stop(old)
	leader := c.leader()
	c.append(leader, "while it is away")
	c.restart(old)
	c.append(old, "after")
	c.agree([]string{"before", "while it is away", "after"})
}
