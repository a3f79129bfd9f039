package rpc_test

import (
	"errors"
	"strings"
	"testing"

	v23 "v.io/v23"
	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
	"v.io/v23/options"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/verror"

	"v.io/x/ref/runtime/internal/conn"
)

// odd has methods whose outcomes are hard to send, and one that tells what it sees of
// its call.
type odd struct{}

func (odd) Huge(*context.T, rpc.ServerCall) (string, error) {
	return strings.Repeat("x", conn.MaxMessageSize), nil
}

func (odd) HugeError(ctx *context.T, _ rpc.ServerCall) error {
	return verror.ErrBadArg.Errorf(ctx, "%v", strings.Repeat("x", conn.MaxMessageSize))
}

func (odd) Describe(_ *context.T, call rpc.ServerCall) (string, error) {
	switch {
	case call.Server().Status().State != rpc.ServerReady:
		return "the server's status", nil
	case call.RemoteAddr().Network() != "tcp" || call.RemoteEndpoint().Address != call.RemoteAddr().String():
		return "the remote address", nil
	case len(call.LocalEndpoint().BlessingNames()) != 1:
		return "the local endpoint", nil
	case call.Suffix() != "" || call.Security().Method() != "Describe":
		return "suffix and method", nil
	default:
		return "", nil
	}
}

func TestOutcomesThatCannotBeSent(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(odd{}, everyone())
	var s string
	err := call(w.client, name, "Huge", nil, []any{&s})
	wantID(t, "a huge result", err, verror.ErrInternal)
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("the error does not say what is wrong: %v", err)
	}
	wantID(t, "a huge error", call(w.client, name, "HugeError", nil, nil), verror.ErrBadArg)
	if err := call(w.client, name, "Describe", nil, []any{&s}); err != nil || s != "" {
		t.Errorf("the call shows something wrong: %v, %v", s, err)
	}
}

func TestClientCallKnowsTheServer(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(odd{}, everyone())
	c, err := start(w.client, name, "Describe", nil)
	if err != nil {
		t.Fatal(err)
	}
	names, blessings := c.RemoteBlessings()
	if len(names) != 1 || names[0] != "root:server" || blessings.IsZero() {
		t.Errorf("the server is %v", names)
	}
	if got := security.LocalBlessingNames(w.client, c.Security()); len(got) != 1 || got[0] != "root:client" {
		t.Errorf("the client is %v", got)
	}
	var s string
	if err := c.Finish(&s); err != nil {
		t.Error(err)
	}
}

func TestTheGravestOfSeveralFailuresIsReported(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	dead := closedAddress(t)
	stranger := naming.FormatEndpoint("tcp", address(t, name), naming.BlessingOpt("somebody:else"))
	tests := []struct {
		what    string
		servers []string
		want    verror.IDAction
	}{
		{"dead and unparsable", []string{addressOf(dead), "@bad@@"}, verror.ErrNoServers},
		{"dead and not trusted", []string{addressOf(dead), stranger}, verror.ErrNotTrusted},
	}
	for _, test := range tests {
		entry := &naming.MountEntry{}
		for _, server := range test.servers {
			entry.Servers = append(entry.Servers, naming.MountedServer{Server: strings.TrimPrefix(server, "/")})
		}
		err := call(w.client, "x", "Nothing", nil, nil, options.Preresolved{Resolution: entry})
		wantID(t, test.what, err, test.want)
		if err == nil || !strings.Contains(err.Error(), dead) {
			t.Errorf("%s: the error does not tell of %v: %v", test.what, dead, err)
		}
	}
}

func TestNamesThatDoNotResolve(t *testing.T) {
	w := newWorld(t)
	dead := "/" + naming.FormatEndpoint("tcp", closedAddress(t), naming.BlessingOpt("root"), naming.ServesMountTable(true))
	for what, root := range map[string]string{"no mount table": dead, "no root": ""} {
		var roots []string
		if root != "" {
			roots = []string{root}
		}
		ctx, _, err := v23.WithNewNamespace(w.client, roots...)
		if err != nil {
			t.Fatal(err)
		}
		err = v23.GetClient(ctx).Call(ctx, "some/name", "Nothing", nil, nil, options.NoRetry{})
		wantID(t, what, err, verror.ErrNoServers)
	}
}

// lister answers whole patterns.
type lister struct{}

func (lister) Glob__(_ *context.T, call rpc.GlobServerCall, g *glob.Glob) error {
	if call.Suffix() != "list" {
		return errors.New("the suffix is " + call.Suffix())
	}
	sender := call.SendStream()
	return errors.Join(
		sender.Send(naming.GlobReplyEntry{Value: naming.MountEntry{Name: "x/" + g.String()}}),
		sender.Send(naming.GlobReplyError{Value: naming.GlobError{Name: "y", Error: errors.New("unreadable")}}))
}

// listing serves a lister at the suffix "list", and a child that cannot be listed.
type listing struct{}

func (listing) Lookup(_ *context.T, suffix string) (any, security.Authorizer, error) {
	switch suffix {
	case "":
		return rpc.ChildrenGlobberInvoker("broken", "list"), everyone(), nil
	case "list":
		return rpc.ReflectInvokerOrDie(lister{}), everyone(), nil
	default:
		return nil, nil, errors.New("it is broken")
	}
}

func TestGlobOfObjectsThatAnswerPatterns(t *testing.T) {
	w := newWorld(t)
	_, s, err := v23.WithNewDispatchingServer(w.server, "", listing{})
	if err != nil {
		t.Fatal(err)
	}
	name := s.Status().Endpoints[0].Name()
	for pattern, want := range map[string]string{"*/*": "list/x/* !", "list/...": "list/x/... !", "broken": "!"} {
		if got, err := globOnce(w.client, name, pattern); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", pattern, got, err, want)
		}
	}
}

func TestLookupsThatFail(t *testing.T) {
	w := newWorld(t)
	_, s, err := v23.WithNewDispatchingServer(w.server, "", listing{})
	if err != nil {
		t.Fatal(err)
	}
	err = call(w.client, s.Status().Endpoints[0].Name()+"/elsewhere", "Nothing", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "it is broken") {
		t.Errorf("the dispatcher's error: %v", err)
	}
}

func TestItemsOfTheWrongType(t *testing.T) {
	w := newWorld(t)
	_, name := w.serve(newEverything(), everyone())
	c, err := start(w.client, name, "Sum", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send("not a number"); err != nil {
		t.Fatal(err)
	}
	wantID(t, "an item the handler cannot decode", c.Finish(new(int64)), verror.ErrBadProtocol)
	if c, err = start(w.client, name, "Sum", nil); err != nil {
		t.Fatal(err)
	}
	wantID(t, "an item that cannot be sent", c.Send(func() {}), verror.ErrBadArg)
	if err := c.Send(int64(5)); err != nil {
		t.Fatal(err)
	}
	var text []string
	wantID(t, "an item the client cannot decode", c.Recv(&text), verror.ErrBadProtocol)
}
