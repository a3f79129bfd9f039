package security

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"encoding"
	"errors"
	"fmt"
	"strings"
)

// Bounds on the keys that are accepted, here because checking a signature by a
// hostile key must stay cheap and a weak one must count for nothing.
const (
	publicKeyBytesMax = 1024 // PKIX DER; RSA-4096 needs 550.
	rsaBitsMin        = 2048
	rsaBitsMax        = 4096
)

// PublicKey is the public half of a principal: ECDSA over P-256, P-384 or
// P-521, Ed25519, or RSA of 2048 to 4096 bits. MarshalBinary yields PKIX DER,
// the form in which keys stand in certificates and in roots; String is the MD5
// fingerprint of that form as colon-separated hexadecimal, for people only.
// Values are immutable. The interface cannot be implemented elsewhere: a key
// that lies about itself would defeat every check below.
type PublicKey interface {
	encoding.BinaryMarshaler
	fmt.Stringer

	// encoded returns the DER without copying, and what is wrong with the key.
	encoded() ([]byte, error)
	// hash returns the function this key signs with.
	hash() Hash
	// verify reports whether sig holds this key's signature of digest and
	// nothing besides. It is not asked about a key that encoded refuses.
	verify(digest []byte, sig *Signature) bool
}

// keyEncoding is what all kinds of keys share.
type keyEncoding struct {
	// Invariant: exactly one of der and err is set, and neither ever changes.
	der []byte
	err error
}

func newKeyEncoding(key crypto.PublicKey, err error) keyEncoding {
	if err != nil {
		return keyEncoding{err: err}
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return keyEncoding{err: fmt.Errorf("security: encoding public key: %w", err)}
	}
	return keyEncoding{der: der}
}

func (k keyEncoding) encoded() ([]byte, error) { return k.der, k.err }

// MarshalBinary returns the key in PKIX DER; the caller owns the bytes.
func (k keyEncoding) MarshalBinary() ([]byte, error) {
	if k.err != nil {
		return nil, k.err
	}
	return bytes.Clone(k.der), nil
}

// String returns the fingerprint of the key.
func (k keyEncoding) String() string {
	if k.err != nil {
		return "invalid public key: " + k.err.Error()
	}
	sum := md5.Sum(k.der)
	var text strings.Builder
	for i, b := range sum {
		if i > 0 {
			text.WriteByte(':')
		}
		fmt.Fprintf(&text, "%02x", b)
	}
	return text.String()
}

type ecdsaPublicKey struct {
	keyEncoding
	key *ecdsa.PublicKey
}

// NewECDSAPublicKey returns key as a PublicKey. A key over an unsupported
// curve, or none, makes MarshalBinary fail and no signature verify.
func NewECDSAPublicKey(key *ecdsa.PublicKey) PublicKey {
	return &ecdsaPublicKey{newKeyEncoding(key, checkECDSA(key)), key}
}

func checkECDSA(key *ecdsa.PublicKey) error {
	if key == nil || key.Curve == nil {
		return errors.New("security: no ECDSA public key given")
	}
	switch key.Curve {
	case elliptic.P256(), elliptic.P384(), elliptic.P521():
		return nil
	default:
		return fmt.Errorf("security: ECDSA curve %s is not supported, use P-256, P-384 or P-521",
			key.Params().Name)
	}
}

func (k *ecdsaPublicKey) hash() Hash { return hashForBits(k.key.Params().BitSize) }

type ed25519PublicKey struct {
	keyEncoding
	key ed25519.PublicKey
}

// NewED25519PublicKey returns key as a PublicKey. A key that is not 32 bytes
// long makes MarshalBinary fail and no signature verify.
func NewED25519PublicKey(key ed25519.PublicKey) PublicKey {
	key = bytes.Clone(key)
	return &ed25519PublicKey{newKeyEncoding(key, checkED25519(key)), key}
}

func checkED25519(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("security: Ed25519 public key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
	}
	return nil
}

func (k *ed25519PublicKey) hash() Hash { return sha512Hash }

type rsaPublicKey struct {
	keyEncoding
	key *rsa.PublicKey
}

// NewRSAPublicKey returns key as a PublicKey. A key outside of 2048 to 4096
// bits, or none, makes MarshalBinary fail and no signature verify.
func NewRSAPublicKey(key *rsa.PublicKey) PublicKey {
	return &rsaPublicKey{newKeyEncoding(key, checkRSA(key)), key}
}

func checkRSA(key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return errors.New("security: no RSA public key given")
	}
	if bits := key.N.BitLen(); bits < rsaBitsMin || bits > rsaBitsMax {
		return fmt.Errorf("security: RSA key has %d bits, want %d to %d", bits, rsaBitsMin, rsaBitsMax)
	}
	return nil
}

func (k *rsaPublicKey) hash() Hash { return sha512Hash }

// NewPublicKey returns key, a *ecdsa.PublicKey, ed25519.PublicKey or
// *rsa.PublicKey, as a PublicKey.
func NewPublicKey(key any) (PublicKey, error) {
	var public PublicKey
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		public = NewECDSAPublicKey(key)
	case ed25519.PublicKey:
		public = NewED25519PublicKey(key)
	case *rsa.PublicKey:
		public = NewRSAPublicKey(key)
	default:
		return nil, fmt.Errorf("security: public keys of type %T are not supported", key)
	}
	if _, err := public.encoded(); err != nil {
		return nil, err
	}
	return public, nil
}

// UnmarshalPublicKey is the inverse of MarshalBinary. It accepts only the one
// encoding that MarshalBinary would produce, since keys are compared by it.
func UnmarshalPublicKey(der []byte) (PublicKey, error) {
	if len(der) > publicKeyBytesMax {
		return nil, fmt.Errorf("security: public key has %d bytes, at most %d are accepted", len(der), publicKeyBytesMax)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("security: parsing public key: %w", err)
	}
	key, err := NewPublicKey(parsed)
	if err != nil {
		return nil, err
	}
	if canonical, err := key.encoded(); err != nil || !bytes.Equal(canonical, der) {
		return nil, errors.New("security: public key is not in its canonical DER encoding")
	}
	return key, nil
}

// CryptoPublicKeyEqual reports whether a and b, each a [PublicKey] or a key
// that [NewPublicKey] accepts, are the same valid key.
func CryptoPublicKeyEqual(a, b any) bool {
	aDER, aErr := encodedKey(a)
	bDER, bErr := encodedKey(b)
	return aErr == nil && bErr == nil && bytes.Equal(aDER, bDER)
}

func encodedKey(key any) ([]byte, error) {
	if public, ok := key.(PublicKey); ok {
		return public.encoded()
	}
	public, err := NewPublicKey(key)
	if err != nil {
		return nil, err
	}
	return public.encoded()
}
