package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	vcontext "v.io/v23/context"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/cmd/internal/boot"
	"v.io/x/ref/lib/raft/cmd/internal/keyvalue"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
	"v.io/x/ref/lib/raft/internal/vfs"
)

// pretended returns members of which some pretend to run: nothing is behind them.
func pretended(t *testing.T, running ...int) *members {
	t.Helper()
	ctx, cancel := vcontext.RootContext()
	t.Cleanup(cancel)
	m := &members{ctx: ctx, place: layout.Layout{Members: make([]string, 3)}, notes: io.Discard,
		started: make(map[int]process)}
	for _, n := range running {
		m.started[n] = process{n: n, child: &child{ended: make(chan struct{})}}
	}
	return m
}

// TestAsk lists whom ask calls, and when it stops.
func TestAsk(t *testing.T) {
	for _, test := range []struct {
		name    string
		running []int
		leads   int
		member  int
		fails   []error // of the first calls; later ones succeed
		asked   string
		want    string // in the error
	}{
		{name: "any, at once", running: []int{1, 2, 3}, member: anyMember, asked: "1"},
		{name: "any, the leader first", running: []int{1, 2, 3}, leads: 3, member: anyMember, asked: "3"},
		{name: "any, then in turn", running: []int{1, 3}, leads: 3, member: anyMember,
			fails: []error{io.EOF, io.EOF, io.EOF}, asked: "3 3 1 3"},
		{name: "any, but the leader is dead", running: []int{2}, leads: 1, member: anyMember, asked: "2"},
		{name: "one, again and again", running: []int{1, 2}, leads: 1, member: 2,
			fails: []error{io.EOF, raft.ErrNoLeader, raft.ErrOutcomeUnknown}, asked: "2 2 2 2"},
		{name: "one that is dead, although it led", running: []int{1}, leads: 2, member: 2, want: "member 2 does not run"},
		{name: "for good", running: []int{1, 2}, member: anyMember,
			fails: []error{fmt.Errorf("x: %w", verror.ErrNoAccess)}, asked: "1", want: "x:"},
		{name: "too large", running: []int{1}, member: anyMember,
			fails: []error{raft.ErrTooLarge}, asked: "1", want: "member 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := pretended(t, test.running...)
			m.leads = test.leads
			var asked []string
			err := m.ask(t.Context(), test.member, func(ctx *vcontext.T, p process) error {
				if _, bounded := ctx.Deadline(); !bounded {
					t.Error("a call without a bound")
				}
				asked = append(asked, fmt.Sprint(p.n))
				if len(asked) <= len(test.fails) {
					return test.fails[len(asked)-1]
				}
				return nil
			})
			if got := strings.Join(asked, " "); got != test.asked {
				t.Errorf("asked %q, want %q", got, test.asked)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestAskEnds expects ask to end with its context and to say why it failed.
func TestAskEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := pretended(t, 1).ask(ctx, 1, func(*vcontext.T, process) error { return io.EOF })
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	err = pretended(t).ask(ctx, anyMember, func(*vcontext.T, process) error { return nil })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no member runs") {
		t.Errorf("without a member: got %v", err)
	}
}

// TestOpenMemberWaitsForTheLock starts a member on a directory that another one
// holds, and lets that one go.
func TestOpenMemberWaitsForTheLock(t *testing.T) {
	place, err := layout.OpenOrCreate(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, shutdown, err := boot.Open(t.Context(), place.Credentials(layout.MemberName(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer shutdown()
	config := raft.RaftConfig{LogDir: place.Member(1), HostPort: "127.0.0.1:0", ID: "one"}
	open := func(bound context.Context) (raft.Raft, error) {
		own := config
		return openMember(bound, ctx, &own, keyvalue.Machine{Store: keyvalue.NewStore()})
	}
	first, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	short, cancel := context.WithTimeout(t.Context(), 3*lockRetry)
	defer cancel()
	if second, err := open(short); !errors.Is(err, vfs.ErrLocked) {
		t.Fatalf("two members have one directory: %v, %v", second, err)
	}

	opened := make(chan error, 1)
	go func() {
		second, err := open(t.Context())
		if err == nil {
			second.Stop()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(2 * lockRetry):
	}
	first.Stop()
	if err := <-opened; err != nil {
		t.Fatalf("after the first one ended: %v", err)
	}
}
