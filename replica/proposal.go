package replica

import (
	"sync"
	"sync/atomic"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// The states of a proposal. The loop and its caller settle by compare-and-swap who decides.
const (
	// queued: nobody has ordered it yet, the caller may withdraw it.
	queued int32 = iota
	// taken: the loop has given it to core; only an answer or an unknown outcome can follow.
	taken
	// gone: the caller no longer waits; whoever sees it next lets go of it.
	gone
	// answered: result, position and err are set.
	answered
)

// standing is where a proposal is that was taken.
type standing uint8

const (
	// raw: it was never framed, so nobody else can have it.
	raw standing = iota
	// placed: it has a place in this member's log.
	placed
	// forwarded: it was sent to the leader of the present term, and has not been seen in the log.
	forwarded
	// parked: it has no place, or has lost it. It is proposed again as soon as that is worth it.
	parked
)

// proposal is one command, or one barrier, and the caller that waits for it. Proposals are reused: a
// channel and an object per command would be the largest cost of a small command.
type proposal struct {
	kind entry.Kind
	// payload is the caller's until the command is framed; from then on it is a part of the immutable
	// block that holds the frame, from which it can be proposed again.
	payload []byte
	sum     uint32
	state   atomic.Int32
	// sequence is the command's number under this member's origin, 0 until it is framed first.
	sequence uint64
	// at is where it stands in this member's log. Invariant: zero unless placed.
	at    entry.Position
	trace trace
	reply reply
	done  chan struct{}
	pool  *sync.Pool
}

// trace is what is known about a proposal's copies.
type trace struct {
	standing standing
	// loose is true when a copy may be on its way or in somebody's log, so that the command may be
	// applied although it has no place here.
	loose bool
	// bounded says that the caller's wait ends by itself.
	bounded bool
	// sent is when it was last forwarded, lost when it first lost its leader or its place.
	sent, lost core.Instant
}

// reply is what the caller is told.
type reply struct {
	result   any
	position entry.Position
	err      error
}

// newProposal takes a proposal from the replica's own pool: channels must not wander between
// replicas of different tests' bubbles.
func newProposal(pool *sync.Pool, kind entry.Kind, payload []byte) *proposal {
	p, ok := pool.Get().(*proposal)
	if !ok {
		p = &proposal{done: make(chan struct{}, 1), pool: pool}
	}
	p.kind, p.payload, p.sum = kind, payload, entry.Checksum(payload)
	return p
}

func (p *proposal) free() {
	p.payload, p.sequence, p.at = nil, 0, entry.Position{}
	p.trace, p.reply = trace{}, reply{}
	p.state.Store(queued)
	p.pool.Put(p)
}

// frameSize returns the bytes that the command takes in the log.
func (p *proposal) frameSize() int { return entry.HeaderSize + len(p.payload) }

func (p *proposal) header(index entry.Index, term entry.Term, origin uint64) entry.Header {
	return entry.Header{
		Kind: p.kind, Index: index, Term: term, Origin: origin, Sequence: p.sequence,
		Size: uint32(len(p.payload)), PayloadSum: p.sum,
	}
}

// certain reports whether the command certainly was not and, if nobody proposes it again, never will
// be applied.
func (p *proposal) certain() bool {
	return p.trace.standing == raw || p.trace.standing == parked && !p.trace.loose
}

// collect takes the answer and lets go of the proposal.
func (p *proposal) collect() (any, entry.Position, error) {
	r := p.reply
	p.free()
	return r.result, r.position, r.err
}

func (p *proposal) settle() {
	if p.state.CompareAndSwap(taken, answered) {
		p.done <- struct{}{}
		return
	}
	p.free()
}

// refuse ends a proposal that is still queued.
func (p *proposal) refuse(err error) {
	p.state.CompareAndSwap(queued, taken)
	p.reply.err = err
	p.settle()
}
