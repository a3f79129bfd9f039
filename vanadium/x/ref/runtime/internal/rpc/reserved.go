package rpc

import (
	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/rpc/reserved"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"
)

// maxGlobDepth bounds how deep a recursive pattern is followed within a server.
const maxGlobDepth = 10

// reservedTags are the tags of the reserved methods. They tell a caller
// what there is under a name, as resolving it does.
var reservedTags = []*vdl.Value{vdl.ValueOf(access.Resolve)}

// reservedInvoker invokes the methods every object has: __Signature, __MethodSignature
// and __Glob.
type reservedInvoker struct {
	server *server
	disp   rpc.Dispatcher
	suffix string
	// object is the invoker of the object itself, nil if there is none, which
	// leaves __Glob.
	object rpc.Invoker
}

var _ rpc.Invoker = (*reservedInvoker)(nil)

func (s *server) reservedInvoker(disp rpc.Dispatcher, suffix string, object rpc.Invoker) rpc.Invoker {
	return &reservedInvoker{server: s, disp: disp, suffix: suffix, object: object}
}

// Prepare implements rpc.Invoker.
func (r *reservedInvoker) Prepare(ctx *context.T, method string, numArgs int) ([]any, []*vdl.Value, error) {
	want := map[string]int{
		rpc.GlobMethod: 1, rpc.ReservedSignature: 0, rpc.ReservedMethodSignature: 1,
	}
	n, ok := want[method]
	if !ok {
		return nil, nil, verror.ErrUnknownMethod.Errorf(ctx, "%v: unknown reserved method", method)
	}
	if r.object == nil && method != rpc.GlobMethod {
		return nil, nil, verror.ErrUnknownSuffix.Errorf(ctx, "%v: unknown suffix", r.suffix)
	}
	if n != numArgs {
		return nil, nil, verror.ErrBadProtocol.Errorf(ctx, "%v takes %d arguments, not %d", method, n, numArgs)
	}
	argptrs := make([]any, n)
	for i := range argptrs {
		argptrs[i] = new(string)
	}
	return argptrs, reservedTags, nil
}

// Invoke implements rpc.Invoker.
func (r *reservedInvoker) Invoke(ctx *context.T, call rpc.StreamServerCall, method string, argptrs []any) (
	[]any, error) {
	switch method {
	case rpc.GlobMethod:
		return nil, r.glob(ctx, call, *argptrs[0].(*string))
	case rpc.ReservedSignature:
		sig, err := r.Signature(ctx, call)
		return []any{sig}, err
	default:
		sig, err := r.MethodSignature(ctx, call, *argptrs[0].(*string))
		return []any{sig}, err
	}
}

// Signature implements rpc.Invoker.
func (r *reservedInvoker) Signature(ctx *context.T, call rpc.ServerCall) ([]signature.Interface, error) {
	own, err := r.object.Signature(ctx, call)
	if err != nil {
		return nil, err
	}
	return append(own, reservedInterface()), nil
}

// MethodSignature implements rpc.Invoker.
func (r *reservedInvoker) MethodSignature(ctx *context.T, call rpc.ServerCall, method string) (
	signature.Method, error) {
	if !naming.IsReserved(method) {
		return r.object.MethodSignature(ctx, call, method)
	}
	for _, m := range reservedInterface().Methods {
		if m.Name == method {
			return m, nil
		}
	}
	return signature.Method{}, verror.ErrUnknownMethod.Errorf(ctx, "%v: unknown reserved method", method)
}

// Globber implements rpc.Globber.
func (r *reservedInvoker) Globber() *rpc.GlobState {
	if r.object == nil {
		return nil
	}
	return r.object.Globber()
}

// reservedInterface is the signature of the reserved methods.
func reservedInterface() signature.Interface {
	text := func(name string) []signature.Arg { return []signature.Arg{{Name: name, Type: vdl.StringType}} }
	return signature.Interface{
		Name: "__Reserved",
		Doc:  "Reserved methods are implemented by the RPC framework for every object.",
		Methods: []signature.Method{
			{
				Name: rpc.GlobMethod, Doc: "Lists the names that match a pattern.",
				InArgs: text("pattern"), OutStream: &signature.Arg{Type: vdl.TypeOf((*naming.GlobReply)(nil))},
				Tags: reservedTags,
			},
			{
				Name: rpc.ReservedMethodSignature, Doc: "Describes one method.",
				InArgs: text("method"), OutArgs: []signature.Arg{{Type: vdl.TypeOf(signature.Method{})}},
				Tags: reservedTags,
			},
			{
				Name: rpc.ReservedSignature, Doc: "Describes the interfaces of the object.",
				OutArgs: []signature.Arg{{Type: vdl.TypeOf([]signature.Interface{})}},
				Tags:    reservedTags,
			},
		},
	}
}

// glob answers a pattern by walking the server's objects, breadth first. Each is
// asked only if the caller may call __Glob on it.
func (r *reservedInvoker) glob(ctx *context.T, call rpc.StreamServerCall, pattern string) error {
	g, err := glob.Parse(pattern)
	if err != nil {
		return verror.ErrBadArg.Errorf(ctx, "pattern %q: %w", pattern, err)
	}
	w := &globWalk{invoker: r, ctx: ctx, call: call}
	w.queue = append(w.queue, globStep{pattern: g})
	for len(w.queue) > 0 && ctx.Err() == nil {
		step := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.visit(step); err != nil {
			return err
		}
	}
	if w.omitted {
		return w.send(naming.GlobReplyError{Value: naming.GlobError{
			Error: reserved.ErrGlobMatchesOmitted.Errorf(ctx, "some matches might have been omitted"),
		}})
	}
	return ctx.Err()
}

// globStep is an object to visit.
type globStep struct {
	// name is relative to the suffix of the call.
	name    string
	pattern *glob.Glob
	depth   int
}

// globWalk is the state of one glob.
type globWalk struct {
	invoker *reservedInvoker
	ctx     *context.T
	call    rpc.StreamServerCall
	queue   []globStep
	// omitted is set when an object was left out for want of access.
	omitted bool
}

func (w *globWalk) send(reply naming.GlobReply) error { return w.call.Send(reply) }

func (w *globWalk) sendError(name string, err error) error {
	return w.send(naming.GlobReplyError{Value: naming.GlobError{Name: name, Error: err}})
}

// visit answers for one object. Its errors are those of the stream only.
func (w *globWalk) visit(step globStep) error {
	if step.depth > maxGlobDepth {
		return w.sendError(step.name, reserved.ErrGlobMaxRecursionReached.Errorf(w.ctx,
			"the pattern leads deeper than %d levels", maxGlobDepth))
	}
	suffix := naming.Join(w.invoker.suffix, step.name)
	call := w.callFor(suffix)
	object, auth, err := lookupIn(w.ctx, w.invoker.disp, suffix)
	switch {
	case err != nil:
		return w.sendError(step.name, err)
	case object == nil:
		return nil
	}
	// The object of the call itself was authorised already.
	if step.depth > 0 && w.invoker.server.authorize(w.ctx, call.Security(), auth) != nil {
		w.omitted = true
		return nil
	}
	return w.ask(call, object.Globber(), step)
}

// ask lets an object answer the pattern itself, or names its children.
func (w *globWalk) ask(call *globCall, state *rpc.GlobState, step globStep) error {
	switch {
	case state != nil && state.AllGlobber != nil:
		return w.finish(step, state.AllGlobber.Glob__(w.ctx, &allGlobCall{call, w, step.name}, step.pattern))
	case step.pattern.Len() == 0:
		if err := w.send(naming.GlobReplyEntry{Value: naming.MountEntry{Name: step.name}}); err != nil {
			return err
		}
		if !step.pattern.Recursive() {
			return nil
		}
	}
	if state == nil || state.ChildrenGlobber == nil {
		if step.pattern.Len() == 0 {
			return nil
		}
		return w.sendError(step.name, reserved.ErrGlobNotImplemented.Errorf(w.ctx,
			"the object cannot list names below itself"))
	}
	head := step.pattern.Head()
	children := &childrenGlobCall{call, w, step, head}
	return w.finish(step, state.ChildrenGlobber.GlobChildren__(w.ctx, children, head))
}

// finish turns an object's error into a reply.
func (w *globWalk) finish(step globStep, err error) error {
	if err == nil || w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	return w.sendError(step.name, err)
}

// callFor is the call as an object below the suffix sees it.
func (w *globWalk) callFor(suffix string) *globCall {
	params := &security.CallParams{}
	params.Copy(w.call.Security())
	params.Suffix = suffix
	return &globCall{StreamServerCall: w.call, security: security.NewCall(params), suffix: suffix}
}

// globCall is the call of __Glob on one of the objects it leads to.
type globCall struct {
	rpc.StreamServerCall
	security security.Call
	suffix   string
}

// Security implements rpc.ServerCall.
func (c *globCall) Security() security.Call { return c.security }

// Suffix implements rpc.ServerCall.
func (c *globCall) Suffix() string { return c.suffix }

// allGlobCall passes on the replies of an object that answers whole patterns.
type allGlobCall struct {
	*globCall
	walk *globWalk
	name string
}

// SendStream implements rpc.GlobServerCall.
func (c *allGlobCall) SendStream() interface{ Send(naming.GlobReply) error } { return c }

// Send makes the names of a reply relative to the suffix of the call.
func (c *allGlobCall) Send(reply naming.GlobReply) error {
	switch v := reply.(type) {
	case naming.GlobReplyEntry:
		v.Value.Name = naming.Join(c.name, v.Value.Name)
		return c.walk.send(v)
	case naming.GlobReplyError:
		v.Value.Name = naming.Join(c.name, v.Value.Name)
		return c.walk.send(v)
	default:
		return c.walk.send(reply)
	}
}

// childrenGlobCall takes the children of an object.
type childrenGlobCall struct {
	*globCall
	walk *globWalk
	step globStep
	head *glob.Element
}

// SendStream implements rpc.GlobChildrenServerCall.
func (c *childrenGlobCall) SendStream() interface {
	Send(naming.GlobChildrenReply) error
} {
	return c
}

// Send enters a child that matches among the objects to visit.
func (c *childrenGlobCall) Send(reply naming.GlobChildrenReply) error {
	switch v := reply.(type) {
	case naming.GlobChildrenReplyName:
		if v.Value == "" || !c.head.Match(v.Value) {
			return nil
		}
		c.walk.queue = append(c.walk.queue, globStep{
			name: naming.Join(c.step.name, v.Value), pattern: c.step.pattern.Tail(), depth: c.step.depth + 1,
		})
		return nil
	case naming.GlobChildrenReplyError:
		v.Value.Name = naming.Join(c.step.name, v.Value.Name)
		return c.walk.send(naming.GlobReplyError(v))
	default:
		return nil
	}
}
