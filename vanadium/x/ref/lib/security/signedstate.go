package security

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"v.io/v23/security"
	"v.io/v23/vom"
)

// The signature of a state file is a VOM stream:
//
//	signedHeader{ChunkSizeBytes: n}
//	hash of data[0:n]              signedData, case Hash
//	hash of data[n:2n]
//	...                            the last chunk may be shorter
//	signature                      signedData, case Signature
//
// where every hash is SHA-256 and the signature, made by the principal with the
// purpose "S1", covers
//
//	SHA-256( n as 8 bytes little-endian ‖ hashes )

const (
	chunkBytes     = 1 << 20
	stateBytesMax  = 64 << 20 // of a data file.
	signedBytesMax = 1 << 20  // of a signature file.
)

var signPurpose = []byte("S1") // of security.Principal.Sign.

// signedHeader begins a signature file.
type signedHeader struct {
	ChunkSizeBytes int64
}

// VDLReflect names the type for package vdl.
func (signedHeader) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/security/serialization.SignedHeader"`
}) {
}

// hashCode is a SHA-256.
type hashCode [sha256.Size]byte

// VDLReflect names the type for package vdl.
func (hashCode) VDLReflect(struct {
	Name string `vdl:"v.io/x/ref/lib/security/serialization.HashCode"`
}) {
}

// signedData is the union of what follows the header.
type signedData interface {
	// Index returns the position of the case in the union.
	Index() int
	// Interface returns the value of the case.
	Interface() any
	// Name returns the name of the case.
	Name() string
	// VDLReflect describes the union to package vdl.
	VDLReflect(vdlSignedDataReflect)
}

type signedDataSignature struct{ Value security.Signature }

type signedDataHash struct{ Value hashCode }

type vdlSignedDataReflect struct {
	Name  string `vdl:"v.io/x/ref/lib/security/serialization.SignedData"`
	Type  signedData
	Union struct {
		Signature signedDataSignature
		Hash      signedDataHash
	}
}

func (signedDataSignature) Index() int                      { return 0 }
func (x signedDataSignature) Interface() any                { return x.Value }
func (signedDataSignature) Name() string                    { return "Signature" }
func (signedDataSignature) VDLReflect(vdlSignedDataReflect) {}

func (signedDataHash) Index() int                      { return 1 }
func (x signedDataHash) Interface() any                { return x.Value }
func (signedDataHash) Name() string                    { return "Hash" }
func (signedDataHash) VDLReflect(vdlSignedDataReflect) {}

// stateSigner signs state; security.Principal and purposeSigner implement it.
type stateSigner interface {
	Sign(message []byte) (security.Signature, error)
}

// chunkHashes returns the hashes of the chunks of data, and what the signature
// covers.
func chunkHashes(data []byte, chunkSize int64) (hashes []hashCode, message []byte) {
	all := sha256.New()
	all.Write(binary.LittleEndian.AppendUint64(nil, uint64(chunkSize)))
	for len(data) > 0 {
		chunk := data[:min(chunkSize, int64(len(data)))]
		data = data[len(chunk):]
		hash := hashCode(sha256.Sum256(chunk))
		hashes = append(hashes, hash)
		all.Write(hash[:])
	}
	return hashes, all.Sum(nil)
}

// signState returns the signature file for data.
func signState(data []byte, signer stateSigner) ([]byte, error) {
	hashes, message := chunkHashes(data, chunkBytes)
	signature, err := signer.Sign(message)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	encoder := vom.NewEncoder(&file)
	if err := encoder.Encode(signedHeader{chunkBytes}); err != nil {
		return nil, err
	}
	for _, hash := range hashes {
		if err := encoder.Encode(signedDataHash{hash}); err != nil {
			return nil, err
		}
	}
	if err := encoder.Encode(signedDataSignature{signature}); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

// errStateSignature is returned for state that the principal did not sign.
var errStateSignature = errors.New("security: the signature does not match the state")

// verifyState checks that signed is the signature file, by key, of data.
func verifyState(data, signed []byte, key security.PublicKey) error {
	decoder := vom.NewDecoder(bytes.NewReader(signed))
	var header signedHeader
	if err := decoder.Decode(&header); err != nil {
		return fmt.Errorf("security: reading the signature of state: %w", err)
	}
	if header.ChunkSizeBytes < 1 || header.ChunkSizeBytes > stateBytesMax {
		return fmt.Errorf("security: signed state has chunks of %d bytes, want 1 to %d",
			header.ChunkSizeBytes, stateBytesMax)
	}
	hashes, message := chunkHashes(data, header.ChunkSizeBytes)
	for i := 0; ; i++ {
		var item signedData
		if err := decoder.Decode(&item); err != nil {
			return fmt.Errorf("security: reading the signature of state: %w", err)
		}
		switch item := item.(type) {
		case signedDataHash:
			if i >= len(hashes) || item.Value != hashes[i] {
				return errStateSignature
			}
		case signedDataSignature:
			return verifyStateEnd(decoder, i == len(hashes), &item.Value, message, key)
		default:
			return fmt.Errorf("security: signature of state holds a %T", item)
		}
	}
}

// verifyStateEnd checks the last item of a signature file.
func verifyStateEnd(decoder *vom.Decoder, complete bool, signature *security.Signature,
	message []byte, key security.PublicKey) error {
	var more signedData
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("security: the signature of state is followed by something else")
	}
	if !complete || !bytes.Equal(signature.Purpose, signPurpose) || !signature.Verify(key, message) {
		return errStateSignature
	}
	return nil
}
