package security_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"v.io/v23/security"
	"v.io/v23/vom"
	libsec "v.io/x/ref/lib/security"
)

func TestZeroBlessings(t *testing.T) {
	var zero security.Blessings
	if !zero.IsZero() || zero.PublicKey() != nil || zero.UniqueID() != nil || zero.String() != "" ||
		!zero.Expiry().IsZero() || zero.ThirdPartyCaveats() != nil || len(security.RootBlessings(zero)) != 0 {
		t.Errorf("zero blessings are %v", zero)
	}
	if !zero.Equivalent(security.Blessings{}) || zero.Equivalent(defaultOf(newNamed(t, "a"))) {
		t.Error("zero blessings are equivalent to others than themselves")
	}
	if len(security.MarshalBlessings(zero).CertificateChains) != 0 {
		t.Error("zero blessings have chains")
	}
	if err := security.AddToRoots(newPrincipal(t), zero); err != nil {
		t.Error(err)
	}
}

func TestNamelessBlessing(t *testing.T) {
	principal := newPrincipal(t)
	nameless := must(security.NamelessBlessing(principal.PublicKey()))(t)
	if nameless.IsZero() || nameless.String() != "" ||
		!security.CryptoPublicKeyEqual(nameless.PublicKey(), principal.PublicKey()) {
		t.Errorf("nameless blessing %v", nameless)
	}
	again := must(decodeWire(security.MarshalBlessings(nameless)))(t)
	if !again.Equivalent(nameless) {
		t.Error("the nameless blessing does not survive the wire")
	}
	call := newCall(principal, principal, "")
	call.RemoteBlessings = nameless
	if names, rejected := security.RemoteBlessingNames(nil, security.NewCall(call)); names != nil || rejected != nil {
		t.Errorf("names %v, rejected %v", names, rejected)
	}
	if _, err := principal.Bless(principal.PublicKey(), nameless, "x", security.UnconstrainedUse()); err == nil {
		t.Error("a nameless blessing was extended")
	}
	if _, err := security.NamelessBlessing(nil); err == nil {
		t.Error("a nameless blessing without a key")
	}
	named := must(principal.BlessSelf("a"))(t)
	if union := must(security.UnionOfBlessings(nameless, named))(t); !union.Equivalent(named) {
		t.Errorf("union of a nameless and a named blessing is %v", union)
	}
}

func TestUnionOfBlessings(t *testing.T) {
	principal := newPrincipal(t)
	a := must(principal.BlessSelf("a"))(t)
	b := must(principal.BlessSelf("b"))(t)
	ab := must(security.UnionOfBlessings(a, security.Blessings{}, b, a))(t)
	ba := must(security.UnionOfBlessings(b, a))(t)
	if !ab.Equivalent(ba) || ab.String() != "a,b" || !bytes.Equal(ab.UniqueID(), ba.UniqueID()) {
		t.Errorf("unions are %v and %v", ab, ba)
	}
	if again := must(decodeWire(security.MarshalBlessings(ab)))(t); !again.Equivalent(ab) {
		t.Errorf("%v came back as %v", ab, again)
	}
	if other, err := security.UnionOfBlessings(a, defaultOf(newNamed(t, "c"))); err == nil {
		t.Errorf("union over two keys is %v", other)
	}
	if none := must(security.UnionOfBlessings())(t); !none.IsZero() {
		t.Errorf("union of nothing is %v", none)
	}
	if !ab.CouldHaveNames([]string{"b", "a"}) || !ab.CouldHaveNames(nil) || ab.CouldHaveNames([]string{"a", "c"}) {
		t.Error("CouldHaveNames is wrong")
	}
}

func TestUnionIsBounded(t *testing.T) {
	principal := newPrincipal(t)
	var union security.Blessings
	for i := range 32 {
		named := must(principal.BlessSelf(longName(i + 1)))(t)
		union = must(security.UnionOfBlessings(union, named))(t)
	}
	if _, err := decodeWire(security.MarshalBlessings(union)); err != nil {
		t.Errorf("32 chains are refused: %v", err)
	}
	if _, err := security.UnionOfBlessings(union, must(principal.BlessSelf("one:more"))(t)); err == nil {
		t.Error("a union of 33 chains was made")
	}
}

func TestBlessExtendsEveryChain(t *testing.T) {
	blesser, who := newPrincipal(t), newPrincipal(t)
	with := must(security.UnionOfBlessings(must(blesser.BlessSelf("a"))(t), must(blesser.BlessSelf("b"))(t)))(t)
	blessings := must(blesser.Bless(who.PublicKey(), with, "u:x", security.UnconstrainedUse()))(t)
	if blessings.String() != "a:u:x,b:u:x" {
		t.Errorf("names %v", blessings)
	}
	if again := must(decodeWire(security.MarshalBlessings(blessings)))(t); !again.Equivalent(blessings) {
		t.Errorf("%v came back as %v", blessings, again)
	}
}

func TestBlessWithoutTheKey(t *testing.T) {
	victim, thief := newNamed(t, "root"), newPrincipal(t)
	if stolen, err := thief.Bless(thief.PublicKey(), defaultOf(victim), "x", security.UnconstrainedUse()); err == nil {
		t.Errorf("extended another principal's blessing to %v", stolen)
	}
	if got, err := victim.Bless(nil, defaultOf(victim), "x", security.UnconstrainedUse()); err == nil {
		t.Errorf("blessed no key: %v", got)
	}
	if got, err := victim.Bless(thief.PublicKey(), security.Blessings{}, "x", security.UnconstrainedUse()); err == nil {
		t.Errorf("extended nothing to %v", got)
	}
	if err := libsec.SetDefaultBlessings(thief, defaultOf(victim)); err == nil {
		t.Error("another principal's blessings were stored")
	}
}

func TestMandatoryCaveatComesLast(t *testing.T) {
	root := newNamed(t, "root")
	method := must(security.NewMethodCaveat("M"))(t)
	blessings := bless(t, root, newPrincipal(t), "x", security.UnconstrainedUse(), method)
	caveats := security.MarshalBlessings(blessings).CertificateChains[0][1].Caveats
	if len(caveats) != 2 || caveats[0].Id != security.MethodCaveat.Id || caveats[1].Id != security.ConstCaveat.Id {
		t.Errorf("caveats %v", caveats)
	}
}

func TestBlessingsExpiry(t *testing.T) {
	root := newNamed(t, "root")
	soon, later := time.Now().Add(time.Hour).UTC(), time.Now().Add(2*time.Hour).UTC()
	blessings := bless(t, root, newPrincipal(t), "x",
		must(security.NewExpiryCaveat(later))(t), must(security.NewExpiryCaveat(soon))(t))
	if got := blessings.Expiry(); !got.Equal(soon) {
		t.Errorf("expires %v, want %v", got, soon)
	}
	if got := defaultOf(root).Expiry(); !got.IsZero() {
		t.Errorf("expires %v, want never", got)
	}
}

func TestRootBlessings(t *testing.T) {
	root := newNamed(t, "root")
	roots := security.RootBlessings(bless(t, root, newPrincipal(t), "x"))
	if len(roots) != 1 || !roots[0].Equivalent(defaultOf(root)) {
		t.Errorf("roots %v, want %v", roots, defaultOf(root))
	}
}

func TestMarshalBlessingsHandsOutCopies(t *testing.T) {
	blessings := defaultOf(newNamed(t, "root"))
	security.MarshalBlessings(blessings).CertificateChains[0][0].PublicKey[3] ^= 1
	if _, err := decodeWire(security.MarshalBlessings(blessings)); err != nil {
		t.Errorf("the blessings changed: %v", err)
	}
}

func TestBlessingNames(t *testing.T) {
	alice, bob := newNamed(t, "alice"), newNamed(t, "bob")
	if got := security.DefaultBlessingNames(alice); !slices.Equal(got, []string{"alice"}) {
		t.Errorf("default names %v", got)
	}
	if got := security.DefaultBlessingPatterns(alice); !slices.Equal(got, []security.BlessingPattern{"alice"}) {
		t.Errorf("default patterns %v", got)
	}
	if got := security.BlessingNames(bob, defaultOf(alice)); got != nil {
		t.Errorf("bob has alice's names %v", got)
	}
	stranger := newPrincipal(t)
	self := must(stranger.BlessSelf("stranger"))(t)
	if got := security.BlessingNames(stranger, self); got != nil {
		t.Errorf("names %v without a recognised root", got)
	}
	if security.BlessingNames(nil, self) != nil || security.DefaultBlessingNames(nil) != nil {
		t.Error("no principal has names")
	}
}

func TestZeroBlessingsTravel(t *testing.T) {
	blessings := defaultOf(newNamed(t, "a"))
	if err := vom.Decode(must(vom.Encode(security.Blessings{}))(t), &blessings); err != nil || !blessings.IsZero() {
		t.Errorf("zero blessings came back as %v, %v", blessings, err)
	}
}
