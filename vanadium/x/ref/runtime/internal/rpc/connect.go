package rpc

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
)

// namespaceOption is an option that the namespace is to be told of too.
type namespaceOption = naming.NamespaceOpt

// link is a connection to a server that a name leads to.
type link struct {
	conn *conn.Conn
	// server is the endpoint, and suffix what is left of the name there.
	server naming.Endpoint
	suffix string
	// name and method are what the caller asked for.
	name, method string
	principal    security.Principal
}

// connect is the connect phase of a call: it finds the servers of the name and
// connects to one, trying again after failures as long as there is time.
func (c *client) connect(ctx *context.T, name, method string, o *callOptions) (*link, error) {
	ctx, cancel, deadline := connectContext(ctx, o)
	defer cancel()
	for attempt := 0; ; attempt++ {
		l, err := c.connectOnce(ctx, name, method, o)
		if err == nil {
			return l, nil
		}
		if o.noRetry || final(err) || !retriable(err) {
			return nil, err
		}
		if !pause(ctx, backoff(attempt), deadline) {
			return nil, orEndOfContext(ctx, name, method, err)
		}
		c.namespace(ctx).FlushCacheEntry(ctx, name)
	}
}

// orEndOfContext prefers the cancellation of the context to the last failure, which
// says more than a passed deadline does.
func orEndOfContext(ctx *context.T, name, method string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return endOfContext(ctx, name, method)
	}
	return err
}

// connectContext bounds the connect phase.
func connectContext(ctx *context.T, o *callOptions) (*context.T, context.CancelFunc, time.Time) {
	deadline := deadlineOf(ctx)
	if deadline.IsZero() {
		deadline = time.Now().Add(defaultConnectTimeout)
	}
	if limit := time.Now().Add(o.connectTimeout); o.hasConnect && o.connectTimeout > 0 && limit.Before(deadline) {
		deadline = limit
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	return ctx, cancel, deadline
}

// retriable tells whether connecting may succeed later.
func retriable(err error) bool {
	action := verror.Action(err)
	return action == verror.RetryConnection || action == verror.RetryRefetch
}

// connectOnce resolves the name and tries its servers once.
func (c *client) connectOnce(ctx *context.T, name, method string, o *callOptions) (*link, error) {
	if err := endOfContext(ctx, name, method); err != nil {
		return nil, err
	}
	pattern, plain := security.SplitPatternName(name)
	entry, err := c.resolve(ctx, plain, o)
	if err != nil {
		if ended := endOfContext(ctx, name, method); ended != nil {
			return nil, ended
		}
		return nil, resolveFault(ctx, name, err)
	}
	a := attempt{client: c, ctx: ctx, name: name, method: method, pattern: pattern, suffix: entry.Name, o: o}
	if len(entry.Servers) == 0 {
		return nil, verror.ErrNoServers.Errorf(ctx, "%v: nothing is mounted there", name)
	}
	return a.any(entry.Servers)
}

// resolve finds the servers of a name.
func (c *client) resolve(ctx *context.T, name string, o *callOptions) (*naming.MountEntry, error) {
	if o.preresolved == nil {
		return c.namespace(ctx).Resolve(ctx, name, o.nsOptions...)
	}
	if o.preresolved.Resolution != nil {
		return o.preresolved.Resolution, nil
	}
	address, suffix := naming.SplitAddressName(name)
	if address != "" {
		return &naming.MountEntry{Name: suffix, Servers: []naming.MountedServer{{Server: address}}}, nil
	}
	entry := &naming.MountEntry{Name: name}
	for _, root := range c.namespace(ctx).Roots() {
		server, rest := naming.SplitAddressName(root)
		entry.Name = naming.Join(rest, name)
		entry.Servers = append(entry.Servers, naming.MountedServer{Server: server})
	}
	return entry, nil
}

// resolveFault is the error of a name that did not resolve.
func resolveFault(ctx *context.T, name string, err error) error {
	switch verror.ErrorID(err) {
	case verror.ErrNotTrusted.ID, naming.ErrNoSuchName.ID, naming.ErrNoSuchNameRoot.ID,
		naming.ErrNoMountTable.ID, verror.ErrUnknown.ID:
		return verror.ErrNoServers.Errorf(ctx, "%v: %w", name, err)
	default:
		return err
	}
}

// attempt is one try at the servers of a name.
type attempt struct {
	client       *client
	ctx          *context.T
	name, method string
	// pattern must be matched by the server's blessings, if it is not empty.
	pattern security.BlessingPattern
	suffix  string
	o       *callOptions
}

// candidate is a server and its preference, less being better.
type candidate struct {
	server string
	ep     naming.Endpoint
	rank   int
}

// outcome is the result of trying one candidate.
type outcome struct {
	candidate
	conn *conn.Conn
	err  error
}

// any connects to all servers at once and takes the first that answers; of those
// that have answered by then, the best by rank.
func (a *attempt) any(servers []naming.MountedServer) (*link, error) {
	candidates, failures := a.candidates(servers)
	if len(candidates) == 1 {
		o := a.try(a.ctx, candidates[0])
		return a.settle(append(failures, o))
	}
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	outcomes := make(chan outcome, len(candidates))
	for _, one := range candidates {
		go func() { outcomes <- a.try(ctx, one) }()
	}
	for range candidates {
		o := <-outcomes
		failures = append(failures, o)
		if o.err == nil {
			for len(outcomes) > 0 {
				failures = append(failures, <-outcomes)
			}
			break
		}
	}
	return a.settle(failures)
}

// candidates parses the servers' addresses; those that cannot be parsed fail here.
func (a *attempt) candidates(servers []naming.MountedServer) (good []candidate, bad []outcome) {
	for _, s := range servers {
		address, _ := naming.SplitAddressName(s.Server)
		if address == "" {
			address = s.Server
		}
		ep, err := naming.ParseEndpoint(address)
		if err != nil {
			bad = append(bad, outcome{candidate: candidate{server: s.Server}, err: err})
			continue
		}
		good = append(good, candidate{server: s.Server, ep: ep, rank: rank(ep)})
	}
	return good, bad
}

// rank prefers protocols, and then hosts that are near.
func rank(ep naming.Endpoint) int {
	r := 2 * slices.Index([]string{"wsh", "tcp4", "tcp"}, ep.Protocol)
	if r < 0 {
		r = 6
	}
	if host, _, err := net.SplitHostPort(ep.Address); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
			return r
		}
	}
	return r + 1
}

// settle picks the best outcome, or makes one error of the failures.
func (a *attempt) settle(outcomes []outcome) (*link, error) {
	var best *outcome
	for i := range outcomes {
		if o := &outcomes[i]; o.err == nil && (best == nil || o.rank < best.rank) {
			best = o
		}
	}
	if best != nil {
		return &link{
			conn: best.conn, server: best.ep, suffix: a.suffix,
			name: a.name, method: a.method, principal: a.client.principal,
		}, nil
	}
	if err := endOfContext(a.ctx, a.name, a.method); err != nil {
		return nil, err
	}
	return nil, a.failure(outcomes)
}

// failure reports the gravest failure, with the texts of the others.
func (a *attempt) failure(outcomes []outcome) error {
	faults := make([]error, len(outcomes))
	for i, o := range outcomes {
		faults[i] = connectFault(a.ctx, o.server, o.err)
	}
	slices.SortStableFunc(faults, func(x, y error) int { return cmp.Compare(gravity(x), gravity(y)) })
	if len(faults) == 1 {
		return faults[0]
	}
	texts := make([]string, 0, len(faults)-1)
	for _, f := range faults[1:] {
		texts = append(texts, f.Error())
	}
	id := verror.IDAction{ID: verror.ErrorID(faults[0]), Action: verror.Action(faults[0])}
	return id.Errorf(a.ctx, "%w (and of the other servers: %v)", faults[0], strings.Join(texts, "; "))
}

// gravity orders failures: what does not go away by itself comes first.
func gravity(err error) int {
	switch verror.ErrorID(err) {
	case verror.ErrNotTrusted.ID:
		return 0
	case verror.ErrNoAccess.ID:
		return 1
	default:
		return 2
	}
}

// try connects to one server.
func (a *attempt) try(ctx *context.T, one candidate) outcome {
	c, err := a.client.pool.Get(ctx, one.ep, conn.DialOptions{
		Principal:      a.client.principal,
		Trust:          func(remote security.Blessings) error { return a.trust(ctx, one, remote) },
		Present:        func(remote security.Blessings) (security.Blessings, error) { return a.present(ctx, one, remote) },
		ChannelTimeout: a.o.channelTimeout,
	}, a.o.hasConnect && a.o.connectTimeout == 0)
	return outcome{candidate: one, conn: c, err: err}
}

// call is what authorisers are shown of the call before it is made.
func (a *attempt) call(one candidate, remote security.Blessings) security.Call {
	return security.NewCall(&security.CallParams{
		Timestamp:       time.Now(),
		Method:          a.method,
		Suffix:          a.suffix,
		LocalPrincipal:  a.client.principal,
		RemoteBlessings: remote,
		RemoteEndpoint:  one.ep,
	})
}

// trust lets the call's authoriser decide about the server.
func (a *attempt) trust(ctx *context.T, one candidate, remote security.Blessings) error {
	call := a.call(one, remote)
	if a.pattern != "" {
		names, rejected := security.RemoteBlessingNames(ctx, call)
		if !a.pattern.MatchedBy(names...) {
			return fmt.Errorf("the server's blessings %v (rejected: %v) do not match the pattern %q of the name",
				names, rejected, a.pattern)
		}
	}
	return a.o.authorizer.Authorize(ctx, call)
}

// present chooses the blessings for a server: those marked for its names, else none
// but the principal's key. A server that does not show itself first is taken by
// the names in its endpoint.
func (a *attempt) present(ctx *context.T, one candidate, remote security.Blessings) (security.Blessings, error) {
	names := one.ep.BlessingNames()
	if !remote.IsZero() {
		names, _ = security.RemoteBlessingNames(ctx, a.call(one, remote))
	}
	b := a.client.principal.BlessingStore().ForPeer(names...)
	if !b.IsZero() {
		return b, nil
	}
	return security.NamelessBlessing(a.client.principal.PublicKey())
}
