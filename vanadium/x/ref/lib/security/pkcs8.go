package security

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// Private keys are encrypted by PBES2 (RFC 8018 section 6.2): PBKDF2 with
// HMAC-SHA-256 derives a key for AES-256 in CBC mode, and the result stands in
// an EncryptedPrivateKeyInfo (RFC 5958 section 3).

const (
	pbkdf2Iterations    = 600_000 // OWASP's recommendation for HMAC-SHA-256.
	pbkdf2IterationsMax = 2_000_000
	pbkdf2SaltBytes     = 16
	aesKeyBytes         = 32
)

var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

type encryptedPrivateKeyInfo struct {
	Algorithm pbes2Algorithm
	Encrypted []byte
}

type pbes2Algorithm struct {
	ID     asn1.ObjectIdentifier
	Params pbes2Params
}

type pbes2Params struct {
	KeyDerivation keyDerivation
	Encryption    encryptionScheme
}

type keyDerivation struct {
	ID     asn1.ObjectIdentifier
	Params pbkdf2Params
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyBytes   int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

type encryptionScheme struct {
	ID asn1.ObjectIdentifier
	IV []byte
}

// encryptPKCS8 encrypts a private key in PKCS #8.
func encryptPKCS8(der, passphrase []byte) ([]byte, error) {
	random := make([]byte, pbkdf2SaltBytes+aes.BlockSize)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("security: drawing the salt of a private key: %w", err)
	}
	salt, iv := random[:pbkdf2SaltBytes], random[pbkdf2SaltBytes:]
	key, err := pbkdf2.Key(sha256.New, string(passphrase), salt, pbkdf2Iterations, aesKeyBytes)
	if err != nil {
		return nil, fmt.Errorf("security: deriving a key from the passphrase: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	padding := aes.BlockSize - len(der)%aes.BlockSize
	padded := append(bytes.Clone(der), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	derivation := pbkdf2Params{
		Salt:       salt,
		Iterations: pbkdf2Iterations,
		KeyBytes:   aesKeyBytes,
		PRF:        pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA256, Parameters: asn1.NullRawValue},
	}
	return asn1.Marshal(encryptedPrivateKeyInfo{
		Algorithm: pbes2Algorithm{ID: oidPBES2, Params: pbes2Params{
			KeyDerivation: keyDerivation{oidPBKDF2, derivation},
			Encryption:    encryptionScheme{oidAES256CBC, iv},
		}},
		Encrypted: padded,
	})
}

// decryptPKCS8 is the inverse of encryptPKCS8. The encoding carries no
// authentication; a wrong passphrase shows as wrong padding or, rarely, as a key
// that does not parse.
func decryptPKCS8(encoded, passphrase []byte) ([]byte, error) {
	var info encryptedPrivateKeyInfo
	rest, err := asn1.Unmarshal(encoded, &info)
	if err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("security: encrypted private key is malformed (%d bytes left over): %w",
			len(rest), errors.Join(err, errUnsupportedEncryption))
	}
	params := info.Algorithm.Params
	prf, err := checkPBES2(&info)
	if err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(prf, string(passphrase), params.KeyDerivation.Params.Salt,
		params.KeyDerivation.Params.Iterations, aesKeyBytes)
	if err != nil {
		return nil, fmt.Errorf("security: deriving a key from the passphrase: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	der := bytes.Clone(info.Encrypted)
	cipher.NewCBCDecrypter(block, params.Encryption.IV).CryptBlocks(der, der)
	return trimPadding(der)
}

var errUnsupportedEncryption = errors.New("security: only PBES2 with PBKDF2 and AES-256-CBC is supported")

// checkPBES2 returns the hash that PBKDF2 is to use, once all parameters are
// known to be safe to use.
func checkPBES2(info *encryptedPrivateKeyInfo) (func() hash.Hash, error) {
	params := &info.Algorithm.Params
	derivation := &params.KeyDerivation.Params
	supported := info.Algorithm.ID.Equal(oidPBES2) && params.KeyDerivation.ID.Equal(oidPBKDF2) &&
		params.Encryption.ID.Equal(oidAES256CBC) && len(params.Encryption.IV) == aes.BlockSize &&
		(derivation.KeyBytes == 0 || derivation.KeyBytes == aesKeyBytes)
	if !supported {
		return nil, errUnsupportedEncryption
	}
	if derivation.Iterations < 1 || derivation.Iterations > pbkdf2IterationsMax {
		return nil, fmt.Errorf("security: encrypted private key wants %d iterations of PBKDF2, at most %d are accepted",
			derivation.Iterations, pbkdf2IterationsMax)
	}
	if len(info.Encrypted) == 0 || len(info.Encrypted)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("security: encrypted private key has %d bytes, want a multiple of %d",
			len(info.Encrypted), aes.BlockSize)
	}
	switch prf := derivation.PRF.Algorithm; {
	case prf == nil, prf.Equal(oidHMACSHA1): // RFC 8018 makes it the default.
		return sha1.New, nil
	case prf.Equal(oidHMACSHA256):
		return sha256.New, nil
	default:
		return nil, fmt.Errorf("security: PBKDF2 with %v is not supported", prf)
	}
}

func trimPadding(der []byte) ([]byte, error) {
	padding := int(der[len(der)-1])
	if padding < 1 || padding > aes.BlockSize {
		return nil, ErrBadPassphrase.Errorf(nil, "%s", "the passphrase is wrong")
	}
	for _, b := range der[len(der)-padding:] {
		if int(b) != padding {
			return nil, ErrBadPassphrase.Errorf(nil, "%s", "the passphrase is wrong")
		}
	}
	return der[:len(der)-padding], nil
}
