package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/cmd/internal/layout"
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
		out, err := exec.Command(ctl, append([]string{"recover"}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v, want a refusal with %q\n%s", args, err, want, out)
		}
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
	plan := run("plan", old[0])
	gone := slices.Sorted(slices.Values(place.Members[1:]))
	for _, want := range []string{"from " + place.Members[0], "2 lost members are a majority of the 3 voters",
		"never start " + strings.Join(gone, ", ")} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	for want, damage := range map[string]func(file string, b []byte) []byte{
		"its checksum is":                       flipIn("identity", "incarnation"),
		"there is no directory to go on from":   flipIn(".log", "set k before"),
		"its first line is not that of a raft ": func(file string, b []byte) []byte { return cutIn("identity", file, b) },
	} {
		refused(want, "plan", copyDamaged(t, old[0], damage))
	}
	target := filepath.Join(t.TempDir(), "new")
	refused("something has changed", "apply", "--fingerprint", "0123456789abcdef", "--to", target, old[0])
	fingerprint := fields(plan)["fingerprint"]
	refused("is not empty", "apply", "--fingerprint", fingerprint, "--to", old[1], old[0])
	refused("needs --to", "apply", "--fingerprint", fingerprint, old[0])
	applied := fields(run("apply", "--fingerprint", fingerprint, "--to", target, old[0]))
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
