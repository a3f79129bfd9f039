package conn

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/yamux"
)

// A control frame is a kind and a number:
//
//	0       1               5
//	+-------+---------------+
//	| kind  | number, BE    |
//	+-------+---------------+
//
// The number is the flow's stream id for a reset and 0 otherwise.
const controlSize = 5

// The kinds of control frames.
const (
	controlPing     = 'p'
	controlPong     = 'q'
	controlReset    = 'r'
	controlLameDuck = 'l'
)

// control is a connection's control stream.
type control struct {
	stream *yamux.Stream
	mu     sync.Mutex
}

// send writes one control frame. The stream's window is never used up by a
// peer that reads, so this does not block.
func (c *control) send(kind byte, number uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b [controlSize]byte
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], number)
	_, err := c.stream.Write(b[:])
	return err
}

// receive reads one control frame.
func (c *control) receive() (kind byte, number uint32, err error) {
	var b [controlSize]byte
	if _, err := io.ReadFull(c.stream, b[:]); err != nil {
		return 0, 0, err
	}
	return b[0], binary.BigEndian.Uint32(b[1:]), nil
}

// controlLoop acts on the peer's control frames until the connection ends.
func (c *Conn) controlLoop() {
	for {
		kind, number, err := c.control.receive()
		if err == nil {
			err = c.controlFrame(kind, number)
		}
		if err != nil {
			c.fail(fmt.Errorf("the connection was lost: %w", err))
			return
		}
	}
}

func (c *Conn) controlFrame(kind byte, number uint32) error {
	switch kind {
	case controlPing:
		return c.control.send(controlPong, 0)
	case controlPong:
		return nil
	case controlReset:
		c.flowReset(number)
		return nil
	case controlLameDuck:
		c.remoteLameDuck()
		return nil
	default:
		return fmt.Errorf("%w: control frame of kind %q", ErrProtocol, kind)
	}
}

// sendReset tells the peer that a flow was reset.
func (c *Conn) sendReset(id uint32) {
	if err := c.control.send(controlReset, id); err != nil {
		c.fail(fmt.Errorf("the connection was lost: %w", err))
	}
}
