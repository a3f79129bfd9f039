package rpc

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"
	"v.io/v23/vom"

	"v.io/x/ref/runtime/internal/conn"
)

// clientCall implements rpc.ClientCall. One goroutine may send while another
// receives.
type clientCall struct {
	ctx  *context.T
	flow *conn.Flow
	link *link
	// unwatch stops resetting the flow with the end of ctx.
	unwatch func() bool

	recv *reader
	// Invariant: done is set when the flow was given back; Finish does so, and
	// every failure that leaves the flow useless.
	mu   sync.Mutex
	done bool

	sendMu sync.Mutex
	send   *writer
	// ended is set once the end mark was sent, or none is needed; under sendMu.
	ended bool

	// response is the head of the response when Recv came upon it.
	response *response
}

var _ rpc.ClientCall = (*clientCall)(nil)

// newClientCall sends the request on a flow, which it owns from here on.
func newClientCall(ctx *context.T, f *conn.Flow, l *link, args []any, o *callOptions) (*clientCall, error) {
	half := halves(f)
	call := &clientCall{ctx: ctx, flow: f, link: l, recv: half.recv, send: half.send, ended: o.unary}
	granted, err := call.grant(o.granters)
	if err != nil {
		call.release(true)
		return nil, fault(ctx, verror.ErrNotTrusted, err)
	}
	call.watch()
	if err := call.request(args, granted); err != nil {
		var encoding *encodeError
		good := errors.As(err, &encoding)
		call.release(good)
		if good || errors.Is(err, conn.ErrTooLarge) {
			return nil, verror.ErrBadArg.Errorf(ctx, "%v.%v: arguments: %w", l.name, l.method, err)
		}
		return nil, lost(ctx, l.name, l.method, err)
	}
	return call, nil
}

// watch makes the end of the context the end of the call, for both sides and whether
// or not the caller calls Finish.
func (c *clientCall) watch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unwatch = stdcontext.AfterFunc(c.ctx, func() { c.release(false) })
}

// flowHalves are the codecs that belong to a flow and live as long as it does.
type flowHalves struct {
	send *writer
	recv *reader
}

// halves returns a flow's codecs, making them for a new flow.
func halves(f *conn.Flow) *flowHalves {
	if h, ok := f.Attachment.(*flowHalves); ok {
		return h
	}
	h := &flowHalves{send: &writer{flow: f}, recv: &reader{flow: f}}
	f.Attachment = h
	return h
}

// grant collects what the call's granters give to the server.
func (c *clientCall) grant(granters []rpc.Granter) ([]byte, error) {
	if len(granters) == 0 {
		return nil, nil
	}
	var all security.Blessings
	call := c.Security()
	for _, g := range granters {
		b, err := g.Grant(c.ctx, call)
		if err == nil {
			all, err = security.UnionOfBlessings(all, b)
		}
		if err != nil {
			return nil, fmt.Errorf("granting blessings to the server: %w", err)
		}
	}
	if all.IsZero() {
		return nil, nil
	}
	return vom.Encode(all)
}

// request sends the request frame.
func (c *clientCall) request(args []any, granted []byte) error {
	head := request{args: len(args), suffix: c.link.suffix, method: c.link.method, granted: granted}
	if c.ended {
		head.flags |= flagEnd
	}
	if deadline, ok := c.ctx.Deadline(); ok {
		// A deadline that passed just now must not become "none".
		head.timeout = max(time.Until(deadline), 1)
	}
	if err := head.check(); err != nil {
		return &encodeError{err}
	}
	c.send.begin(head.append(nil))
	for i, arg := range args {
		if err := c.send.value(arg); err != nil {
			return &encodeError{fmt.Errorf("argument %d: %w", i, err)}
		}
	}
	return c.send.send(frameRequest)
}

// release gives the flow back, once.
func (c *clientCall) release(good bool) {
	c.mu.Lock()
	first, unwatch := !c.done, c.unwatch
	c.done = true
	c.mu.Unlock()
	if !first {
		return
	}
	if unwatch != nil {
		unwatch()
	}
	c.flow.Conn().Release(c.flow, good)
}

func (c *clientCall) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// broken ends the call after its flow failed.
func (c *clientCall) broken(err error) error {
	c.release(false)
	return lost(c.ctx, c.link.name, c.link.method, err)
}

// errFinished is returned for the use of a call that is over.
var errFinished = errors.New("the call has ended")

func (c *clientCall) over() error {
	if err := endOfContext(c.ctx, c.link.name, c.link.method); err != nil {
		return err
	}
	return verror.ErrBadState.Errorf(c.ctx, "%v.%v: %w", c.link.name, c.link.method, errFinished)
}

// Send implements rpc.Stream.
func (c *clientCall) Send(item any) error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	switch {
	case c.finished():
		return c.over()
	case c.ended:
		return verror.ErrBadState.Errorf(c.ctx, "%v.%v: Send after CloseSend", c.link.name, c.link.method)
	}
	err := c.send.item(item)
	var encoding *encodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &encoding), errors.Is(err, conn.ErrTooLarge):
		return verror.ErrBadArg.Errorf(c.ctx, "%v.%v: item: %w", c.link.name, c.link.method, err)
	default:
		return c.broken(err)
	}
}

// CloseSend implements rpc.ClientCall.
func (c *clientCall) CloseSend() error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if c.finished() {
		return c.over()
	}
	return c.endLocked()
}

func (c *clientCall) endLocked() error {
	if c.ended {
		return nil
	}
	c.ended = true
	if err := c.send.end(); err != nil {
		return c.broken(err)
	}
	return nil
}

// Recv implements rpc.Stream.
func (c *clientCall) Recv(itemptr any) error {
	switch {
	case c.response != nil:
		return io.EOF
	case c.finished():
		return c.over()
	}
	kind, n, err := c.recv.next()
	if err != nil {
		return c.broken(noEOF(err))
	}
	switch kind {
	case frameItem, frameBytes:
		if err := c.recv.item(kind, n, itemptr); err != nil {
			return c.broken(err)
		}
		return nil
	case frameResponse:
		if err := c.readResponse(n); err != nil {
			return c.broken(err)
		}
		return io.EOF
	default:
		return c.broken(fmt.Errorf("%w: frame of kind %q in a call", errMalformed, kind))
	}
}

// noEOF says that the end of a flow within a call is not a good end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readResponse reads the response's head; its values are then the reader's next.
func (c *clientCall) readResponse(n int) error {
	p, err := c.recv.payload(n)
	if err != nil {
		return err
	}
	r, err := parseResponse(p)
	if err != nil {
		return err
	}
	c.response = &r
	return c.recv.load(r.flags, p[r.valuesAt:])
}

// Finish implements rpc.ClientCall.
func (c *clientCall) Finish(resultptrs ...any) error {
	if c.finished() {
		return c.over()
	}
	c.sendMu.Lock()
	err := c.endLocked()
	c.sendMu.Unlock()
	if err != nil {
		return err
	}
	if c.response == nil {
		if err := c.awaitResponse(); err != nil {
			return err
		}
	}
	return c.results(resultptrs)
}

func (c *clientCall) awaitResponse() error {
	kind, n, err := c.recv.next()
	if err != nil {
		return c.broken(noEOF(err))
	}
	if kind != frameResponse {
		c.release(false)
		return verror.ErrBadProtocol.Errorf(c.ctx,
			"%v.%v: Finish was called before all items of the stream were received", c.link.name, c.link.method)
	}
	if err := c.readResponse(n); err != nil {
		return c.broken(err)
	}
	return nil
}

// results decodes the results, or the error, of the response.
func (c *clientCall) results(ptrs []any) error {
	if c.response.flags&flagError != 0 {
		remote, err := c.recv.errorValue()
		if err != nil {
			return c.broken(err)
		}
		c.complete()
		return c.ownEnd(remote)
	}
	if got := c.response.results; got != len(ptrs) {
		return c.broken(wrongCount(got, len(ptrs)))
	}
	for i, ptr := range ptrs {
		if err := c.recv.value(ptr); err != nil {
			return c.broken(fmt.Errorf("result %d: %w", i, err))
		}
	}
	c.complete()
	return nil
}

// deadlineSkew is by how much the handler's deadline may pass before the caller's, whose
// timers are not the same.
const deadlineSkew = 50 * time.Millisecond

// ownEnd prefers the end of the caller's own context to the handler's report of the same.
func (c *clientCall) ownEnd(remote error) error {
	deadline, ok := c.ctx.Deadline()
	if verror.ErrorID(remote) != verror.ErrTimeout.ID || !ok || time.Until(deadline) > deadlineSkew {
		return remote
	}
	<-c.ctx.Done()
	return endOfContext(c.ctx, c.link.name, c.link.method)
}

// complete gives back the flow after a whole call.
func (c *clientCall) complete() {
	if c.response.flags&flagRestart != 0 {
		c.sendMu.Lock()
		c.send.restart()
		c.sendMu.Unlock()
	}
	c.release(true)
}

// RemoteBlessings implements rpc.ClientCall.
func (c *clientCall) RemoteBlessings() ([]string, security.Blessings) {
	names, _ := security.RemoteBlessingNames(c.ctx, c.Security())
	return names, c.link.conn.RemoteBlessings
}

// Security implements rpc.ClientCall.
func (c *clientCall) Security() security.Call {
	return security.NewCall(&security.CallParams{
		Timestamp:       time.Now(),
		Method:          c.link.method,
		Suffix:          c.link.suffix,
		LocalPrincipal:  c.link.principal,
		LocalBlessings:  c.link.conn.LocalBlessings,
		RemoteBlessings: c.link.conn.RemoteBlessings,
		LocalEndpoint:   c.link.conn.LocalEndpoint,
		RemoteEndpoint:  c.link.server,
	})
}
