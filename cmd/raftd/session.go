package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// lineMax bounds a line of input, in bytes.
const lineMax = 2 << 20

// lineBound is how long a line may take: to find a leader, to await a restart.
const lineBound = 30 * time.Second

// A cluster does what lines ask for. A ctx that ends ends the call.
type cluster interface {
	// Members returns how many members there are, running or not.
	Members() int
	// Set returns once the value is durable at a majority. An outcome that is
	// unknown is retried: setting a key to the same value twice is no harm.
	Set(ctx context.Context, key, value string) error
	// Get reads linearizably through a member, or through any.
	Get(ctx context.Context, key string, member int) (value string, found bool, err error)
	// Kill kills a member, or the leader, without any goodbye, and returns its
	// number once it is dead.
	Kill(ctx context.Context, member int) (int, error)
	// Start starts a member, or all that do not run, and returns once they serve.
	Start(ctx context.Context, member int) error
	// Status describes the members for people, a line each.
	Status(ctx context.Context) (string, error)
}

// A session executes lines, one at a time.
type session struct {
	cluster cluster
	results io.Writer // one line for each answer, in one Write, as soon as it is known
	notes   io.Writer // everything else
	strict  bool      // the first failure ends the session
}

// errFailed is wrapped by the error of a session in which a line failed.
var errFailed = errors.New("a line failed")

// run executes lines until they end, until quit, or until ctx ends. It returns nil
// if every line did what it asks.
func (s *session) run(ctx context.Context, input io.Reader) error {
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, lineMax)
	var failed error
	for n := 1; lines.Scan() && ctx.Err() == nil; n++ {
		quit, err := s.line(ctx, lines.Text())
		if err != nil {
			err = fmt.Errorf("%w: line %d: %w", errFailed, n, err)
			s.note("%v", err)
			failed = errors.Join(failed, err)
		}
		if quit || s.strict && err != nil {
			return failed
		}
	}
	if err := lines.Err(); err != nil {
		return errors.Join(failed, fmt.Errorf("read lines: %w", err))
	}
	return errors.Join(failed, ctx.Err())
}

// line executes one line.
func (s *session) line(ctx context.Context, text string) (quit bool, err error) {
	l, err := parseLine(text, s.cluster.Members())
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, lineBound)
	defer cancel()
	switch l.verb {
	case verbSet:
		return false, s.set(ctx, l)
	case verbGet:
		return false, s.get(ctx, l)
	case verbKill:
		return false, s.kill(ctx, l)
	case verbStart:
		return false, s.cluster.Start(ctx, l.member)
	case verbStatus:
		return false, s.status(ctx)
	case verbHelp:
		s.note("%s", help)
	}
	return l.verb == verbQuit, nil
}

// set executes "set K V".
func (s *session) set(ctx context.Context, l line) error {
	if err := s.cluster.Set(ctx, l.key, l.value); err != nil {
		return err
	}
	return s.result("ok set %s", l.key)
}

// get executes "get K" and "get K @N".
func (s *session) get(ctx context.Context, l line) error {
	value, found, err := s.cluster.Get(ctx, l.key, l.member)
	if err != nil {
		return err
	}
	if !found {
		return s.result("%s absent", l.key)
	}
	return s.result("%s=%s", l.key, value)
}

// kill executes "kill N" and "kill leader".
func (s *session) kill(ctx context.Context, l line) error {
	n, err := s.cluster.Kill(ctx, l.member)
	if err == nil {
		s.note("member %d was killed", n)
	}
	return err
}

// status executes "status".
func (s *session) status(ctx context.Context) error {
	text, err := s.cluster.Status(ctx)
	if err == nil {
		s.note("%s", text)
	}
	return err
}

// result prints an answer. Without its result a line has failed.
func (s *session) result(format string, args ...any) error {
	_, err := fmt.Fprintf(s.results, format+"\n", args...)
	return err
}

// note tells people something. Where notes cannot be written, there is nobody to
// be told.
func (s *session) note(format string, args ...any) {
	fmt.Fprintf(s.notes, format+"\n", args...)
}
