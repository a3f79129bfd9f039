package security

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
)

// Purposes keep a signature made for one use from passing for another: they are
// part of what is signed.
var (
	purposeBlessing  = []byte("B1") // a certificate.
	purposeSign      = []byte("S1") // Principal.Sign.
	purposeDischarge = []byte("D1") // a discharge of a third-party caveat.
)

// Signature is a digital signature together with what is needed to check it.
// Exactly the fields of the signing key's algorithm are set: R and S for ECDSA
// (big-endian, no leading zeros), Ed25519 or Rsa for the others.
type Signature struct {
	// Purpose is the use the signature was made for.
	Purpose []byte
	// Hash is the function that the signed digest was made with.
	Hash Hash
	// R and S are the two numbers of an ECDSA signature.
	R, S []byte
	// Ed25519 is the 64 byte signature of RFC 8032.
	Ed25519 []byte
	// Rsa is the PKCS #1 v1.5 signature of RFC 8017.
	Rsa []byte
}

// Verify reports whether s is key's signature of message for the purpose s
// names. The caller compares the purpose with the one it expects.
func (s *Signature) Verify(key PublicKey, message []byte) bool {
	if s == nil || key == nil {
		return false
	}
	der, err := key.encoded()
	// The key decides the hash: letting the signature choose a weaker one
	// would make it the weakest link.
	if err != nil || s.Hash != key.hash() {
		return false
	}
	return key.verify(signedDigest(s.Hash, der, message, s.Purpose), s)
}

// signedDigest is what the private key signs:
//
//	H( H(signer's key, DER) ‖ H(message) ‖ H(purpose) )
func signedDigest(h Hash, signerDER, message, purpose []byte) []byte {
	return h.sum(h.sum(signerDER), h.sum(message), h.sum(purpose))
}

// digest covers all that a verified signature can hold:
//
//	H( H(hash name) ‖ H(purpose) ‖ values )
//	values = H("ECDSA") ‖ H(R) ‖ H(S)  or  H("ED25519") ‖ H(sig)  or  H("RSA") ‖ H(sig)
//
// h is the hash of the certificate that holds the signature.
func (s *Signature) digest(h Hash) []byte {
	parts := [][]byte{h.sum([]byte(s.Hash)), h.sum(s.Purpose)}
	switch {
	case len(s.Ed25519) > 0:
		parts = append(parts, h.sum([]byte("ED25519")), h.sum(s.Ed25519))
	case len(s.Rsa) > 0:
		parts = append(parts, h.sum([]byte("RSA")), h.sum(s.Rsa))
	default:
		parts = append(parts, h.sum([]byte("ECDSA")), h.sum(s.R), h.sum(s.S))
	}
	return h.sum(parts...)
}

// isZero reports whether s holds nothing at all.
func (s *Signature) isZero() bool {
	return len(s.Purpose) == 0 && s.Hash == "" && len(s.R) == 0 && len(s.S) == 0 &&
		len(s.Ed25519) == 0 && len(s.Rsa) == 0
}

// clone returns a copy that shares no bytes with s.
func (s *Signature) clone() Signature {
	return Signature{
		Purpose: bytes.Clone(s.Purpose),
		Hash:    s.Hash,
		R:       bytes.Clone(s.R),
		S:       bytes.Clone(s.S),
		Ed25519: bytes.Clone(s.Ed25519),
		Rsa:     bytes.Clone(s.Rsa),
	}
}

func (k *ecdsaPublicKey) verify(digest []byte, sig *Signature) bool {
	if len(sig.Ed25519) > 0 || len(sig.Rsa) > 0 {
		return false
	}
	numberBytesMax := (k.key.Params().BitSize + 7) / 8
	for _, number := range [][]byte{sig.R, sig.S} {
		if len(number) == 0 || len(number) > numberBytesMax || number[0] == 0 {
			return false
		}
	}
	return ecdsa.Verify(k.key, digest, new(big.Int).SetBytes(sig.R), new(big.Int).SetBytes(sig.S))
}

func (k *ed25519PublicKey) verify(digest []byte, sig *Signature) bool {
	if len(sig.R) > 0 || len(sig.S) > 0 || len(sig.Rsa) > 0 || len(sig.Ed25519) != ed25519.SignatureSize {
		return false
	}
	return ed25519.Verify(k.key, digest, sig.Ed25519)
}

func (k *rsaPublicKey) verify(digest []byte, sig *Signature) bool {
	if len(sig.R) > 0 || len(sig.S) > 0 || len(sig.Ed25519) > 0 || len(sig.Rsa) != k.key.Size() {
		return false
	}
	return rsa.VerifyPKCS1v15(k.key, crypto.SHA512, digest, sig.Rsa) == nil
}
