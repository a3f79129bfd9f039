package storage_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
)

const killedDir = "RAFT_STORAGE_TEST_KILLED_DIR"

var killRounds = flag.Int("kill-rounds", 8, "how often TestKill kills")

// TestKill kills a process that appends, votes, takes snapshots and compacts, at random moments, again and
// again on one directory: everything that it said was stored is there, and the directory goes on.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		appendForEver(t, dir)
	}
	dir := filepath.Join(t.TempDir(), "member")
	var acked entry.Index
	for round := range *killRounds {
		acked = killAfter(t, dir, 1+rand.IntN(300))
		d := openReal(t, dir)
		rec, err := d.Log().Recover()
		if err != nil {
			t.Fatal(err)
		}
		if rec.Last < acked || rec.Hard.Term < entry.Term(acked/10) {
			t.Fatalf("round %d: acknowledged %d, recovered %+v", round, acked, rec)
		}
		for i := rec.Base.Index + 1; i <= rec.Last; i++ {
			block, err := d.Log().Read(i, i, 1)
			if err != nil || !bytes.Equal(block.Payload(i), payloadOf(i)) {
				t.Fatalf("round %d: entry %d: %v", round, i, err)
			}
		}
		if list, err := d.Snapshots().List(); err != nil || rec.Base.Index > 0 && list[0].Index < rec.Base.Index {
			t.Fatalf("round %d: the log starts after %d, snapshots are %v, %v", round, rec.Base.Index, list, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acked < 8 {
		t.Errorf("only %d entries were written", acked)
	}
}

func openReal(t *testing.T, dir string) *storage.Dir {
	t.Helper()
	d, err := storage.OS(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// killAfter runs the child until it acknowledged some entries, kills it at a random moment of the milliseconds
// after that, whatever it does then, and returns the last entry acknowledged.
func killAfter(t *testing.T, dir string, entries int) entry.Index {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKill$")
	child.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines, last := bufio.NewScanner(out), uint64(0)
	for n := 0; lines.Scan(); n++ {
		if n == entries {
			moment := time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() {
				if err := child.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
			defer moment.Stop()
		}
		// What was printed before the kill arrived counts too, but for a line that it cut.
		if i, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil && i == last+1 || last == 0 {
			last = i
		}
	}
	if err := child.Wait(); err == nil || last == 0 {
		t.Fatalf("the child ended by itself after entry %d", last)
	}
	return entry.Index(last)
}

func payloadOf(i entry.Index) []byte { return bytes.Repeat(fmt.Appendf(nil, "%d,", i), int(i%97)) }

// appendForEver is the child: it prints each entry that is stored.
func appendForEver(t *testing.T, dir string) {
	d := openReal(t, dir)
	rec, err := d.Log().Recover()
	if err != nil {
		t.Fatal(err)
	}
	term := rec.Hard.Term
	for i := rec.Last + 1; ; i++ {
		var b entry.Builder
		payload := payloadOf(i)
		b.Add(entry.Header{Index: i, Term: 1, Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
		batch := &entry.Batch{Blocks: []*entry.Block{b.Block()}, Commit: i - 1}
		if next := entry.Term(i / 10); next > term {
			term = next
			batch.Hard = &entry.HardState{Term: term, Vote: "v"}
		}
		if err := d.Log().Store(batch); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintln(os.Stdout, i); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			if err := snapshotAt(d, i); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// snapshotAt takes a snapshot and compacts behind it.
func snapshotAt(d *storage.Dir, i entry.Index) error {
	sink, err := d.Snapshots().Create(entry.SnapshotMeta{Index: i, Term: 1})
	if err != nil {
		return err
	}
	if _, err := sink.Write(payloadOf(i)); err != nil {
		return errors.Join(err, sink.Abort())
	}
	if _, err := sink.Commit(); err != nil {
		return errors.Join(err, sink.Abort())
	}
	return errors.Join(d.Snapshots().Retain(2), d.Log().Compact(i))
}
