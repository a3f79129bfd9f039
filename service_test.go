package raft

import (
	stdcontext "context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/verror"
	"v.io/x/ref/test/testutil"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// served is one member's service, started, with what is needed to call it.
type served struct {
	t         *testing.T
	ctx       *context.T
	root      *testutil.IDProvider
	name      string
	transport *peers
	heard     *heard
}

// heard is a receiver that keeps what arrives.
type heard struct {
	replica.Receiver
	messages chan core.Message
}

func (h *heard) Receive(_ replica.Peer, m []core.Message) {
	for i := range m {
		h.messages <- m[i]
	}
}

func (h *heard) Lost(entry.MemberID) {}

func (h *heard) ReceiveSnapshot(_ stdcontext.Context, _ replica.Peer, s replica.IncomingSnapshot) error {
	image, err := s.From(0)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, image)
	return err
}

// serve starts the service of member "a", whose principal is root:member:a.
func serve(t *testing.T) *served {
	t.Helper()
	s := &served{t: t, ctx: running.use(t), root: testutil.NewIDProvider("root")}
	s.heard = &heard{messages: make(chan core.Message, 16)}
	transport, server, err := serveStub(s.as(s.blessed("member:a")), "a",
		access.AccessList{In: []security.BlessingPattern{"root:member"}})
	if err != nil {
		t.Fatal(err)
	}
	s.transport = transport
	s.name = naming.JoinAddressName(boundAddress(server.Status().Endpoints), "")
	if err := transport.Start(s.heard); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := transport.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// blessed returns a new principal, blessed by the root unless extension is empty.
func (s *served) blessed(extension string, caveats ...security.Caveat) security.Principal {
	s.t.Helper()
	p := testutil.NewPrincipal()
	if extension == "" {
		return p
	}
	if err := s.root.Bless(p, extension, caveats...); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// as returns a context of principal p.
func (s *served) as(p security.Principal) *context.T {
	s.t.Helper()
	ctx, err := v23.WithPrincipal(s.ctx, p)
	if err != nil {
		s.t.Fatal(err)
	}
	return ctx
}

// callOpts reach the service whoever the caller is.
var callOpts = []rpc.CallOpt{options.Preresolved{}, options.NoRetry{},
	options.ServerAuthorizer{Authorizer: security.AllowEveryone()}}

// arguments has arguments for every method, so that a call fails for no other reason than the one
// under test.
var arguments = map[string][]any{
	"Append":                    {[]byte("x")},
	"ReadIndex":                 nil,
	"Status":                    nil,
	"Members":                   nil,
	"Barrier":                   nil,
	"Snapshot":                  nil,
	"Backup":                    nil,
	"AddMember":                 {"c"},
	"AddLearner":                {"c"},
	"RemoveMember":              {"c"},
	"TransferLeadership":        {"c"},
	"Converse":                  {Hello{Format: helloFormat, From: "b", To: "a"}, false},
	"InstallSnapshot":           {Hello{Format: helloFormat, From: "b", To: "a"}, SnapshotHead{}},
	rpc.ReservedSignature:       nil,
	rpc.ReservedMethodSignature: {"Append"},
	rpc.GlobMethod:              {"*"},
}

// methods returns every method of the service's descriptor and the reserved ones.
func methods(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, desc := range raftProtoServer(nil).Describe__() {
		for _, m := range desc.Methods {
			names = append(names, m.Name)
			if _, ok := arguments[m.Name]; !ok {
				t.Errorf("method %s has no arguments here: this test would not cover it", m.Name)
			}
			if len(m.Tags) != 1 || !slices.Contains([]Right{ClientRight, AdminRight, PeerRight}, rightOf(m.Tags)) {
				t.Errorf("method %s must have one right as its tag, has %v", m.Name, m.Tags)
			}
		}
	}
	return append(names, rpc.ReservedSignature, rpc.ReservedMethodSignature, rpc.GlobMethod)
}

// call starts a call and returns its error.
func call(ctx *context.T, name, method string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := v23.GetClient(ctx).StartCall(ctx, name, method, arguments[method], callOpts...)
	if err != nil {
		return err
	}
	results := make([]any, map[string]int{"Append": 3, "ReadIndex": 1, "Status": 1, "Members": 1,
		"Barrier": 1, "Snapshot": 1, rpc.ReservedSignature: 1,
		rpc.ReservedMethodSignature: 1}[method])
	for i := range results {
		results[i] = new(any)
	}
	return c.Finish(results...)
}

func TestOutsidersAreRefusedOnEveryMethod(t *testing.T) {
	s := serve(t)
	expired, err := security.NewExpiryCaveat(time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	otherRoot := testutil.NewPrincipal()
	if err := testutil.NewIDProvider("root").Bless(otherRoot, "member:b"); err != nil {
		t.Fatal(err)
	}
	for who, p := range map[string]security.Principal{
		"no blessing":    s.blessed(""),
		"stranger":       s.blessed("stranger"),
		"another root":   otherRoot,
		"expired member": s.blessed("member:b", expired),
	} {
		ctx := s.as(p)
		for _, method := range methods(t) {
			if err := call(ctx, s.name, method); !errors.Is(err, verror.ErrNoAccess) {
				t.Errorf("%s calls %s: got %v, want no access", who, method, err)
			}
		}
	}
}

func TestRightMemberMustAlsoBeTheOneItClaims(t *testing.T) {
	s := serve(t)
	member, thief := s.blessed("member:b"), s.blessed("member:c")
	s.learn("b", member)
	err := call(s.as(thief), s.name, "Converse")
	if !errors.Is(err, verror.ErrNoAccess) || !strings.Contains(err.Error(), "root:member:c") {
		t.Errorf("c claims to be b: got %v, want no access that names root:member:c", err)
	}
	if err := call(s.as(thief), s.name, "InstallSnapshot"); !errors.Is(err, verror.ErrNoAccess) {
		t.Errorf("c sends a snapshot as b: got %v", err)
	}
	select {
	case m := <-s.heard.messages:
		t.Errorf("a message of the thief was heard: %+v", m)
	default:
	}
}

// learn makes the service know the key of a member, as if it had dialled the member's address.
func (s *served) learn(id entry.MemberID, p security.Principal) {
	s.t.Helper()
	key, err := p.PublicKey().MarshalBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.transport.auth.learn(nil, id, key); err != nil {
		s.t.Fatal(err)
	}
}

// converse opens a conversation as member b.
func (s *served) converse(p security.Principal, urgent bool) (raftProtoConverseClientCall, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.as(p), patience)
	s.t.Cleanup(cancel)
	c, err := raftProtoClient(s.name).Converse(ctx, Hello{Format: helloFormat, From: "b", To: "a"}, urgent, callOpts...)
	if err != nil {
		return nil, err
	}
	if !c.RecvStream().Advance() {
		return nil, c.Finish()
	}
	return c, nil
}

func TestRightMemberIsHeard(t *testing.T) {
	s := serve(t)
	member := s.blessed("member:b")
	s.learn("b", member)
	c, err := s.converse(member, false)
	if err != nil {
		t.Fatal(err)
	}
	sent := appendMessage()
	if err := c.SendStream().Send(newPacket(&sent)); err != nil {
		t.Fatal(err)
	}
	if got := <-s.heard.messages; got.From != "b" || got.To != "a" || got.Term != sent.Term {
		t.Errorf("heard %+v", got)
	}
}

func TestDamagedPacketEndsTheConversation(t *testing.T) {
	s := serve(t)
	member := s.blessed("member:b")
	s.learn("b", member)
	c, err := s.converse(member, false)
	if err != nil {
		t.Fatal(err)
	}
	m := appendMessage()
	packet := newPacket(&m)
	packet.Frames[0] = append([]byte(nil), packet.Frames[0]...)
	packet.Frames[0][entry.HeaderSize] ^= 1
	if err := c.SendStream().Send(packet); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(); !errors.Is(err, verror.ErrBadProtocol) {
		t.Errorf("the conversation ended with %v", err)
	}
	if len(s.heard.messages) != 0 {
		t.Error("a damaged message was heard")
	}
}

// TestNewerConversationReplacesTheOlder: of the same kind. That of the other kind goes on.
func TestNewerConversationReplacesTheOlder(t *testing.T) {
	for _, urgent := range []bool{false, true} {
		t.Run(fmt.Sprint("urgent ", urgent), func(t *testing.T) { replaceConversation(t, urgent) })
	}
}

func replaceConversation(t *testing.T, urgent bool) {
	s := serve(t)
	member := s.blessed("member:b")
	s.learn("b", member)
	var all []raftProtoConverseClientCall
	for _, kind := range []bool{urgent, !urgent, urgent} {
		c, err := s.converse(member, kind)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	first, other, second := all[0], all[1], all[2]
	m := core.Message{Kind: core.MsgVote, Term: 7}
	for _, c := range []raftProtoConverseClientCall{second, other} {
		if err := c.SendStream().Send(newPacket(&m)); err != nil {
			t.Fatal(err)
		}
		if got := <-s.heard.messages; got.Term != 7 {
			t.Errorf("heard %+v", got)
		}
	}
	// Sending on the first may succeed until its end is known; nothing sent on it is heard.
	if err := first.SendStream().Send(newPacket(&m)); err == nil {
		err = first.Finish()
		if !errors.Is(err, verror.ErrAborted) && !errors.Is(err, verror.ErrCanceled) {
			t.Errorf("the older conversation ended with %v", err)
		}
	}
	if len(s.heard.messages) != 0 {
		t.Error("the older conversation is still heard")
	}
}

// TestNothingIsHeardAfterClose: the server still answers while a member stops, but a closed transport
// hands nothing over, and new conversations are refused.
func TestNothingIsHeardAfterClose(t *testing.T) {
	s := serve(t)
	member := s.blessed("member:b")
	s.learn("b", member)
	c, err := s.converse(member, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.transport.Close(); err != nil {
		t.Fatal(err)
	}
	m := core.Message{Kind: core.MsgVote, Term: 7}
	if err := c.SendStream().Send(newPacket(&m)); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("the conversation ended with %v, want that the member is not running", err)
	}
	if len(s.heard.messages) != 0 {
		t.Error("a message was heard after Close had returned")
	}
	if _, err := s.converse(member, false); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a new conversation ended with %v, want that the member is not running", err)
	}
}

func TestCutSnapshotIsNotTakenForAWholeOne(t *testing.T) {
	s := serve(t)
	member := s.blessed("member:b")
	s.learn("b", member)
	head := SnapshotHead{Term: 1, Id: "one", LastIndex: 5, LastTerm: 1, Size: 4,
		Configuration: entry.AppendConfiguration(nil, entry.Configuration{})}
	for _, last := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(s.as(member), patience)
		hello := Hello{Format: helloFormat, From: "b", To: "a"}
		c, err := raftProtoClient(s.name).InstallSnapshot(ctx, hello, head, callOpts...)
		if err != nil {
			t.Fatal(err)
		}
		if !c.RecvStream().Advance() {
			t.Fatal(c.Finish())
		}
		if err := c.SendStream().Send(SnapshotPiece{Data: []byte("ab"), Last: last}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.SendStream().Close(), c.Finish()); last != (err == nil) {
			t.Errorf("last = %v: the transfer ended with %v", last, err)
		}
		cancel()
	}
}

func TestBadSnapshotHeadIsRefused(t *testing.T) {
	good := SnapshotHead{Term: 1, Id: "one", LastIndex: 5, LastTerm: 1,
		Configuration: entry.AppendConfiguration(nil, entry.Configuration{})}
	if _, err := good.meta(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*SnapshotHead){
		"no id":             func(h *SnapshotHead) { h.Id = "" },
		"long id":           func(h *SnapshotHead) { h.Id = strings.Repeat("x", 256) },
		"huge size":         func(h *SnapshotHead) { h.Size = 1 << 63 },
		"huge index":        func(h *SnapshotHead) { h.LastIndex = 1 << 63 },
		"no configuration":  func(h *SnapshotHead) { h.Configuration = nil },
		"cut configuration": func(h *SnapshotHead) { h.Configuration = h.Configuration[:3] },
	} {
		head := good
		spoil(&head)
		if meta, err := head.meta(); err == nil {
			t.Errorf("%s: accepted as %+v", name, meta)
		}
	}
}

// changingHost is a member whose set changes.
type changingHost struct {
	stubHost
	removed *atomic.Bool
}

func (h changingHost) hears(entry.MemberID, entry.ClusterID) error {
	if h.removed.Load() {
		return errors.New("it was removed")
	}
	return nil
}

func TestRemovedMemberLosesItsOpenConversation(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var removed atomic.Bool
	s.transport.service.host = changingHost{removed: &removed}
	member := s.blessed("member:b")
	s.learn("b", member)
	c, err := s.converse(member, false)
	if err != nil {
		t.Fatal(err)
	}
	m := core.Message{Kind: core.MsgVote, Term: 7}
	send := func() error { return c.SendStream().Send(newPacket(&m)) }
	if err := send(); err != nil {
		t.Fatal(err)
	}
	<-s.heard.messages
	removed.Store(true)
	ended := make(chan error, 1)
	go func() {
		for c.RecvStream().Advance() { // Nothing more is said: this waits for the end.
		}
		ended <- c.Finish()
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if !errors.Is(err, verror.ErrNoAccess) || !strings.Contains(err.Error(), "removed") {
				t.Errorf("the conversation ended with %v", err)
			}
			return
		case <-s.heard.messages:
		case <-tick.C:
			if send() != nil {
				continue // The end is known at this side already; Finish says why.
			}
		}
	}
}
