package security_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"

	"v.io/v23/security"
)

func TestKeysOfEveryKind(t *testing.T) {
	for name, signer := range newSigners() {
		t.Run(name, func(t *testing.T) {
			key := signer.PublicKey()
			der := must(key.MarshalBinary())(t)
			again := must(security.UnmarshalPublicKey(der))(t)
			if !security.CryptoPublicKeyEqual(key, again) || again.String() != key.String() {
				t.Errorf("key %v came back as %v", key, again)
			}
			if len(key.String()) != 16*3-1 {
				t.Errorf("fingerprint %q", key)
			}
			der[len(der)-1] ^= 1
			if fresh := must(key.MarshalBinary())(t); bytes.Equal(fresh, der) {
				t.Error("MarshalBinary hands out bytes that the key keeps")
			}
			signature := must(signer.Sign([]byte("P"), []byte("message")))(t)
			if !signature.Verify(key, []byte("message")) {
				t.Error("the signature does not verify")
			}
			if signature.Verify(key, []byte("massage")) {
				t.Error("the signature verifies for another message")
			}
			for other, otherSigner := range newSigners() {
				if other != name && signature.Verify(otherSigner.PublicKey(), []byte("message")) {
					t.Errorf("the signature verifies by the key %s", other)
				}
			}
		})
	}
}

func TestTamperedSignatures(t *testing.T) {
	message := []byte("message")
	for name, signer := range newSigners() {
		t.Run(name, func(t *testing.T) {
			original := must(signer.Sign([]byte("P"), message))(t)
			refuse := func(what string, change func(*security.Signature)) {
				t.Helper()
				changed := cloneSignature(original)
				change(&changed)
				if changed.Verify(signer.PublicKey(), message) {
					t.Errorf("%s: the signature still verifies", what)
				}
			}
			for what, field := range signatureBytes(&original) {
				for i := range *field {
					refuse("flipped "+what, func(s *security.Signature) { (*signatureBytes(s)[what])[i] ^= 0x10 })
				}
				refuse("added to "+what, func(s *security.Signature) {
					field := signatureBytes(s)[what]
					*field = append([]byte{0}, *field...)
				})
				if len(*field) > 0 {
					refuse("emptied "+what, func(s *security.Signature) { *signatureBytes(s)[what] = nil })
				}
			}
			for _, hash := range []security.Hash{"SHA1", "SHA256", "SHA384", "SHA512", "", "SHA3"} {
				if hash != original.Hash {
					refuse("hash "+string(hash), func(s *security.Signature) { s.Hash = hash })
				}
			}
		})
	}
}

func signatureBytes(s *security.Signature) map[string]*[]byte {
	return map[string]*[]byte{"purpose": &s.Purpose, "R": &s.R, "S": &s.S, "Ed25519": &s.Ed25519, "Rsa": &s.Rsa}
}

func cloneSignature(s security.Signature) security.Signature {
	for _, field := range signatureBytes(&s) {
		*field = bytes.Clone(*field)
	}
	return s
}

func TestVerifyWithoutKeyOrSignature(t *testing.T) {
	var none *security.Signature
	if none.Verify(newPrincipal(t).PublicKey(), nil) || (&security.Signature{}).Verify(nil, nil) {
		t.Error("nothing verifies")
	}
}

func TestRefusedKeys(t *testing.T) {
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))(t)
	short := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	long := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 4096), E: 65537}
	for name, test := range map[string]struct {
		key  any
		want string
	}{
		"P-224":        {&p224.PublicKey, "P-224 is not supported"},
		"RSA 1024":     {short, "1024 bits"},
		"RSA 4097":     {long, "4097 bits"},
		"short Ed":     {ed25519.PublicKey{1, 2}, "2 bytes"},
		"no key":       {nil, "not supported"},
		"no ECDSA key": {(*ecdsa.PublicKey)(nil), "no ECDSA"},
		"no RSA key":   {(*rsa.PublicKey)(nil), "no RSA"},
		"private key":  {p224, "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := security.NewPublicKey(test.key)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if security.CryptoPublicKeyEqual(test.key, test.key) {
				t.Error("a key that is none equals itself")
			}
		})
	}
	bad := security.NewECDSAPublicKey(&p224.PublicKey)
	if _, err := bad.MarshalBinary(); err == nil || !strings.Contains(bad.String(), "P-224") {
		t.Errorf("bad key: MarshalBinary %v, String %q", err, bad)
	}
	if _, err := security.NamelessBlessing(bad); err == nil {
		t.Error("a bad key got a nameless blessing")
	}
}

func TestRefusedKeyEncodings(t *testing.T) {
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))(t)
	der := must(newPrincipal(t).PublicKey().MarshalBinary())(t)
	for name, encoding := range map[string][]byte{
		"empty":    nil,
		"garbage":  []byte("not a key"),
		"trailing": append(bytes.Clone(der), 0),
		"cut":      der[:len(der)-1],
		"huge":     make([]byte, 1<<20),
		"P-224":    must(x509.MarshalPKIXPublicKey(&p224.PublicKey))(t),
	} {
		if _, err := security.UnmarshalPublicKey(encoding); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSignersRefuseMissingKeys(t *testing.T) {
	if _, err := security.NewInMemoryECDSASigner(nil); err == nil {
		t.Error("no ECDSA key: accepted")
	}
	if _, err := security.NewInMemoryRSASigner(nil); err == nil {
		t.Error("no RSA key: accepted")
	}
	if _, err := security.NewInMemoryED25519Signer(nil); err == nil {
		t.Error("no Ed25519 key: accepted")
	}
}

func TestSignerReportsWhatItsFunctionReports(t *testing.T) {
	device := errors.New("the device is locked")
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	signer := must(security.NewECDSASigner(&key.PublicKey, func([]byte) (r, s *big.Int, err error) {
		return nil, nil, device
	}))(t)
	if _, err := signer.Sign(nil, nil); !errors.Is(err, device) {
		t.Errorf("error %v, want %v", err, device)
	}
}

func FuzzUnmarshalPublicKey(f *testing.F) {
	for _, signer := range newSigners() {
		f.Add(must(signer.PublicKey().MarshalBinary())(f))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		key, err := security.UnmarshalPublicKey(der)
		if err != nil {
			return
		}
		if again := must(key.MarshalBinary())(t); !bytes.Equal(again, der) {
			t.Errorf("%x was accepted and encodes as %x", der, again)
		}
	})
}
