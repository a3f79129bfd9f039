package raft

import (
	stdcontext "context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"v.io/v23/context"
)

// join makes and starts one more member, which waits to be added.
func (c *cluster) join() int {
	c.t.Helper()
	i := len(c.members)
	config := c.config(i)
	config.Join = true
	m := &member{ctx: c.principal(fmt.Sprintf("member:%d", i)), config: config, client: &journal{}}
	c.members = append(c.members, m)
	c.create(m)
	m.Start()
	return i
}

// soon returns a context that ends when a test has waited for too long.
func (c *cluster) soon() *context.T {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	c.t.Cleanup(cancel)
	return ctx
}

// add adds member i through member by.
func (c *cluster) add(by, i int) {
	c.t.Helper()
	if err := c.members[by].AddMember(c.soon(), c.members[i].ID()); err != nil {
		c.t.Fatalf("adding member %d through %d: %v", i, by, err)
	}
}

// remove removes member i through member by, once the running members have answered the leader: those that
// have not lately are not counted on.
func (c *cluster) remove(by, i int) {
	c.t.Helper()
	if _, err := c.members[by].Barrier(c.soon()); err != nil {
		c.t.Fatal(err)
	}
	at := c.members[by].Stats().Commit
	for k, m := range c.members {
		if _, inSet := c.standings(by)[m.ID()]; m.up && inSet {
			eventually(c.t, fmt.Sprintf("member %d has entry %d", k, at), func() bool { return m.Stats().Applied >= at })
		}
	}
	if err := c.members[by].RemoveMember(c.soon(), c.members[i].ID()); err != nil {
		c.t.Fatalf("removing member %d through %d: %v", i, by, err)
	}
}

// standings returns the member set as member i knows it, as "id standing" lines.
func (c *cluster) standings(i int) map[string]string {
	out := map[string]string{}
	for _, m := range c.members[i].Members() {
		out[m.Id] = m.Standing
	}
	return out
}

// voters waits until member i knows the running members of want as voters, and nobody else.
func (c *cluster) voters(i int, want ...int) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("member %d knows the voters %v", i, want), func() bool {
		got := c.standings(i)
		for _, k := range want {
			if got[c.members[k].ID()] != "voter" {
				return false
			}
		}
		return len(got) == len(want)
	})
}

func TestGrowFromOneToThreeToFive(t *testing.T) {
	c := startCluster(t, 1, nil)
	var want []string
	write := func(i int) {
		t.Helper()
		want = append(want, fmt.Sprint(len(want)))
		c.append(i, want[len(want)-1])
	}
	write(0)
	for i := 1; i < 5; i++ {
		c.join()
		c.add((i-1)/2, i) // Through the leader, and through others.
		for k := range i + 1 {
			write(k)
		}
		c.voters(i, []int{0, 1, 2, 3, 4}[:i+1]...)
	}
	c.agree(want)
	c.stop(c.leader())
	c.stop(c.leader())
	write(c.leader()) // Three of five go on.
	c.agree(want)
}

func TestAddMemberIsDoneOnce(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(0, "x")
	c.join()
	c.add(0, 1)
	last := c.members[0].Stats().Last
	c.add(0, 1)
	c.add(1, 1)
	if now := c.members[0].Stats().Last; now != last {
		t.Errorf("adding a member again took the log from %d to %d", last, now)
	}
	c.remove(1, 1)
	c.remove(0, 1)
	c.voters(0, 0)
}

func TestDeadMemberIsReplaced(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	c.append(c.leader(), "x")
	dead := (c.leader() + 1) % 3
	c.stop(dead)
	c.append(c.leader(), "y")
	by := c.leader()
	spare := c.join()
	c.remove(by, dead)
	c.add(by, spare)
	c.append(spare, "z")
	c.agree([]string{"x", "y", "z"})
	before := c.members[by].Stats().Term
	c.restart(dead) // It is a member no longer, and disturbs nobody.
	for i := range 20 {
		c.members[dead].StartElection()
		c.append(spare, fmt.Sprint(i))
	}
	if after := c.members[by].Stats().Term; after != before {
		t.Errorf("a removed member that came back took the term from %d to %d", before, after)
	}
	if got := c.standings(by); len(got) != 3 || got[c.members[dead].ID()] != "" {
		t.Errorf("the set is %v", got)
	}
}

// TestWipedMemberIsReplacedUnderItsID starts a member on an empty directory, with the static list of its
// program, and with Join.
func TestWipedMemberIsReplacedUnderItsID(t *testing.T) {
	t.Parallel()
	for _, join := range []bool{false, true} {
		t.Run(fmt.Sprint("join ", join), func(t *testing.T) { replaceWiped(t, join) })
	}
}

func replaceWiped(t *testing.T, join bool) {
	c := startCluster(t, 3, nil)
	c.append(c.leader(), "x")
	wiped := (c.leader() + 1) % 3
	m := c.members[wiped]
	var before uint64
	incarnation := func(by int) (found uint64) {
		for _, info := range c.members[by].Members() {
			if info.Id == m.ID() && info.Standing == "voter" {
				found = info.Incarnation
			}
		}
		return found
	}
	eventually(t, "the member's incarnation is recorded", func() bool {
		before = incarnation(c.leader())
		return before != 0
	})
	id := m.ID()
	c.stop(wiped)
	if err := os.RemoveAll(m.config.LogDir); err != nil {
		t.Fatal(err)
	}
	m.config.HostPort, m.config.Join = id, join // Its address, and so its id, are the same.
	c.create(m)
	if !join {
		for _, other := range c.members {
			if err := m.AddMember(c.ctx, other.ID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.Start()
	eventually(t, "the new directory votes", func() bool {
		now := incarnation(c.leader())
		return now != 0 && now != before
	})
	c.append(wiped, "y")
	c.agree([]string{"x", "y"})
}

func TestRemovedLeaderHandsOver(t *testing.T) {
	c := startCluster(t, 3, nil)
	c.append(c.leader(), "x")
	old := c.leader()
	c.remove(old, old)
	others := []int{(old + 1) % 3, (old + 2) % 3}
	for _, i := range others {
		c.append(i, fmt.Sprint("through ", i))
		c.voters(i, others...)
	}
	eventually(t, "another member leads", func() bool {
		_, role, leader := c.members[others[0]].Status()
		return leader != c.members[old].ID() && (role == RoleLeader || leader != "")
	})
	eventually(t, "the removed member knows", func() bool {
		ctx, cancel := context.WithTimeout(c.ctx, 200*time.Millisecond)
		defer cancel()
		_, err := c.members[old].Append(ctx, []byte("no"))
		return errors.Is(err, ErrRemoved)
	})
}

func TestLearnerReceivesTheLogAndDoesNotVote(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(0, "x")
	learner := c.join()
	if err := c.members[0].AddLearner(c.soon(), c.members[learner].ID()); err != nil {
		t.Fatal(err)
	}
	c.append(learner, "y")
	c.agree([]string{"x", "y"})
	if got := c.standings(0)[c.members[learner].ID()]; got != "learner" {
		t.Errorf("the learner stands as %q", got)
	}
	c.stop(learner)
	c.append(0, "z") // Nobody waits for a learner.
	c.restart(learner)
	c.add(learner, learner)
	c.voters(0, 0, learner)
}

func TestChangesOfTheSetThatAreRefused(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	m := c.members[leader]
	c.append(leader, "x")
	for name, row := range map[string]struct {
		do   func(ctx *context.T) error
		want error
		text string
	}{
		"a member that never was": {func(ctx *context.T) error { return m.RemoveMember(ctx, "127.0.0.1:1") },
			ErrChangeRefused, "127.0.0.1:1"},
		"no id":              {func(ctx *context.T) error { return m.AddMember(ctx, " ") }, ErrBadConfig, "empty"},
		"no id to remove":    {func(ctx *context.T) error { return m.RemoveMember(ctx, "") }, ErrBadConfig, "empty"},
		"no id of a learner": {func(ctx *context.T) error { return m.AddLearner(ctx, "/") }, ErrBadConfig, "empty"},
		"leadership for a stranger": {func(ctx *context.T) error { return m.TransferLeadership(ctx, "127.0.0.1:1") },
			ErrNotTransferred, "no voter"},
	} {
		err := row.do(c.soon())
		if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, row.want, row.text)
		}
	}
	dead := (leader + 1) % 3
	c.stop(dead)
	eventually(t, "the leader misses the member that died", func() bool {
		err := m.TransferLeadership(c.soon(), c.members[dead].ID())
		return err != nil && strings.Contains(err.Error(), "not heard")
	})
	err := m.RemoveMember(c.soon(), c.members[(leader+2)%3].ID()) // One of two would be left alive.
	if !errors.Is(err, ErrChangeRefused) {
		t.Errorf("a removal that would lose the quorum: %v", err)
	}
	c.append(leader, "y")
}

func TestChangeGoesOnWhenItsContextEnds(t *testing.T) {
	c := startCluster(t, 1, nil)
	c.append(0, "x")
	i := c.join()
	m := c.members[i]
	m.config.HostPort = m.ID()
	c.stop(i)
	ctx, cancel := context.WithTimeout(c.ctx, 200*time.Millisecond)
	defer cancel()
	err := c.members[0].AddMember(ctx, m.ID())
	if !errors.Is(err, ErrChangeGoesOn) || !errors.Is(err, stdcontext.DeadlineExceeded) {
		t.Fatalf("got %v, want ErrChangeGoesOn and the deadline", err)
	}
	if got := c.standings(0)[m.ID()]; got != "arriving" {
		t.Errorf("the member that cannot be reached stands as %q", got)
	}
	c.append(0, "nobody waits for it")
	c.restart(i)
	c.voters(0, 0, i)
	c.agree([]string{"x", "nobody waits for it"})
}

func TestMembershipBeforeStartAndAfterStop(t *testing.T) {
	c := newCluster(t, 1, nil)
	m := c.members[0]
	calls := map[string]func() error{
		"AddLearner":         func() error { return m.AddLearner(c.ctx, "127.0.0.1:1") },
		"RemoveMember":       func() error { return m.RemoveMember(c.ctx, "127.0.0.1:1") },
		"TransferLeadership": func() error { return m.TransferLeadership(c.ctx, "") },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s before Start: %v", name, err)
		}
	}
	m.Start()
	c.append(0, "x")
	c.stop(0)
	calls["AddMember"] = func() error { return m.AddMember(c.ctx, "127.0.0.1:1") }
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s after Stop: %v", name, err)
		}
	}
}

func TestRemovedMemberIsAddedAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, nil)
	c.append(c.leader(), "x")
	for round := range 4 {
		gone := c.leader()
		if round%2 == 1 {
			gone = (gone + 1) % 3
		}
		by := (gone + 1) % 3
		c.remove(by, gone)
		c.append(by, fmt.Sprint(round, " without"))
		c.add(by, gone)
		c.append(gone, fmt.Sprint(round, " again"))
		c.voters(gone, 0, 1, 2)
		c.leader()
	}
}
