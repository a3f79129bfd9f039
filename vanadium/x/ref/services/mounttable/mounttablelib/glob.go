package mounttablelib

import (
	"maps"
	"slices"
	"strings"
	"time"

	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/rpc"
)

// Glob__ implements rpc.AllGlobber. A node with servers is sent wherever the pattern leads through it, even if it goes
// on: the client goes on at the servers.
func (o *object) Glob__(ctx *context.T, call rpc.GlobServerCall, g *glob.Glob) error {
	replies, err := o.tree.glob(ctx, o.callerOf(ctx, call), o.elements, g)
	if err != nil {
		return err
	}
	stream := call.SendStream()
	for _, reply := range replies {
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
	return nil
}

// glob returns the answers to a search below the name. They are gathered under the lock and sent without it.
func (t *tree) glob(ctx *context.T, who caller, elements []string, g *glob.Glob) ([]naming.GlobReply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, rest, err := t.find(ctx, who, elements)
	if err != nil {
		return nil, err
	}
	s := &search{ctx: ctx, who: who, now: t.now()}
	switch {
	case len(n.servers) > 0:
		s.refer(n, rest, "")
	case len(rest) == 0:
		s.visit(n, "", g)
	}
	return s.replies, nil
}

// search is one search. The tree's lock is held while it goes on.
type search struct {
	ctx     *context.T
	who     caller
	now     time.Time
	replies []naming.GlobReply
}

// refer answers with the servers of a node, at which the rest of a name is to be found.
func (s *search) refer(n *node, rest []string, name string) {
	if err := n.need(s.ctx, s.who, toResolve...); err != nil {
		s.fail(name, err)
		return
	}
	entry := n.entry(nil)
	entry.Name = name
	for i := range entry.Servers {
		if len(rest) > 0 {
			server := strings.TrimLeft(entry.Servers[i].Server, "/")
			entry.Servers[i].Server = naming.JoinAddressName(server, strings.Join(rest, "/"))
		}
	}
	s.replies = append(s.replies, naming.GlobReplyEntry{Value: entry})
}

// fail answers with an error.
func (s *search) fail(name string, err error) {
	s.replies = append(s.replies, naming.GlobReplyError{Value: naming.GlobError{Name: name, Error: err}})
}

// visit answers for the node and what the pattern matches below it.
func (s *search) visit(n *node, name string, g *glob.Glob) {
	n.expire(s.now)
	if len(n.servers) > 0 {
		s.refer(n, nil, name)
		return
	}
	if g.Len() == 0 && !n.useless() {
		s.replies = append(s.replies,
			naming.GlobReplyEntry{Value: naming.MountEntry{Name: name, ServesMountTable: true}})
	}
	if g.Empty() {
		return
	}
	if certain, fixed := g.Head().FixedPrefix(); fixed {
		s.enter(n, certain, name, g)
		return
	}
	s.list(n, name, g)
}

// enter visits a certain child.
func (s *search) enter(n *node, element, name string, g *glob.Glob) {
	if err := n.need(s.ctx, s.who, toTraverse...); err != nil {
		s.fail(name, err)
		return
	}
	if child := n.children[element]; child != nil {
		s.visit(child, naming.Join(name, element), g.Tail())
	}
}

// list visits all children that match.
func (s *search) list(n *node, name string, g *glob.Glob) {
	if err := n.need(s.ctx, s.who, toList...); err != nil {
		s.fail(name, err)
		return
	}
	for _, element := range slices.Sorted(maps.Keys(n.children)) {
		if g.Head().Match(element) {
			s.visit(n.children[element], naming.Join(name, element), g.Tail())
		}
	}
}
