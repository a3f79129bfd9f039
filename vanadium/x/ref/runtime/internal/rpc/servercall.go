package rpc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
)

// serverCall implements rpc.StreamServerCall. One goroutine may send while another
// receives.
type serverCall struct {
	ctx    *context.T
	server *server
	flow   *flowHalves
	suffix string
	method string
	// security is set once the method's tags are known.
	security security.Call
	granted  security.Blessings

	// synced is set when all arguments were decoded.
	synced bool

	sendMu sync.Mutex
	// ended is set when the client's end mark has arrived.
	ended atomic.Bool
}

var _ rpc.StreamServerCall = (*serverCall)(nil)

// Security implements rpc.ServerCall.
func (c *serverCall) Security() security.Call { return c.security }

// Suffix implements rpc.ServerCall.
func (c *serverCall) Suffix() string { return c.suffix }

// LocalEndpoint implements rpc.ServerCall.
func (c *serverCall) LocalEndpoint() naming.Endpoint { return c.security.LocalEndpoint() }

// RemoteEndpoint implements rpc.ServerCall.
func (c *serverCall) RemoteEndpoint() naming.Endpoint { return c.security.RemoteEndpoint() }

// RemoteAddr implements rpc.ServerCall.
func (c *serverCall) RemoteAddr() net.Addr { return c.security.RemoteEndpoint().Addr() }

// GrantedBlessings implements rpc.ServerCall.
func (c *serverCall) GrantedBlessings() security.Blessings { return c.granted }

// Server implements rpc.ServerCall.
func (c *serverCall) Server() rpc.Server { return c.server }

// Send implements rpc.Stream.
func (c *serverCall) Send(item any) error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	err := c.flow.send.item(item)
	var encoding *encodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &encoding):
		return verror.ErrBadArg.Errorf(c.ctx, "item: %w", err)
	default:
		return c.broken(err)
	}
}

// Recv implements rpc.Stream. It returns io.EOF only when the client ended the stream
// of items.
func (c *serverCall) Recv(itemptr any) error {
	if c.ended.Load() {
		return io.EOF
	}
	kind, n, err := c.flow.recv.next()
	if err != nil {
		return c.broken(noEOF(err))
	}
	switch kind {
	case frameEnd:
		c.ended.Store(true)
		return io.EOF
	case frameItem, frameBytes:
		if err := c.flow.recv.item(kind, n, itemptr); err != nil {
			return c.broken(err)
		}
		return nil
	default:
		return c.lost(fmt.Errorf("%w: frame of kind %q among items", errMalformed, kind))
	}
}

// resetWait bounds the wait for the reset that explains why a flow broke.
const resetWait = time.Second

// broken is the error for a flow that failed. The client's reset, or the loss of the
// connection, may be noticed a moment later than the failure it caused; the
// handler is to learn of both at once.
func (c *serverCall) broken(err error) error {
	if errors.Is(err, errMalformed) || errors.Is(err, errDecode) || errors.Is(err, conn.ErrTooLarge) {
		return c.lost(err)
	}
	timer := time.NewTimer(resetWait)
	defer timer.Stop()
	select {
	case <-c.ctx.Done():
	case <-timer.C:
	}
	return c.lost(err)
}

// lost is the error for a call that broke, explained by its context if that ended.
func (c *serverCall) lost(err error) error {
	return lost(c.ctx, c.suffix, c.method, err)
}

// drain does what the handler left undone: the client's items are read to their
// end, so that the flow can carry the next call.
func (c *serverCall) drain() error {
	if c.ended.Load() {
		return nil
	}
	return c.flow.recv.discardToEnd()
}

// respond sends the response. Results that cannot be encoded, or are too large,
// become an error that says so.
func (c *serverCall) respond(results []any, callErr error) error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	w, flags := c.flow.send, c.flags()
	if callErr == nil {
		callErr = buildResults(w, flags, results)
		if callErr != nil {
			callErr = verror.ErrInternal.Errorf(c.ctx, "the results cannot be sent: %w", callErr)
		}
	}
	if callErr != nil {
		if err := c.buildError(flags, callErr); err != nil {
			return err
		}
	}
	return w.send(frameResponse)
}

// flags are those of the response. If not all that the client sends is decoded, the
// VOM stream must begin anew.
func (c *serverCall) flags() byte {
	if c.synced && c.ended.Load() {
		return 0
	}
	c.flow.recv.restart()
	return flagRestart
}

func buildResults(w *writer, flags byte, results []any) error {
	if len(results) > maxArgs {
		return fmt.Errorf("there are %d, %d are allowed", len(results), maxArgs)
	}
	head := response{flags: flags, results: len(results)}
	w.begin(head.append(nil))
	for i, result := range results {
		if err := w.value(result); err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
	}
	return nil
}

// buildError builds the response for an error. One that cannot be encoded, because of
// its parameters, is replaced by its text.
func (c *serverCall) buildError(flags byte, callErr error) error {
	head := response{flags: flags | flagError}
	w := c.flow.send
	w.begin(head.append(nil))
	if err := w.errorValue(callErr); err == nil {
		return nil
	}
	id := verror.IDAction{ID: verror.ErrorID(callErr), Action: verror.Action(callErr)}
	text := callErr.Error()
	w.begin(head.append(nil))
	return w.errorValue(id.Errorf(c.ctx, "%s", text[:min(len(text), maxErrorText)]))
}

// maxErrorText bounds the text of an error that could not be sent whole, in bytes.
const maxErrorText = 64 << 10
