package security

import (
	"crypto"
	_ "crypto/sha256" // links SHA-256 into package crypto.
	_ "crypto/sha512" // links SHA-384 and SHA-512 into package crypto.
	"fmt"
)

// Hash names the hash function that a [Signature] and the certificate digests
// below it are computed with: "SHA256", "SHA384" or "SHA512". The strength is
// fixed by the signing key, see hashForKey.
type Hash string

const (
	sha256Hash = Hash("SHA256")
	sha384Hash = Hash("SHA384")
	sha512Hash = Hash("SHA512")
)

// algorithm returns the implementation of h. SHA1, which the wire format could
// name, is among the refused.
func (h Hash) algorithm() (crypto.Hash, error) {
	switch h {
	case sha256Hash:
		return crypto.SHA256, nil
	case sha384Hash:
		return crypto.SHA384, nil
	case sha512Hash:
		return crypto.SHA512, nil
	default:
		return 0, fmt.Errorf("security: hash function %.16q is not supported", string(h))
	}
}

// sum hashes the concatenation of parts. The caller has checked h by
// algorithm; an unknown h yields nil, which equals no digest.
func (h Hash) sum(parts ...[]byte) []byte {
	algorithm, err := h.algorithm()
	if err != nil {
		return nil
	}
	digest := algorithm.New()
	for _, part := range parts {
		digest.Write(part) // hash.Hash documents that Write never fails.
	}
	return digest.Sum(nil)
}

// hashForBits returns the hash whose strength matches an elliptic curve of the
// given size.
func hashForBits(bits int) Hash {
	switch {
	case bits <= 256:
		return sha256Hash
	case bits <= 384:
		return sha384Hash
	default:
		return sha512Hash
	}
}
