package sim

import (
	"context"
	"errors"
	"io"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// transfer is an image on its way from one member to another, in pieces: each may be the last one
// when the link is cut or a process dies, and a later transfer goes on where this one ended.
type transfer struct {
	from      *process
	to        *process
	target    *member
	ctx       context.Context
	image     replica.OutgoingSnapshot
	reader    io.ReadCloser
	receiving *replica.Receiving
	// complete is true once all bytes have arrived; ended once the sender was told.
	complete, ended bool
}

var errUnreachable = errors.New("the member cannot be reached")

func (n *network) sendImage(p *process, ctx context.Context, to entry.MemberID, s replica.OutgoingSnapshot) {
	t := &transfer{from: p, target: n.world.find(to), ctx: ctx, image: s}
	n.world.count("image offered")
	n.world.in(n.world.plan.Setting.Network.Delay, t.begin)
}

// usable reports whether both ends live and can talk to each other.
func (t *transfer) usable() bool {
	w := t.from.member.world
	return !t.from.dead && t.ctx.Err() == nil && t.target != nil && t.target.process != nil &&
		(t.to == nil || t.target.process == t.to) && w.network.open(t.from.member.number, t.target.number)
}

func (t *transfer) begin() {
	if !t.usable() {
		t.end(errUnreachable)
		return
	}
	p := t.target.process
	w := p.member.world
	if p.member.pausedUntil > w.now {
		// Not an event of the process: nothing tells the sender when one that has not begun dies.
		w.in(p.member.pausedUntil-w.now, t.begin)
		return
	}
	t.to = p
	var err error
	offer := replica.IncomingSnapshot{Term: t.image.Term, Meta: t.image.Meta}
	t.receiving, err = p.driven.ReceiveImage(t.from.peer(), offer)
	if err != nil || t.receiving == nil {
		t.end(err)
		p.settle()
		return
	}
	p.incoming = t
	if t.reader, err = t.image.Open(t.receiving.At()); err != nil {
		t.abort(err)
	} else {
		if t.receiving.At() > 0 {
			p.member.world.count("image resumed")
		}
		t.next()
	}
	p.settle()
	t.from.settle()
}

// next plans the next piece.
func (t *transfer) next() {
	w := t.from.member.world
	l := &w.network.links[t.from.member.number][t.target.number]
	w.in(w.network.delay(l), t.piece)
}

const pieceMax = 2000

// piece carries the next bytes.
func (t *transfer) piece() {
	if t.ended {
		return
	}
	n := t.from.member.world.network
	broken := n.breakIn == 1
	n.breakIn = max(n.breakIn-1, 0)
	if broken || !t.usable() {
		t.abort(errUnreachable)
		return
	}
	p := t.to
	if p.member.pausedUntil > p.member.world.now {
		p.member.world.agenda.add(p.member.pausedUntil, t.piece)
		return
	}
	p.note(didImage, string(t.from.member.id), uint64(t.image.Meta.Index), uint64(t.receiving.At()))
	buffer := make([]byte, 1+p.member.dice.IntN(pieceMax))
	read, err := io.ReadFull(t.reader, buffer)
	if read > 0 {
		if _, failed := t.receiving.Write(buffer[:read]); failed != nil {
			t.abort(failed)
			p.settle()
			return
		}
	}
	switch {
	case err == nil:
		t.next()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		t.finish()
	default:
		t.abort(err)
	}
	p.settle()
	t.from.settle()
}

// finish makes the image durable at the receiver; its turn installs it.
func (t *transfer) finish() {
	if err := t.receiving.Complete(); err != nil {
		t.end(err)
		return
	}
	t.complete = true
}

// poll looks whether the image has been installed.
func (t *transfer) poll() {
	if !t.complete || t.ended {
		return
	}
	if done, err := t.receiving.Poll(); done {
		if err == nil {
			t.to.member.world.count("image installed")
			t.to.imaged("damaged image replaced by the leader's")
		}
		t.end(err)
	}
}

// abort ends the transfer in the middle.
func (t *transfer) abort(err error) {
	if t.ended {
		return
	}
	t.from.member.world.count("image broken off")
	if t.to != nil && !t.to.dead && t.to.incoming == t && !t.complete {
		err = t.receiving.Abort(err)
	}
	t.end(err)
}

// broke is told by the receiver's end that it is gone.
func (t *transfer) broke(err error) {
	if !t.ended {
		t.end(err)
	}
}

// end tells the sender.
func (t *transfer) end(err error) {
	t.ended = true
	if t.to != nil && t.to.incoming == t {
		t.to.incoming = nil
	}
	if t.reader != nil {
		err = errors.Join(err, t.reader.Close())
	}
	if t.from.dead {
		return
	}
	to := t.image
	t.from.in(t.from.member.dice.between(Millisecond, 50*Millisecond), func() {
		t.from.receiver.SnapshotSent(t.targetID(), to.Meta.Index, err)
		t.from.settle()
	})
}

func (t *transfer) targetID() entry.MemberID {
	if t.target == nil {
		return ""
	}
	return t.target.id
}
