package sim

import (
	"context"
	"errors"
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/sim/check"
)

// client calls one operation after another, waits for each answer up to its patience, and asks
// another member when one says that it did nothing.
type client struct {
	world  *world
	number int
	name   string
	calls  []Call
	dice   dice
	// favourite is the member that answered last.
	favourite int
}

// operation is one call of a client under way.
type operation struct {
	client  *client
	call    *Call
	number  int
	value   uint64
	attempt check.Attempt
	called  Instant
	until   Instant
	ended   bool
}

// flight is an operation at a member.
type flight struct {
	operation *operation
	process   *process
	proposing *replica.Proposing
	reading   *replica.Reading
	ended     bool
	// turned is how many turns the process had had when it was asked.
	turned uint64
}

func newClient(w *world, number int) *client {
	c := &client{world: w, number: number, name: fmt.Sprintf("c%d", number+1)}
	for _, call := range w.plan.Operations {
		if call.Client == number {
			c.calls = append(c.calls, call)
		}
	}
	w.remaining += len(c.calls)
	return c
}

// advance begins the next operation after a while.
func (c *client) advance() {
	if len(c.calls) == 0 {
		return
	}
	call := &c.calls[0]
	c.calls = c.calls[1:]
	wait := call.After
	if c.world.healing() {
		wait /= 20 // the second phase asks how soon all is answered
	}
	c.world.in(wait, func() { c.begin(call) })
}

func (c *client) begin(call *Call) {
	w := c.world
	c.dice = newDice(call.Dice, diceClients, 0)
	w.operations++
	o := &operation{client: c, call: call, number: w.operations, value: uint64(w.operations), called: w.now}
	o.attempt = check.Attempt(o.number)
	o.until = w.now + c.dice.between(Second/2, 6*Second)
	verb := "read"
	if call.Write {
		verb = "write"
	}
	w.note(c.name, didCall, verb, uint64(o.number), uint64(call.Key), uint64(o.attempt))
	o.try()
}

// try asks a member.
func (o *operation) try() {
	c := o.client
	w := c.world
	if w.now >= o.until && !w.healing() {
		o.giveUp()
		return
	}
	if !c.dice.chance(0.8) || !w.reachable(c.favourite) {
		c.favourite = c.dice.IntN(len(w.members))
	}
	p := w.members[c.favourite].process
	if p == nil || !w.reachable(c.favourite) {
		o.again()
		return
	}
	w.in(c.dice.between(0, 200*Microsecond), func() {
		if p.dead || p.member.pausedUntil > w.now {
			o.again()
			return
		}
		o.ask(p)
	})
}

// command is what the operation writes.
func (o *operation) command() []byte {
	if payload := o.client.world.options.Payload; payload != nil {
		return append(appendCommand(nil, o.attempt, o.value, o.call.Key, 0), payload(o.value)...)
	}
	return appendCommand(nil, o.attempt, o.value, o.call.Key, o.call.Size)
}

// ask is the call itself, in the process.
func (o *operation) ask(p *process) {
	f := &flight{operation: o, process: p, turned: p.turned}
	var err error
	if o.call.Write {
		command := o.command()
		f.proposing, err = p.driven.Propose(command)
	} else {
		f.reading, err = p.driven.Read()
	}
	if err != nil {
		o.refused(err)
		p.settle()
		return
	}
	p.flights = append(p.flights, f)
	p.settle()
	w := o.client.world
	p.at(max(o.until, w.now+Second/2), f.impatient)
}

// again asks later.
func (o *operation) again() {
	o.client.world.in(o.client.dice.between(5*Millisecond, 60*Millisecond), o.try)
}

// refused takes an answer that says that nothing happened.
func (o *operation) refused(err error) {
	if errors.Is(err, replica.ErrOutcomeUnknown) {
		o.unknown()
		return
	}
	o.client.world.count("operation refused")
	if errors.Is(err, replica.ErrNoSpace) {
		o.client.world.count("operation refused: no space")
	}
	o.client.favourite = o.client.dice.IntN(len(o.client.world.members))
	o.again()
}

// impatient ends the wait of a flight.
func (f *flight) impatient() {
	if f.ended || f.operation.ended {
		return
	}
	f.ended = true
	o := f.operation
	o.client.world.count("operation abandoned")
	if f.reading != nil {
		if _, err := f.reading.Abandon(context.DeadlineExceeded); err == nil {
			o.read(f.process)
			return
		}
		o.again()
		return
	}
	o.wrote(f.proposing.Abandon(context.DeadlineExceeded))
}

// poll looks for the answer, and reports whether the flight has ended.
func (f *flight) poll() bool {
	if f.ended {
		return true
	}
	o := f.operation
	if f.reading != nil {
		_, done, err := f.reading.Poll()
		if !done {
			return false
		}
		f.ended = true
		if err != nil {
			o.refused(err)
			return true
		}
		if f.atOnce() {
			o.client.world.count("read under a lease")
		}
		o.read(f.process)
		return true
	}
	out, done := f.proposing.Poll()
	if !done {
		return false
	}
	f.ended = true
	o.wrote(out)
	return true
}

// atOnce reports whether a read was answered in the turn after it was asked, although there are others whom a
// leader without a lease would have asked.
func (f *flight) atOnce() bool {
	s := &f.process.status
	return s.Role == core.Leader && f.process.turned == f.turned+1 && len(s.Configuration.Incoming()) > 1
}

// lost ends a flight whose process died.
func (f *flight) lost() {
	if f.ended {
		return
	}
	f.ended = true
	if f.reading != nil {
		f.operation.again()
		return
	}
	f.operation.unknown()
}

// wrote takes the outcome of a write.
func (o *operation) wrote(out replica.Proposed) {
	if out.Err != nil {
		o.refused(out.Err)
		return
	}
	w := o.client.world
	answer, ok := out.Result.(uint64)
	if !ok {
		w.violate(fmt.Errorf("answer: operation %d got %v as its result", o.number, out.Result))
		return
	}
	if err := w.checks.Acknowledged(o.attempt, out.Position); err != nil {
		w.violate(err)
	}
	w.acknowledged++
	o.end("ok", answer, uint64(out.Position.Index), false)
}

// read takes the value at a read point.
func (o *operation) read(p *process) {
	o.client.world.reads++
	if p.status.Role == core.Leader {
		o.client.world.count("read through the leader")
	} else {
		o.client.world.count("read through another member")
	}
	o.end("ok", p.machine.values[o.call.Key], uint64(p.status.Applied), false)
}

// unknown ends a write that may have happened. Half of the clients try again, which is another
// operation with another value.
func (o *operation) unknown() {
	c := o.client
	c.world.count("outcome unknown")
	if c.dice.chance(0.5) {
		again := *o.call
		again.Dice = c.dice.Uint64()
		again.After = c.dice.between(0, 20*Millisecond)
		c.calls = append([]Call{again}, c.calls...)
		c.world.remaining++
		c.world.count("operation repeated")
	}
	o.end("unknown", 0, 0, true)
}

// giveUp ends an operation that certainly did nothing.
func (o *operation) giveUp() {
	w := o.client.world
	w.count("operation given up")
	if err := w.checks.Denied(o.attempt); err != nil {
		w.violate(err)
	}
	w.note(o.client.name, didReturn, "given up", uint64(o.number), 0, 0)
	o.done()
}

func (o *operation) end(how string, answer, index uint64, open bool) {
	w := o.client.world
	w.note(o.client.name, didReturn, how, uint64(o.number), answer, index)
	h := check.Operation{
		Client: o.client.number, Key: o.call.Key, Write: o.call.Write, Value: o.value,
		Called: int64(o.called), Returned: int64(w.now), Answer: answer, Open: open,
	}
	w.checks.History.Add(h)
	o.done()
}

func (o *operation) done() {
	o.ended = true
	o.client.world.remaining--
	o.client.advance()
}
