package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/storage"
)

// alone is the transport of a member that is the only one.
type alone struct{}

func (alone) Start(replica.Receiver) error                { return nil }
func (alone) Send(_ entry.MemberID, m []core.Message) int { return len(m) }
func (alone) Close() error                                { return nil }
func (alone) SendSnapshot(_ context.Context, _ entry.MemberID, s replica.OutgoingSnapshot) {
	panic(fmt.Sprint("a member without others sends an image of ", s.Meta.Index))
}

// list is a program that remembers its commands.
type list struct {
	mu  sync.Mutex
	all []string
}

func (l *list) Apply(cmds []replica.Command, _ []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range cmds {
		l.all = append(l.all, string(c.Payload))
	}
}

func (l *list) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

func (l *list) Snapshot(context.Context, entry.Index, io.Writer) (func() error, error) {
	return nil, errors.New("no images are taken here")
}

func (l *list) Restore(context.Context, entry.Index, io.Reader) error {
	return errors.New("there are no images")
}

// tight is a disk in memory whose files cannot grow while it is full.
type tight struct {
	*vfs.Memory
	full atomic.Bool
}

func (d *tight) inject(op vfs.Op) vfs.Fault {
	if op.Kind == vfs.OpPreallocate && d.full.Load() {
		return vfs.Fault{Err: fmt.Errorf("fallocate %s: %w", op.Name, vfs.ErrNoSpace)}
	}
	return vfs.Fault{}
}

// run starts a member on the disk.
func (d *tight) run(t *testing.T) (*replica.Replica, *list, *storage.Dir) {
	t.Helper()
	dir, err := storage.Open(vfs.NewFaulty(d.Memory, d.inject), "member", options)
	if err != nil {
		t.Fatal(err)
	}
	program := new(list)
	r, err := replica.New(replica.Config{
		ID: "a", Origin: 1, Initial: entry.Configuration{
			Cluster: entry.ClusterID{1}, Members: []entry.Member{{ID: "a"}},
		},
		Log: dir.Log(), Snapshots: dir.Snapshots(), Transport: alone{}, Machine: program, Now: replica.WallClock(),
		Snapshot: replica.SnapshotPolicy{Entries: -1, Bytes: -1}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r, program, dir
}

// TestMemberOnAFullDisk runs a member on the real log over a disk that becomes full: commands are refused,
// early and with the reason, the member lives and goes on by itself when there is room, and after a restart
// it has exactly what was taken.
func TestMemberOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &tight{Memory: vfs.NewMemory()}
		r, program, dir := disk.run(t)
		defer func() {
			if err := errors.Join(r.Stop(), dir.Close()); err != nil {
				t.Error(err)
			}
		}()
		for propose(t, r) != nil {
			time.Sleep(time.Second) // It does not lead yet.
		}
		taken := fillMember(t, disk, r)
		if s := r.Stats(); !s.Full || s.Failure != nil || !s.Running || r.Live() != nil {
			t.Errorf("without room: full %v, failure %v, %v", s.Full, s.Failure, r.Live())
		}
		disk.full.Store(false)
		time.Sleep(10 * time.Second)
		for range 5 {
			if err := propose(t, r); err != nil {
				t.Fatalf("with room again: %v", err)
			}
			taken++
		}
		if n := program.len(); n != taken {
			t.Errorf("%d commands were taken and %d applied", taken, n)
		}
		if err := errors.Join(r.Stop(), dir.Close()); err != nil {
			t.Fatal(err)
		}
		r, program, dir = disk.run(t)
		time.Sleep(10 * time.Second)
		if n := program.len(); n != taken {
			t.Errorf("%d commands were taken, %d are applied after a restart", taken, n)
		}
	})
}

// propose gives a command to the member and waits for five seconds at most.
func propose(t *testing.T, r *replica.Replica) error {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, _, err := r.Propose(ctx, fmt.Appendf(nil, "%01000d", 0))
	return err
}

// fillMember takes the room away from a member that has taken one command, and gives it more until one is
// refused. It returns how many are
// in its log: those that were taken, and the one that was under way to the disk when there was no room.
func fillMember(t *testing.T, disk *tight, r *replica.Replica) (taken int) {
	t.Helper()
	disk.full.Store(true)
	for taken = 1; taken < 10_000; taken++ {
		var unknown *replica.OutcomeUnknownError
		switch err := propose(t, r); {
		case err == nil:
		case errors.Is(err, replica.ErrNoSpace):
			if taken < 2 {
				t.Errorf("refused after %d commands", taken)
			}
			return taken
		case errors.As(err, &unknown) && r.Stats().Full:
		default:
			t.Fatalf("after %d commands: %v", taken, err)
		}
	}
	t.Fatal("10,000 commands of 1,000 bytes were taken on a full disk")
	return taken
}
