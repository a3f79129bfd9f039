package raftcheck

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft"
)

// The sizes of a check.
const (
	clients = 3  // that are given the same commands
	cuts    = 6  // places in the log at which a snapshot is taken
	stride  = 16 // commands between two comparisons
)

// Check runs clients of the program over a number of commands, at least 1, and returns the first
// [*Finding], or nil. Other errors are mistakes in p. It may be called by several goroutines at once.
func Check(p Program, seed uint64, commands int) error {
	if p.New == nil || p.Command == nil || commands < 1 {
		return fmt.Errorf("raftcheck: New and Command are needed, and a command: %d are wanted", commands)
	}
	if p.Patience == 0 {
		p.Patience = patienceDefault
	}
	s, err := newSeries(&p, seed, commands)
	if err != nil {
		return err
	}
	ctx, cancel := rootContext()
	defer cancel()
	b := &bench{
		program: &p, series: s, ctx: ctx, random: rand.New(rand.NewPCG(seed, 2)), habit: habit{patience: p.Patience},
	}
	for _, check := range []func() error{b.deterministic, b.restorable, b.isolated} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// bench is where the clients of one Check stand.
type bench struct {
	*series
	program *Program
	ctx     *context.T
	random  *rand.Rand
	habit   habit
}

// state returns what is compared of a client.
func (b *bench) state(c raft.RaftClient, at raft.Index) ([]byte, error) {
	if b.program.State != nil {
		return b.program.State(c)
	}
	image, err := imageOf(b.ctx, c, &b.habit)
	if err != nil {
		return nil, b.finding(Complete, at, "%v", err)
	}
	if len(image) == 0 {
		return nil, errors.New("raftcheck: the client's images are empty: give Program.State")
	}
	return image, nil
}

// equal compares the states of two clients.
func (b *bench) equal(check string, at raft.Index, got, want raft.RaftClient, what string) error {
	mine, err := b.state(got, at)
	if err != nil {
		return err
	}
	others, err := b.state(want, at)
	if err != nil || bytes.Equal(mine, others) {
		return err
	}
	return b.finding(check, at, "%s: %s", what, difference(mine, others))
}

// difference says where two states differ.
func difference(a, b []byte) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return fmt.Sprintf("states of %d and %d bytes differ from byte %d on: %.40q and %.40q",
		len(a), len(b), n, a[n:], b[n:])
}

// deterministic gives the same commands to several clients.
func (b *bench) deterministic() error {
	var all [clients]raft.RaftClient
	for i := range all {
		all[i] = b.program.New()
	}
	for n := range b.commands {
		var texts [clients]string
		for i, c := range all {
			var err error
			if texts[i], err = b.apply(c, n); err != nil {
				return err
			}
			if texts[i] != texts[0] {
				return b.finding(Deterministic, b.index(n), "Apply returns %q at one client and %q at another",
					texts[0], texts[i])
			}
		}
		if n%stride != 0 && n != len(b.commands)-1 {
			continue
		}
		for _, c := range all[1:] {
			if err := b.equal(Deterministic, b.index(n), c, all[0], "two clients after the same commands"); err != nil {
				return err
			}
		}
	}
	return b.allIntact(len(b.commands))
}

// cut chooses a number of commands, the ends included.
func (b *bench) cut(i int) int {
	switch i {
	case 0:
		return len(b.commands)
	case 1:
		return 1
	}
	return 1 + b.random.IntN(len(b.commands))
}

// restorable takes images and goes on from them.
func (b *bench) restorable() error {
	for i := range cuts {
		n := b.cut(i)
		whole := b.program.New()
		if err := b.replay(whole, 0, n); err != nil {
			return err
		}
		image, err := imageOf(b.ctx, whole, &b.habit)
		if err != nil {
			return b.finding(Complete, b.last(n), "%v", err)
		}
		if len(image) == 0 {
			return nil // It keeps its state durable itself.
		}
		if err := b.goOn(whole, image, n); err != nil {
			return err
		}
	}
	return b.allIntact(len(b.commands))
}

// goOn restores an image of the first n commands, in a new client and in one that is elsewhere, and
// compares both with the one that has seen everything, at once and at the end.
func (b *bench) goOn(whole raft.RaftClient, image []byte, n int) error {
	used := b.program.New()
	if err := b.replay(used, 0, b.random.IntN(len(b.commands)+1)); err != nil {
		return err
	}
	restored := []raft.RaftClient{b.program.New(), used}
	names := []string{"a new client after the restore", "a client with another state after the restore"}
	for i, c := range restored {
		if err := b.restore(c, image, n); err != nil {
			return err
		}
		if err := b.equal(Restorable, b.last(n), c, whole, names[i]); err != nil {
			return err
		}
	}
	for _, c := range append(restored, whole) {
		if err := b.replay(c, n, len(b.commands)); err != nil {
			return err
		}
	}
	for i, c := range restored {
		what := fmt.Sprintf("%s at index %d, and all later commands", names[i], b.last(n))
		if err := b.equal(Restorable, b.last(len(b.commands)), c, whole, what); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) restore(c raft.RaftClient, image []byte, n int) (err error) {
	at := b.last(n)
	defer func() {
		if v := recover(); v != nil {
			err = b.finding(Standing, at, "RestoreFromSnapshot panics: %v", v)
		}
	}()
	if err := c.RestoreFromSnapshot(b.ctx, at, bytes.NewReader(image)); err != nil {
		return b.finding(Restorable, at, "RestoreFromSnapshot does not take an image of SaveToSnapshot's: %v", err)
	}
	return nil
}

// isolated takes images with commands applied between their Writes.
func (b *bench) isolated() error {
	for i := range cuts {
		n := max(b.cut(i)/2, 1)
		then, now := b.program.New(), b.program.New()
		if err := errors.Join(b.replay(then, 0, n), b.replay(now, 0, n)); err != nil {
			return err
		}
		image, next, err := b.imageBeside(now, n)
		if err != nil || len(image) == 0 {
			return err
		}
		restored := b.program.New()
		if err := b.restore(restored, image, n); err != nil {
			return b.finding(Isolated, b.last(n), "commands up to index %d were applied beside the writing: %v",
				b.last(next), err)
		}
		what := fmt.Sprintf("an image of index %d, with commands up to %d applied beside its writing",
			b.last(n), b.last(next))
		if err := b.equal(Isolated, b.last(n), restored, then, what); err != nil {
			return err
		}
		if err := b.replay(then, n, next); err != nil {
			return err
		}
		if err := b.equal(Isolated, b.last(next), now, then, "the client that wrote an image beside Apply"); err != nil {
			return err
		}
	}
	return nil
}

// imageBeside takes the image of a client after n commands and applies up to three others before each
// Write, while there are any. It returns how many were applied in all.
func (b *bench) imageBeside(c raft.RaftClient, n int) (image []byte, next int, err error) {
	next = n
	s, err := save(b.ctx, c, &b.habit)
	if err != nil {
		return nil, next, b.finding(Complete, b.last(n), "%v", err)
	}
	image, err = s.finish(func() error {
		more := min(1+b.random.IntN(3), len(b.commands)-next)
		next += more
		return b.replay(c, next-more, next)
	})
	var found *Finding
	if err != nil && !errors.As(err, &found) {
		err = b.finding(Complete, b.last(n), "%v", err)
	}
	return image, next, err
}
