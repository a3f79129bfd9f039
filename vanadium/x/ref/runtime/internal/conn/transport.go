package conn

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// clock gives monotonic time as nanoseconds since the start of the process, which
// fits an atomic.
var clockBase = time.Now()

func monotonic() int64 { return int64(time.Since(clockBase)) }

// errTransportClosed is what writers see after the transport was closed.
var errTransportClosed = errors.New("the connection is closed")

// transport stands between the multiplexer and TLS. It takes bytes from the
// multiplexer without ever blocking it, and writes what has gathered in one go, so
// that a frame's header and body, and the frames of concurrent flows, share TLS
// records and system calls. What may gather is bounded by waitRoom, which
// writers of flows call first.
type transport struct {
	raw net.Conn

	// received is when bytes arrived last, by monotonic.
	received atomic.Int64

	wake chan struct{}
	done chan struct{}

	mu sync.Mutex
	// pending are the bytes the writer has not taken yet.
	pending []byte
	// spare is the buffer that becomes pending when that is taken.
	spare []byte
	// wrote is set by each write, and cleared by each look of trim.
	wrote bool
	// room is closed when pending was taken; nil while nobody waits.
	room   chan struct{}
	closed bool
	err    error
}

func newTransport(raw net.Conn) *transport {
	t := &transport{raw: raw, wake: make(chan struct{}, 1), done: make(chan struct{})}
	t.received.Store(monotonic())
	go t.writeLoop()
	return t
}

// Read implements io.Reader and notes that the peer is alive.
func (t *transport) Read(p []byte) (int, error) {
	n, err := t.raw.Read(p)
	if n > 0 {
		t.received.Store(monotonic())
	}
	return n, err
}

// silence is the time since bytes arrived.
func (t *transport) silence() time.Duration {
	return time.Duration(monotonic() - t.received.Load())
}

// Write implements io.Writer. It copies p and returns at once.
func (t *transport) Write(p []byte) (int, error) {
	t.mu.Lock()
	if t.err != nil || t.closed {
		defer t.mu.Unlock()
		return 0, t.closedError()
	}
	t.pending = append(t.pending, p...)
	t.mu.Unlock()
	// The body follows at once; waking the writer for the header alone would
	// cost a record and a system call.
	if !isDataHeader(p) {
		t.wakeWriter()
	}
	return len(p), nil
}

func (t *transport) closedError() error {
	if t.err != nil {
		return t.err
	}
	return errTransportClosed
}

// isDataHeader tells whether p is just the 12-byte header of a yamux data frame
// with a body: version 0, type 0, flags, stream, length.
func isDataHeader(p []byte) bool {
	return len(p) == 12 && p[0] == 0 && p[1] == 0 && binary.BigEndian.Uint32(p[8:]) > 0
}

func (t *transport) wakeWriter() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// waitRoom waits until less than sendBufferSize bytes are waiting for the socket,
// or stop is closed, or the transport is. It reserves nothing, so a writer
// that is then held up by its flow's window does not hold up others.
func (t *transport) waitRoom(stop <-chan struct{}) error {
	for {
		t.mu.Lock()
		if t.err != nil || t.closed {
			defer t.mu.Unlock()
			return t.closedError()
		}
		if len(t.pending) < sendBufferSize {
			t.mu.Unlock()
			return nil
		}
		if t.room == nil {
			t.room = make(chan struct{})
		}
		room := t.room
		t.mu.Unlock()
		select {
		case <-room:
		case <-stop:
			return errFlowReset
		}
	}
}

// take hands the pending bytes to the writer; it returns nil when there are none.
func (t *transport) take() (batch []byte, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) == 0 {
		return nil, t.closed
	}
	batch, t.pending, t.spare = t.pending, t.spare, nil
	t.wrote = true
	t.releaseRoom()
	return batch, false
}

// giveBack makes a batch that was written the spare buffer, unless it grew beyond what
// waits for the socket in the worst of usual cases.
func (t *transport) giveBack(batch []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cap(batch) <= 2*sendBufferSize {
		t.spare = batch[:0]
	}
}

// trim lets go of the buffers of a transport that has written nothing since the last
// call.
func (t *transport) trim() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.wrote {
		t.spare = nil
		if len(t.pending) == 0 {
			t.pending = nil
		}
	}
	t.wrote = false
}

func (t *transport) releaseRoom() {
	if t.room != nil {
		close(t.room)
		t.room = nil
	}
}

func (t *transport) writeLoop() {
	defer close(t.done)
	for {
		batch, closed := t.take()
		switch {
		case batch != nil:
			if _, err := t.raw.Write(batch); err != nil {
				t.fail(err)
				return
			}
			t.giveBack(batch)
		case closed:
			return
		default:
			<-t.wake
		}
	}
}

// fail ends the transport after a failed write. Closing the socket makes the
// multiplexer's reader, which waits for a peer that may be gone, return.
func (t *transport) fail(err error) {
	t.mu.Lock()
	t.err = err
	t.pending, t.spare = nil, nil
	t.releaseRoom()
	t.mu.Unlock()
	t.abort()
}

// Close implements io.Closer: what is buffered is sent, within flushTimeout.
func (t *transport) Close() error {
	t.mu.Lock()
	t.closed = true
	t.releaseRoom()
	t.mu.Unlock()
	deadlineErr := t.raw.SetWriteDeadline(time.Now().Add(flushTimeout))
	t.wakeWriter()
	<-t.done
	return errors.Join(deadlineErr, t.raw.Close())
}

// abort closes the socket without waiting for anything. The error of closing a
// socket that is given up tells nobody anything.
func (t *transport) abort() {
	t.wakeWriter()
	if err := netConn(t.raw).Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.mu.Lock()
		t.err = errors.Join(t.err, err)
		t.mu.Unlock()
	}
}

// netConn is the connection below TLS. Closing it interrupts writes that TLS
// would wait for.
func netConn(c net.Conn) net.Conn {
	if below, ok := c.(interface{ NetConn() net.Conn }); ok {
		return below.NetConn()
	}
	return c
}

// meteredConn bounds the bytes read before the peer is authenticated.
type meteredConn struct {
	net.Conn
	// left counts down the bytes that may still be read; it is ignored once
	// open is set.
	left atomic.Int64
	open atomic.Bool
}

func newMeteredConn(c net.Conn) *meteredConn {
	m := &meteredConn{Conn: c}
	m.left.Store(MaxHandshakeBytes)
	return m
}

// errTooManyHandshakeBytes is returned to a reader that exceeds the bound.
var errTooManyHandshakeBytes = errors.New("more than 256 KiB arrived before the peer authenticated itself")

func (m *meteredConn) Read(p []byte) (int, error) {
	if m.open.Load() {
		return m.Conn.Read(p)
	}
	left := m.left.Load()
	if left <= 0 {
		return 0, errTooManyHandshakeBytes
	}
	n, err := m.Conn.Read(p[:min(int64(len(p)), left)])
	m.left.Add(-int64(n))
	return n, err
}

// lift removes the bound.
func (m *meteredConn) lift() { m.open.Store(true) }
