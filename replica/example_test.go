package replica_test

import (
	"context"
	"fmt"
	"io"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
	"v.io/x/ref/lib/raft/transport/mem"
)

// counter is a program that adds up the lengths of its commands.
type counter struct{ total int }

func (c *counter) Apply(cmds []replica.Command, results []any) {
	for i, command := range cmds {
		c.total += len(command.Payload)
		results[i] = c.total
	}
}

func (c *counter) Snapshot(_ context.Context, _ entry.Index, w io.Writer) (func() error, error) {
	_, err := fmt.Fprint(w, c.total)
	return nil, err
}

func (c *counter) Restore(_ context.Context, _ entry.Index, r io.Reader) error {
	_, err := fmt.Fscan(r, &c.total)
	return err
}

// Example runs a cluster of one member over stores in memory.
func Example() {
	log, err := new(storetest.LogPlace).Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	snapshots, err := new(storetest.SnapshotPlace).Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := replica.New(replica.Config{
		ID: "a", Origin: 1, // a random number in a real program
		Initial: entry.Configuration{Cluster: entry.ClusterID{1}, Members: []entry.Member{{ID: "a"}}},
		Log:     log, Snapshots: snapshots, Machine: new(counter),
		Transport: mem.New(1).Join(replica.Peer{ID: "a"}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := r.Start(); err != nil {
		fmt.Println(err)
		return
	}
	for status, changed := r.Watch(); status.Leader == ""; status, changed = r.Watch() {
		<-changed
	}
	for _, command := range []string{"three", "four!!"} {
		total, at, err := r.Propose(context.Background(), []byte(command))
		fmt.Println(total, at.Index, err)
	}
	fmt.Println(r.Stop())
	// Output:
	// 5 3 <nil>
	// 11 4 <nil>
	// <nil>
}
