//go:build unix

package raft

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"v.io/v23/context"
)

// TestFrozenLeaderAnswersNothingOld stops the process of the leader for three election time-outs, while the others
// go on without it. Every read that waits at it when it goes on is fresh or refused: with a lease, too, which it
// held when it was stopped.
func TestFrozenLeaderAnswersNothingOld(t *testing.T) {
	t.Parallel()
	for _, leases := range []bool{false, true} {
		t.Run(fmt.Sprint("leases ", leases), func(t *testing.T) {
			t.Parallel()
			ps := startProcesses(t, 3, func(p *process) { p.LeaseReads = leases })
			for range 3 {
				ps.frozenOnce()
			}
		})
	}
}

func (ps *processes) frozenOnce() {
	ps.t.Helper()
	leader := ps.leader()
	ctx, cancel := context.WithTimeout(ps.ctx, patience)
	defer cancel()
	if _, err := ps.client(leader).ReadIndex(ctx, directly...); err != nil {
		ps.t.Fatal(err)
	}
	signal := func(s syscall.Signal) {
		if err := ps.members[leader].cmd.Process.Signal(s); err != nil {
			ps.t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	_, newest, _, err := ps.client((leader+1)%3).Append(ctx, []byte("beside the frozen one"), directly...)
	if err != nil {
		ps.t.Fatal(err)
	}
	<-time.After(3 * 12 * HeartbeatDefault) // What is tested: a pause of this length.
	const reads = 20
	answered := make(chan error, reads)
	for range reads {
		go func() {
			at, err := ps.client(leader).ReadIndex(ctx, directly...)
			if err == nil && at < newest {
				answered <- fmt.Errorf("a read at %d, when %d was acknowledged", at, newest)
				return
			}
			answered <- nil // Refused is as good as fresh.
		}()
	}
	signal(syscall.SIGCONT)
	for range reads {
		if err := <-answered; err != nil {
			ps.t.Errorf("through the leader that was frozen: %v", err)
		}
	}
}
