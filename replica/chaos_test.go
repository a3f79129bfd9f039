package replica_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/transport/mem"
)

// chaos is a cluster under clients, faults and restarts, all drawn from one seed.
type chaos struct {
	*cluster
	random *rand.Rand
	mu     sync.Mutex
	// fates are what the clients were told: nil for success, ErrOutcomeUnknown, or a refusal.
	fates map[string]error
}

// replicas returns the members that run now.
func (c *chaos) replicas() (all []*replica.Replica) {
	for _, m := range c.members {
		if m.Replica != nil {
			all = append(all, m.Replica)
		}
	}
	return all
}

// round lets some clients propose and read, each through one member and within a bound.
func (c *chaos) round(n int, group *sync.WaitGroup) {
	for i, r := range c.replicas() {
		for k := range 4 {
			command := fmt.Sprintf("%d/%d/%d", n, i, k)
			group.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				_, _, err := r.Propose(ctx, []byte(command))
				c.mu.Lock()
				c.fates[command] = err
				c.mu.Unlock()
				if err == nil {
					c.read(ctx, r, command)
				}
			})
		}
	}
}

// read reads after a success: when it is answered, the machine that answers has applied the command.
func (c *chaos) read(ctx context.Context, r *replica.Replica, command string) {
	index, err := r.ReadIndex(ctx)
	if err == nil && r.Status().Running && r.Status().Applied < index {
		c.t.Errorf("a read after %s was given %d, applied is %d", command, index, r.Status().Applied)
	}
}

// trouble changes the network or restarts somebody.
func (c *chaos) trouble() {
	m := c.members[c.random.IntN(len(c.members))]
	switch c.random.IntN(5) {
	case 0:
		c.network.Isolate(m.id)
	case 1, 2:
		c.network.Heal()
	case 3:
		c.network.SetFaults(mem.Faults{
			Drop: c.random.Float64() / 5, Delay: time.Duration(c.random.IntN(20)) * time.Millisecond,
		})
	case 4:
		switch {
		case m.Replica == nil:
			m.start()
		case len(c.replicas()) > len(c.members)/2+1 || c.random.IntN(4) == 0:
			m.stop()
		}
	}
}

// verdict compares what was applied with what the clients were told, and returns the successes.
func (c *chaos) verdict() (successes int) {
	counts := map[string]int{}
	for _, command := range c.members[0].machine.all() {
		counts[string(command)]++
	}
	for command, err := range c.fates {
		n := counts[command]
		switch {
		case err == nil && n != 1:
			c.t.Errorf("%s succeeded and was applied %d times", command, n)
		case n > 1:
			c.t.Errorf("%s was applied %d times (%v)", command, n, err)
		case n == 1 && err != nil && !errors.Is(err, replica.ErrOutcomeUnknown):
			c.t.Errorf("%s was applied and called not proposed: %v", command, err)
		}
		if err == nil {
			successes++
		}
	}
	return successes
}

// TestChaos checks, over random histories, that what a client is told is true: a success is applied
// exactly once on every member, a refusal never, and an unknown outcome at most once.
func TestChaos(t *testing.T) {
	successes := 0
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				size := 3 + int(seed%3)
				c := &chaos{
					cluster: newCluster(t, size, often), random: rand.New(rand.NewPCG(seed, 5)), fates: map[string]error{},
				}
				c.start()
				var group sync.WaitGroup
				for n := range 60 {
					c.round(n, &group)
					time.Sleep(time.Duration(c.random.IntN(300)) * time.Millisecond)
					c.trouble()
				}
				c.network.Heal()
				c.network.SetFaults(mem.Faults{})
				for _, m := range c.members {
					if m.Replica == nil {
						m.start()
					}
				}
				group.Wait()
				c.leader().propose("last")
				c.converge()
				successes += c.verdict()
			})
		})
	}
	if successes < 1000 {
		t.Errorf("%d commands succeeded: that proves little", successes)
	}
}
