package security

import (
	"encoding/base64"
	"errors"
	"fmt"

	"v.io/v23/security"
	"v.io/v23/vom"
)

// base64BytesMax bounds what the Decode functions take.
const base64BytesMax = 4 << 20

// EncodeBlessingsBase64 returns blessings as text: the URL-safe base64 of their
// VOM. Zero blessings are refused.
func EncodeBlessingsBase64(blessings security.Blessings) (string, error) {
	if blessings.IsZero() {
		return "", errors.New("security: there are no blessings to encode")
	}
	return encodeBase64(blessings)
}

// DecodeBlessingsBase64 is the inverse of EncodeBlessingsBase64. The signatures
// are verified.
func DecodeBlessingsBase64(encoded string) (security.Blessings, error) {
	var blessings security.Blessings
	if err := decodeBase64(encoded, &blessings); err != nil {
		return security.Blessings{}, fmt.Errorf("security: decoding blessings: %w", err)
	}
	return blessings, nil
}

// EncodePublicKeyBase64 returns key as text: the URL-safe base64 of the VOM of
// its DER.
func EncodePublicKeyBase64(key security.PublicKey) (string, error) {
	if key == nil {
		return "", errors.New("security: there is no public key to encode")
	}
	der, err := key.MarshalBinary()
	if err != nil {
		return "", err
	}
	return encodeBase64(der)
}

// DecodePublicKeyBase64 is the inverse of EncodePublicKeyBase64.
func DecodePublicKeyBase64(encoded string) (security.PublicKey, error) {
	var der []byte
	if err := decodeBase64(encoded, &der); err != nil {
		return nil, fmt.Errorf("security: decoding public key: %w", err)
	}
	return security.UnmarshalPublicKey(der)
}

func encodeBase64(value any) (string, error) {
	encoded, err := vom.Encode(value)
	if err != nil {
		return "", fmt.Errorf("security: encoding a %T: %w", value, err)
	}
	return base64.URLEncoding.EncodeToString(encoded), nil
}

func decodeBase64(encoded string, value any) error {
	if len(encoded) > base64BytesMax {
		return fmt.Errorf("%d bytes of base64, at most %d are accepted", len(encoded), base64BytesMax)
	}
	decoded, err := base64.URLEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	return vom.Decode(decoded, value)
}
