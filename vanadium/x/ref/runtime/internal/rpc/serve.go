package rpc

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/vdl"
	"v.io/v23/verror"
	"v.io/v23/vom"

	"v.io/x/ref/runtime/internal/conn"
)

// serveFlow serves the calls that arrive on a flow, one after another.
func (s *server) serveFlow(f *conn.Flow) {
	half := halves(f)
	for {
		err := s.serveOne(f, half)
		switch {
		case err == nil:
			continue
		case errors.Is(err, errMalformed), errors.Is(err, conn.ErrTooLarge):
			s.refuse(f, err)
		}
		if !errors.Is(err, io.EOF) {
			f.Reset()
		}
		return
	}
}

// refuse logs that a peer did not follow the protocol.
func (s *server) refuse(f *conn.Flow, err error) {
	c := f.Conn()
	s.acceptor.Refuse("ending a flow of %v at %v: %v", c.RemoteBlessings, c.RemoteEndpoint.Address, err)
}

// serveOne serves one call. An error means that the flow is of no more use.
func (s *server) serveOne(f *conn.Flow, half *flowHalves) error {
	kind, n, err := half.recv.next()
	if err != nil {
		return err
	}
	if kind != frameRequest {
		return fmt.Errorf("%w: frame of kind %q instead of a request", errMalformed, kind)
	}
	if !f.Conn().BeginCall() {
		return conn.ErrClosed
	}
	defer f.Conn().EndCall()
	p, err := half.recv.payload(n)
	if err != nil {
		return err
	}
	req, err := parseRequest(p)
	if err != nil {
		return err
	}
	if err := half.recv.load(req.flags, p[req.valuesAt:]); err != nil {
		return err
	}
	ctx, cancel := s.callContext(&req)
	defer cancel()
	f.OnReset(cancel)
	defer f.OnReset(nil)
	return s.serveRequest(ctx, f, half, &req)
}

// callContext is the context of a handler. It does not end with the server's, since
// handlers may go on while the server is a lame duck, but with the flow, the
// connection, or the runtime.
func (s *server) callContext(req *request) (*context.T, context.CancelFunc) {
	ctx, cancel := context.WithRootCancel(s.ctx)
	if req.timeout <= 0 {
		return ctx, cancel
	}
	ctx, cancelDeadline := context.WithTimeout(ctx, req.timeout)
	return ctx, func() { cancelDeadline(); cancel() }
}

// serveRequest runs a call and responds.
func (s *server) serveRequest(ctx *context.T, f *conn.Flow, half *flowHalves, req *request) error {
	suffix := strings.TrimLeft(naming.Clean(req.suffix), "/")
	call := &serverCall{
		ctx: ctx, server: s, flow: half, suffix: suffix, method: req.method, synced: req.args == 0,
	}
	call.ended.Store(req.flags&flagEnd != 0)
	results, err := s.invoke(ctx, call, f.Conn(), req)
	err = nameEnd(ctx, err)
	if err := call.respond(results, err); err != nil {
		return err
	}
	return call.drain()
}

// nameEnd gives a handler's error its standard id when it is the plain error of its
// context, which would lose its identity on the way.
func nameEnd(ctx *context.T, err error) error {
	ended := ctx.Err()
	if err == nil || ended == nil || !errors.Is(err, ended) || verror.ErrorID(err) != verror.ErrUnknown.ID {
		return err
	}
	if errors.Is(ended, context.DeadlineExceeded) {
		return verror.ErrTimeout.Errorf(ctx, "%w", err)
	}
	return verror.ErrCanceled.Errorf(ctx, "%w", err)
}

func (s *server) securityCall(c *conn.Conn, suffix string, req *request, tags []*vdl.Value) security.Call {
	return security.NewCall(&security.CallParams{
		Timestamp:       time.Now(),
		Method:          req.method,
		MethodTags:      tags,
		Suffix:          suffix,
		LocalPrincipal:  s.principal,
		LocalBlessings:  c.LocalBlessings,
		RemoteBlessings: c.RemoteBlessings,
		LocalEndpoint:   s.endpointOf(c),
		RemoteEndpoint:  c.RemoteEndpoint,
	})
}

// invoke finds the object, decodes the arguments, authorises the caller and calls
// the method.
func (s *server) invoke(ctx *context.T, call *serverCall, c *conn.Conn, req *request) ([]any, error) {
	invoker, auth, err := s.lookup(ctx, call.suffix, req.method)
	if err != nil {
		return nil, err
	}
	argptrs, tags, err := invoker.Prepare(ctx, req.method, req.args)
	if err != nil {
		return nil, err
	}
	call.security = s.securityCall(c, call.suffix, req, tags)
	if err := decodeArgs(ctx, call.flow.recv, argptrs, req); err != nil {
		return nil, err
	}
	call.synced = true
	if call.granted, err = s.grantedBlessings(ctx, req.granted); err != nil {
		return nil, err
	}
	if err := s.authorize(ctx, call.security, auth); err != nil {
		return nil, err
	}
	return invoker.Invoke(ctx, call, req.method, argptrs)
}

func decodeArgs(ctx *context.T, r *reader, argptrs []any, req *request) error {
	if len(argptrs) != req.args {
		return verror.ErrBadProtocol.Errorf(ctx, "%v takes %d arguments, not %d", req.method, len(argptrs), req.args)
	}
	for i, ptr := range argptrs {
		if err := r.value(ptr); err != nil {
			return verror.ErrBadProtocol.Errorf(ctx, "%v: argument %d: %w", req.method, i, err)
		}
	}
	return nil
}

// grantedBlessings checks what the client gave to the server.
func (s *server) grantedBlessings(ctx *context.T, encoded []byte) (security.Blessings, error) {
	var b security.Blessings
	if len(encoded) == 0 {
		return b, nil
	}
	if err := vom.Decode(encoded, &b); err != nil {
		return b, verror.ErrBadProtocol.Errorf(ctx, "granted blessings: %w", err)
	}
	ours := s.principal.PublicKey().String()
	if theirs := b.PublicKey().String(); theirs != ours {
		return security.Blessings{}, verror.ErrNoAccess.Errorf(ctx,
			"the granted blessings are bound to the key %v, not to the server's %v", theirs, ours)
	}
	return b, nil
}

// authorize lets the authoriser decide, and logs a refusal.
func (s *server) authorize(ctx *context.T, call security.Call, auth security.Authorizer) error {
	if auth == nil {
		auth = security.DefaultAuthorizer()
	}
	err := auth.Authorize(ctx, call)
	if err == nil {
		return nil
	}
	names, rejected := security.RemoteBlessingNames(ctx, call)
	s.acceptor.Refuse("refused %v.%v to %v (rejected: %v) at %v: %v",
		call.Suffix(), call.Method(), names, rejected, call.RemoteEndpoint().Address, err)
	if verror.ErrorID(err) == verror.ErrNoAccess.ID {
		return err
	}
	return verror.ErrNoAccess.Errorf(ctx, "%v may not call %v.%v: %w", names, call.Suffix(), call.Method(), err)
}

// lookup finds the invoker and authoriser of a suffix.
func (s *server) lookup(ctx *context.T, suffix, method string) (rpc.Invoker, security.Authorizer, error) {
	disp := s.dispatcher
	if naming.IsReserved(suffix) {
		disp = s.reserved
		suffix = naming.StripReserved(suffix)
	}
	if disp == nil {
		return nil, nil, verror.ErrUnknownSuffix.Errorf(ctx, "%v: unknown suffix", suffix)
	}
	invoker, auth, err := lookupIn(ctx, disp, suffix)
	if err != nil || !naming.IsReserved(method) {
		if err == nil && invoker == nil {
			err = verror.ErrUnknownSuffix.Errorf(ctx, "%v: unknown suffix", suffix)
		}
		return invoker, auth, err
	}
	return s.reservedInvoker(disp, suffix, invoker), auth, nil
}

// lookupIn asks a dispatcher and makes an invoker of its object; nil for no object.
func lookupIn(ctx *context.T, disp rpc.Dispatcher, suffix string) (rpc.Invoker, security.Authorizer, error) {
	obj, auth, err := disp.Lookup(ctx, suffix)
	if err != nil || obj == nil {
		return nil, auth, err
	}
	invoker, err := objectToInvoker(obj)
	if err != nil {
		return nil, nil, verror.ErrInternal.Errorf(ctx, "%v: the object cannot be called: %w", suffix, err)
	}
	return invoker, auth, nil
}

// objectToInvoker makes an invoker of what a dispatcher returns.
func objectToInvoker(obj any) (rpc.Invoker, error) {
	if invoker, ok := obj.(rpc.Invoker); ok {
		return invoker, nil
	}
	return rpc.ReflectInvoker(obj)
}
