package raft

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/storage"
)

// lostCommand is what a broken disk does not store. What else a leader writes at rest, it does.
const lostCommand = "lost?"

// brokenDirectory is a member's directory on a disk that, once it is told to, fails the write that has lostCommand.
type brokenDirectory struct {
	persistence
	broken *atomic.Bool
}

func (d brokenDirectory) Log() replica.LogStore { return brokenLog{d.persistence.Log(), d.broken} }

type brokenLog struct {
	replica.LogStore
	broken *atomic.Bool
}

func (l brokenLog) Store(b *entry.Batch) error {
	for _, block := range b.Blocks {
		if l.broken.Load() && bytes.Contains(block.Bytes(), []byte(lostCommand)) {
			return errPlanned
		}
	}
	return l.LogStore.Store(b)
}

// TestFailedDiskStopsTheMemberNotTheProcess fails the leader's disk: the member stops, every door says
// why, and the others go on, in the same process.
func TestFailedDiskStopsTheMemberNotTheProcess(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	broken := make([]atomic.Bool, len(c.members))
	for i, m := range c.members {
		m.Stop()
		m.open = func(ctx *context.T, path string) (persistence, error) {
			p, err := openDirectory(ctx, path)
			return brokenDirectory{p, &broken[i]}, err
		}
		c.create(m)
	}
	c.start()
	c.elect()
	c.append(0, "x")
	leader := c.leader()
	m := c.members[leader]
	events := m.Subscribe(0)
	defer events.Close()
	broken[leader].Store(true)
	if _, err := m.Append(m.ctx, []byte(lostCommand)); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("a command whose write failed: %v", err)
	}
	seen := until(t, c, events, "the failure", func(e Event) bool { return e.Kind == EventFailed })
	if last := seen[len(seen)-1]; !errors.Is(last.Err, errPlanned) {
		t.Errorf("the event tells %v", last.Err)
	}
	if s := m.Stats(); !errors.Is(s.Failure, errPlanned) || s.Role != RoleStopped {
		t.Errorf("the figures are %+v", s)
	}
	for name, err := range map[string]error{"Live": m.Live(), "Ready": m.Ready()} {
		if !errors.Is(err, errPlanned) {
			t.Errorf("%s says %v", name, err)
		}
	}
	_, err := m.Append(m.ctx, []byte("y"))
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), errPlanned.Error()) {
		t.Errorf("Append on the failed member: %v", err)
	}
	c.stop(leader)
	c.append(c.leader(), "the others go on")
}

// fullDirectory is a member's directory on a disk that has no room for entries while it is full.
type fullDirectory struct {
	persistence
	full *atomic.Bool
}

func (d fullDirectory) Log() replica.LogStore { return fullLog{d.persistence.Log(), d.full} }

type fullLog struct {
	replica.LogStore
	full *atomic.Bool
}

func (l fullLog) Store(b *entry.Batch) error {
	if l.full.Load() && len(b.Blocks) > 0 {
		return entry.ErrNoSpace
	}
	return l.LogStore.Store(b)
}

func (l fullLog) Room(bool) bool { return !l.full.Load() }

func (l fullLog) Repair(*entry.Block) error { return errPlanned }

func (l fullLog) Verify(entry.Index, int) (entry.Index, []entry.Damage, error) { return 0, nil, nil }

// TestFullDiskRefusesCommands fills a member's disk: commands are refused with an error that says what to
// do, the member lives, and goes on by itself.
func TestFullDiskRefusesCommands(t *testing.T) {
	c := newCluster(t, 1, nil)
	m := c.members[0]
	m.Stop()
	var full atomic.Bool
	m.open = func(ctx *context.T, path string) (persistence, error) {
		p, err := openDirectory(ctx, path)
		return fullDirectory{p, &full}, err
	}
	c.create(m)
	events := m.Subscribe(0)
	defer events.Close()
	m.Start()
	c.append(0, "x")
	full.Store(true)
	first := make(chan error, 1)
	go func() {
		_, err := m.Append(m.ctx, []byte("under way"))
		first <- err
	}()
	until(t, c, events, "no room", func(e Event) bool { return e.Kind == EventSpace && e.Err != nil })
	if _, err := m.Append(m.ctx, []byte("refused")); !errors.Is(err, ErrNoSpace) || errors.Is(err, ErrOutcomeUnknown) ||
		!strings.Contains(err.Error(), "free space") {
		t.Errorf("a command without room: %v", err)
	}
	if s := m.Stats(); !s.Full || s.Failure != nil || m.Live() != nil {
		t.Errorf("a member without room: %+v, %v", s, m.Live())
	}
	full.Store(false)
	until(t, c, events, "room", func(e Event) bool { return e.Kind == EventSpace && e.Err == nil })
	if err := <-first; err != nil {
		t.Errorf("the command that was under way: %v", err)
	}
	c.append(0, "y")
	c.agree([]string{"x", "under way", "y"})
}

// stillDisk is a disk on which, while it stands still, nothing that changes it comes to an end.
type stillDisk struct{ gate atomic.Pointer[chan struct{}] }

func (d *stillDisk) standStill() {
	gate := make(chan struct{})
	d.gate.Store(&gate)
}

func (d *stillDisk) move() {
	if gate := d.gate.Swap(nil); gate != nil {
		close(*gate)
	}
}

func (d *stillDisk) inject(op vfs.Op) vfs.Fault {
	if gate := d.gate.Load(); gate != nil && op.Changes() {
		<-*gate
	}
	return vfs.Fault{}
}

func (d *stillDisk) open(_ *context.T, path string) (persistence, error) {
	options := storage.Options{Incarnation: entry.Incarnation(randomNumber())}
	dir, err := storage.Open(vfs.NewFaulty(vfs.OS(), d.inject), path, options)
	return directory{dir}, err
}

// TestStalledDiskIsToldAndGivesWay makes the leader's disk stand still: an event says so, another member
// leads, and when the disk moves again the member goes on by itself and the command that waited is answered.
func TestStalledDiskIsToldAndGivesWay(t *testing.T) {
	c := newCluster(t, 3, nil)
	disks := make([]stillDisk, len(c.members))
	for i, m := range c.members {
		m.Stop()
		m.open = disks[i].open
		c.create(m)
	}
	c.start()
	c.elect()
	c.append(0, "x")
	stalled := c.leader()
	m, other := c.members[stalled], c.members[(stalled+1)%3]
	events := m.Subscribe(0)
	defer events.Close()
	disks[stalled].standStill()
	defer disks[stalled].move()
	waiting := make(chan error, 1)
	go func() {
		_, err := m.Append(m.ctx, []byte("waits for the disk"))
		waiting <- err
	}()
	until(t, c, events, "the stall", func(e Event) bool { return e.Kind == EventStall && e.Stalled })
	eventually(t, "another member leads", func() bool {
		_, _, leader := other.Status()
		return leader != "" && leader != m.ID()
	})
	c.append((stalled+1)%3, "beside it")
	if len(waiting) > 0 {
		t.Errorf("a command is answered before the member's disk has it: %v", <-waiting)
	}
	disks[stalled].move()
	seen := until(t, c, events, "the end of the stall", func(e Event) bool { return e.Kind == EventStall })
	if last := seen[len(seen)-1]; last.Stalled {
		t.Errorf("the disk moves, and the event is %+v", last)
	}
	if err := <-waiting; err != nil {
		t.Errorf("the command that waited: %v", err)
	}
	c.agree([]string{"x", "waits for the disk", "beside it"})
}
