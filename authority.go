package raft

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/v23/verror"

	"v.io/x/ref/lib/raft/entry"
)

// authority decides who may call what. There are three rights: ClientRight for the methods that any
// user of the log may call, AdminRight for those that change who its members are and who leads,
// PeerRight for those with which members vote and replicate. A principal equal to the member's own has
// all. The peer right alone does not make a member: a peer must also
// hold the key of the member it speaks for (see prove).
//
// All methods may be called by any goroutine.
type authority struct {
	// lists say who has which right.
	lists map[Right]access.AccessList
	log   *slog.Logger

	mu sync.Mutex
	// keys holds the public key (PKIX DER) that each member's own address proved when this member
	// last dialled it. Guarded by mu.
	keys map[entry.MemberID][]byte
	// proved is closed, and replaced, whenever keys changes. Guarded by mu.
	proved chan struct{}
	// configured is the member set in force; keys recorded there win over dialled ones. Guarded
	// by mu.
	configured entry.Configuration
}

func newAuthority(lists map[Right]access.AccessList, log *slog.Logger) *authority {
	return &authority{lists: lists, log: log,
		keys: map[entry.MemberID][]byte{}, proved: make(chan struct{})}
}

// Authorize implements security.Authorizer for the methods that this member serves. What it refuses
// is logged, and the error names who was refused and why.
func (a *authority) Authorize(ctx *context.T, call security.Call) error {
	right := rightOf(call.MethodTags())
	err := a.allow(ctx, call, right)
	if err == nil {
		return nil
	}
	who := caller(ctx, call)
	a.log.Warn("call refused", "method", call.Method(), "caller", who, "right", string(right), "why", err)
	return verror.ErrNoAccess.Errorf(ctx, "%s may not call %s: it needs the %s right: %v",
		who, call.Method(), strings.ToLower(string(right)), err)
}

// allow reports whether the remote end of call has right.
func (a *authority) allow(ctx *context.T, call security.Call, right Right) error {
	if mine := call.LocalPrincipal(); mine != nil {
		if security.PublicKeyAuthorizer(mine.PublicKey()).Authorize(ctx, call) == nil {
			return nil
		}
	}
	return a.lists[right].Authorize(ctx, call) // A right that nobody was given admits nobody.
}

// rightOf returns the right that a method's tags ask for. A method without a tag of ours (a
// reserved one, such as the signature) needs the client right.
func rightOf(tags []*vdl.Value) Right {
	for _, tag := range tags {
		if tag.Type() == vdl.TypeOf(Right("")) {
			return Right(tag.RawString())
		}
	}
	return ClientRight
}

// caller names the remote end of call for an error or a log line: its validated names, else the
// names it claims and why they do not count, else its key.
func caller(ctx *context.T, call security.Call) string {
	names, rejected := security.RemoteBlessingNames(ctx, call)
	switch {
	case len(names) > 0:
		return strings.Join(names, ",")
	case len(rejected) > 0:
		return fmt.Sprintf("%s (not recognised: %v)", rejected[0].Blessing, rejected[0].Err)
	case call.RemoteBlessings().PublicKey() != nil:
		return "key " + call.RemoteBlessings().PublicKey().String()
	}
	return "an unknown principal"
}

// reauthorize checks a right again on a connection that was authorised at some earlier time.
func (a *authority) reauthorize(ctx *context.T, call security.Call, right Right) error {
	var params security.CallParams
	params.Copy(call)
	params.Timestamp = time.Now()
	return a.allow(ctx, security.NewCall(&params), right)
}

// keyOf returns the remote end's public key as PKIX DER.
func keyOf(call security.Call) ([]byte, error) {
	key := call.RemoteBlessings().PublicKey()
	if key == nil {
		return nil, fmt.Errorf("the connection proves no key")
	}
	return key.MarshalBinary()
}

// peerAuthorizer authorises a member that this member has dialled: it must have the peer right, and
// the key it proves becomes the one that callers must prove who claim the same id.
type peerAuthorizer struct {
	*authority
	id entry.MemberID
}

// Authorize implements security.Authorizer for an outgoing connection.
func (p peerAuthorizer) Authorize(ctx *context.T, call security.Call) error {
	if err := p.allow(ctx, call, PeerRight); err != nil {
		return verror.ErrNotTrusted.Errorf(ctx, "%s at the address of member %s may not be a peer: %v",
			caller(ctx, call), p.id, err)
	}
	key, err := keyOf(call)
	if err != nil {
		return verror.ErrNotTrusted.Errorf(ctx, "member %s: %v", p.id, err)
	}
	return p.learn(ctx, p.id, key)
}

// learn records the key found at the address of id, unless the configuration records another.
func (a *authority) learn(ctx *context.T, id entry.MemberID, key []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m, ok := a.configured.Find(id); ok && len(m.Key) > 0 && !bytes.Equal(m.Key, key) {
		return verror.ErrNotTrusted.Errorf(ctx, "member %s is recorded with another key than the one at its address", id)
	}
	if bytes.Equal(a.keys[id], key) {
		return nil
	}
	a.keys[id] = key
	close(a.proved)
	a.proved = make(chan struct{})
	return nil
}

// forget drops the key found at the address of id.
func (a *authority) forget(id entry.MemberID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.keys, id)
}

// configure tells the authority the member set in force.
func (a *authority) configure(c entry.Configuration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.configured = c
	close(a.proved)
	a.proved = make(chan struct{})
}

// keyFor returns the key that a caller must prove who claims to be id, nil while none is known, and
// a channel that is closed when that may have changed.
func (a *authority) keyFor(id entry.MemberID) ([]byte, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m, ok := a.configured.Find(id); ok && len(m.Key) > 0 {
		return m.Key, a.proved
	}
	return a.keys[id], a.proved
}

// prove returns nil once it is certain that the remote end of call holds the key of member id. When
// no key is known yet, it waits until this member's own connection to id's address has shown one,
// or ctx ends: whoever answers there, with the peer right, is the member.
func (a *authority) prove(ctx *context.T, call security.Call, id entry.MemberID) error {
	got, err := keyOf(call)
	if err != nil {
		return verror.ErrNoAccess.Errorf(ctx, "%s claims to be member %s: %v", caller(ctx, call), id, err)
	}
	for {
		want, changed := a.keyFor(id)
		if want != nil {
			if bytes.Equal(want, got) {
				return nil
			}
			return verror.ErrNoAccess.Errorf(ctx, "%s claims to be member %s, which has another key", caller(ctx, call), id)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return verror.ErrNoAccess.Errorf(ctx, "%s claims to be member %s, whose key is not known yet:"+
				" its address was not reached", caller(ctx, call), id)
		}
	}
}
