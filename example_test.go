package raft_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"sync/atomic"

	"v.io/v23"
	"v.io/v23/context"

	"v.io/x/ref/lib/raft"
	_ "v.io/x/ref/runtime/factories/generic"
)

// counter is the program's state: it adds up the commands' lengths.
type counter struct{ sum atomic.Uint64 }

func (c *counter) Apply(cmd []byte, _ raft.Index) error {
	c.sum.Add(uint64(len(cmd)))
	return nil
}

func (c *counter) SaveToSnapshot(_ *context.T, wr io.Writer, done chan<- error) error {
	defer close(done)
	return binary.Write(wr, binary.BigEndian, c.sum.Load())
}

func (c *counter) RestoreFromSnapshot(_ *context.T, _ raft.Index, rd io.Reader) error {
	var sum uint64
	err := binary.Read(rd, binary.BigEndian, &sum)
	c.sum.Store(sum)
	return err
}

// A set of one member; give AddMember the addresses of others for a larger one.
func Example() {
	ctx, shutdown := v23.Init()
	defer shutdown()
	dir, err := os.MkdirTemp("", "raft")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	state := &counter{}
	r, err := raft.NewRaft(ctx, &raft.RaftConfig{LogDir: dir, HostPort: "127.0.0.1:0"}, state)
	if err != nil {
		log.Fatal(err)
	}
	r.Start()
	defer r.Stop()
	if applyErr, err := r.Append(ctx, []byte("hello")); applyErr != nil || err != nil {
		log.Fatal(applyErr, err)
	}
	if _, err := r.ReadIndex(ctx); err != nil { // From here on reads are linearizable.
		log.Fatal(err)
	}
	fmt.Println(state.sum.Load())
	// Output: 5
}
