package raft

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"v.io/v23/context"
)

// This file: the member set changes while each member is a process of its own.

// join starts a process that waits to be added.
func (ps *processes) join() int {
	ps.t.Helper()
	return ps.launch(&process{HostPort: freeAddress(ps.t), Join: true})
}

// do calls a member and fails the test unless that succeeds.
func (ps *processes) do(what string, call func(ctx *context.T) error) {
	ps.t.Helper()
	ctx, cancel := context.WithTimeout(ps.ctx, patience)
	defer cancel()
	if err := call(ctx); err != nil {
		ps.t.Fatalf("%s: %v", what, err)
	}
}

func (ps *processes) add(by, i int) {
	ps.t.Helper()
	ps.do(fmt.Sprint("adding ", i, " through ", by), func(ctx *context.T) error {
		return ps.client(by).AddMember(ctx, ps.members[i].HostPort, directly...)
	})
}

func (ps *processes) remove(by, i int) {
	ps.t.Helper()
	ps.do(fmt.Sprint("removing ", i, " through ", by), func(ctx *context.T) error {
		return ps.client(by).RemoveMember(ctx, ps.members[i].HostPort, directly...)
	})
}

// write appends through each of the members given.
func (ps *processes) write(through ...int) {
	ps.t.Helper()
	for _, i := range through {
		ps.do(fmt.Sprint("appending through ", i), func(ctx *context.T) error {
			_, _, _, err := ps.client(i).Append(ctx, []byte("x"), directly...)
			return err
		})
	}
}

// incarnation returns that of member i as member by knows it, 0 while i is no voter.
func (ps *processes) incarnation(by, i int) uint64 {
	ctx, cancel := context.WithTimeout(ps.ctx, patience)
	defer cancel()
	all, err := ps.client(by).Members(ctx, directly...)
	if err != nil {
		return 0
	}
	for _, m := range all {
		if m.Id == ps.members[i].HostPort && m.Standing == "voter" {
			return m.Incarnation
		}
	}
	return 0
}

// TestSetOfProcessesChanges grows a set from one process to five, replaces one that was killed and one whose
// directory was lost, and removes its leader; each command is written once, through a member that lives.
func TestSetOfProcessesChanges(t *testing.T) {
	ps := startProcesses(t, 1)
	ps.write(0)
	for i := 1; i < 5; i++ {
		ps.add((i-1)/2, ps.join())
		for k := range i + 1 {
			ps.write(k)
		}
	}
	leader := ps.leader()
	dead := (leader + 1) % 5
	ps.kill(dead)
	ps.write(leader)
	ps.remove(leader, dead)
	spare := ps.join()
	ps.add(leader, spare)
	ps.write(spare)

	leader = ps.leader()
	wiped := (leader + 2) % 5
	for wiped == dead || wiped == leader {
		wiped = (wiped + 1) % 5
	}
	var before uint64
	eventually(t, "the member's incarnation is recorded", func() bool {
		before = ps.incarnation(leader, wiped)
		return before != 0
	})
	ps.kill(wiped)
	if err := os.RemoveAll(ps.members[wiped].LogDir); err != nil {
		t.Fatal(err)
	}
	ps.start(wiped)
	eventually(t, "the new directory votes", func() bool {
		now := ps.incarnation(leader, wiped)
		return now != 0 && now != before
	})
	ps.write(wiped)

	old := ps.leader()
	ps.remove(old, old)
	ps.write(spare, wiped)
	ps.kill(old)
	ps.write(ps.leader())
	ctx, cancel := context.WithTimeout(ps.ctx, patience)
	defer cancel()
	if all, err := ps.client(spare).Members(ctx, directly...); err != nil || len(all) != 4 {
		t.Errorf("the set is %+v, %v", all, err)
	}
}

// TestProcessesRestartOneAfterTheOther kills and starts each of three members while callers append through the
// others: none of their calls fails, and none is tried again by who made it.
func TestProcessesRestartOneAfterTheOther(t *testing.T) {
	ps := startProcesses(t, 3)
	ps.leader()
	for away := range ps.members {
		stop := make(chan struct{})
		var running sync.WaitGroup
		done := make(chan struct{}, 1<<20)
		for k := range 8 {
			running.Go(func() {
				for through := (away + 1 + k%2) % 3; ; {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := ps.append(through, []byte("x"), patience); err != nil {
						t.Errorf("through %d, while %d is away: %v", through, away, err)
						return
					}
					done <- struct{}{}
				}
			})
		}
		more := func() {
			t.Helper()
			for range 40 {
				select {
				case <-done:
				case <-time.After(patience):
					t.Fatalf("while %d is away nothing succeeds for %v", away, patience)
				}
			}
		}
		more()
		ps.kill(away)
		more()
		ps.start(away)
		ps.leader() // All are ready.
		more()
		close(stop)
		running.Wait()
	}
}
