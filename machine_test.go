package raft

import (
	"bytes"
	stdcontext "context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft/replica"
)

// scriptedClient is a RaftClient whose methods are given by the test.
type scriptedClient struct {
	apply   func(cmd []byte, index Index) error
	save    func(ctx *context.T, wr io.Writer, response chan<- error) error
	restore func(ctx *context.T, index Index, rd io.Reader) error
}

func (c *scriptedClient) Apply(cmd []byte, index Index) error { return c.apply(cmd, index) }

func (c *scriptedClient) SaveToSnapshot(ctx *context.T, wr io.Writer, response chan<- error) error {
	return c.save(ctx, wr, response)
}

func (c *scriptedClient) RestoreFromSnapshot(ctx *context.T, index Index, rd io.Reader) error {
	return c.restore(ctx, index, rd)
}

func TestSnapshotThatIsNeverClosedIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTestMachine(t, &scriptedClient{save: func(*context.T, io.Writer, chan<- error) error { return nil }})
		var log bytes.Buffer
		m.log = slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := stdcontext.WithCancel(t.Context())
		finish, err := m.Snapshot(ctx, 3, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(snapshotOverdue + time.Second)
		synctest.Wait()
		if !strings.Contains(log.String(), "still being written") {
			t.Errorf("after %v the log says %q", snapshotOverdue, log.String())
		}
		cancel()
		if err := finish(); err == nil {
			t.Error("the image was kept")
		}
		if !strings.Contains(log.String(), errNotClosed.Error()) {
			t.Errorf("at the stop the log says %q", log.String())
		}
	})
}

func newTestMachine(t *testing.T, client RaftClient) *machine {
	t.Helper()
	ctx, cancel := context.RootContext()
	t.Cleanup(cancel)
	return &machine{ctx: ctx, client: client, log: slog.New(slog.DiscardHandler)}
}

func TestApplyReturnsTheClientsErrors(t *testing.T) {
	odd := errors.New("odd")
	m := newTestMachine(t, &scriptedClient{apply: func(cmd []byte, index Index) error {
		if index%2 == 1 {
			return odd
		}
		return nil
	}})
	results := make([]any, 3)
	m.Apply([]replica.Command{{Index: 1}, {Index: 2}, {Index: 5}}, results)
	if results[0] != odd || results[1] != nil || results[2] != odd {
		t.Errorf("results are %v", results)
	}
}

// snapshotCase is one way in which a client may end a snapshot.
type snapshotCase struct {
	save    func(ctx *context.T, wr io.Writer, response chan<- error) error
	image   string
	refused bool // by Snapshot itself
	dropped bool // by finish
}

var errPlanned = errors.New("planned")

var snapshotCases = map[string]snapshotCase{
	"written in the call": {image: "abc", save: func(_ *context.T, wr io.Writer, response chan<- error) error {
		_, err := wr.Write([]byte("abc"))
		close(response)
		return err
	}},
	"empty": {save: func(_ *context.T, _ io.Writer, response chan<- error) error {
		close(response)
		return nil
	}},
	"written beside Apply": {image: "abc", save: func(_ *context.T, wr io.Writer, response chan<- error) error {
		go func() {
			if _, err := wr.Write([]byte("abc")); err != nil {
				response <- err
			}
			close(response)
		}()
		return nil
	}},
	"nil sent is ignored": {image: "abc", save: func(_ *context.T, wr io.Writer, response chan<- error) error {
		_, err := wr.Write([]byte("abc"))
		response <- nil // Unbuffered: only a library that drains during the call lets this pass.
		close(response)
		return err
	}},
	"error returned": {refused: true, save: func(_ *context.T, _ io.Writer, response chan<- error) error {
		close(response)
		return errPlanned
	}},
	"error sent in the call": {dropped: true, save: func(_ *context.T, _ io.Writer, response chan<- error) error {
		response <- errPlanned
		response <- errors.New("a second one")
		close(response)
		return nil
	}},
	"error sent later": {dropped: true, save: func(_ *context.T, _ io.Writer, response chan<- error) error {
		go func() {
			response <- errPlanned
			close(response)
		}()
		return nil
	}},
}

func TestSnapshotContract(t *testing.T) {
	for name, c := range snapshotCases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newTestMachine(t, &scriptedClient{save: c.save})
				var image bytes.Buffer
				ctx, cancel := stdcontext.WithCancel(t.Context())
				defer synctest.Wait()
				defer cancel()
				finish, err := m.Snapshot(ctx, 3, &image)
				if c.refused {
					if !errors.Is(err, errPlanned) {
						t.Errorf("Snapshot returned %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := finish(); c.dropped != errors.Is(err, errPlanned) {
					t.Errorf("finish returned %v", err)
				}
				if !c.dropped && image.String() != c.image {
					t.Errorf("image is %q, want %q", image.String(), c.image)
				}
			})
		})
	}
}

func TestSnapshotNeverClosedIsDroppedAtStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late io.Writer
		var saveCtx *context.T
		m := newTestMachine(t, &scriptedClient{save: func(ctx *context.T, wr io.Writer, _ chan<- error) error {
			late, saveCtx = wr, ctx
			return nil
		}})
		var image bytes.Buffer
		ctx, cancel := stdcontext.WithCancel(t.Context())
		finish, err := m.Snapshot(ctx, 3, &image)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if saveCtx.Err() == nil {
			t.Error("the member's stop did not end SaveToSnapshot's ctx")
		}
		if err := finish(); !errors.Is(err, errNotClosed) {
			t.Errorf("finish returned %v, want errNotClosed", err)
		}
		if _, err := late.Write([]byte("x")); err == nil || image.Len() != 0 {
			t.Error("a write after the end reached the image")
		}
	})
}

// brokenWriter fails each write after the first.
type brokenWriter struct{ writes int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.writes++; w.writes > 1 {
		return 0, errPlanned
	}
	return len(p), nil
}

func TestSnapshotWriteErrorThatTheClientIgnoresDropsTheImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTestMachine(t, &scriptedClient{save: func(_ *context.T, wr io.Writer, response chan<- error) error {
			for range 3 {
				if _, err := wr.Write([]byte("x")); err == nil {
					continue
				}
			}
			close(response)
			return nil
		}})
		finish, err := m.Snapshot(t.Context(), 3, &brokenWriter{})
		if err != nil {
			t.Fatal(err)
		}
		if err := finish(); !errors.Is(err, errPlanned) {
			t.Errorf("finish returned %v, want the write's error", err)
		}
	})
}
