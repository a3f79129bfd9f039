package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
)

const asProgram = "WALDUMP_TEST_AS_PROGRAM"

// TestMain runs the program itself in the processes that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// waldump runs the program in a process of its own.
func waldump(t *testing.T, args ...string) (status int, out, notes string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	var stdout, stderr strings.Builder
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// member makes a member's directory with a vote, entries in several segments, and a snapshot.
func member(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "member")
	d := openMember(t, dir)
	hard := entry.HardState{Term: 7, Vote: "host:1"}
	err := d.Log().Store(&entry.Batch{Hard: &hard})
	for i := entry.Index(1); i <= 40 && err == nil; i++ {
		err = d.Log().Store(&entry.Batch{Blocks: []*entry.Block{blockOf(i)}, Commit: i - 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	sink, err := d.Snapshots().Create(entry.SnapshotMeta{Index: 5, Term: 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write([]byte("the image of the first five")); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openMember(t *testing.T, dir string) *storage.Dir {
	t.Helper()
	d, err := storage.OS(dir, storage.Options{Member: "m", Incarnation: 5, SegmentSize: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Log().Recover(); err != nil {
		t.Fatal(err)
	}
	return d
}

func blockOf(i entry.Index) *entry.Block {
	var b entry.Builder
	payload := []byte(strings.Repeat(fmt.Sprintf("entry %d.", i), 60))
	b.Add(entry.Header{Index: i, Term: 7, Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
	return b.Block()
}

// flip changes one byte of the file that matches, where text stands for the n-th time, and returns its
// name and offset.
func flip(t *testing.T, dir, pattern, text string, n int) (name string, at int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := -1
		for range n {
			next := strings.Index(string(b[at+1:]), text)
			if next < 0 {
				at = -1
				break
			}
			at += 1 + next
		}
		if at < 0 {
			continue
		}
		b[at]++
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name, at
	}
	t.Fatalf("no file %s has %q", pattern, text)
	return "", 0
}

// contents returns everything in a directory.
func contents(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %d %s\n", e.Name(), len(b), b)
	}
	return all.String()
}

// check runs the program and compares its status and what it says. It must not change the directory.
func check(t *testing.T, dir string, want int, says string, args ...string) string {
	t.Helper()
	before := contents(t, dir)
	status, out, notes := waldump(t, append(args, dir)...)
	if status != want || !strings.Contains(out+notes, says) {
		t.Fatalf("waldump %q: status %d, want %d and %q\n%s%s", args, status, want, says, out, notes)
	}
	if contents(t, dir) != before {
		t.Fatalf("waldump %q changed the directory", args)
	}
	return out
}

// TestClean: a whole directory is status 0, for every subcommand.
func TestClean(t *testing.T) {
	dir := member(t)
	check(t, dir, 0, "40 entries and 1 snapshots read, 0 places damaged", "verify")
	out := check(t, dir, 0, "entry 17  term 7  command", "dump")
	if !strings.Contains(out, `term 7 vote "host:1"`) || strings.Count(out, "    entry ") != 40 {
		t.Errorf("the dump is\n%s", out)
	}
	check(t, dir, 0, "entries 1 to 40, commit at least 39", "stat")
	check(t, dir, 0, "0 places can be mended here, 0 are damaged", "repair")
	check(t, dir, 0, "0 places can be mended here, 0 are damaged", "repair", "-apply")
}

// TestDamagedEntry: status 1, the entry and its place are listed, by every subcommand that reads all; what
// waldump cannot mend it does not.
func TestDamagedEntry(t *testing.T) {
	dir := member(t)
	name, _ := flip(t, dir, "*.log", "entry 17.", 3)
	check(t, dir, 1, "entries 17 to 17 cannot be read", "verify")
	check(t, dir, 1, name, "verify")
	check(t, dir, 1, "DAMAGE", "dump")
	check(t, dir, 1, "entries 1 to 40", "stat")
	check(t, dir, 1, "needs a copy:", "repair")
	check(t, dir, 1, "0 places can be mended here", "repair", "-apply")
	d := openMember(t, dir)
	if err := errors.Join(d.Log().Repair(blockOf(17)), d.Close()); err != nil {
		t.Fatal(err)
	}
	check(t, dir, 0, "0 places damaged", "verify")
}

// TestDamageUnderSnapshot: entries that a snapshot covers are damage too, of which no copy is needed.
func TestDamageUnderSnapshot(t *testing.T) {
	dir := member(t)
	flip(t, dir, "*.log", "entry 5.", 3)
	for _, sub := range []string{"verify", "dump"} {
		check(t, dir, 1, "entries 5 to 5 cannot be read (the snapshot has what they did", sub)
	}
	check(t, dir, 1, "needs nothing:", "repair")
	dir = member(t)
	flip(t, dir, "*.log", "entry 6.", 3)
	check(t, dir, 1,
		"entries 6 to 6 cannot be read (the member fetches copies when it starts, unless truncated since)", "verify")
}

// TestRepair: a copy of a batch's description and one of a segment's header are put back, when it is asked
// for and not before, byte for byte.
func TestRepair(t *testing.T) {
	dir := member(t)
	whole := contents(t, dir)
	flip(t, dir, "*.log", "BTCH", 4)
	flip(t, dir, "*00003.*.log", "raftwal", 2)
	check(t, dir, 1, "would mend:", "repair")
	check(t, dir, 1, "2 places damaged", "verify")
	status, out, notes := waldump(t, "repair", "-apply", dir)
	if status != 0 || strings.Count(out, "mended:") != 2 {
		t.Fatalf("status %d\n%s%s", status, out, notes)
	}
	if contents(t, dir) != whole {
		t.Error("the directory is not what it was before the damage")
	}
	check(t, dir, 0, "0 places damaged", "verify")
}

// TestDamagedSnapshot: status 1, and it stays where it is.
func TestDamagedSnapshot(t *testing.T) {
	dir := member(t)
	flip(t, dir, "*.snap", "the image", 1)
	check(t, dir, 1, "snapshot at index 5", "verify")
	dir = member(t)
	flip(t, dir, "*.snap", "", 1)
	check(t, dir, 1, "snapshot at index 5", "verify")
}

// TestRefused: status 2 for what is no member's directory, is not there, has lost a segment or its vote, or
// has a member running on it; and for a command line that says nothing.
func TestRefused(t *testing.T) {
	dir := member(t)
	d := openMember(t, dir)
	for _, sub := range []string{"dump", "verify", "stat", "repair"} {
		check(t, dir, 2, "stop the member that runs on it, or look at a copy", sub)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, t.TempDir(), 2, "not a member's directory", "verify")
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	if err := os.Rename(names[1], filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	check(t, dir, 2, "segment 2 is missing", "verify")
	nowhere := filepath.Join(dir, "nowhere")
	for _, args := range [][]string{{"verify", nowhere}, {}, {"what"}, {"verify"}, {"verify", "a", "b"}} {
		if status, _, notes := waldump(t, args...); status != 2 || notes == "" {
			t.Errorf("waldump %q: status %d, %q", args, status, notes)
		}
	}
}

// TestProgress: what takes long says how far it is, on standard error: the log segment by segment, each snapshot;
// what does not says nothing.
func TestProgress(t *testing.T) {
	dir := member(t)
	for _, sub := range []string{"dump", "verify", "stat", "repair"} {
		status, quiet, notes := waldump(t, sub, dir)
		if status != 0 || notes != "" {
			t.Errorf("a short %s: status %d, it says %q", sub, status, notes)
		}
		status, out, notes := waldump(t, sub, "-progress", "0", dir)
		if n := strings.Count(notes, "log: 0 MiB of 0 MiB ("); status != 0 || n < 5 || !strings.Contains(notes, "(100%)") {
			t.Errorf("%s -progress 0: status %d, %d lines of the log: %s", sub, status, n, notes)
		}
		if out != quiet {
			t.Errorf("%s -progress 0 prints other lines:\n%s", sub, out)
		}
		if got := strings.Contains(notes, "snapshot at index 5: 0 MiB"); got != (sub == "verify") {
			t.Errorf("%s -progress 0: it speaks of snapshots: %v\n%s", sub, got, notes)
		}
	}
}

// stopper ends a context when a text is written to it.
type stopper struct {
	text string
	stop func()
}

func (s stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.text) {
		s.stop()
	}
	return len(p), nil
}

// TestInterrupt: who interrupts it is not told that all is well, whatever was being read.
func TestInterrupt(t *testing.T) {
	dir := member(t)
	for during, run := range map[string]func(context.Context, command.Streams, []string) error{
		"log: ": runDump, "snapshot at": runVerify,
	} {
		ctx, stop := context.WithCancel(t.Context())
		std := command.Streams{Out: io.Discard, Err: stopper{during, stop}}
		err := run(ctx, std, []string{"-progress", "0", dir})
		if code := status(std, err); !errors.Is(err, context.Canceled) || code != statusRefused {
			t.Errorf("interrupted in %q: status %d, %v", during, code, err)
		}
		stop()
	}
}

// TestHelp: -h teaches, and is no failure.
func TestHelp(t *testing.T) {
	for _, sub := range []string{"dump", "verify", "stat", "repair"} {
		if status, _, notes := waldump(t, sub, "-h"); status != 0 || !strings.Contains(notes, "waldump "+sub+" [flags] DIR") {
			t.Errorf("%s -h: status %d\n%s", sub, status, notes)
		}
	}
}

// TestLostVote: a directory whose newest vote is lost is refused; once the member began anew, the tool says where the
// former files are, and looks at them there.
func TestLostVote(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "member")
	d := openMember(t, dir)
	const whom = "the one who got the newest vote"
	hard := entry.HardState{Term: 7, Vote: whom}
	err := errors.Join(d.SetInitial([]entry.MemberID{"m", "n"}, []byte("print")),
		d.Log().Store(&entry.Batch{Hard: &hard}), d.Close())
	if err != nil {
		t.Fatal(err)
	}
	flip(t, dir, "*.log", whom, 2)
	flip(t, dir, "*.log", whom, 1)
	check(t, dir, 2, "neither copy of the newest term and vote can be read", "verify")
	d, err = storage.OS(dir, storage.Options{Incarnation: 6, SegmentSize: 8 << 10, Renew: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(dir, "lost-0000000000000005")
	says := "set aside    " + lost + ", 1 files"
	for _, sub := range []string{"stat", "verify"} {
		if status, out, notes := waldump(t, sub, dir); status != 0 || !strings.Contains(out, says) {
			t.Errorf("waldump %s: status %d\n%s%s", sub, status, out, notes)
		}
	}
	says = "neither copy of the newest"
	if status, out, notes := waldump(t, "stat", lost); status != 2 || !strings.Contains(notes, says) {
		t.Errorf("waldump of what was set aside: status %d\n%s%s", status, out, notes)
	}
}
