package raft

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"
)

var stableFor = flag.Duration("stable", 2*time.Second,
	"how long TestTermIsStableUnderLoad loads the members, for each number of callers")

// TestTermIsStableUnderLoad loads the leader for a while: being busy must not look like being dead.
// The long run is go test -run TermIsStable -stable 60s -count 5 -cpu 2,8 .
func TestTermIsStableUnderLoad(t *testing.T) {
	for _, callers := range []int{256, 2048} {
		t.Run(fmt.Sprint(callers), func(t *testing.T) {
			c := newCluster(t, 3, func(_ int, config *RaftConfig) {
				// With the race detector, beside other packages' tests, a heartbeat may wait behind 2048 callers
				// for longer than that allows, which says nothing about the library.
				if !raceDetector {
					config.Heartbeat = HeartbeatDefault
				}
			})
			c.startWithoutState()
			leader := c.members[c.leader()]
			before := leader.Stats().Term
			ended := time.Now().Add(*stableFor)
			var running sync.WaitGroup
			for range callers {
				running.Go(func() {
					cmd := make([]byte, 128)
					for time.Now().Before(ended) {
						if _, err := leader.Append(leader.ctx, cmd); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			running.Wait()
			if after := leader.Stats().Term; after != before {
				t.Errorf("the term went from %d to %d", before, after)
			}
		})
	}
}
