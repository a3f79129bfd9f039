package wal_test

import (
	"fmt"
	"log"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/wal"
)

// A log is created once, and recovered at every start.
func Example() {
	fsys := vfs.NewMemory()
	options := wal.Options{Incarnation: 0x5eed, SegmentSize: 1 << 20}
	if err := wal.Create(fsys, ".", options); err != nil {
		log.Fatal(err)
	}
	l, err := wal.Open(fsys, ".", options)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := l.Recover(); err != nil {
		log.Fatal(err)
	}

	payload := []byte("set x = 1")
	var b entry.Builder
	b.Add(entry.Header{Index: 1, Term: 1, Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
	if err := l.Store(&entry.Batch{
		Hard:   &entry.HardState{Term: 1, Vote: "host:1"},
		Blocks: []*entry.Block{b.Block()},
	}); err != nil {
		log.Fatal(err)
	}

	// The power fails: only what was synced is left.
	l, err = wal.Open(fsys.Crash(vfs.Lose), ".", options)
	if err != nil {
		log.Fatal(err)
	}
	found, err := l.Recover()
	if err != nil {
		log.Fatal(err)
	}
	block, err := l.Read(1, found.Last, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("term %d, vote %s, entry 1: %s\n", found.Hard.Term, found.Hard.Vote, block.Payload(1))
	// Output: term 1, vote host:1, entry 1: set x = 1
}
