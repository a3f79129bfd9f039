package security_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"v.io/v23/security"
	"v.io/v23/vom"
	libsec "v.io/x/ref/lib/security"
)

func must[V any](value V, err error) func(testing.TB) V {
	return func(tb testing.TB) V {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}

// principalMakers make a principal in every way there is; the rules of stores
// and roots hold for all.
var principalMakers = map[string]func(testing.TB) security.Principal{
	"memory": func(tb testing.TB) security.Principal { return must(libsec.NewPrincipal())(tb) },
	"directory": func(tb testing.TB) security.Principal {
		return must(libsec.CreatePersistentPrincipal(tb.TempDir(), nil))(tb)
	},
}

func forEachMaker(t *testing.T, test func(t *testing.T, principal security.Principal)) {
	for name, newPrincipal := range principalMakers {
		t.Run(name, func(t *testing.T) { test(t, newPrincipal(t)) })
	}
}

func TestStoreForPeer(t *testing.T) {
	forEachMaker(t, func(t *testing.T, principal security.Principal) {
		store := principal.BlessingStore()
		for name, pattern := range map[string]security.BlessingPattern{
			"everyone": security.AllPrincipals, "raft": "root:raft", "exact": "root:raft:$",
		} {
			blessings := must(principal.BlessSelf(name))(t)
			if previous := must(store.Set(blessings, pattern))(t); !previous.IsZero() {
				t.Errorf("%s replaced %v", pattern, previous)
			}
		}
		for peer, want := range map[string]string{
			"": "everyone", "other": "everyone", "root:raft": "everyone,exact,raft", "root:raft:x": "everyone,raft",
		} {
			if got := store.ForPeer(strings.Fields(peer)...).String(); got != want {
				t.Errorf("for peer %q: %q, want %q", peer, got, want)
			}
		}
		again := must(principal.BlessSelf("again"))(t)
		if previous := must(store.Set(again, "root:raft"))(t); previous.String() != "raft" {
			t.Errorf("replaced %v", previous)
		}
		if previous := must(store.Set(security.Blessings{}, "root:raft"))(t); previous.String() != "again" {
			t.Errorf("removed %v", previous)
		}
		if got := store.PeerBlessings(); len(got) != 2 {
			t.Errorf("peer blessings %v", got)
		}
		if got := store.DebugString(); !strings.Contains(got, "root:raft:$: exact") {
			t.Errorf("described as %s", got)
		}
	})
}

func TestStoreRefusals(t *testing.T) {
	forEachMaker(t, func(t *testing.T, principal security.Principal) {
		store := principal.BlessingStore()
		foreign := must(must(libsec.NewPrincipal())(t).BlessSelf("foreign"))(t)
		if _, err := store.Set(foreign, "a"); err == nil {
			t.Error("another key's blessings were set")
		}
		if err := store.SetDefault(foreign); err == nil {
			t.Error("another key's blessings became the default")
		}
		for _, pattern := range []security.BlessingPattern{"", "a:", "a:..."} {
			if _, err := store.Set(must(principal.BlessSelf("a"))(t), pattern); err == nil {
				t.Errorf("pattern %q was accepted", pattern)
			}
		}
		if len(store.PeerBlessings()) != 0 {
			t.Errorf("the store holds %v", store.PeerBlessings())
		}
	})
}

func TestStoreDefault(t *testing.T) {
	forEachMaker(t, func(t *testing.T, principal security.Principal) {
		store := principal.BlessingStore()
		none, changed := store.Default()
		if !none.IsZero() {
			t.Errorf("default %v", none)
		}
		if err := store.SetDefault(must(principal.BlessSelf("a"))(t)); err != nil {
			t.Fatal(err)
		}
		<-changed
		a, changed := store.Default()
		if a.String() != "a" {
			t.Errorf("default %v", a)
		}
		if _, err := store.Set(a, security.AllPrincipals); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
			t.Error("the default was said to change")
		default:
		}
	})
}

func TestStoreDischarges(t *testing.T) {
	forEachMaker(t, func(t *testing.T, principal security.Principal) {
		store := principal.BlessingStore()
		caveat := must(security.NewPublicKeyCaveat(principal.PublicKey(), "loc",
			security.ThirdPartyRequirements{ReportMethod: true, ReportServer: true, ReportArguments: true},
			security.UnconstrainedUse()))(t)
		mint := func(expiry time.Duration) security.Discharge {
			c := must(security.NewExpiryCaveat(time.Now().Add(expiry)))(t)
			return must(principal.MintDischarge(caveat, c))(t)
		}
		impetus := security.DischargeImpetus{
			Server: []security.BlessingPattern{"root"}, Method: "M", Arguments: []*vom.RawBytes{vom.RawBytesOf("x")},
		}
		if err := store.CacheDischarge(mint(time.Hour), caveat, impetus); err != nil {
			t.Fatal(err)
		}
		got, since := store.Discharge(caveat, impetus)
		if got.ID() != caveat.ThirdPartyDetails().ID() || time.Since(since) > time.Hour || since.IsZero() {
			t.Errorf("discharge %q cached at %v", got.ID(), since)
		}
		for what, other := range map[string]security.DischargeImpetus{
			"method":   {Server: impetus.Server, Method: "N", Arguments: impetus.Arguments},
			"server":   {Method: "M", Arguments: impetus.Arguments},
			"argument": {Server: impetus.Server, Method: "M"},
		} {
			if got, _ := store.Discharge(caveat, other); got.ID() != "" {
				t.Errorf("found for another %s", what)
			}
		}
		store.ClearDischarges(got)
		if got, _ := store.Discharge(caveat, impetus); got.ID() != "" {
			t.Error("found after it was cleared")
		}
		if err := store.CacheDischarge(mint(-time.Hour), caveat, impetus); err != nil {
			t.Fatal(err)
		}
		if got, _ := store.Discharge(caveat, impetus); got.ID() != "" {
			t.Error("found after it expired")
		}
		if store.CacheDischarge(mint(time.Hour), security.UnconstrainedUse(), impetus) == nil {
			t.Error("cached for a first-party caveat")
		}
		if got, _ := store.Discharge(security.UnconstrainedUse(), impetus); got.ID() != "" {
			t.Error("found for a first-party caveat")
		}
	})
}

func TestDischargeCacheIsBounded(t *testing.T) {
	principal := must(libsec.NewPrincipal())(t)
	store := principal.BlessingStore()
	newCaveat := func() security.Caveat {
		return must(security.NewPublicKeyCaveat(principal.PublicKey(), "loc", security.ThirdPartyRequirements{},
			security.UnconstrainedUse()))(t)
	}
	const cacheSize = 1024
	caveats := make([]security.Caveat, cacheSize+1)
	found := 0
	for i := range caveats {
		caveats[i] = newCaveat()
		discharge := must(principal.MintDischarge(caveats[i], security.UnconstrainedUse()))(t)
		if err := store.CacheDischarge(discharge, caveats[i], security.DischargeImpetus{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, caveat := range caveats {
		if got, _ := store.Discharge(caveat, security.DischargeImpetus{}); got.ID() != "" {
			found++
		}
	}
	newest, _ := store.Discharge(caveats[cacheSize], security.DischargeImpetus{})
	if newest.ID() == "" || found != cacheSize {
		t.Errorf("%d discharges cached, want %d with the newest", found, cacheSize)
	}
}

func TestRoots(t *testing.T) {
	forEachMaker(t, func(t *testing.T, principal security.Principal) {
		roots := principal.Roots()
		key := must(libsec.NewPrincipal())(t).PublicKey()
		der := must(key.MarshalBinary())(t)
		for _, pattern := range []security.BlessingPattern{"root", "other:$", "root"} {
			if err := roots.Add(der, pattern); err != nil {
				t.Fatal(err)
			}
		}
		for name, recognized := range map[string]bool{
			"root": true, "root:a": true, "other": true, "other:a": false, "rooted": false, "": false,
		} {
			if err := roots.Recognized(der, name); (err == nil) != recognized {
				t.Errorf("%q: error %v, want recognised %t", name, err, recognized)
			}
			if err := roots.RecognizedCert(&security.Certificate{PublicKey: der}, name); (err == nil) != recognized {
				t.Errorf("certificate for %q: error %v, want recognised %t", name, err, recognized)
			}
		}
		x509 := &security.Certificate{PublicKey: der, X509Raw: []byte{1}}
		if roots.RecognizedCert(x509, "root") == nil || roots.RecognizedCert(nil, "root") == nil {
			t.Error("what cannot be judged was recognised")
		}
		other := must(principal.PublicKey().MarshalBinary())(t)
		if roots.Recognized(other, "root") == nil || roots.Recognized(nil, "root") == nil {
			t.Error("another key was recognised")
		}
		dump := roots.Dump()
		if len(dump) != 2 || len(dump["root"]) != 1 || !security.CryptoPublicKeyEqual(dump["other:$"][0], key) {
			t.Errorf("dump %v", dump)
		}
		if got := roots.DebugString(); !strings.Contains(got, key.String()) {
			t.Errorf("described as %s", got)
		}
	})
}

func TestRootsRefusals(t *testing.T) {
	forEachMaker(t, func(t *testing.T, principal security.Principal) {
		roots := principal.Roots()
		der := must(principal.PublicKey().MarshalBinary())(t)
		for _, pattern := range []security.BlessingPattern{security.AllPrincipals, "", "a:", "a/b"} {
			if err := roots.Add(der, pattern); err == nil {
				t.Errorf("pattern %q was accepted", pattern)
			}
		}
		if err := roots.Add([]byte("no key"), "a"); err == nil {
			t.Error("something that is no key was accepted")
		}
		if len(roots.Dump()) != 0 {
			t.Errorf("roots %v", roots.Dump())
		}
	})
}

func TestForkPrincipal(t *testing.T) {
	principal := must(libsec.NewPrincipal())(t)
	fork := must(libsec.ForkPrincipal(principal, libsec.NewBlessingStore(principal.PublicKey()),
		libsec.NewBlessingRoots()))(t)
	if err := libsec.InitDefaultBlessings(fork, "fork"); err != nil {
		t.Fatal(err)
	}
	if got := security.DefaultBlessingNames(fork); !slices.Equal(got, []string{"fork"}) {
		t.Errorf("names of the fork: %v", got)
	}
	if len(principal.Roots().Dump()) != 0 || len(principal.BlessingStore().PeerBlessings()) != 0 {
		t.Error("the principal changed with its fork")
	}
	other := must(libsec.NewPrincipal())(t)
	if _, err := libsec.ForkPrincipal(principal, other.BlessingStore(), other.Roots()); err == nil {
		t.Error("a fork got the store of another key")
	}
	if _, err := libsec.ForkPrincipal(principal, nil, nil); err == nil {
		t.Error("a fork got no store")
	}
}

func TestImmutable(t *testing.T) {
	principal := must(libsec.NewPrincipal())(t)
	if err := libsec.InitDefaultBlessings(principal, "a"); err != nil {
		t.Fatal(err)
	}
	blessings, _ := principal.BlessingStore().Default()
	for what, store := range map[string]security.BlessingStore{
		"immutable": libsec.ImmutableBlessingStore(principal.BlessingStore()),
		"fixed":     libsec.FixedBlessingsStore(blessings, nil),
	} {
		if _, err := store.Set(blessings, "b"); err == nil {
			t.Errorf("%s: Set succeeded", what)
		}
		if err := store.SetDefault(blessings); err == nil {
			t.Errorf("%s: SetDefault succeeded", what)
		}
		if got, _ := store.Default(); !got.Equivalent(blessings) || !store.ForPeer("x").Equivalent(blessings) ||
			len(store.PeerBlessings()) != 1 || store.DebugString() == "" ||
			!security.CryptoPublicKeyEqual(store.PublicKey(), principal.PublicKey()) {
			t.Errorf("%s: the store presents %v", what, got)
		}
	}
	roots := libsec.ImmutableBlessingRoots(principal.Roots())
	der := must(principal.PublicKey().MarshalBinary())(t)
	if roots.Add(der, "b") == nil || roots.Recognized(der, "a") != nil {
		t.Error("immutable roots are wrong")
	}
}

func TestBase64(t *testing.T) {
	principal := must(libsec.NewPrincipal())(t)
	blessings := must(principal.BlessSelf("a"))(t)
	text := must(libsec.EncodeBlessingsBase64(blessings))(t)
	if again := must(libsec.DecodeBlessingsBase64(text))(t); !again.Equivalent(blessings) {
		t.Errorf("%v came back as %v", blessings, again)
	}
	keyText := must(libsec.EncodePublicKeyBase64(principal.PublicKey()))(t)
	key := must(libsec.DecodePublicKeyBase64(keyText))(t)
	if !security.CryptoPublicKeyEqual(key, principal.PublicKey()) {
		t.Errorf("%v came back as %v", principal.PublicKey(), key)
	}
	for _, bad := range []string{"", "!", "AAAA", text[:len(text)/2], strings.Repeat("A", 5<<20)} {
		if got, err := libsec.DecodeBlessingsBase64(bad); err == nil {
			t.Errorf("%.20q decoded as %v", bad, got)
		}
		if got, err := libsec.DecodePublicKeyBase64(bad); err == nil {
			t.Errorf("%.20q decoded as %v", bad, got)
		}
	}
	if _, err := libsec.EncodeBlessingsBase64(security.Blessings{}); err == nil {
		t.Error("zero blessings were encoded")
	}
	if _, err := libsec.EncodePublicKeyBase64(nil); err == nil {
		t.Error("no key was encoded")
	}
}
