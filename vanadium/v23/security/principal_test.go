package security_test

import (
	"testing"

	"v.io/v23/security"
	libsec "v.io/x/ref/lib/security"
)

func TestPrincipalsOfEveryKindOfKey(t *testing.T) {
	for name, signer := range newSigners() {
		t.Run(name, func(t *testing.T) {
			principal := must(libsec.NewPrincipalFromSigner(signer))(t)
			if err := libsec.InitDefaultBlessings(principal, "me"); err != nil {
				t.Fatal(err)
			}
			child := bless(t, principal, newPrincipal(t), "child")
			again := must(decodeWire(security.MarshalBlessings(child)))(t)
			if !again.Equivalent(child) {
				t.Errorf("%v came back as %v", child, again)
			}
			signature := must(principal.Sign([]byte("message")))(t)
			if string(signature.Purpose) != "S1" || !signature.Verify(principal.PublicKey(), []byte("message")) {
				t.Errorf("signature %v", signature)
			}
			caveat := newThirdParty(t, principal)
			discharge := must(principal.MintDischarge(caveat, security.UnconstrainedUse()))(t)
			params := newCall(principal, principal, "M")
			params.RemoteDischarges = []security.Discharge{discharge}
			if err := caveat.Validate(nil, security.NewCall(params)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPrincipalWithoutStoreAndRoots(t *testing.T) {
	signer := newSigners()["ed25519"]
	principal := must(security.CreatePrincipal(signer, nil, nil))(t)
	self := must(principal.BlessSelf("self"))(t)
	store, roots := principal.BlessingStore(), principal.Roots()
	if _, err := store.Set(self, "..."); err == nil {
		t.Error("Set succeeded")
	}
	if store.SetDefault(self) == nil || store.CacheDischarge(security.Discharge{}, security.UnconstrainedUse(),
		security.DischargeImpetus{}) == nil {
		t.Error("a change of no store succeeded")
	}
	store.ClearDischarges()
	discharge, _ := store.Discharge(security.UnconstrainedUse(), security.DischargeImpetus{})
	blessings, _ := store.Default()
	if !blessings.IsZero() || !store.ForPeer("a").IsZero() || store.PeerBlessings() != nil || discharge.ID() != "" ||
		store.DebugString() == "" || !security.CryptoPublicKeyEqual(store.PublicKey(), signer.PublicKey()) {
		t.Error("no store holds something")
	}
	der := must(signer.PublicKey().MarshalBinary())(t)
	if roots.Add(der, "self") == nil || roots.Recognized(der, "self") == nil ||
		roots.RecognizedCert(&security.Certificate{PublicKey: der}, "self") == nil ||
		len(roots.Dump()) != 0 || roots.DebugString() == "" || security.AddToRoots(principal, self) == nil {
		t.Error("no roots recognise somebody")
	}
}

func TestPrincipalWithPublicKeyOnly(t *testing.T) {
	key := newSigners()["ecdsa P-256"].PublicKey()
	principal := must(security.CreatePrincipalPublicKeyOnly(key, nil, libsec.NewBlessingRoots()))(t)
	if _, err := principal.BlessSelf("self"); err == nil {
		t.Error("blessed itself without a private key")
	}
	if _, err := principal.Sign(nil); err == nil {
		t.Error("signed without a private key")
	}
	friend := newNamed(t, "friend")
	if err := security.AddToRoots(principal, defaultOf(friend)); err != nil {
		t.Fatal(err)
	}
	params := &security.CallParams{LocalPrincipal: principal, RemoteBlessings: defaultOf(friend)}
	if names, rejected := security.RemoteBlessingNames(nil, security.NewCall(params)); len(names) != 1 {
		t.Errorf("names %v, rejected %v", names, rejected)
	}
}

func TestCreatePrincipalRefusals(t *testing.T) {
	signer := newSigners()["ed25519"]
	other := libsec.NewBlessingStore(newSigners()["ecdsa P-256"].PublicKey())
	if _, err := security.CreatePrincipal(signer, other, nil); err == nil {
		t.Error("a store for another key was accepted")
	}
	if _, err := security.CreatePrincipal(nil, nil, nil); err == nil {
		t.Error("no signer was accepted")
	}
	if _, err := security.CreatePrincipalPublicKeyOnly(nil, nil, nil); err == nil {
		t.Error("no key was accepted")
	}
	if err := security.AddToRoots(nil, defaultOf(newNamed(t, "a"))); err == nil {
		t.Error("roots were added to no principal")
	}
}
