package security_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
	"time"

	"v.io/v23/security"
	libsec "v.io/x/ref/lib/security"
)

// newPrincipal returns a principal that has no blessings and trusts nobody.
func newPrincipal(tb testing.TB) security.Principal {
	tb.Helper()
	return must(libsec.NewPrincipal())(tb)
}

// newNamed returns a principal blessed by itself under name.
func newNamed(tb testing.TB, name string) security.Principal {
	tb.Helper()
	principal := newPrincipal(tb)
	if err := libsec.InitDefaultBlessings(principal, name); err != nil {
		tb.Fatal(err)
	}
	return principal
}

func defaultOf(principal security.Principal) security.Blessings {
	blessings, _ := principal.BlessingStore().Default()
	return blessings
}

// bless has blesser extend its default blessings for who, without caveats if
// none are given.
func bless(tb testing.TB, blesser, who security.Principal, extension string,
	caveats ...security.Caveat) security.Blessings {
	tb.Helper()
	if len(caveats) == 0 {
		caveats = []security.Caveat{security.UnconstrainedUse()}
	}
	return must(blesser.Bless(who.PublicKey(), defaultOf(blesser), extension, caveats[0], caveats[1:]...))(tb)
}

// must returns a function that passes on value unless there is an error.
func must[V any](value V, err error) func(testing.TB) V {
	return func(tb testing.TB) V {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}

// newSigners returns a signer of each kind. RSA keys are slow to make, so all
// tests share them.
var newSigners = sync.OnceValue(func() map[string]security.Signer {
	signers := make(map[string]security.Signer)
	add := func(name string, signer security.Signer, err error) {
		if err != nil {
			panic(err)
		}
		signers[name] = signer
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		signer, err := security.NewInMemoryECDSASigner(key)
		add("ecdsa "+curve.Params().Name, signer, err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	signer, err := security.NewInMemoryED25519Signer(edKey)
	add("ed25519", signer, err)
	for _, bits := range []int{2048, 4096} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		signer, err := security.NewInMemoryRSASigner(key)
		add(map[int]string{2048: "rsa 2048", 4096: "rsa 4096"}[bits], signer, err)
	}
	return signers
})

// newCall returns a call at the server, in which client's default blessings are
// presented.
func newCall(server, client security.Principal, method string) *security.CallParams {
	return &security.CallParams{
		Timestamp:       time.Now(),
		Method:          method,
		LocalPrincipal:  server,
		LocalBlessings:  defaultOf(server),
		RemoteBlessings: defaultOf(client),
	}
}
