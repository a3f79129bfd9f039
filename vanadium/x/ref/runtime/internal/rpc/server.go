package rpc

import (
	"fmt"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
)

// Defaults of a server.
const (
	// defaultLameDuckTimeout is how long handlers may go on after the server was told
	// to stop.
	defaultLameDuckTimeout = 5 * time.Second
	// lameDuckGrace is how long clients may take to leave an idle connection then.
	lameDuckGrace = time.Second
)

// server implements rpc.Server.
type server struct {
	// ctx ends when the server is to stop.
	ctx        *context.T
	principal  security.Principal
	dispatcher rpc.Dispatcher
	// reserved serves names that start with the reserved prefix; may be nil.
	reserved rpc.Dispatcher
	opts     serverOptions
	routing  naming.RoutingID
	refresh  time.Duration

	acceptor *conn.Acceptor
	names    Publisher
	closed   chan struct{}
	// wg counts the goroutines that run until the server stops.
	wg sync.WaitGroup

	state     serverState
	published publishedServers
}

// publishedServers are the endpoints that the publisher was told of.
type publishedServers struct {
	sync.Mutex
	servers map[string]bool
}

var _ rpc.Server = (*server)(nil)

// serverOptions are the options of a server.
type serverOptions struct {
	mountTable     bool
	leaf           bool
	lameDuck       time.Duration
	channelTimeout time.Duration
	peers          []security.BlessingPattern
}

func parseServerOptions(opts []rpc.ServerOpt) serverOptions {
	o := serverOptions{lameDuck: defaultLameDuckTimeout}
	for _, opt := range opts {
		switch v := opt.(type) {
		case options.ServesMountTable:
			o.mountTable = bool(v)
		case options.IsLeaf:
			o.leaf = bool(v)
		case options.LameDuckTimeout:
			o.lameDuck = time.Duration(v)
		case options.ChannelTimeout:
			o.channelTimeout = time.Duration(v)
		case options.ServerPeers:
			o.peers = v
		}
	}
	return o
}

// Publisher keeps a server's names mounted.
type Publisher interface {
	// AddName has the server mounted under another name.
	AddName(name string, servesMountTable, isLeaf bool)
	// RemoveName has it unmounted from a name.
	RemoveName(name string)
	// AddServer has another endpoint mounted under all names.
	AddServer(server string)
	// RemoveServer has an endpoint unmounted from all names.
	RemoveServer(server string)
	// Status returns what is mounted, and a channel that is closed when it changes.
	Status() ([]rpc.PublisherEntry, <-chan struct{})
	// Stop starts to unmount everything.
	Stop()
	// Closed returns a channel that is closed when that was tried.
	Closed() <-chan struct{}
}

// NewPublisher makes the publisher of a server; its context outlives the server's.
type NewPublisher func(ctx *context.T) Publisher

// ServerConfig is what a server works with.
type ServerConfig struct {
	// Principal is whom the server answers for. Required.
	Principal security.Principal
	// ListenSpec is where it listens.
	ListenSpec rpc.ListenSpec
	// Reserved serves the names that begin with the reserved prefix; may be nil.
	Reserved rpc.Dispatcher
	// RefreshAddresses is how often a server that listens on all interfaces looks for
	// other addresses of the host; 0 for never.
	RefreshAddresses time.Duration
	// NewPublisher makes what keeps its names mounted. Required.
	NewPublisher NewPublisher
}

// LeafDispatcher returns a dispatcher for a server whose only object is the given one,
// at the empty suffix, and the options of that server.
func LeafDispatcher(ctx *context.T, object any, auth security.Authorizer, opts []rpc.ServerOpt) (
	rpc.Dispatcher, []rpc.ServerOpt, error) {
	if object == nil {
		return nil, nil, verror.ErrBadArg.Errorf(ctx, "a server needs an object")
	}
	invoker, err := objectToInvoker(object)
	if err != nil {
		return nil, nil, verror.ErrBadArg.Errorf(ctx, "the object of type %T cannot be served: %w", object, err)
	}
	return &leafDispatcher{invoker: invoker, auth: auth}, append([]rpc.ServerOpt{options.IsLeaf(true)}, opts...), nil
}

// leafDispatcher serves one object at the empty suffix.
type leafDispatcher struct {
	invoker rpc.Invoker
	auth    security.Authorizer
}

// Lookup implements rpc.Dispatcher.
func (d *leafDispatcher) Lookup(ctx *context.T, suffix string) (any, security.Authorizer, error) {
	if suffix != "" {
		return nil, nil, verror.ErrUnknownSuffix.Errorf(ctx, "%v: the server has no such suffix", suffix)
	}
	return d.invoker, d.auth, nil
}

// NewServer starts a server, which stops when ctx ends. The name may be empty.
func NewServer(ctx *context.T, cfg ServerConfig, name string, disp rpc.Dispatcher, opts ...rpc.ServerOpt) (
	rpc.Server, error) {
	if disp == nil {
		return nil, verror.ErrBadArg.Errorf(ctx, "a server needs a dispatcher")
	}
	routing, err := naming.NewRoutingID()
	if err != nil {
		return nil, fmt.Errorf("making a routing id: %w", err)
	}
	s := &server{
		ctx: ctx, principal: cfg.Principal, dispatcher: disp, reserved: cfg.Reserved,
		opts: parseServerOptions(opts), routing: routing, refresh: cfg.RefreshAddresses,
		closed: make(chan struct{}),
	}
	s.state.init(cfg.ListenSpec)
	blessings, changed := s.principal.BlessingStore().Default()
	if err := s.present(blessings); err != nil {
		return nil, err
	}
	s.acceptor = conn.NewAcceptor(ctx, s.acceptOptions())
	publishing, stopPublishing := context.WithRootCancel(ctx)
	s.names = cfg.NewPublisher(publishing)
	if name != "" {
		s.names.AddName(name, s.opts.mountTable, s.opts.leaf)
	}
	s.startListening()
	s.wg.Go(func() { s.watchBlessings(changed) })
	s.wg.Go(s.watchPublisher)
	s.state.set(rpc.ServerReady)
	go s.stopWith(stopPublishing)
	return s, nil
}

// acceptOptions says how to accept connections.
func (s *server) acceptOptions() conn.AcceptOptions {
	o := conn.AcceptOptions{
		Principal:      s.principal,
		Blessings:      s.state.blessings,
		Recognised:     func(remote security.Blessings) bool { return len(s.remoteNames(remote)) > 0 },
		Serve:          s.serveFlow,
		ChannelTimeout: s.opts.channelTimeout,
	}
	if len(s.opts.peers) > 0 {
		o.DialerFirst = true
		o.Admit = s.admitPeer
	}
	return o
}

// remoteNames are the names a peer has before it has made a call.
func (s *server) remoteNames(remote security.Blessings) []string {
	names, _ := security.RemoteBlessingNames(s.ctx, security.NewCall(&security.CallParams{
		Timestamp: time.Now(), LocalPrincipal: s.principal, RemoteBlessings: remote,
	}))
	return names
}

// admitPeer admits those the server may show itself to.
func (s *server) admitPeer(remote security.Blessings) error {
	names := s.remoteNames(remote)
	for _, pattern := range s.opts.peers {
		if pattern.MatchedBy(names...) {
			return nil
		}
	}
	return fmt.Errorf("its names %v match none of the server's peers %v", names, s.opts.peers)
}

// present sets the blessings to show to clients from now on; those that only prove
// the key, if there are none.
func (s *server) present(b security.Blessings) error {
	names := security.BlessingNames(s.principal, b)
	if b.IsZero() {
		var err error
		if b, err = security.NamelessBlessing(s.principal.PublicKey()); err != nil {
			return fmt.Errorf("the server has neither blessings nor a key: %w", err)
		}
	}
	s.state.setBlessings(b, names)
	return nil
}

// watchBlessings follows the principal's default blessings. Clients on connections
// with the old ones are asked to come again.
func (s *server) watchBlessings(changed <-chan struct{}) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-changed:
		}
		var b security.Blessings
		b, changed = s.principal.BlessingStore().Default()
		if b.Equivalent(s.state.blessings()) {
			continue
		}
		if err := s.present(b); err != nil {
			s.ctx.Errorf("keeping the old blessings: %v", err)
			continue
		}
		s.republish()
		s.acceptor.EnterLameDuck()
	}
}

// watchPublisher makes a change of what is mounted one of the server's status. The next
// change is waited for before the last is told, so that none is missed.
func (s *server) watchPublisher() {
	_, changed := s.names.Status()
	for {
		select {
		case <-s.names.Closed():
			return
		case <-changed:
		}
		_, changed = s.names.Status()
		s.state.change(func() {})
	}
}

// AddName implements rpc.Server.
func (s *server) AddName(name string) error {
	if name == "" {
		return verror.ErrBadArg.Errorf(s.ctx, "a server cannot be published under an empty name")
	}
	if err := s.ctx.Err(); err != nil {
		return verror.ErrBadState.Errorf(s.ctx, "the server is stopping: %w", err)
	}
	s.names.AddName(name, s.opts.mountTable, s.opts.leaf)
	return nil
}

// RemoveName implements rpc.Server.
func (s *server) RemoveName(name string) { s.names.RemoveName(name) }

// Closed implements rpc.Server.
func (s *server) Closed() <-chan struct{} { return s.closed }

// Status implements rpc.Server.
func (s *server) Status() rpc.ServerStatus {
	status := s.state.status()
	status.ServesMountTable = s.opts.mountTable
	status.Endpoints = s.endpoints()
	status.PublisherStatus, _ = s.names.Status()
	return status
}

// stopWith stops the server at the end of its context.
func (s *server) stopWith(stopPublishing context.CancelFunc) {
	<-s.ctx.Done()
	s.state.set(rpc.ServerStopping)
	s.names.Stop()
	s.acceptor.EnterLameDuck()
	s.waitForCalls()
	s.acceptor.Close()
	<-s.names.Closed()
	stopPublishing()
	s.wg.Wait()
	s.state.set(rpc.ServerStopped)
	close(s.closed)
}

// waitForCalls lets handlers finish, within the lame duck timeout. Clients who know
// that the server is going away close their connections at once, if they have no
// calls; the others are not waited for long.
func (s *server) waitForCalls() {
	conns := s.acceptor.Conns()
	timeout := time.NewTimer(s.opts.lameDuck)
	defer timeout.Stop()
	grace := time.AfterFunc(min(lameDuckGrace, s.opts.lameDuck), func() {
		for _, c := range s.acceptor.Conns() {
			c.Retire()
		}
	})
	defer grace.Stop()
	for _, c := range conns {
		select {
		case <-c.Closed():
		case <-timeout.C:
			return
		}
	}
}
