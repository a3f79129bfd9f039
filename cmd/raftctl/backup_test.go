package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "v.io/x/ref/runtime/factories/generic"

	"v.io/x/ref/lib/raft/cmd/internal/boot"
	"v.io/x/ref/lib/raft/cmd/internal/command"
	"v.io/x/ref/lib/raft/cmd/internal/keyvalue"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
	"v.io/x/ref/lib/raft/internal/loopback"
)

// freeAddress returns an address for a member that goes and comes back.
func freeAddress(t *testing.T) string {
	t.Helper()
	found, err := loopback.Addresses(1)
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// memberProcess runs a member of its own on a directory, with the principals of a cluster of raftd dev, until
// the test ends or stop is called, and returns the name of its store.
func memberProcess(t *testing.T, raftd string, place layout.Layout, dir, id string, more ...string) (string, func()) {
	t.Helper()
	args := append([]string{"member", "--dir", dir, "--credentials", place.Credentials(layout.MemberName(1)), "--id", id,
		"--clients", layout.ClientBlessing, "--admins", layout.AdminBlessing, "--peers", layout.MemberBlessing}, more...)
	cmd := exec.Command(raftd, args...)
	var notes strings.Builder
	cmd.Stderr = &notes
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		_, err := io.WriteString(input, "stop\n")
		if ended := cmd.Wait(); err != nil || ended != nil {
			t.Errorf("raftd member: %v, %v\n%s", err, ended, notes.String())
		}
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("raftd member says %q: %v\n%s", line, err, notes.String())
	}
	fields := strings.Fields(line)
	return fields[len(fields)-1], stop
}

// insist calls f until it succeeds.
func insist(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// newClient returns what reads and sets keys of a store by its name, trying until it answers. One process has
// one at a time.
func newClient(t *testing.T, place layout.Layout) (
	get func(name, key string) string, set func(name, key, value string),
) {
	t.Helper()
	ctx, shutdown, err := boot.Open(context.Background(), place.Credentials("client"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shutdown)
	get = func(name, key string) (value string) {
		t.Helper()
		insist(t, func() error {
			v, found, err := keyvalue.KeyValueClient(name).Get(ctx, key)
			if value = v; !found {
				value = "absent"
			}
			return err
		})
		return value
	}
	return get, func(name, key, value string) {
		t.Helper()
		insist(t, func() error { return keyvalue.KeyValueClient(name).Set(ctx, key, value) })
	}
}

// fields returns the NAME=VALUE fields of a line.
func fields(line string) map[string]string {
	all := map[string]string{}
	for _, f := range strings.Fields(line) {
		if name, value, found := strings.Cut(f, "="); found {
			all[name] = value
		}
	}
	return all
}

// TestBackupRestore backs up a cluster that goes on, founds another one on the backup, which goes on by
// itself, and has damaged and foreign files refused.
func TestBackupRestore(t *testing.T) {
	ctl, raftd, dir := build(t, "raftctl"), build(t, "raftd"), t.TempDir()
	say := dev(t, raftd, dir)
	place, err := layout.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	say("set before backed up")
	file := filepath.Join(t.TempDir(), "backup")
	out, err := exec.Command(ctl, "backup", "--dir", dir, "--progress", "0", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "backup: 0 MiB of 0 MiB (100%)") {
		t.Fatalf("backup, telling how far it is: %v\n%s", err, out)
	}
	said := fields(string(out))
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if said["sha256"] != fmt.Sprintf("%x", sha256.Sum256(written)) || said["index"] == "0" || said["cluster"] == "" ||
		said["file"] != fmt.Sprint(len(written)) {
		t.Errorf("of a file of %d bytes backup says %s", len(written), out)
	}
	say("set after not in it")
	refusesBackups(t, ctl, dir, file, place)

	target, id := filepath.Join(t.TempDir(), "restored"), freeAddress(t)
	refusesRestores(t, raftd, file, place)
	out, err = exec.Command(raftd, "restore", "--dir", target, "--id", id, "--progress", "0", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "restore: 0 MiB of 0 MiB (100%)") {
		t.Fatalf("restore, telling how far it is: %v\n%s", err, out)
	}
	founded := fields(string(out))
	if founded["index"] != said["index"] || founded["state"] != said["state"] || founded["cluster"] == said["cluster"] {
		t.Errorf("restore says %s, backup said %v", out, said)
	}
	get, _ := newClient(t, place)
	name, stop := memberProcess(t, raftd, place, target, id, "--members", id)
	if b, a := get(name, "before"), get(name, "after"); b != "backed up" || a != "absent" {
		t.Errorf("the restored cluster has before=%s after=%s", b, a)
	}
	// It is a member's directory like any other: it starts again, and is not restored over.
	stop()
	name, _ = memberProcess(t, raftd, place, target, id, "--members", id)
	if b := get(name, "before"); b != "backed up" {
		t.Errorf("started again it has before=%s", b)
	}
	ends(t, command.ExitFailed, "is not empty", raftd, "restore", "--dir", target, "--id", id, file)
	if got := say("get after"); got != "after=not in it" {
		t.Errorf("the cluster that was backed up: %q", got)
	}
}

// refusesBackups lists backups that must not be made.
func refusesBackups(t *testing.T, ctl, dir, file string, place layout.Layout) {
	t.Helper()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(t.TempDir(), "no", "such", "place")
	for want, args := range map[string][]string{
		"exists already":    {"--dir", dir, file},
		"no such file":      {"--dir", dir, nowhere},
		"admin right":       {"--dir", dir, "--credentials", place.Credentials("client"), filepath.Join(t.TempDir(), "x")},
		"takes 1 arguments": {"--dir", dir},
	} {
		status := command.ExitFailed
		if want == "takes 1 arguments" {
			status = command.ExitUsage
		}
		ends(t, status, want, ctl, append([]string{"backup"}, args...)...)
	}
	after, err := os.ReadFile(file)
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("the backup was changed: %v", err)
	}
	if out, err := exec.Command(ctl, "backup", "-h").CombinedOutput(); err != nil ||
		!strings.Contains(string(out), "must not exist yet") {
		t.Errorf("backup -h: %v\n%s", err, out)
	}
}

// refusesRestores lists files of which no cluster must be made.
func refusesRestores(t *testing.T, raftd, file string, place layout.Layout) {
	t.Helper()
	if out, err := exec.Command(raftd, "restore", "-h").CombinedOutput(); err != nil ||
		!strings.Contains(string(out), "Then start the member, and add the others") {
		t.Errorf("restore -h: %v\n%s", err, out)
	}
	ends(t, command.ExitUsage, "raftd restore", raftd)
	ends(t, command.ExitUsage, "needs --id", raftd, "restore", "--dir", t.TempDir(), file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(b)
	flipped[len(b)/2] ^= 4
	images, err := filepath.Glob(filepath.Join(place.Dir, "member-*", "log", "*.snap"))
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{
		"at byte":                 flipped,
		"does not end like":       b[:len(b)-1],
		"does not start like":     []byte("this is not a backup, but a letter to a friend, of some length"),
		"the file ends here":      b[:10],
		"out of a member's":       nil,
		"no such file or directo": nil,
	}
	if len(images) == 0 {
		t.Fatal("no member has an image, although there is a backup")
	}
	if bad["out of a member's"], err = os.ReadFile(images[0]); err != nil {
		t.Fatal(err)
	}
	for want, content := range bad {
		target, name := filepath.Join(t.TempDir(), "new"), filepath.Join(t.TempDir(), "file")
		if content != nil {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ends(t, command.ExitFailed, want, raftd, "restore", "--dir", target, "--id", "127.0.0.1:1", name)
		if left, err := filepath.Glob(filepath.Join(target, "*")); err != nil || len(left) > 0 {
			t.Errorf("%s: it left %v, %v", want, left, err)
		}
	}
}
