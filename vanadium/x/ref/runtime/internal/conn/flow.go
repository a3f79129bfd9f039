package conn

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// errFlowReset is what readers and writers of a flow see after it was reset, by
// either side.
var errFlowReset = errors.New("the flow was reset")

// Flow carries frames in both directions within a connection. One goroutine may
// read while another writes; writers exclude each other.
type Flow struct {
	// Attachment is for the user of the flow, to keep what belongs to it from one
	// call to the next.
	Attachment any

	conn   *Conn
	stream *yamux.Stream

	writeMu sync.Mutex
	// out is scratch space for a header and a short payload, kept under writeMu.
	out []byte

	// calls counts the calls carried; only the user of the flow touches it.
	calls int
	// parked is when the flow was left without a call last, by monotonic; the flow
	// table's lock guards it.
	parked int64

	resetOnce sync.Once
	// reset is closed when either side resets the flow or the connection ends.
	reset chan struct{}

	hookMu sync.Mutex
	// hook is called once when reset is closed.
	hook func()
}

func newFlow(c *Conn, s *yamux.Stream) *Flow {
	return &Flow{conn: c, stream: s, reset: make(chan struct{})}
}

// Conn is the connection the flow belongs to.
func (f *Flow) Conn() *Conn { return f.conn }

// WasReset is closed when the flow is of no more use: the other side or this one
// reset it, or the connection ended.
func (f *Flow) WasReset() <-chan struct{} { return f.reset }

// dead tells whether the flow was reset.
func (f *Flow) dead() bool {
	select {
	case <-f.reset:
		return true
	default:
		return false
	}
}

// OnReset makes hook the function that is called when the flow is reset, in place of
// an earlier one. It is called at once if the flow was reset already; nil removes it.
func (f *Flow) OnReset(hook func()) {
	f.hookMu.Lock()
	f.hook = hook
	f.hookMu.Unlock()
	if f.dead() {
		f.callHook()
	}
}

func (f *Flow) callHook() {
	f.hookMu.Lock()
	hook := f.hook
	f.hook = nil
	f.hookMu.Unlock()
	if hook != nil {
		hook()
	}
}

// ReadHeader waits for the next frame and returns its kind and the length of its
// payload, which ReadPayload must be called for next unless it is 0. It returns
// io.EOF when the other side closed the flow between frames.
func (f *Flow) ReadHeader() (kind byte, length int, err error) {
	kind, length, err = readHeader(f.stream, MaxMessageSize)
	return kind, length, f.explain(err)
}

// ReadPayload reads the n bytes of a payload. They are in buf if its capacity
// suffices, otherwise in a new slice that belongs to the caller.
func (f *Flow) ReadPayload(n int, buf []byte) ([]byte, error) {
	if n > smallMessage {
		if !f.conn.received.acquire(n, f.reset) {
			return nil, f.explain(errFlowReset)
		}
		defer f.conn.received.release(n)
	}
	p, err := readPayload(f.stream, n, buf)
	return p, f.explain(err)
}

// WriteFrame sends one frame. The payload is not retained. It returns ErrTooLarge
// for a payload above MaxMessageSize, with nothing sent.
func (f *Flow) WriteFrame(kind byte, payload []byte) error {
	if len(payload) > MaxMessageSize {
		return fmt.Errorf("%w: a message of %d bytes, %d are allowed", ErrTooLarge, len(payload), MaxMessageSize)
	}
	f.writeMu.Lock()
	defer f.writeMu.Unlock()
	head := min(len(payload), sendChunk-HeaderSize)
	if need := HeaderSize + head; cap(f.out) < need {
		f.out = make([]byte, max(need, 256))
	}
	first := f.out[:HeaderSize+head]
	putHeader(first, kind, len(payload))
	copy(first[HeaderSize:], payload[:head])
	if err := f.write(first); err != nil {
		return err
	}
	for rest := payload[head:]; len(rest) > 0; {
		n := min(len(rest), sendChunk)
		if err := f.write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

func (f *Flow) write(b []byte) error {
	if f.dead() {
		return f.explain(errFlowReset)
	}
	if err := f.conn.transport.waitRoom(f.reset); err != nil {
		return f.explain(err)
	}
	_, err := f.stream.Write(b)
	return f.explain(err)
}

// explain replaces the multiplexer's error by the reason, where it is known.
func (f *Flow) explain(err error) error {
	if err == nil || errors.Is(err, ErrTooLarge) {
		return err
	}
	if cause := f.conn.Err(); cause != nil {
		return cause
	}
	if f.dead() {
		return errFlowReset
	}
	if f.conn.session.IsClosed() {
		return noEOF(err)
	}
	return err
}

// Reset ends the flow at once, on both sides: readers and writers return, and the
// other side is told on the control stream.
func (f *Flow) Reset() {
	f.resetOnce.Do(func() {
		close(f.reset)
		f.callHook()
		f.conn.sendReset(f.stream.StreamID())
		f.stop()
	})
}

// remoteReset ends the flow after the other side reset it or the connection ended.
func (f *Flow) remoteReset() {
	f.resetOnce.Do(func() {
		close(f.reset)
		f.callHook()
		f.stop()
	})
}

// stop unblocks the flow's users and closes the stream.
func (f *Flow) stop() {
	past := time.Unix(1, 0)
	err := errors.Join(f.stream.SetDeadline(past), f.stream.Close())
	if err != nil {
		f.conn.logf("closing a flow: %v", err)
	}
}

// close ends the flow in good order, between calls.
func (f *Flow) close() {
	if err := f.stream.Close(); err != nil {
		f.conn.logf("closing a flow: %v", err)
	}
}
