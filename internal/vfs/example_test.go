package vfs_test

import (
	"fmt"
	"log"

	"v.io/x/ref/lib/raft/internal/vfs"
)

// A file that is synced but whose name is not does not survive a loss of power.
func ExampleMemory_Crash() {
	disk := vfs.NewMemory()
	f, err := disk.Create("vote")
	if err != nil {
		log.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		log.Fatal(err)
	}
	_, err = disk.Crash(vfs.Lose).Stat("vote")
	fmt.Println(err)
	if err := disk.SyncDir("."); err != nil {
		log.Fatal(err)
	}
	_, err = disk.Crash(vfs.Lose).Stat("vote")
	fmt.Println(err)
	// Output:
	// stat vote: file does not exist
	// <nil>
}
