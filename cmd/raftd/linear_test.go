package main

import (
	"context"
	"fmt"
	"testing"

	vcontext "v.io/v23/context"

	"v.io/x/ref/lib/raft/cmd/internal/boot"
	"v.io/x/ref/lib/raft/cmd/internal/keyvalue"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
)

// live returns members that run, each in a process of its own, until the test
// ends.
func live(t *testing.T) *members {
	t.Helper()
	t.Setenv(actAs, "raftd") // for the members' processes
	place, err := layout.OpenOrCreate(t.TempDir(), devMembers)
	if err != nil {
		t.Fatal(err)
	}
	// Not under the context of t, which ends before what Cleanup stops.
	ctx, shutdown, err := boot.Open(context.WithoutCancel(t.Context()), place.Credentials("client"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shutdown)
	root, stop, err := serveMountTable(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	m, err := newMembers(ctx, place, root, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.stopAll(); err != nil {
			t.Error(err)
		}
	})
	if err := m.startAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// write sets key k through one member.
func write(t *testing.T, m *members, through int, value string) {
	t.Helper()
	err := m.ask(t.Context(), through, func(ctx *vcontext.T, p process) error {
		return keyvalue.KeyValueClient(p.name).Set(ctx, "k", value, callOptions()...)
	})
	if err != nil {
		t.Fatalf("set k %s through member %d: %v", value, through, err)
	}
}

// read expects key k to have a value, as member n knows it.
func read(t *testing.T, m *members, n int, want string) {
	t.Helper()
	got, found, err := m.Get(t.Context(), "k", n)
	if err != nil || !found || got != want {
		t.Fatalf("get k @%d: %q, %v, %v, want %q", n, got, found, err, want)
	}
}

// TestGetSeesEveryAcknowledgedSet writes through each member in turn and reads the
// value through each other one at once: no read may be older than an
// acknowledged write, whoever acknowledged it.
func TestGetSeesEveryAcknowledgedSet(t *testing.T) {
	m := live(t)
	for i := range 60 {
		value, writer := fmt.Sprint(i), 1+i%devMembers
		write(t, m, writer, value)
		for n := 1; n <= devMembers; n++ {
			if n != writer {
				read(t, m, n, value)
			}
		}
	}
}

// TestGetAfterRestart kills each member in turn, writes through the others, and
// expects its successor's first answer to be the newest value, although what it
// finds on its disk is older.
func TestGetAfterRestart(t *testing.T) {
	m := live(t)
	for n := 1; n <= devMembers; n++ {
		write(t, m, n, fmt.Sprintf("before %d dies", n))
		if _, err := m.Kill(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		newest := ""
		for i := range 20 {
			newest = fmt.Sprintf("without %d: %d", n, i)
			write(t, m, 1+n%devMembers, newest)
		}
		if err := m.Start(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		read(t, m, n, newest)
	}
}
