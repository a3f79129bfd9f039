package sim

import (
	"context"
	"fmt"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim/check"
)

// voting is one life of an elector: a driven replica and what its goroutines would be.
type voting struct {
	elector  *elector
	who      check.Life
	driven   *replica.Driven
	receiver replica.Receiver
	status   replica.Status
	turns    wakeup
	// storing is what its disk does, asking what its program does.
	storing, asking lane
	// asks are those who want to know whether it still leads: each reports whether it has its answer.
	asks []func() bool
	// question is what the program was asked last.
	question replica.Candidate
	dead     bool
}

func (v *voting) open() error {
	m, e := v.elector, v.elector.world
	c := replica.Config{
		ID: m.id, Origin: uint64(m.number+1)<<32 | m.lives, Log: voteLog{v}, Snapshots: noImages{}, Transport: v,
		Machine: noMachine{}, Now: func() core.Instant { return m.clock.at(e.now) },
		Seed: e.seed + uint64(m.number), Heartbeat: duration(e.Heartbeat),
		Election: replica.Election{Only: true, Size: e.Size},
	}
	if e.Ask {
		c.Election.Compare = v.compare
	}
	r, err := replica.New(c)
	if err != nil {
		return err
	}
	if v.driven, err = r.Drive(); err != nil {
		return err
	}
	v.status = r.Status()
	e.note(string(m.id), didStart, "", m.lives, uint64(v.status.Term), 0, 0)
	v.plan(e.now + m.dice.between(10*Microsecond, Millisecond))
	return nil
}

// in does something in the process after a while, unless it has died; a paused process does it when it goes on.
func (v *voting) in(d Instant, do func()) { v.at(v.elector.world.now+d, do) }

func (v *voting) at(at Instant, do func()) {
	m := v.elector
	m.world.agenda.add(at, func() {
		switch {
		case v.dead:
		case m.pausedUntil > m.world.now:
			v.at(m.pausedUntil, do)
		default:
			do()
		}
	})
}

// plan has the process turn at an instant, or earlier.
func (v *voting) plan(at Instant) { v.turns.plan(at, v.at, v.turn) }

// settle follows everything that was done to the process: a turn may be due.
func (v *voting) settle() {
	if !v.dead && v.driven.Woken() {
		v.plan(v.elector.world.now + v.elector.dice.between(Microsecond, 100*Microsecond))
	}
}

// turn lets the replica turn, and has done what it wants.
func (v *voting) turn() {
	m, e := v.elector, v.elector.world
	work := v.driven.Turn(m.clock.at(e.now))
	before := v.status
	v.status = v.driven.Replica().Status()
	if work.Failed != nil {
		e.violate(fmt.Errorf("failure: %s stopped by itself: %w", m.id, work.Failed))
		return
	}
	v.observe(&before)
	for _, j := range work.Jobs {
		l := &v.storing
		if j.Kind == replica.JobCompare {
			l = &v.asking
		}
		l.queue = append(l.queue, j)
		if !l.busy {
			v.begin(l)
		}
	}
	v.asks = slices.DeleteFunc(v.asks, func(answered func() bool) bool { return answered() })
	if work.Deadline != core.Forever {
		v.plan(max(m.clock.when(work.Deadline), e.now+1))
	}
	v.settle()
}

// observe shows the turn to the checkers.
func (v *voting) observe(before *replica.Status) {
	m, e, s := v.elector, v.elector.world, &v.status
	if before.Term != s.Term || before.Role != s.Role {
		e.note(string(m.id), didTurn, s.Role.String(), uint64(s.Term), 0, 0)
	}
	t := check.Turn{Life: v.who, Before: *before, After: *s, Log: v.driven}
	v.judge(e.checks.Turned(&t))
	v.judge(e.ballots.Turned(&t))
	if s.Role == core.Leader && (before.Role != core.Leader || before.Term != s.Term) {
		e.count("election by a fixed-size quorum")
		e.newest = max(e.newest, s.Term)
	}
}

// confirm asks a leader whether it leads. When it says so, no newer one had been elected when it was asked. (With
// surplus members an answer proves less: theirs may be among the majority's.)
func (v *voting) confirm() {
	e := v.elector.world
	r, err := v.driven.Read()
	if err != nil {
		return
	}
	newest := e.newest
	if v.status.Term < newest {
		e.count("leader asked that is none")
	}
	v.asks = append(v.asks, func() bool {
		_, done, err := r.Poll()
		if done && err == nil {
			e.count("leadership confirmed")
		}
		if term := v.status.Term; done && err == nil && term < newest && e.Surplus == 0 {
			e.violate(fmt.Errorf("leadership: %s confirms that it leads term %d, and was asked when term %d had a leader",
				v.elector.id, term, newest))
		}
		return done
	})
	v.settle()
}

func (v *voting) judge(err error) {
	if err != nil {
		v.elector.world.violate(err)
	}
}

// begin does the next job of a lane. The disk has what it is given at the beginning of the job or at its end;
// a program has its opinion at the beginning, and says it at the end.
func (v *voting) begin(l *lane) {
	if len(l.queue) == 0 {
		return
	}
	j := l.queue[0]
	l.queue = append(l.queue[:0], l.queue[1:]...)
	l.busy = true
	d := v.elector.dice
	early, took := d.chance(0.5), d.between(10*Microsecond, 10*Millisecond)
	if j.Kind == replica.JobCompare {
		early, took = true, v.ponders()
	}
	if early {
		j.Run()
	}
	v.in(took, func() {
		if !early {
			j.Run()
		}
		if j.Kind == replica.JobCompare {
			v.answered()
		}
		l.busy = false
		j.Done()
		v.begin(l)
		v.settle()
	})
}

// ponders draws how long a comparison takes.
func (v *voting) ponders() Instant {
	e, d := v.elector.world, v.elector.dice
	switch {
	case !e.healed && d.chance(e.Never):
		e.count("comparison not answered")
		return e.Duration - e.now + d.between(0, e.Heartbeat)
	case !e.healed && d.chance(e.Late):
		return d.between(0, 3*core.ElectionTimeout*e.Heartbeat)
	}
	return d.between(0, e.Heartbeat)
}

// compare is the program's opinion. That of and about a surplus member is never wrong.
func (v *voting) compare(_ context.Context, c replica.Candidate) bool {
	m, e := v.elector, v.elector.world
	v.question = c
	if len(c.State) != 2 {
		e.violate(fmt.Errorf("messages: %s said of itself %x, two bytes at %s", c.ID, c.State, m.id))
		return false
	}
	kind, worth := core.MessageKind(c.State[0]), c.State[1]
	counts := worth > 0 && !m.surplus()
	yes := counts && worth >= m.worth
	if !e.healed && counts && m.dice.chance(e.Wrong) {
		yes = !yes
		e.count("comparison answered wrong")
	}
	e.ballots.Answered(v.who, kind, c.ID, c.Term, yes)
	e.count("comparison asked")
	if !yes {
		e.count("comparison refuses a vote")
	}
	e.note(string(m.id), didAsk, string(c.ID), uint64(c.Term), uint64(worth))
	return yes
}

// answered takes note that the answer comes now.
func (v *voting) answered() {
	v.elector.world.note(string(v.elector.id), didAnswer, string(v.question.ID), uint64(v.question.Term))
	if v.status.Term > v.question.Term || v.status.Leader != "" {
		v.elector.world.count("comparison answered late")
	}
}

// stop ends the process in order, end as it is.
func (v *voting) stop() {
	v.judge(v.driven.Stop())
	v.end()
}

func (v *voting) end() {
	e := v.elector.world
	v.dead, v.elector.voting = true, nil
	if v.driven == nil {
		return
	}
	n := v.driven.Replica().Stats().Refused
	e.counts["surplus member noticed"] += int(n.Core.Crowded)
	if n.Core.Unknown+n.Core.Malformed+n.Core.Strangers+n.Impersonating > 0 {
		e.violate(fmt.Errorf("messages: %s did not understand what the others said: %+v", v.elector.id, n))
	}
}

// Start implements replica.Transport.
func (v *voting) Start(r replica.Receiver) error {
	v.receiver = r
	return nil
}

// Send implements replica.Transport. A request for votes says what it is and what its program is worth.
func (v *voting) Send(_ entry.MemberID, messages []core.Message) int {
	e := v.elector.world
	for _, m := range messages {
		v.judge(e.checks.Sent(v.who, &m))
		v.judge(e.ballots.Sent(v.who, &m))
		if e.Ask {
			replica.NewCandidacy(&m, []byte{byte(m.Kind), v.elector.worth})
		}
		e.bus.publish(v.elector, m)
	}
	return len(messages)
}

// SendSnapshot implements replica.Transport.
func (v *voting) SendSnapshot(_ context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	v.receiver.SnapshotSent(to, s.Meta.Index, errNoLog)
}

// Close implements replica.Transport.
func (v *voting) Close() error { return nil }
