package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	vcontext "v.io/v23/context"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/cmd/internal/keyvalue"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
)

const (
	// attemptBound is how long one member is asked before another one is.
	attemptBound = 5 * time.Second
	// retryPause is the time between two attempts.
	retryPause = 20 * time.Millisecond
	// watchPause is the time between two looks at who leads.
	watchPause = 200 * time.Millisecond
	// askBound is how long a member may take to say how it is.
	askBound = time.Second
)

// A process is a running member, as raftd dev sees it.
type process struct {
	n     int
	child *child
	name  string // of its KeyValue service
}

// members are the member processes of raftd dev. All methods may be called by any
// goroutine.
type members struct {
	ctx       *vcontext.T
	place     layout.Layout
	namespace string
	binary    string
	notes     io.Writer

	mu sync.Mutex
	// started holds, by number, the last process of each member that was started; it
	// may have ended. Guarded by mu.
	started map[int]process
	// leads is the member that was last seen to lead, 0 for none yet, in term. Guarded
	// by mu.
	leads int
	term  raft.Term
}

var _ cluster = (*members)(nil)

// newMembers returns members of which none runs.
func newMembers(ctx *vcontext.T, place layout.Layout, namespace string, notes io.Writer) (*members, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &members{ctx: ctx, place: place, namespace: namespace, binary: binary, notes: notes,
		started: make(map[int]process)}, nil
}

// Members implements cluster.
func (m *members) Members() int { return len(m.place.Members) }

// Set implements cluster.
func (m *members) Set(ctx context.Context, key, value string) error {
	if _, err := keyvalue.Set(key, value); err != nil {
		return err
	}
	return m.ask(ctx, anyMember, func(ctx *vcontext.T, p process) error {
		return keyvalue.KeyValueClient(p.name).Set(ctx, key, value, callOptions()...)
	})
}

// Get implements cluster.
func (m *members) Get(ctx context.Context, key string, member int) (value string, found bool, err error) {
	err = m.ask(ctx, member, func(ctx *vcontext.T, p process) (err error) {
		value, found, err = keyvalue.KeyValueClient(p.name).Get(ctx, key, callOptions()...)
		return err
	})
	return value, found, err
}

// callOptions make a call go straight to a server that must be a member.
func callOptions() []rpc.CallOpt {
	trusted := access.AccessList{In: []security.BlessingPattern{layout.MemberBlessing}}
	return []rpc.CallOpt{options.ServerAuthorizer{Authorizer: trusted}, options.Preresolved{}}
}

// ask calls one member, or one after another, until a call succeeds, fails for
// good, or ctx ends. Any call may be repeated.
func (m *members) ask(ctx context.Context, member int, call func(*vcontext.T, process) error) error {
	last := errors.New("no member runs")
	for try := 0; ; try++ {
		p, ok := m.choose(member, try)
		switch {
		case ok:
			last = m.attempt(ctx, p, call)
			if last == nil || final(last) {
				return last
			}
		case member != anyMember:
			return fmt.Errorf("member %d does not run", member)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return fmt.Errorf("gave up after %d tries: %w; the last one: %w", try+1, ctx.Err(), last)
		}
	}
}

// attempt calls one member once.
func (m *members) attempt(ctx context.Context, p process, call func(*vcontext.T, process) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptBound)
	defer cancel()
	if err := call(vcontext.FromGoContextWithValues(ctx, m.ctx), p); err != nil {
		return fmt.Errorf("member %d: %w", p.n, err)
	}
	return nil
}

// final reports whether an error stays the same however often one asks.
func final(err error) bool {
	return errors.Is(err, raft.ErrTooLarge) || errors.Is(err, verror.ErrNoAccess) ||
		errors.Is(err, verror.ErrUnknownMethod)
}

// choose returns the process to ask: that of a member, or for any member the
// leader first and then each in turn.
func (m *members) choose(member, try int) (process, bool) {
	running := m.running()
	if member != anyMember {
		return find(running, member)
	}
	m.mu.Lock()
	leads := m.leads
	m.mu.Unlock()
	if p, ok := find(running, leads); ok && try == 0 {
		return p, true
	}
	if len(running) == 0 {
		return process{}, false
	}
	return running[try%len(running)], true
}

// find returns the process of a member.
func find(running []process, member int) (process, bool) {
	i := slices.IndexFunc(running, func(p process) bool { return p.n == member })
	if i < 0 {
		return process{}, false
	}
	return running[i], true
}

// running returns the processes that run, by number.
func (m *members) running() []process {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []process
	for n := 1; n <= m.Members(); n++ {
		if p, ok := m.started[n]; ok && p.child.running() {
			all = append(all, p)
		}
	}
	return all
}

// Kill implements cluster.
func (m *members) Kill(ctx context.Context, member int) (int, error) {
	if member == theLeader {
		n, err := m.awaitLeader(ctx)
		if err != nil {
			return 0, err
		}
		member = n
	}
	p, ok := find(m.running(), member)
	if !ok {
		return 0, fmt.Errorf("member %d does not run", member)
	}
	return member, p.child.kill()
}

// awaitLeader returns the member that leads, as soon as one does.
func (m *members) awaitLeader(ctx context.Context) (int, error) {
	for {
		if n, _ := leaderOf(m.look(ctx)); n != 0 {
			return n, nil
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return 0, fmt.Errorf("no member leads: %w", ctx.Err())
		}
	}
}

// Start implements cluster. A member that runs already is left alone.
func (m *members) Start(ctx context.Context, member int) error {
	if member == allMembers {
		return m.startAll(ctx)
	}
	if _, ok := find(m.running(), member); ok {
		return nil
	}
	c, name, err := startChild(ctx, m.command(member), m.notes)
	if err != nil {
		return fmt.Errorf("member %d: %w", member, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started[member] = process{n: member, child: c, name: name}
	return nil
}

// command returns the command of a member.
func (m *members) command(n int) *exec.Cmd {
	cmd := exec.Command(m.binary, "member",
		"--dir", m.place.Member(n),
		"--credentials", m.place.Credentials(layout.MemberName(n)),
		"--namespace", m.namespace,
		"--id", m.place.Members[n-1],
		"--members", strings.Join(m.place.Members, ","),
		"--name", layout.Name,
		"--clients", layout.ClientBlessing,
		"--admins", layout.AdminBlessing,
		"--peers", layout.MemberBlessing)
	// The principal and the namespace are given by flags alone.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "V23_") })
	return cmd
}

// startAll starts every member that does not run, all at once.
func (m *members) startAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lineBound)
	defer cancel()
	return m.each(func(n int) error { return m.Start(ctx, n) })
}

// stopAll lets every process end in good order.
func (m *members) stopAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopBound)
	defer cancel()
	running := m.running()
	return m.each(func(n int) error {
		if p, ok := find(running, n); ok {
			return p.child.stop(ctx)
		}
		return nil
	})
}

// each calls f for every member at once and returns all errors.
func (m *members) each(f func(n int) error) error {
	errs := make([]error, m.Members())
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = f(i + 1) })
	}
	wait.Wait()
	return errors.Join(errs...)
}
