package raft

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/x/lib/vlog"

	"v.io/x/ref/lib/raft/replica"
)

func TestPanicInApplyStopsTheMemberNotTheProcess(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	c.members[1].client.fail = func(cmd []byte) error {
		if string(cmd) == "poison for 1" {
			panic("planned")
		}
		return nil
	}
	c.start()
	c.elect()
	c.append(0, "x")
	// When member 1 leads, what becomes of the command is not known at the others.
	if _, err := c.members[0].Append(c.ctx, []byte("poison for 1")); err != nil && !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	m := c.members[1]
	eventually(t, "member 1 has stopped by itself", func() bool { return m.Live() != nil })
	failure := m.Stats().Failure
	if !errors.Is(failure, replica.ErrMachine) || !strings.Contains(failure.Error(), "planned") {
		t.Errorf("the failure is %v", failure)
	}
	_, err := m.Append(m.ctx, []byte("y"))
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "planned") {
		t.Errorf("Append on the failed member: %v", err)
	}
	c.stop(1)
	c.append(c.leader(), "the others go on")
}

func TestBlockedApplyDoesNotHoldStop(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, nil)
	release := make(chan struct{})
	entered := make(chan struct{})
	c.members[0].client.fail = func([]byte) error {
		close(entered)
		<-release
		return nil
	}
	c.members[0].Start()
	done := make(chan error, 1)
	go func() {
		_, err := c.members[0].Append(c.members[0].ctx, []byte("x"))
		done <- err
	}()
	<-entered
	began := time.Now()
	c.stop(0)
	if took := time.Since(began); took > 3*StopBound {
		t.Errorf("Stop took %v, bound %v", took, time.Duration(StopBound))
	}
	if err := <-done; !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("the waiting Append returned %v", err)
	}
	close(release)
}

func TestFailedRestoreFailsNewRaft(t *testing.T) {
	c := startCluster(t, 1, func(_ int, config *RaftConfig) { config.SnapshotThreshold = 1 })
	c.append(0, "x")
	c.append(0, "y")
	eventually(t, "a snapshot exists", func() bool { return hasSnapshot(t, c.members[0].config.LogDir) })
	c.stop(0)
	config := c.members[0].config
	_, err := NewRaft(c.members[0].ctx, &config, &scriptedClient{
		restore: func(*context.T, Index, io.Reader) error { return errPlanned },
	})
	if !errors.Is(err, errPlanned) {
		t.Errorf("got %v, want the client's error", err)
	}
	c.restart(0) // Nothing was lost.
	c.agree([]string{"x", "y"})
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestMembersWithDifferentSetsRefuseEachOtherAndNameBoth(t *testing.T) {
	var logs [2]lockedBuffer
	c := newCluster(t, 2, func(i int, config *RaftConfig) {
		config.Logger = slog.New(slog.NewTextHandler(&logs[i], nil))
	})
	ids := []string{c.members[0].ID(), c.members[1].ID()}
	third := "127.0.0.1:1"
	for i, m := range c.members {
		if err := m.AddMember(m.ctx, ids[1-i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.members[1].AddMember(c.ctx, third); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.members {
		m.Start()
	}
	for i := range logs {
		eventually(t, fmt.Sprint("member ", i, " logs both sets"), func() bool {
			text := logs[i].String()
			return strings.Contains(text, "started with the set") && strings.Contains(text, third)
		})
	}
	for i, m := range c.members {
		if _, _, leader := m.Status(); leader != "" {
			t.Errorf("member %d follows %s", i, leader)
		}
	}
}

func TestConfigWithoutLoggerSpeaksThroughTheContext(t *testing.T) {
	ctx, cancel := context.RootContext()
	defer cancel()
	var got lockedBuffer
	h := contextHandler{ctx: context.WithLogger(ctx, recordingLogger{vlog.Log, &got})}
	log := slog.New(h).With("member", "a").WithGroup("g")
	log.Info("hello", "n", 1)
	log.Debug("not at this verbosity")
	log.Error("bad")
	want := "info raft: hello member=a g.n=1\nerror raft: bad member=a\n"
	if got.String() != want {
		t.Errorf("logged %q, want %q", got.String(), want)
	}
}

// recordingLogger is a Vanadium logger that writes plain lines.
type recordingLogger struct {
	*vlog.Logger
	to io.Writer
}

func (l recordingLogger) InfoDepth(_ int, args ...any) {
	fmt.Fprintln(l.to, "info", fmt.Sprint(args...))
}
func (l recordingLogger) ErrorDepth(_ int, args ...any) {
	fmt.Fprintln(l.to, "error", fmt.Sprint(args...))
}
func (l recordingLogger) Info(args ...any)  { l.InfoDepth(1, args...) }
func (l recordingLogger) Error(args ...any) { l.ErrorDepth(1, args...) }
