package raftcheck_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/raftcheck"
)

// votes counts ballots for four candidates. It has a mistake: it writes its image beside Apply, from
// the array that Apply goes on changing.
type votes struct{ counts [4]byte }

func (v *votes) Apply(cmd []byte, _ raft.Index) error {
	v.counts[cmd[0]%4]++
	return nil
}

func (v *votes) SaveToSnapshot(_ *context.T, wr io.Writer, response chan<- error) error {
	go func() {
		defer close(response)
		for i := range v.counts {
			if _, err := wr.Write(v.counts[i : i+1]); err != nil {
				response <- err
				return
			}
		}
	}()
	return nil
}

func (v *votes) RestoreFromSnapshot(_ *context.T, _ raft.Index, rd io.Reader) error {
	_, err := io.ReadFull(rd, v.counts[:])
	return err
}

// A program's test checks its client over some seeds, first by hand and then in whole clusters.
func Example() {
	program := raftcheck.Program{
		New:     func() raft.RaftClient { return new(votes) },
		Command: func(_ int, random *rand.Rand) []byte { return []byte{byte(random.IntN(4))} },
	}
	var found *raftcheck.Finding
	if err := raftcheck.Check(program, 1, 100); errors.As(err, &found) {
		fmt.Println("broken:", found.Check)
	}
	for seed := range uint64(50) {
		if err := raftcheck.Simulate(program, seed); errors.As(err, &found) {
			fmt.Println("in a cluster:", found.Check)
			break
		}
	}
	// Output:
	// broken: an image written beside Apply is that of its moment
	// in a cluster: Apply is deterministic
}
