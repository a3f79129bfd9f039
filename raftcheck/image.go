package raftcheck

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft"
)

// patienceDefault is [Program.Patience]'s: for clients that never close their channel.
const patienceDefault = 10 * time.Second

// grace is how long a Write of another goroutine is held while SaveToSnapshot has not returned: the call
// may wait for it.
const grace = time.Second

// saving is one SaveToSnapshot under way. The client's Write calls are held until next lets them go.
type saving struct {
	writes   chan heldWrite
	response chan error
	returned chan error
	ended    chan struct{}
	image    bytes.Buffer
	habit    *habit
	// finished is true when response has been closed; failed is what the client reported.
	finished bool
	failed   error
	held     *heldWrite
}

// habit is what is known of a client's way to write images.
type habit struct {
	patience time.Duration
	// waits is true once SaveToSnapshot has been seen to wait for a Write of another goroutine.
	waits bool
}

// heldWrite is a Write that waits.
type heldWrite struct {
	p    []byte
	done chan struct{}
	// inside is true when SaveToSnapshot itself writes: it cannot return before.
	inside bool
}

var errEnded = errors.New("raftcheck: the snapshot has ended")

// Write implements io.Writer for the client: it waits until it is let go.
func (s *saving) Write(p []byte) (int, error) {
	w := heldWrite{p, make(chan struct{}), inside()}
	select {
	case s.writes <- w:
	case <-s.ended:
		return 0, errEnded
	}
	select {
	case <-w.done:
		return len(p), nil
	case <-s.ended:
		return 0, errEnded
	}
}

// save begins a snapshot and returns when the client's call has: the moment of the image is over.
func save(ctx *context.T, c raft.RaftClient, h *habit) (*saving, error) {
	s := &saving{
		writes: make(chan heldWrite), response: make(chan error), returned: make(chan error, 1), ended: make(chan struct{}),
		habit: h,
	}
	go s.call(ctx, c)
	for {
		over, err := s.await(true)
		if over || err != nil {
			return s, s.endOn(err)
		}
	}
}

// call calls the client.
func (s *saving) call(ctx *context.T, c raft.RaftClient) {
	defer func() {
		if v := recover(); v != nil {
			s.returned <- fmt.Errorf("panic: %v", v)
		}
	}()
	s.returned <- c.SaveToSnapshot(ctx, s, s.response)
}

// inside reports whether it is called, however deep, by a saving's call.
func inside() bool {
	stack := make([]uintptr, 64)
	n := runtime.Callers(1, stack)
	for n == len(stack) {
		stack = make([]uintptr, 2*n)
		n = runtime.Callers(1, stack)
	}
	frames := runtime.CallersFrames(stack[:n])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "raftcheck.(*saving).call") {
			return true
		}
		if !more {
			return false
		}
	}
}

// endOn ends the snapshot when there is an error.
func (s *saving) endOn(err error) error {
	if err != nil {
		s.end()
	}
	return err
}

// end lets everything go that the client may still do.
func (s *saving) end() {
	select {
	case <-s.ended:
	default:
		close(s.ended)
		if !s.finished {
			go drain(s.response, s.habit.patience)
		}
	}
}

// drain receives what a client still sends; it ends when the client closes the channel.
func drain(response <-chan error, patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case _, open := <-response:
			if !open {
				return
			}
		case <-timer.C:
			return
		}
	}
}

// await waits for the next thing that the client does: its return while calling is true, else a Write,
// which then is held, or the end.
func (s *saving) await(calling bool) (over bool, err error) {
	writes, limit := s.writes, s.habit.patience
	if s.held != nil {
		writes = nil
		if calling {
			limit = grace
		}
	}
	if !calling {
		s.returned = nil
	}
	response := s.response
	if s.finished {
		response = nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-s.returned:
		return true, err
	case err, open := <-response:
		s.finished = !open
		s.failed = errors.Join(s.failed, err)
		return !calling && s.finished, nil
	case w := <-writes:
		s.held = &w
		if calling && (w.inside || s.habit.waits) {
			s.letGo()
		}
		return false, nil
	case <-timer.C:
	}
	if calling && s.held != nil {
		s.habit.waits = true
		s.letGo()
		return false, nil
	}
	return false, fmt.Errorf("nothing happens for %v: the call does not return, or the channel is never closed",
		s.habit.patience)
}

// settle waits, after save, until the client's goroutines stand still: at a Write, or at the end. So what
// they have done by then does not depend on how the machine runs them.
func (s *saving) settle() error {
	for s.held == nil && !s.finished {
		if _, err := s.await(false); err != nil {
			return s.endOn(err)
		}
	}
	return nil
}

// letGo takes the bytes of the held Write as they are now.
func (s *saving) letGo() {
	s.image.Write(s.held.p)
	close(s.held.done)
	s.held = nil
}

// finish lets one Write after the other go, calling beside before each, and returns the image.
func (s *saving) finish(beside func() error) ([]byte, error) {
	defer s.end()
	for over := s.finished && s.held == nil; !over; {
		if s.held != nil {
			if err := beside(); err != nil {
				return nil, err
			}
			s.letGo()
			continue
		}
		if s.finished {
			break
		}
		var err error
		if over, err = s.await(false); err != nil {
			return nil, err
		}
	}
	return s.image.Bytes(), s.failed
}

// imageOf returns what SaveToSnapshot writes now, with nothing beside it.
func imageOf(ctx *context.T, c raft.RaftClient, h *habit) ([]byte, error) {
	s, err := save(ctx, c, h)
	if err != nil {
		return nil, err
	}
	return s.finish(func() error { return nil })
}
