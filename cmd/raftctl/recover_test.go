package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/storage"
)

// checksums returns the content of every file below a directory, but for locks.
func checksums(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%d %x", len(b), sha256.Sum256(b))
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files in %s: %v", len(all), dir, err)
	}
	return all
}

// flipIn returns what changes a byte behind some text in the files whose names end so.
func flipIn(suffix, text string) func(file string, b []byte) []byte {
	return func(file string, b []byte) []byte {
		if at := bytes.Index(b, []byte(text)); at >= 0 && strings.HasSuffix(file, suffix) {
			b[at+len(text)-1] ^= 1
		}
		return b
	}
}

// cutIn cuts the files whose names end so to a few bytes.
func cutIn(suffix, file string, b []byte) []byte {
	if strings.HasSuffix(file, suffix) {
		return b[:5]
	}
	return b
}

// copyDamaged copies a member's log directory, with changes.
func copyDamaged(t *testing.T, dir string, damage func(file string, b []byte) []byte) string {
	t.Helper()
	to := t.TempDir()
	names, err := filepath.Glob(filepath.Join(dir, "log", "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), damage(name, b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestRecover loses two of three members, and goes on from the third: in a new cluster, into which those that
// were lost do not come back; what is unsafe is refused, and the directories stay what they are.
func TestRecover(t *testing.T) {
	ctl, raftd, dir := build(t, "raftctl"), build(t, "raftd"), t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(ctl, append([]string{"recover"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	refused := func(want string, args ...string) {
		t.Helper()
		status := command.ExitFailed
		if strings.HasPrefix(want, "needs") {
			status = command.ExitUsage
		}
		ends(t, status, want, ctl, append([]string{"recover"}, args...)...)
	}
	var old []string
	t.Run("before", func(t *testing.T) {
		say := dev(t, raftd, dir)
		say("set k before")
		for i := 1; i <= 3; i++ {
			old = append(old, filepath.Join(dir, layout.MemberName(i)))
			say(fmt.Sprintf("get k @%d", i))
		}
		refused("is in use", "plan", old[0])
	})
	place, err := layout.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := checksums(t, dir)
	refused("a majority of the voters", "plan", old[0], old[2])
	refused("not a member's directory", "plan", t.TempDir())
	refused("is in use", "plan", old[0], filepath.Join(old[0], "log"))
	refused("needs the directories", "plan")
	plan := run("plan", "--progress", "0", old[0])
	if !strings.Contains(plan, "verify the log of "+place.Members[0]+": ") {
		t.Errorf("the plan does not tell how far it is:\n%s", plan)
	}
	gone := slices.Sorted(slices.Values(place.Members[1:]))
	for _, want := range []string{"from " + place.Members[0], "2 lost members are a majority of the 3 voters",
		"never start " + strings.Join(gone, ", ")} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	refusesDamage(t, old[0], func(dir, want string) { refused(want, "plan", dir) })
	target := filepath.Join(t.TempDir(), "new")
	refused("something has changed", "apply", "--fingerprint", "0123456789abcdef", "--to", target, old[0])
	fingerprint := fields(plan)["fingerprint"]
	refused("is not empty", "apply", "--fingerprint", fingerprint, "--to", old[1], old[0])
	refused("needs --to", "apply", "--fingerprint", fingerprint, old[0])
	said := run("apply", "--fingerprint", fingerprint, "--to", target, "--progress", "0", old[0])
	if !strings.Contains(said, "recover: 0 MiB in ") {
		t.Errorf("apply does not tell how far it is:\n%s", said)
	}
	applied := fields(said)
	if applied["member"] != place.Members[0] || applied["cluster"] == "" || strings.Contains(plan, applied["cluster"]) {
		t.Errorf("apply says %v", applied)
	}
	if after := checksums(t, dir); !reflect.DeepEqual(before, after) {
		t.Error("the old directories were changed")
	}
	if !strings.Contains(run("plan", "-h"), "Never start a lost member again") {
		t.Error("plan -h does not teach")
	}
	comeBack(t, ctl, raftd, place, target, old)
}

// refusesDamage has copies of a directory refused that are damaged.
func refusesDamage(t *testing.T, dir string, refused func(dir, want string)) {
	t.Helper()
	for want, damage := range map[string]func(file string, b []byte) []byte{
		"its checksum is":                       flipIn("identity", "incarnation"),
		"there is no directory to go on from":   flipIn(".log", "set k before"),
		"its first line is not that of a raft ": func(file string, b []byte) []byte { return cutIn("identity", file, b) },
	} {
		refused(copyDamaged(t, dir, damage), want)
	}
}

// comeBack starts the recovered member, and then, against all advice, the lost ones: they are another cluster.
func comeBack(t *testing.T, ctl, raftd string, place layout.Layout, target string, old []string) {
	t.Helper()
	get, set := newClient(t, place)
	recovered, _ := memberProcess(t, raftd, place, target, place.Members[0], "--members", place.Members[0])
	if got := get(recovered, "k"); got != "before" {
		t.Fatalf("the recovered member has k=%s", got)
	}
	var lost string
	for i := 1; i <= 2; i++ {
		lost, _ = memberProcess(t, raftd, place, old[i], place.Members[i],
			"--members", strings.Join(place.Members, ","), "--credentials", place.Credentials(layout.MemberName(i+1)))
	}
	set(lost, "k", "in the old cluster")
	set(recovered, "k", "in the new cluster")
	if a, b := get(recovered, "k"), get(lost, "k"); a != "in the new cluster" || b != "in the old cluster" {
		t.Errorf("the new cluster has %q, the old one %q", a, b)
	}
}

// TestSurveyReadsTheWholeLog: opening a log reads its end only; a plan does not trust what stands before.
func TestSurveyReadsTheWholeLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	d, err := storage.OS(dir, storage.Options{Member: "m", Incarnation: 5, SegmentSize: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Log().Recover()
	hard := entry.HardState{Term: 1, Vote: "m"}
	for i := entry.Index(1); i <= 40 && err == nil; i++ {
		kind, payload := entry.KindCommand, []byte(strings.Repeat(fmt.Sprintf("entry %d.", i), 60))
		if i == 1 {
			kind = entry.KindConfiguration
			payload = entry.AppendConfiguration(nil, entry.Configuration{Members: []entry.Member{{ID: "m"}}})
		}
		var b entry.Builder
		b.Add(entry.Header{Index: i, Term: 1, Kind: kind, Size: uint32(len(payload)),
			PayloadSum: entry.Checksum(payload)}, payload)
		err = d.Log().Store(&entry.Batch{Hard: &hard, Blocks: []*entry.Block{b.Block()}})
	}
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	judge := func() string {
		s, err := survey(t.Context(), command.Streams{Err: io.Discard}, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := closeAll([]*survivor{s}); err != nil {
			t.Fatal(err)
		}
		return s.unfit
	}
	if unfit := judge(); unfit != "" {
		t.Fatalf("the whole directory is unfit: %s", unfit)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(names) < 4 {
		t.Fatalf("segments %v, %v", names, err)
	}
	flipped := 0
	for _, name := range names[:len(names)-2] {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(b, []byte("entry 17.entry 17.")); at >= 0 {
			flipped++
			b[at]++
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if flipped != 1 {
		t.Fatalf("entry 17 stands in %d of the older segments", flipped)
	}
	if unfit := judge(); !strings.Contains(unfit, "entries from 17 on are damaged") {
		t.Errorf("with entry 17 damaged it is unfit because %q", unfit)
	}
}
