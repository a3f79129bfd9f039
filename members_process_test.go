package raft

import (
	"errors"
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
	t.Parallel()
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

// callers append through members, each through its own: none of their calls may fail, and none is tried again by
// who made it.
type callers struct {
	ps      *processes
	stop    chan struct{}
	done    chan struct{}
	running sync.WaitGroup
}

// appendThrough starts n callers at each member given; name is theirs, so that each command is unique.
func (ps *processes) appendThrough(name string, n int, members ...int) *callers {
	a := &callers{ps: ps, stop: make(chan struct{}), done: make(chan struct{}, 1<<20)}
	for _, i := range members {
		for k := range n {
			a.running.Go(func() { a.call(i, fmt.Sprint(name, " ", i, " ", k)) })
		}
	}
	return a
}

func (a *callers) call(through int, name string) {
	for n := 0; ; n++ {
		select {
		case <-a.stop:
			return
		default:
		}
		cmd := fmt.Sprint(name, " ", n)
		if _, err := a.ps.append(through, []byte(cmd), patience); err != nil {
			a.ps.t.Errorf("Append(%q): %v", cmd, err)
			return
		}
		a.done <- struct{}{}
	}
}

// more waits until some more have succeeded.
func (a *callers) more(when string) {
	a.ps.t.Helper()
	for range 40 {
		select {
		case <-a.done:
		case <-time.After(patience):
			a.ps.t.Fatalf("%s nothing succeeds for %v", when, patience)
		}
	}
}

func (a *callers) end() {
	close(a.stop)
	a.running.Wait()
}

// TestProcessesRestartOneAfterTheOther kills and starts each of three members while callers append through the
// others.
func TestProcessesRestartOneAfterTheOther(t *testing.T) {
	t.Parallel()
	ps := startProcesses(t, 3, once)
	ps.leader()
	for away := range ps.members {
		when := fmt.Sprint("while ", away, " is away")
		a := ps.appendThrough(when, 4, (away+1)%3, (away+2)%3)
		a.more(when)
		ps.kill(away)
		a.more(when)
		ps.start(away)
		ps.leader() // All are ready.
		a.more(when)
		a.end()
	}
}

// TestProcessesTransferUnderLoad moves leadership from process to process while callers append through all of them.
// No call fails, and no command is applied twice.
func TestProcessesTransferUnderLoad(t *testing.T) {
	t.Parallel()
	ps := startProcesses(t, 3, once)
	ps.leader()
	a := ps.appendThrough("x", 4, 0, 1, 2)
	for i := range 9 {
		when := fmt.Sprint("around transfer ", i)
		a.more(when)
		to := ps.members[(ps.leader()+1)%3].HostPort
		eventually(t, "leadership moves", func() bool {
			ctx, cancel := context.WithTimeout(ps.ctx, patience)
			defer cancel()
			err := ps.client(i%3).TransferLeadership(ctx, to, directly...)
			if err != nil && !errors.Is(err, ErrNotTransferred) {
				t.Fatalf("transfer %d: %v", i, err)
			}
			return err == nil
		})
		a.more(when)
	}
	a.end()
	ps.leader() // None has stopped.
}
