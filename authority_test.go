package raft

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/v23/verror"
	"v.io/x/ref/test/testutil"

	"v.io/x/ref/lib/raft/entry"
)

// guarded is an authority of one member, and principals that call it.
type guarded struct {
	*authority
	local security.Principal
	root  *testutil.IDProvider
	log   bytes.Buffer
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{local: testutil.NewPrincipal(), root: testutil.NewIDProvider("root")}
	if err := g.root.Bless(g.local, "member:a"); err != nil {
		t.Fatal(err)
	}
	g.authority = newAuthority(map[Right]access.AccessList{
		ClientRight: {In: []security.BlessingPattern{"root:user"}, NotIn: []string{"root:user:bad"}},
		PeerRight:   {In: []security.BlessingPattern{"root:member"}},
		AdminRight:  {In: []security.BlessingPattern{"root:user:operator"}},
	}, slog.New(slog.NewTextHandler(&g.log, nil)))
	return g
}

// from returns a call of a method with the given tag by the holder of a blessing.
func (g *guarded) from(t *testing.T, who security.Principal, tags ...any) security.Call {
	t.Helper()
	params := &security.CallParams{Method: "M", LocalPrincipal: g.local, Timestamp: time.Now()}
	for _, tag := range tags {
		params.MethodTags = append(params.MethodTags, vdl.ValueOf(tag))
	}
	if b, _ := who.BlessingStore().Default(); !b.IsZero() {
		params.RemoteBlessings = b
	} else {
		nameless, err := security.NamelessBlessing(who.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		params.RemoteBlessings = nameless
	}
	return security.NewCall(params)
}

// blessed returns a new principal with a blessing of the root.
func (g *guarded) blessed(t *testing.T, extension string, caveats ...security.Caveat) security.Principal {
	t.Helper()
	p := testutil.NewPrincipal()
	if err := g.root.Bless(p, extension, caveats...); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRights(t *testing.T) {
	g := newGuarded(t)
	expired, err := security.NewExpiryCaveat(time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	impostor := testutil.NewPrincipal()
	if err := testutil.NewIDProvider("root").Bless(impostor, "member:b"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		who                 security.Principal
		client, peer, admin bool
	}{
		"the member's own principal":     {g.local, true, true, true},
		"a user":                         {g.blessed(t, "user"), true, false, false},
		"a user below":                   {g.blessed(t, "user:phone"), true, false, false},
		"a user on the list of the bad":  {g.blessed(t, "user:bad"), false, false, false},
		"an operator":                    {g.blessed(t, "user:operator"), true, false, true},
		"a member":                       {g.blessed(t, "member:b"), false, true, false},
		"another name of the root":       {g.blessed(t, "stranger"), false, false, false},
		"an expired user":                {g.blessed(t, "user", expired), false, false, false},
		"an expired operator":            {g.blessed(t, "user:operator", expired), false, false, false},
		"an expired member":              {g.blessed(t, "member:b", expired), false, false, false},
		"another root of the same name":  {impostor, false, false, false},
		"a principal without a blessing": {testutil.NewPrincipal(), false, false, false},
	} {
		for _, method := range []struct {
			tags []any
			want bool
		}{
			{[]any{ClientRight}, c.client}, {[]any{PeerRight}, c.peer}, {nil, c.client},
			{[]any{"Peer"}, c.client}, {[]any{access.Read, PeerRight}, c.peer}, {[]any{AdminRight}, c.admin},
			{[]any{Right("Unheard")}, c.client && c.peer && c.admin},
		} {
			err := g.Authorize(nil, g.from(t, c.who, method.tags...))
			if (err == nil) != method.want {
				t.Errorf("%s, tags %v: got %v, want allowed = %v", name, method.tags, err, method.want)
			}
			if err != nil && !errors.Is(err, verror.ErrNoAccess) {
				t.Errorf("%s, tags %v: %v is not a no-access error", name, method.tags, err)
			}
		}
	}
}

func TestRefusalNamesWhoAndWhyAndIsLogged(t *testing.T) {
	g := newGuarded(t)
	err := g.Authorize(nil, g.from(t, g.blessed(t, "stranger"), PeerRight))
	for _, text := range []string{"root:stranger", "peer right", " M"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the refusal %v does not say %q", err, text)
		}
	}
	for _, text := range []string{"root:stranger", "method=M", "why="} {
		if !strings.Contains(g.log.String(), text) {
			t.Errorf("the log %q does not say %q", g.log.String(), text)
		}
	}
}

func TestExpiryEndsAnOpenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t)
		soon, err := security.NewExpiryCaveat(time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		call := g.from(t, g.blessed(t, "member:b", soon), PeerRight)
		if err := g.reauthorize(nil, call, PeerRight); err != nil {
			t.Fatalf("before it expires: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := g.reauthorize(nil, call, PeerRight); err == nil {
			t.Error("an expired blessing is still accepted: the call's own, old time was used")
		}
	})
}

func TestProveNeedsTheKeyOfTheMember(t *testing.T) {
	g := newGuarded(t)
	b, other := g.blessed(t, "member:b"), g.blessed(t, "member:b")
	if err := (peerAuthorizer{g.authority, "b"}).Authorize(nil, g.from(t, b)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.RootContext()
	defer cancel()
	if err := g.prove(ctx, g.from(t, b), "b"); err != nil {
		t.Errorf("the member itself: %v", err)
	}
	if err := g.prove(ctx, g.from(t, other), "b"); !errors.Is(err, verror.ErrNoAccess) {
		t.Errorf("another key, same blessing name: %v", err)
	}
}

func TestProveWaitsUntilTheAddressWasReached(t *testing.T) {
	g := newGuarded(t)
	b := g.blessed(t, "member:b")
	ctx, cancel := context.RootContext()
	defer cancel()
	proved := make(chan error)
	go func() { proved <- g.prove(ctx, g.from(t, b), "b") }()
	if err := (peerAuthorizer{g.authority, "b"}).Authorize(nil, g.from(t, b)); err != nil {
		t.Fatal(err)
	}
	if err := <-proved; err != nil {
		t.Error(err)
	}
	go func() { proved <- g.prove(ctx, g.from(t, b), "c") }()
	cancel()
	if err := <-proved; !errors.Is(err, verror.ErrNoAccess) {
		t.Errorf("a member that was never reached: %v", err)
	}
}

func TestDialledMemberNeedsThePeerRight(t *testing.T) {
	g := newGuarded(t)
	err := (peerAuthorizer{g.authority, "b"}).Authorize(nil, g.from(t, g.blessed(t, "user")))
	if !errors.Is(err, verror.ErrNotTrusted) {
		t.Errorf("got %v, want not trusted", err)
	}
	if key, _ := g.keyFor("b"); key != nil {
		t.Error("a refused server's key was learned")
	}
}

func TestRecordedKeyWinsOverTheDialledOne(t *testing.T) {
	g := newGuarded(t)
	b, other := g.blessed(t, "member:b"), g.blessed(t, "member:b")
	key, err := b.PublicKey().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	g.configure(entry.Configuration{Members: []entry.Member{{ID: "b", Key: key}}})
	if err := (peerAuthorizer{g.authority, "b"}).Authorize(nil, g.from(t, other)); !errors.Is(err, verror.ErrNotTrusted) {
		t.Errorf("another key at b's address: %v", err)
	}
	if err := (peerAuthorizer{g.authority, "b"}).Authorize(nil, g.from(t, b)); err != nil {
		t.Errorf("the recorded key at b's address: %v", err)
	}
}
