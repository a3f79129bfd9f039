package core_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file: random histories of elections among members that are counted and not listed, over a bus that
// loses, repeats and delays, with disks that take their time, crashes, and comparisons that answer late.

// bus is the world of such an election.
type bus struct {
	random  *rand.Rand
	now     core.Instant
	agenda  []busEvent
	members []*elector
	// loss and repeat are probabilities; grants is that of an answer which says yes.
	loss, repeat, grants float64
	leaders              map[entry.Term]entry.MemberID
	questions            int
	failure              error
}

type busEvent struct {
	at core.Instant
	do func()
}

// elector is one member: its core, and what its disk holds.
type elector struct {
	bus    *bus
	id     entry.MemberID
	config core.Config
	// core is nil while the member is down; life tells its starts apart.
	core   *core.Core
	life   int
	out    core.Effects
	disk   entry.HardState
	stored uint64
	held   []core.Outgoing
}

func (b *bus) after(d core.Instant, do func()) { b.agenda = append(b.agenda, busEvent{b.now + d, do}) }

func (b *bus) between(least, most core.Instant) core.Instant {
	return least + core.Instant(b.random.Int64N(int64(most-least)+1))
}

// run goes on until a time.
func (b *bus) run(until core.Instant) {
	for b.failure == nil {
		next := -1
		for i := range b.agenda {
			if next < 0 || b.agenda[i].at < b.agenda[next].at {
				next = i
			}
		}
		if next < 0 || b.agenda[next].at > until {
			break
		}
		event := b.agenda[next]
		b.agenda = slices.Delete(b.agenda, next, next+1)
		b.now = max(b.now, event.at)
		event.do()
	}
	b.now = max(b.now, until)
}

func (e *elector) start() {
	e.life++
	c, err := core.New(e.config, core.Start{Recovered: entry.Recovered{Hard: e.disk}})
	if err != nil {
		e.bus.failure = err
		return
	}
	e.core, e.stored, e.held = c, 0, nil
	e.step(core.Input{})
}

func (e *elector) crash() { e.core, e.life = nil, e.life+1 }

// later does something in this life of the member only.
func (e *elector) later(d core.Instant, do func()) {
	life := e.life
	e.bus.after(d, func() {
		if e.life == life && e.core != nil {
			do()
		}
	})
}

func (e *elector) step(in core.Input) {
	b := e.bus
	in.Now, in.Stored = b.now, e.stored
	before := e.core.Status()
	e.core.Step(&in, &e.out)
	now := e.core.Status()
	leader, known := b.leaders[now.Term]
	switch {
	case e.out.Fatal != nil:
		b.failure = e.out.Fatal
	case now.Term < before.Term || now.Term == before.Term && before.Vote != "" && now.Vote != before.Vote:
		b.failure = fmt.Errorf("%s went from %+v to %+v", e.id, before, now)
	case now.Role == core.Leader && known && leader != e.id:
		b.failure = fmt.Errorf("%s and %s lead term %d", leader, e.id, now.Term)
	case now.Role == core.Leader:
		b.leaders[now.Term] = e.id
	}
	e.act()
}

// act does what the Step wants.
func (e *elector) act() {
	b := e.bus
	if w := &e.out.Write; w.Seq != 0 {
		seq, hard := w.Seq, e.disk
		if w.Hard != nil {
			hard = *w.Hard
		}
		e.later(b.between(0, beat), func() {
			if seq > e.stored {
				e.stored, e.disk = seq, hard
				e.step(core.Input{})
			}
		})
	}
	e.held = append(e.held, e.out.Send...)
	e.held = slices.DeleteFunc(e.held, func(o core.Outgoing) bool {
		if o.After <= e.stored {
			b.carry(o.Message)
		}
		return o.After <= e.stored
	})
	for _, q := range e.out.Questions {
		b.questions++
		answer := core.Answer{ID: q.ID, Grant: b.random.Float64() < b.grants}
		e.later(b.between(0, 2*beat), func() { e.step(core.Input{Answers: []core.Answer{answer}}) })
	}
	if due := e.core.Deadline(); due != core.Forever {
		e.later(max(due-b.now, 1), func() {
			if b.now >= e.core.Deadline() {
				e.step(core.Input{})
			}
		})
	}
}

// carry brings a message to whom it is for, or to all, its sender among them as some buses do.
func (b *bus) carry(m core.Message) {
	for _, to := range b.members {
		if m.To != "" && m.To != to.id {
			continue
		}
		for copies := 1; copies > 0; copies-- {
			if b.random.Float64() < b.repeat {
				copies++
			}
			if b.random.Float64() < b.loss {
				continue
			}
			b.after(b.between(1, beat), func() {
				if to.core != nil {
					to.step(core.Input{Received: []core.Message{m}})
				}
			})
		}
	}
}

// elected plays one history and returns it.
func elected(seed uint64) *bus {
	size := 1 + int(seed%7)
	b := &bus{random: rand.New(rand.NewPCG(seed, 17)), loss: 0.2, repeat: 0.1, grants: 0.8,
		leaders: map[entry.Term]entry.MemberID{}}
	for i := range size {
		id := entry.MemberID(fmt.Sprint("m", i))
		e := &elector{bus: b, id: id, config: core.Config{
			ID: id, Seed: seed, Heartbeat: beat, ElectionOnly: true,
			Electors: core.Electors{Size: size, Ask: seed%2 == 1},
		}}
		b.members = append(b.members, e)
	}
	for _, e := range b.members {
		e.start()
	}
	for range 40 {
		b.run(b.now + b.between(beat, 12*beat))
		if b.failure != nil {
			return b
		}
		if e := b.members[b.random.IntN(size)]; e.core == nil {
			e.start()
		} else {
			e.crash()
		}
	}
	b.loss, b.repeat, b.grants = 0, 0, 1
	for _, e := range b.members {
		if e.core == nil {
			e.start()
		}
	}
	b.run(b.now + 120*beat)
	return b
}

// TestRandomElections: a term has one leader whatever fails, a vote is never changed within a term, over crashes
// too, and when trouble ends all follow one leader.
func TestRandomElections(t *testing.T) {
	terms, questions := 0, 0
	for seed := range uint64(140) {
		b := elected(seed)
		if b.failure != nil {
			t.Fatalf("seed %d: %v", seed, b.failure)
		}
		leader := b.members[0].core.Status().Leader
		for _, e := range b.members {
			if s := e.core.Status(); s.Leader == "" || s.Leader != leader {
				t.Fatalf("seed %d: when trouble has ended %s follows %q and %s follows %q", seed, b.members[0].id, leader,
					e.id, s.Leader)
			}
		}
		terms += len(b.leaders)
		questions += b.questions
	}
	if terms < 500 || questions < 1000 {
		t.Errorf("%d terms had a leader and %d questions were asked: that proves little", terms, questions)
	}
	t.Logf("%d terms had a leader, %d questions were asked", terms, questions)
}
