package rpc

import (
	stdcontext "context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"v.io/v23/context"
	"v.io/v23/namespace"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
)

// Defaults of a client.
const (
	// defaultConnectTimeout bounds the connect phase of a call whose context has no
	// deadline. The call itself then has none.
	defaultConnectTimeout = time.Minute
	// retryMargin is how long before its deadline the connect phase gives up, so
	// that its error and not the deadline's is reported.
	retryMargin = 100 * time.Millisecond
	// retryBase and retryMax bound the pause between attempts, which is random
	// between retryBase and twice that, doubled with each attempt.
	retryBase = 100 * time.Millisecond
	retryMax  = time.Minute
)

// ClientConfig is what a client works with.
type ClientConfig struct {
	// Principal is whom the client calls for. Required.
	Principal security.Principal
	// Namespace returns the namespace that resolves the names of a call with the given
	// context. Required.
	Namespace func(*context.T) namespace.T
}

// client implements rpc.Client for one principal.
type client struct {
	principal security.Principal
	namespace func(*context.T) namespace.T
	pool      *conn.Pool

	// refs counts what keeps the client from closing: its context, and servers.
	refs      atomic.Int64
	closeOnce sync.Once
	closed    chan struct{}
}

var _ rpc.Client = (*client)(nil)

// NewClient returns a client. It closes by Close, or when ctx has ended and so have
// the servers that retain it, which need it to unmount their names.
func NewClient(ctx *context.T, cfg ClientConfig, _ ...rpc.ClientOpt) rpc.Client {
	c := &client{
		principal: cfg.Principal, namespace: cfg.Namespace,
		pool: conn.NewPool(), closed: make(chan struct{}),
	}
	c.refs.Store(1)
	stdcontext.AfterFunc(ctx, c.release)
	return c
}

// Retain keeps a client from closing at the end of its context until the result is
// called.
func Retain(of rpc.Client) (release func()) {
	c, ok := of.(*client)
	if !ok {
		return func() {}
	}
	c.refs.Add(1)
	return sync.OnceFunc(c.release)
}

func (c *client) release() {
	if c.refs.Add(-1) == 0 {
		c.Close()
	}
}

// Close implements rpc.Client.
func (c *client) Close() {
	c.closeOnce.Do(func() {
		c.pool.Close()
		close(c.closed)
	})
}

// Closed implements rpc.Client.
func (c *client) Closed() <-chan struct{} { return c.closed }

// Call implements rpc.Client. It issues the call again, after a pause, if the server
// answers with an error whose action is RetryBackoff.
func (c *client) Call(ctx *context.T, name, method string, inArgs, outArgs []any, opts ...rpc.CallOpt) error {
	o := parseOptions(opts)
	o.unary = true
	for attempt := 0; ; attempt++ {
		call, err := c.startCall(ctx, name, method, inArgs, &o)
		if err != nil {
			return err
		}
		err = call.Finish(outArgs...)
		if err == nil || o.noRetry || verror.Action(err) != verror.RetryBackoff {
			return err
		}
		if !pause(ctx, backoff(attempt), deadlineOf(ctx)) {
			return err
		}
	}
}

// StartCall implements rpc.Client.
func (c *client) StartCall(ctx *context.T, name, method string, args []any, opts ...rpc.CallOpt) (
	rpc.ClientCall, error) {
	o := parseOptions(opts)
	call, err := c.startCall(ctx, name, method, args, &o)
	if err != nil {
		return nil, err
	}
	return call, nil
}

// closedTries is how often a call looks for another connection when the one it found
// was closed before it was used.
const closedTries = 4

func (c *client) startCall(ctx *context.T, name, method string, args []any, o *callOptions) (*clientCall, error) {
	if ctx == nil {
		return nil, verror.ErrBadArg.Errorf(nil, "%v.%v was called without a context", name, method)
	}
	for try := 1; ; try++ {
		link, err := c.connect(ctx, name, method, o)
		if err != nil {
			return nil, err
		}
		flow, err := link.conn.Acquire(ctx)
		switch {
		case err == nil:
			return newClientCall(ctx, flow, link, args, o)
		case !errors.Is(err, conn.ErrClosed):
			return nil, lost(ctx, name, method, err)
		case try == closedTries:
			return nil, connectFault(ctx, name, err)
		}
		// It closed since it was found; nothing was sent.
	}
}

// callOptions are the options of a call.
type callOptions struct {
	preresolved    *options.Preresolved
	authorizer     security.Authorizer
	nsOptions      []namespaceOption
	noRetry        bool
	connectTimeout time.Duration
	hasConnect     bool
	channelTimeout time.Duration
	granters       []rpc.Granter
	unary          bool
}

func parseOptions(opts []rpc.CallOpt) callOptions {
	o := callOptions{authorizer: security.EndpointAuthorizer()}
	for _, opt := range opts {
		switch v := opt.(type) {
		case options.Preresolved:
			o.preresolved = &v
		case options.ServerAuthorizer:
			o.authorizer = v
		case options.NoRetry:
			o.noRetry = true
		case options.ConnectionTimeout:
			o.connectTimeout, o.hasConnect = time.Duration(v), true
		case options.ChannelTimeout:
			o.channelTimeout = time.Duration(v)
		case rpc.Granter:
			o.granters = append(o.granters, v)
		}
		if ns, ok := opt.(namespaceOption); ok {
			o.nsOptions = append(o.nsOptions, ns)
		}
	}
	return o
}

// deadlineOf is the context's deadline; zero if it has none.
func deadlineOf(ctx *context.T) time.Time {
	deadline, _ := ctx.Deadline()
	return deadline
}

// backoff is the pause after the attempt with this number, counted from 0.
func backoff(attempt int) time.Duration {
	d := retryMax
	if attempt < 16 {
		d = min(retryBase<<attempt, retryMax)
	}
	return min(d+rand.N(d), retryMax)
}

// pause waits for d, but no longer than until retryMargin before the deadline, if there
// is one. It reports whether there is time for another attempt.
func pause(ctx *context.T, d time.Duration, deadline time.Time) bool {
	again := true
	if !deadline.IsZero() {
		if left := time.Until(deadline) - retryMargin; left <= d {
			d, again = left, false
		}
	}
	if d <= 0 {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return again
	case <-ctx.Done():
		return false
	}
}
