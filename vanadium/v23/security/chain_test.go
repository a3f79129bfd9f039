package security_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"v.io/v23/security"
	"v.io/v23/vom"
)

// newChain returns blessings of three certificates, with caveats and keys of
// several kinds.
func newChain(tb testing.TB) security.Blessings {
	tb.Helper()
	root := newNamed(tb, "root")
	middle := must(security.CreatePrincipal(newSigners()["ecdsa P-384"], nil, nil))(tb)
	leaf := must(security.CreatePrincipal(newSigners()["ed25519"], nil, nil))(tb)
	expiry := must(security.NewExpiryCaveat(time.Now().Add(time.Hour)))(tb)
	method := must(security.NewMethodCaveat("Append", "Status"))(tb)
	user := bless(tb, root, middle, "raft:member1", expiry, method)
	return must(middle.Bless(leaf.PublicKey(), user, "tool", security.UnconstrainedUse()))(tb)
}

func decodeWire(wire security.WireBlessings) (security.Blessings, error) {
	var blessings security.Blessings
	err := security.WireBlessingsToNative(wire, &blessings)
	return blessings, err
}

func TestChainSurvivesTheWire(t *testing.T) {
	blessings := newChain(t)
	again := must(decodeWire(security.MarshalBlessings(blessings)))(t)
	if !again.Equivalent(blessings) || again.String() != "root:raft:member1:tool" {
		t.Errorf("%v came back as %v", blessings, again)
	}
}

// certificateBytes returns every byte string of a certificate by name.
func certificateBytes(c *security.Certificate) map[string]*[]byte {
	fields := signatureBytes(&c.Signature)
	fields["key"], fields["X509Raw"] = &c.PublicKey, &c.X509Raw
	for i := range c.Caveats {
		fields[fmt.Sprintf("caveat %d", i)] = &c.Caveats[i].ParamVom
	}
	return fields
}

func TestTamperedChains(t *testing.T) {
	blessings := newChain(t)
	refuse := func(what string, change func(chain []security.Certificate) []security.Certificate) {
		t.Helper()
		wire := security.MarshalBlessings(blessings)
		wire.CertificateChains[0] = change(wire.CertificateChains[0])
		if changed, err := decodeWire(wire); err == nil {
			t.Errorf("%s: accepted as %v", what, changed)
		}
	}
	in := func(i int, change func(*security.Certificate)) func([]security.Certificate) []security.Certificate {
		return func(chain []security.Certificate) []security.Certificate {
			change(&chain[i])
			return chain
		}
	}
	original := security.MarshalBlessings(blessings).CertificateChains[0]
	for i := range original {
		for what, field := range certificateBytes(&original[i]) {
			for at := range *field {
				refuse(fmt.Sprintf("certificate %d, %s, byte %d", i, what, at), in(i, func(c *security.Certificate) {
					(*certificateBytes(c)[what])[at] ^= 0x04
				}))
			}
			refuse(fmt.Sprintf("certificate %d, byte added to %s", i, what), in(i, func(c *security.Certificate) {
				field := certificateBytes(c)[what]
				*field = append(*field, 0)
			}))
		}
		for at := range original[i].Caveats {
			refuse("id of caveat", in(i, func(c *security.Certificate) { c.Caveats[at].Id[15] ^= 1 }))
			refuse("dropped caveat", in(i, func(c *security.Certificate) {
				c.Caveats = append(c.Caveats[:at], c.Caveats[at+1:]...)
			}))
		}
		refuse("added caveat", in(i, func(c *security.Certificate) {
			c.Caveats = append(c.Caveats, security.UnconstrainedUse())
		}))
		refuse("extension", in(i, func(c *security.Certificate) { c.Extension += "x" }))
		refuse("no extension", in(i, func(c *security.Certificate) { c.Extension = "" }))
		refuse("hash", in(i, func(c *security.Certificate) { c.Signature.Hash = "SHA1" }))
		refuse("exchanged signature", in(i, func(c *security.Certificate) {
			c.Signature = original[(i+1)%len(original)].Signature
		}))
	}
	refuse("exchanged caveats", in(1, func(c *security.Certificate) {
		c.Caveats[0], c.Caveats[1] = c.Caveats[1], c.Caveats[0]
	}))
	refuse("dropped first", func(chain []security.Certificate) []security.Certificate { return chain[1:] })
	refuse("dropped middle", func(chain []security.Certificate) []security.Certificate {
		return append(chain[:1:1], chain[2])
	})
	refuse("exchanged", func(chain []security.Certificate) []security.Certificate {
		chain[1], chain[2] = chain[2], chain[1]
		return chain
	})
	refuse("doubled", func(chain []security.Certificate) []security.Certificate { return append(chain, chain[2]) })
	refuse("empty", func([]security.Certificate) []security.Certificate { return nil })
}

func TestTruncatedChainIsOnlyItsOwnersName(t *testing.T) {
	// Cutting the end off a chain is no forgery: it leaves the blessing of the
	// delegator, which is bound to the delegator's key.
	blessings := newChain(t)
	wire := security.MarshalBlessings(blessings)
	wire.CertificateChains[0] = wire.CertificateChains[0][:2]
	shorter := must(decodeWire(wire))(t)
	if security.CryptoPublicKeyEqual(shorter.PublicKey(), blessings.PublicKey()) {
		t.Error("the shorter chain is bound to the key of the longer one")
	}
}

func TestSignatureFromAnotherPurpose(t *testing.T) {
	// A principal that signs whatever it is asked to must not thereby bless.
	victim := newNamed(t, "root")
	wire := security.MarshalBlessings(defaultOf(victim))
	wire.CertificateChains[0][0].Signature = must(victim.Sign([]byte("anything")))(t)
	if forged, err := decodeWire(wire); err == nil {
		t.Errorf("accepted as %v", forged)
	}
}

func TestChainsOfDifferentKeys(t *testing.T) {
	wire := security.MarshalBlessings(defaultOf(newNamed(t, "a")))
	other := security.MarshalBlessings(defaultOf(newNamed(t, "b")))
	wire.CertificateChains = append(wire.CertificateChains, other.CertificateChains...)
	if both, err := decodeWire(wire); err == nil {
		t.Errorf("accepted as %v", both)
	}
}

func TestBoundsOfWireBlessings(t *testing.T) {
	one := security.MarshalBlessings(defaultOf(newNamed(t, "a"))).CertificateChains[0]
	withCaveat := func(n, size int) [][]security.Certificate {
		certificate := one[0]
		for range n {
			certificate.Caveats = append(certificate.Caveats, security.Caveat{ParamVom: make([]byte, size)})
		}
		return [][]security.Certificate{{certificate}}
	}
	long := make([]security.Certificate, 33)
	many := make([][]security.Certificate, 33)
	wide := make([][]security.Certificate, 9)
	for i := range wide {
		wide[i] = make([]security.Certificate, 15)
	}
	for name, chains := range map[string][][]security.Certificate{
		"33 certificates":            {long},
		"33 chains":                  many,
		"135 certificates":           wide,
		"65 caveats":                 withCaveat(65, 1),
		"caveat of more than 64 KiB": withCaveat(1, 64<<10+1),
		"empty chain":                {{}},
	} {
		if got, err := decodeWire(security.WireBlessings{CertificateChains: chains}); err == nil {
			t.Errorf("%s: accepted as %v", name, got)
		}
	}
}

func TestBlessRefusesWhatNobodyWouldDecode(t *testing.T) {
	principal := newNamed(t, "a")
	with := defaultOf(principal)
	var err error
	for range 31 {
		with, err = principal.Bless(principal.PublicKey(), with, "x", security.UnconstrainedUse())
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := decodeWire(security.MarshalBlessings(with)); err != nil {
		t.Errorf("32 certificates are refused: %v", err)
	}
	if _, err := principal.Bless(principal.PublicKey(), with, "x", security.UnconstrainedUse()); err == nil {
		t.Error("a chain of 33 certificates was made")
	}
}

func FuzzDecodeBlessings(f *testing.F) {
	for _, name := range []string{"root", "member", "tool"} {
		f.Add(vectorBytes(f, name+"-blessings"))
	}
	f.Add(must(vom.Encode(newChain(f)))(f))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		var blessings security.Blessings
		if err := vom.Decode(encoded, &blessings); err != nil {
			if !blessings.IsZero() {
				t.Errorf("decoding failed and left %v", blessings)
			}
			return
		}
		again := must(decodeWire(security.MarshalBlessings(blessings)))(t)
		if !again.Equivalent(blessings) {
			t.Errorf("%v came back as %v", blessings, again)
		}
	})
}

func TestFlippedVOMNeverForges(t *testing.T) {
	original := vectorBlessings(t, "member-blessings")
	encoded := vectorBytes(t, "member-blessings")
	for i := range encoded {
		changed := bytes.Clone(encoded)
		changed[i] ^= 0x01
		var blessings security.Blessings
		// A flip in the name of a type changes nothing about the blessings.
		if err := vom.Decode(changed, &blessings); err == nil && !blessings.IsZero() && !blessings.Equivalent(original) {
			t.Errorf("byte %d: decoded as %v", i, blessings)
		}
	}
}

func BenchmarkDecodeBlessings(b *testing.B) {
	wire := security.MarshalBlessings(newChain(b))
	for b.Loop() {
		must(decodeWire(wire))(b)
	}
}
