package snapshot_test

import (
	"fmt"
	"io"
	"log"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/snapshot"
)

// An image is written through a sink and visible once Commit returned.
func Example() {
	store, err := snapshot.Open(vfs.NewMemory(), ".", snapshot.Options{Incarnation: 0x5eed})
	if err != nil {
		log.Fatal(err)
	}
	sink, err := store.Create(entry.SnapshotMeta{Index: 100, Term: 3})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(sink, "x = 1"); err != nil {
		log.Fatal(err)
	}
	meta, err := sink.Commit()
	if err != nil {
		log.Fatal(err)
	}

	image, err := store.Open(meta.ID, 4)
	if err != nil {
		log.Fatal(err)
	}
	rest, err := io.ReadAll(image)
	if err != nil {
		log.Fatal(err)
	}
	if err := image.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes at entry %d, from byte 4: %q\n", meta.Size, meta.Index, rest)
	// Output: 5 bytes at entry 100, from byte 4: "1"
}
