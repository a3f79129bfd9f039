package check

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// Operation is one call of a client, from the call to the answer. Clients write values that are all
// different into a few keys, and a write returns the value that it replaced.
type Operation struct {
	Client int
	Key    uint8
	// Write tells writes from reads; Value is what a write writes, and is not 0.
	Write bool
	Value uint64
	// Called and Returned are instants of the simulated world; Returned is 0 while there is no answer.
	Called, Returned int64
	// Answer is what a read read, or what a write replaced; 0 for an absent key.
	Answer uint64
	// Open marks a write whose outcome is not known: it may take effect at any time after Called.
	Open bool
}

// History keeps what clients did and saw, and checks that it is linearizable (Herlihy and Wing 1990):
// that there is one order of all operations that explains every answer, in which each operation takes
// effect between its call and its answer.
type History struct {
	all []Operation
	// Patience bounds the check in real time; 0 is a minute. "Not known" counts as a failure.
	Patience time.Duration
}

// Add adds an operation that has ended, or that never will.
func (h *History) Add(o Operation) { h.all = append(h.all, o) }

// Len returns the number of operations.
func (h *History) Len() int { return len(h.all) }

// Check searches for the order.
func (h *History) Check() error {
	patience := h.Patience
	if patience == 0 {
		patience = time.Minute
	}
	for key, part := range h.relevant() {
		if len(part) == 0 {
			continue
		}
		switch porcupine.CheckOperationsTimeout(register, part, patience) {
		case porcupine.Illegal:
			return broken("linearizability", "no order explains the %d operations on key %d: %s", len(part), key,
				brief(part))
		case porcupine.Unknown:
			return broken("linearizability", "the %d operations on key %d could not be judged within %v", len(part),
				key, patience)
		}
	}
	return nil
}

// relevant sorts the operations by key and leaves out what cannot matter: a write of unknown outcome
// whose value nobody saw. An order with it stays an order without it, since nobody's answer depends
// on it.
func (h *History) relevant() [256][]porcupine.Operation {
	seen := make(map[uint64]bool)
	for i := range h.all {
		if o := &h.all[i]; !o.Open {
			seen[o.Answer] = true
		}
	}
	var parts [256][]porcupine.Operation
	for i := range h.all {
		o := &h.all[i]
		end := o.Returned
		if o.Open {
			if !seen[o.Value] {
				continue
			}
			end = math.MaxInt64
		}
		parts[o.Key] = append(parts[o.Key], porcupine.Operation{
			ClientId: o.Client, Input: o, Call: o.Called, Output: o, Return: end,
		})
	}
	return parts
}

// register is one key: its state is the value last written.
var register = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, _ any) (bool, any) {
		o, value := input.(*Operation), state.(uint64)
		switch {
		case !o.Open && o.Answer != value:
			return false, state
		case o.Write:
			return true, o.Value
		}
		return true, state
	},
	Equal: func(a, b any) bool { return a.(uint64) == b.(uint64) },
	Hash:  func(state any) uint64 { return state.(uint64) },
}

// brief shows the last operations of a history.
func brief(part []porcupine.Operation) string {
	text := ""
	for _, p := range part[max(0, len(part)-12):] {
		o := p.Input.(*Operation)
		verb := "read"
		if o.Write {
			verb = fmt.Sprintf("wrote %d over", o.Value)
		}
		answer := fmt.Sprint(o.Answer)
		if o.Open {
			answer = "?"
		}
		text += fmt.Sprintf("\n    %12.6f s to %12.6f s: client %d %s %s",
			float64(o.Called)/1e9, float64(o.Returned)/1e9, o.Client, verb, answer)
	}
	return text
}
