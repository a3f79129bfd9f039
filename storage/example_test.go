package storage_test

import (
	"fmt"
	"log"

	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
)

// A member opens its directory, which is created when it is not there. Programs use storage.OS; this
// one stays in memory.
func Example() {
	d, err := storage.Open(vfs.NewMemory(), "data/member-1", storage.Options{
		Member: "10.0.0.1:4000", Incarnation: 0x5eed, SegmentSize: 1 << 20,
	})
	if err != nil {
		log.Fatal(err)
	}
	found, err := d.Log().Recover()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("new: %v, member: %s, last entry: %d\n", d.Created(), d.Identity().Member, found.Last)
	if err := d.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: new: true, member: 10.0.0.1:4000, last entry: 0
}
