package security

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

// Signer holds a private key and signs with it. Whoever can call Sign with a
// purpose of their choice can forge blessings, so a Signer must not be handed
// out; a [Principal] signs foreign messages with a purpose of its own.
// Implementations are safe for concurrent use.
type Signer interface {
	// Sign signs message for purpose. It keeps neither slice.
	Sign(purpose, message []byte) (Signature, error)
	// PublicKey returns the key by which signatures are verified.
	PublicKey() PublicKey
}

// keySigner signs digests by a function over the private key, which it may
// keep in memory or reach in another process or device.
type keySigner struct {
	key PublicKey
	// sign fills in the fields of its algorithm.
	sign func(digest []byte, sig *Signature) error
}

func newKeySigner(key PublicKey, sign func(digest []byte, sig *Signature) error) (Signer, error) {
	if _, err := key.encoded(); err != nil {
		return nil, err
	}
	return &keySigner{key, sign}, nil
}

func (s *keySigner) PublicKey() PublicKey { return s.key }

func (s *keySigner) Sign(purpose, message []byte) (Signature, error) {
	der, err := s.key.encoded()
	if err != nil {
		return Signature{}, err
	}
	sig := Signature{Purpose: bytes.Clone(purpose), Hash: s.key.hash()}
	if err := s.sign(signedDigest(sig.Hash, der, message, purpose), &sig); err != nil {
		return Signature{}, fmt.Errorf("security: signing with key %v: %w", s.key, err)
	}
	return sig, nil
}

// NewInMemoryECDSASigner returns a Signer that uses key.
func NewInMemoryECDSASigner(key *ecdsa.PrivateKey) (Signer, error) {
	if key == nil {
		return nil, errors.New("security: no ECDSA private key given")
	}
	return NewECDSASigner(&key.PublicKey, func(digest []byte) (r, s *big.Int, err error) {
		return ecdsa.Sign(rand.Reader, key, digest)
	})
}

// NewECDSASigner returns a Signer for the private half of key, which only sign
// can use. sign is called with a digest of the curve's strength and may be
// called concurrently.
func NewECDSASigner(key *ecdsa.PublicKey, sign func(digest []byte) (r, s *big.Int, err error)) (Signer, error) {
	return newKeySigner(NewECDSAPublicKey(key), func(digest []byte, sig *Signature) error {
		r, s, err := sign(digest)
		if err != nil {
			return err
		}
		sig.R, sig.S = r.Bytes(), s.Bytes()
		return nil
	})
}

// NewInMemoryED25519Signer returns a Signer that uses key.
func NewInMemoryED25519Signer(key ed25519.PrivateKey) (Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("security: Ed25519 private key has %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("security: Ed25519 private key has a public key of type %T", key.Public())
	}
	return NewED25519Signer(public, func(digest []byte) ([]byte, error) {
		return ed25519.Sign(key, digest), nil
	})
}

// NewED25519Signer returns a Signer for the private half of key, which only
// sign can use. sign is called with a SHA-512 digest, which it signs as a plain
// Ed25519 message, and may be called concurrently.
func NewED25519Signer(key ed25519.PublicKey, sign func(digest []byte) ([]byte, error)) (Signer, error) {
	return newKeySigner(NewED25519PublicKey(key), func(digest []byte, sig *Signature) (err error) {
		sig.Ed25519, err = sign(digest)
		return err
	})
}

// NewInMemoryRSASigner returns a Signer that uses key.
func NewInMemoryRSASigner(key *rsa.PrivateKey) (Signer, error) {
	if key == nil {
		return nil, errors.New("security: no RSA private key given")
	}
	return NewRSASigner(&key.PublicKey, func(digest []byte) ([]byte, error) {
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA512, digest)
	})
}

// NewRSASigner returns a Signer for the private half of key, which only sign
// can use. sign is called with a SHA-512 digest, returns its PKCS #1 v1.5
// signature, and may be called concurrently.
func NewRSASigner(key *rsa.PublicKey, sign func(digest []byte) ([]byte, error)) (Signer, error) {
	return newKeySigner(NewRSAPublicKey(key), func(digest []byte, sig *Signature) (err error) {
		sig.Rsa, err = sign(digest)
		return err
	})
}
