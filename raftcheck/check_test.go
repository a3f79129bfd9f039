package raftcheck_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"v.io/v23/context"

	"v.io/x/ref/lib/raft"
	"v.io/x/ref/lib/raft/raftcheck"
)

// ledger is a client that does everything right: it counts words. Each test plants one mistake.
type ledger struct {
	mu     sync.Mutex
	counts map[string]int
	total  int
	kept   [][]byte
	bug    string
}

// drawn differs from client to client, as a clock or a map's order would.
var drawn atomic.Int64

func newLedger(bug string) *ledger { return &ledger{counts: make(map[string]int), bug: bug} }

func (l *ledger) Apply(cmd []byte, index raft.Index) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, cmd)
	switch {
	case l.bug == "modifies" && index > 20:
		cmd[0] ^= 1
	case l.bug == "modifies later" && len(l.kept) > 10:
		l.kept[len(l.kept)-10][0] ^= 1
	case l.bug == "panics" && index > 30:
		panic("cannot go on")
	case l.bug == "random" && index == 40:
		l.total += int(drawn.Add(1))
	case l.bug == "counts starts" && l.total == 0 && len(l.counts) == 0:
		l.total += int(drawn.Add(1))
	case l.bug == "random error" && index == 40:
		return fmt.Errorf("number %d", drawn.Add(1))
	}
	l.counts[string(cmd)]++
	l.total++
	if l.total%5 == 0 {
		return errors.New("every fifth is refused")
	}
	return nil
}

// lines are the state as the image has it.
func (l *ledger) lines() []string {
	all := []string{fmt.Sprintf("total %d\n", l.total)}
	for word, n := range l.counts {
		all = append(all, fmt.Sprintf("%x %d\n", word, n))
	}
	slices.Sort(all[1:])
	return all
}

func (l *ledger) SaveToSnapshot(_ *context.T, w io.Writer, response chan<- error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines()
	switch l.bug {
	case "writes at once":
		defer close(response)
		return write(w, lines)
	case "refuses":
		return errors.New("no image today")
	case "reports":
		go func() {
			response <- errors.New("half of it is missing")
			close(response)
		}()
		return nil
	case "never closes":
		return nil
	case "forgets":
		lines = lines[:len(lines)-1]
	}
	if l.bug == "waits" {
		done := make(chan error)
		go func() { done <- write(w, lines[:1]) }()
		if err := <-done; err != nil {
			return err
		}
		lines = lines[1:]
	}
	go func() {
		defer close(response)
		if l.bug == "writes live" {
			l.writeLive(w, response)
			return
		}
		response <- write(w, lines)
	}()
	return nil
}

// writeLive writes the present state in pieces of some lines, each under the lock, which is not enough.
func (l *ledger) writeLive(w io.Writer, response chan<- error) {
	for n := 0; ; n += 4 {
		l.mu.Lock()
		lines := l.lines()
		l.mu.Unlock()
		if n >= len(lines) {
			return
		}
		response <- write(w, []string{strings.Join(lines[n:min(n+4, len(lines))], "")})
	}
}

func write(w io.Writer, lines []string) error {
	for _, line := range lines {
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) RestoreFromSnapshot(_ *context.T, _ raft.Index, rd io.Reader) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bug == "restore panics" {
		panic("not this one")
	}
	if l.bug != "restores over" {
		l.counts = make(map[string]int)
	}
	if _, err := fmt.Fscanf(rd, "total %d\n", &l.total); err != nil {
		return err
	}
	if l.bug == "restores a part" {
		l.total -= l.total % 3
	}
	for {
		var (
			word []byte
			n    int
		)
		if _, err := fmt.Fscanf(rd, "%x %d\n", &word, &n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		l.counts[string(word)] = n
	}
}

// words are commands with repetitions.
func words(n int, random *rand.Rand) []byte { return fmt.Appendf(nil, "word %d", random.IntN(10+n/4)) }

func program(bug string) raftcheck.Program {
	return raftcheck.Program{
		New:     func() raft.RaftClient { return newLedger(bug) },
		Command: words, Patience: time.Second,
	}
}

// Clients that keep their promises pass, whatever way they write their images.
func TestGoodClients(t *testing.T) {
	durable := program("")
	durable.New = func() raft.RaftClient { return &durableLedger{newLedger("")} }
	durable.State = func(c raft.RaftClient) ([]byte, error) {
		return []byte(strings.Join(c.(*durableLedger).lines(), "")), nil
	}
	for name, p := range map[string]raftcheck.Program{
		"writes beside Apply": program(""), "writes at once": program("writes at once"), "durable itself": durable,
		"waits for another goroutine": program("waits"),
	} {
		for seed := range uint64(5) {
			if err := raftcheck.Check(p, seed, 100); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := raftcheck.Check(program(""), 1, 1); err != nil {
		t.Errorf("one command: %v", err)
	}
}

// durableLedger keeps its state itself: its images are empty.
type durableLedger struct{ *ledger }

func (*durableLedger) SaveToSnapshot(_ *context.T, _ io.Writer, response chan<- error) error {
	close(response)
	return nil
}

// Each planted mistake is found by the check that is meant for it, and again with the same seed.
func TestPlantedMistakes(t *testing.T) {
	for bug, want := range map[string]string{
		"modifies": raftcheck.Untouched, "modifies later": raftcheck.Untouched, "panics": raftcheck.Standing,
		"random": raftcheck.Deterministic, "random error": raftcheck.Deterministic,
		"refuses": raftcheck.Complete, "reports": raftcheck.Complete, "never closes": raftcheck.Complete,
		"restores over": raftcheck.Restorable, "restores a part": raftcheck.Restorable, "restore panics": raftcheck.Standing,
		"writes live": raftcheck.Isolated,
	} {
		t.Run(bug, func(t *testing.T) {
			var texts []string
			for range 2 {
				err := raftcheck.Check(program(bug), 3, 100)
				var found *raftcheck.Finding
				if !errors.As(err, &found) || found.Check != want || found.Seed != 3 {
					t.Fatalf("found %v, want %q", err, want)
				}
				texts = append(texts, err.Error())
			}
			if texts[0] != texts[1] && !strings.HasPrefix(bug, "random") {
				t.Errorf("the same seed says\n%s\n%s", texts[0], texts[1])
			}
		})
	}
}

// Mistakes of the caller are errors of their own.
func TestMistakesOfTheCaller(t *testing.T) {
	nothing := program("")
	nothing.New = func() raft.RaftClient { return &durableLedger{newLedger("")} }
	large := program("")
	large.Command = func(int, *rand.Rand) []byte { return bytes.Repeat([]byte("x"), raftcheck.CommandMax+1) }
	for name, err := range map[string]error{
		"nothing":   raftcheck.Check(raftcheck.Program{}, 1, 1),
		"none":      raftcheck.Check(program(""), 1, 0),
		"too large": raftcheck.Check(large, 1, 1),
		"no state":  raftcheck.Check(nothing, 1, 1),
	} {
		var found *raftcheck.Finding
		if err == nil || errors.As(err, &found) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
