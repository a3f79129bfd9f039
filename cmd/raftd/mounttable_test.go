package main

import (
	"errors"
	"testing"
	"time"

	"v.io/v23"
	vcontext "v.io/v23/context"
	"v.io/v23/options"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/cmd/internal/boot"
	"v.io/x/ref/lib/raft/cmd/internal/keyvalue"
	"v.io/x/ref/lib/raft/cmd/internal/layout"
	vsecurity "v.io/x/ref/lib/security"
)

// as returns a context with the principal kept in a directory.
func as(t *testing.T, ctx *vcontext.T, credentials, root string) *vcontext.T {
	t.Helper()
	p, err := vsecurity.LoadPersistentPrincipal(credentials, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ctx, err = v23.WithPrincipal(ctx, p); err != nil {
		t.Fatal(err)
	}
	if ctx, _, err = v23.WithNewNamespace(ctx, root); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestMountTable checks who may do what at the mount table of raftd dev: members
// mount themselves, raftctl finds them, and a stranger does neither.
func TestMountTable(t *testing.T) {
	place, err := layout.OpenOrCreate(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, shutdown, err := boot.Open(t.Context(), place.Credentials("client"))
	if err != nil {
		t.Fatal(err)
	}
	defer shutdown()
	root, stop, err := serveMountTable(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	stranger := t.TempDir()
	p, err := vsecurity.CreatePersistentPrincipal(stranger, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := vsecurity.InitDefaultBlessings(p, layout.MemberBlessing); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := vcontext.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	const server = "/127.0.0.1:1"
	member := as(t, ctx, place.Credentials(layout.MemberName(1)), root)
	ctl := as(t, ctx, place.Credentials("ctl"), root)
	other := as(t, ctx, stranger, root)

	if err := v23.GetNamespace(other).Mount(other, layout.Name, server, time.Minute); err == nil {
		t.Error("a stranger mounts, by a name that is only its own word")
	}
	if err := v23.GetNamespace(member).Mount(member, layout.Name, server, time.Minute); err != nil {
		t.Errorf("a member cannot mount: %v", err)
	}
	if entry, err := v23.GetNamespace(ctl).Resolve(ctl, layout.Name); err != nil || len(entry.Servers) != 1 {
		t.Errorf("raftctl cannot resolve: %v, %v", entry, err)
	}
	if _, err := v23.GetNamespace(other).Resolve(other, layout.Name); err == nil {
		t.Error("a stranger resolves")
	}
	if err := v23.GetNamespace(ctl).Mount(ctl, layout.Name, server, time.Minute); err == nil {
		t.Error("raftctl mounts")
	}
}

// TestKeyValueRefusesStrangers calls the service of a member as somebody whom the
// cluster's root did not bless, and as another member.
func TestKeyValueRefusesStrangers(t *testing.T) {
	place, err := layout.OpenOrCreate(t.TempDir(), 2)
	if err != nil {
		t.Fatal(err)
	}
	ctx, shutdown, err := boot.Open(t.Context(), place.Credentials(layout.MemberName(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer shutdown()
	clients := access.AccessList{In: []security.BlessingPattern{layout.ClientBlessing}}
	name, stop, err := serveKeyValue(ctx, keyvalue.Service{}, clients)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	stranger := t.TempDir()
	p, err := vsecurity.CreatePersistentPrincipal(stranger, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := vsecurity.InitDefaultBlessings(p, layout.ClientBlessing); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := vcontext.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	anybody := options.ServerAuthorizer{Authorizer: security.AllowEveryone()}
	for who, credentials := range map[string]string{
		"a stranger": stranger, "a member": place.Credentials(layout.MemberName(2)),
	} {
		ctx := as(t, ctx, credentials, "/127.0.0.1:1")
		_, _, err := keyvalue.KeyValueClient(name).Get(ctx, "k", anybody, options.Preresolved{})
		if !errors.Is(err, verror.ErrNoAccess) {
			t.Errorf("%s reads: %v", who, err)
		}
		err = keyvalue.KeyValueClient(name).Set(ctx, "k", "v", anybody, options.Preresolved{})
		if !errors.Is(err, verror.ErrNoAccess) {
			t.Errorf("%s writes: %v", who, err)
		}
	}
}
