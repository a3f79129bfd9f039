package namespace

import (
	"errors"
	"io"
	"strings"
	"sync"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/rpc/reserved"
	"v.io/v23/security"
	"v.io/v23/verror"
)

const (
	// globParallelism bounds the servers that one search asks at a time.
	globParallelism = 8
	// globBuffer is the number of results that wait for the reader.
	globBuffer = 64
)

// Glob implements namespace.T.
func (c *client) Glob(ctx *context.T, pattern string, opts ...naming.NamespaceOpt) (<-chan naming.GlobReply, error) {
	_, pattern = security.SplitPatternName(pattern)
	address, relative := naming.SplitAddressName(pattern)
	parsed, err := glob.Parse(relative)
	if err != nil {
		return nil, verror.ErrBadArg.Errorf(ctx, "the pattern %q: %w", pattern, err)
	}
	root := ""
	if address != "" {
		root = "/" + address
	}
	starts, err := c.starts(ctx, root, opts)
	if err != nil {
		return nil, err
	}
	s := &search{
		ctx:  ctx,
		opts: opts,
		out:  make(chan naming.GlobReply, globBuffer),
		free: make(chan struct{}, globParallelism),
	}
	for _, entry := range starts {
		s.enter(place{entry: entry, name: root, pattern: parsed})
	}
	go func() {
		s.pending.Wait()
		close(s.out)
	}()
	return s.out, nil
}

// search is one Glob.
type search struct {
	ctx     *context.T
	opts    []naming.NamespaceOpt
	out     chan naming.GlobReply
	free    chan struct{} // holds one item per server that is being asked
	pending sync.WaitGroup
}

// place is a server to be asked.
type place struct {
	entry   *naming.MountEntry
	name    string     // under which it is known
	pattern *glob.Glob // of the names below it
	depth   int        // the number of servers on the way
	sent    bool       // whether the name itself was sent
}

// enter asks the server, when its turn comes.
func (s *search) enter(p place) {
	s.pending.Add(1)
	go func() {
		defer s.pending.Done()
		select {
		case s.free <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		defer func() { <-s.free }()
		if err := s.ask(p); err != nil && s.ctx.Err() == nil {
			s.sendError(p.name, err)
		}
	}()
}

// ask asks the server and sends what it answers.
func (s *search) ask(p place) error {
	if p.depth > maxGlobDepth {
		return reserved.ErrGlobMaxRecursionReached.Errorf(s.ctx,
			"the pattern leads through more than %d servers", maxGlobDepth)
	}
	ctx, cancel := withTimeout(s.ctx)
	defer cancel()
	call, err := v23.GetClient(ctx).StartCall(ctx, p.entry.Names()[0], rpc.GlobMethod,
		[]interface{}{p.pattern.String()}, callOptions(p.entry, s.opts)...)
	if err != nil {
		return s.tolerate(p, err)
	}
	for {
		var reply naming.GlobReply
		err := call.Recv(&reply)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = s.handle(p, reply)
		}
		if err != nil {
			cancel()
			return s.tolerate(p, errors.Join(err, ignoreCanceled(call.Finish())))
		}
	}
	return s.tolerate(p, call.Finish())
}

// ignoreCanceled drops the error that a call has because it was given up.
func ignoreCanceled(err error) error {
	if errors.Is(err, verror.ErrCanceled) {
		return nil
	}
	return err
}

// tolerate drops errors of servers that need not know how to search.
func (s *search) tolerate(p place, err error) error {
	if err == nil || !p.entry.ServesMountTable && p.depth > 0 && isUnsearchable(err) {
		return nil
	}
	return err
}

// isUnsearchable reports whether an error means that a server does not know how to search.
func isUnsearchable(err error) bool {
	return noMountTable(err) || errors.Is(err, reserved.ErrGlobNotImplemented)
}

// handle treats one answer of the server.
func (s *search) handle(p place, reply naming.GlobReply) error {
	switch reply := reply.(type) {
	case naming.GlobReplyEntry:
		return s.handleEntry(p, reply.Value)
	case *naming.GlobReplyEntry:
		return s.handleEntry(p, reply.Value)
	case naming.GlobReplyError:
		s.handleError(p, reply.Value)
	case *naming.GlobReplyError:
		s.handleError(p, reply.Value)
	}
	return nil
}

// handleError passes on the error of a part of the server.
func (s *search) handleError(p place, failure naming.GlobError) {
	if failure.Error == nil || s.tolerate(p, failure.Error) == nil {
		return
	}
	s.sendError(naming.Join(p.name, failure.Name), failure.Error)
}

// handleEntry sends a name that matches, and enters the servers that are mounted there if the pattern goes on.
func (s *search) handleEntry(p place, entry naming.MountEntry) error {
	rest, ok := consume(p.pattern, entry.Name)
	if !ok {
		return verror.ErrBadProtocol.Errorf(s.ctx, "%v answered %q, which the pattern %q does not match",
			p.entry.Servers, entry.Name, p.pattern)
	}
	self := entry.Name == ""
	below := entry
	below.Name = ""
	entry.Name = naming.Join(p.name, entry.Name)
	matches := rest.Len() == 0
	if matches && !(self && p.sent) {
		s.send(&naming.GlobReplyEntry{Value: entry})
	}
	if len(below.Servers) == 0 || below.IsLeaf || rest.Empty() {
		return nil
	}
	if matches && rest.Restricted() && !below.ServesMountTable {
		return nil
	}
	normalize(&below)
	if len(below.Servers) > 0 {
		s.enter(place{entry: &below, name: entry.Name, pattern: rest, depth: p.depth + 1, sent: matches})
	}
	return nil
}

// consume returns what remains of the pattern after it matched the elements of the name.
func consume(pattern *glob.Glob, name string) (*glob.Glob, bool) {
	if name == "" {
		return pattern, true
	}
	for element := range strings.SplitSeq(name, "/") {
		if pattern.Empty() || !pattern.Head().Match(element) {
			return nil, false
		}
		pattern = pattern.Tail()
	}
	return pattern, true
}

// send sends a result to the reader, unless that one is gone.
func (s *search) send(reply naming.GlobReply) {
	select {
	case s.out <- reply:
	case <-s.ctx.Done():
	}
}

// sendError sends a failure to the reader.
func (s *search) sendError(name string, err error) {
	s.send(&naming.GlobReplyError{Value: naming.GlobError{Name: name, Error: err}})
}
