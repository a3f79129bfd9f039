package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/cmd/internal/layout"
)

// TestRaftctlMembers changes the set of a cluster of raftd dev, and who leads it.
func TestRaftctlMembers(t *testing.T) {
	ctl, dir := build(t, "raftctl"), t.TempDir()
	say := dev(t, build(t, "raftd"), dir)
	run := func(args ...string) []string {
		t.Helper()
		args = slices.Insert(args, 1, "--dir", dir, "--timeout", "30s")
		out, err := exec.Command(ctl, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	voters := func(lines []string) (ids []string) {
		for _, line := range lines {
			if f := strings.Fields(line); len(f) == 3 && f[1] == "voter" {
				ids = append(ids, f[0])
			}
		}
		return ids
	}
	all := voters(run("members"))
	if len(all) != 3 {
		t.Fatalf("the voters are %v", all)
	}
	for _, id := range all {
		if got := run("transfer", "--to", id); !strings.Contains(got[0], "leader="+id+" ") {
			t.Errorf("after a transfer to %s: %v", id, got)
		}
	}
	// The last one leads: it hands over and goes.
	if left := voters(run("remove", all[2])); !slices.Equal(left, all[:2]) {
		t.Errorf("without %s the voters are %v", all[2], left)
	}
	if got := say("set k two"); got != "ok set k" {
		t.Errorf("with two members: %q", got)
	}
	if back := voters(run("add", all[2])); !slices.Equal(back, all) {
		t.Errorf("with %s back the voters are %v", all[2], back)
	}
	for _, line := range []string{"get k @1", "get k @2", "get k @3"} {
		if got := say(line); got != "k=two" {
			t.Errorf("%s: %q", line, got)
		}
	}
	if got := run("snapshot"); !strings.HasPrefix(got[0], "snapshot up to index ") {
		t.Errorf("snapshot: %v", got)
	}
	place, err := layout.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// A client that may read and write may not do this.
	out, err := exec.Command(ctl, "remove", "--dir", dir, "--credentials", place.Credentials("client"), all[0]).
		CombinedOutput()
	if err == nil || !strings.Contains(string(out), "admin right") {
		t.Errorf("a client without the admin right: %v\n%s", err, out)
	}
}
