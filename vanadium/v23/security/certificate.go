package security

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds on chains from outside, which are checked before any signature is. A
// stranger can make a server check certificatesMax signatures, which for P-521,
// the slowest, takes in the order of 0.1 s.
const (
	chainsMax            = 32
	chainCertificatesMax = 32
	certificatesMax      = 128 // over all chains of one Blessings.
	extensionBytesMax    = 1024
	caveatsMax           = 64        // per certificate.
	caveatParamBytesMax  = 64 * 1024 // per caveat.
)

// Reserved in extensions: each would be ambiguous in a blessing name, in a
// pattern, in a list of names, or in an endpoint.
var extensionReserved = []string{"...", "::", ",", "@@", "(", ")", "<", ">", "/"}

// validateExtension says what is wrong with a certificate's extension. It may
// consist of several elements, as in "u:x".
func validateExtension(extension string) error {
	switch {
	case extension == "":
		return errors.New("security: blessing extension is empty")
	case len(extension) > extensionBytesMax:
		return fmt.Errorf("security: blessing extension has %d bytes, at most %d are accepted",
			len(extension), extensionBytesMax)
	case slices.Contains(strings.Split(extension, ChainSeparator), string(NoExtension)):
		return fmt.Errorf("security: blessing extension %q has the element %q, which is reserved for patterns",
			extension, NoExtension)
	case strings.HasPrefix(extension, ChainSeparator), strings.HasSuffix(extension, ChainSeparator):
		return fmt.Errorf("security: blessing extension %q begins or ends with %q", extension, ChainSeparator)
	}
	for _, reserved := range extensionReserved {
		if strings.Contains(extension, reserved) {
			return fmt.Errorf("security: blessing extension %q contains %q", extension, reserved)
		}
	}
	return nil
}

// digest covers the kind and the parameter of c: H( H(id) ‖ H(param) ).
func (c *Caveat) digest(h Hash) []byte {
	return h.sum(h.sum(c.Id[:]), h.sum(c.ParamVom))
}

// chainedDigests returns what the signature of c covers, and the digest of the
// chain up to and including c, where previous is the digest of the chain
// before c, nil for a first certificate. With H = c.Signature.Hash:
//
//	own content = H( H(PublicKey) ‖ H(Extension) ‖ caveat digests ‖ [H(X509Raw)] )
//	own digest  = H( own content ‖ signature digest )
//	chained x   = H( H(previous) ‖ own x )        after the first certificate
//
// so that no certificate can be moved, dropped or exchanged under the next one.
func (c *Certificate) chainedDigests(h Hash, previous []byte) (content, digest []byte) {
	parts := [][]byte{h.sum(c.PublicKey), h.sum([]byte(c.Extension))}
	for i := range c.Caveats {
		parts = append(parts, c.Caveats[i].digest(h))
	}
	if len(c.X509Raw) > 0 {
		parts = append(parts, h.sum(c.X509Raw))
	}
	content = h.sum(parts...)
	digest = h.sum(content, c.Signature.digest(h))
	if previous == nil {
		return content, digest
	}
	previous = h.sum(previous)
	return h.sum(previous, content), h.sum(previous, digest)
}

// sign sets c.Signature so that c follows a chain with the digest previous, and
// returns the digest of the chain that c ends.
func (c *Certificate) sign(signer Signer, previous []byte) ([]byte, error) {
	h := signer.PublicKey().hash()
	content, _ := c.chainedDigests(h, previous)
	var err error
	if c.Signature, err = signer.Sign(purposeBlessing, content); err != nil {
		return nil, err
	}
	_, digest := c.chainedDigests(h, previous)
	return digest, nil
}

// verify checks that c continues a chain with the digest previous that signer
// may extend, and returns the key c blesses and the digest of the chain that c
// ends. A nil signer stands for the key in c itself.
func (c *Certificate) verify(signer PublicKey, previous []byte) (PublicKey, []byte, error) {
	if err := c.checkBounds(); err != nil {
		return nil, nil, err
	}
	key, err := UnmarshalPublicKey(c.PublicKey)
	if err != nil {
		return nil, nil, err
	}
	if signer == nil {
		signer = key
	}
	if !bytes.Equal(c.Signature.Purpose, purposeBlessing) {
		return nil, nil, fmt.Errorf("security: certificate %q is signed for purpose %.16q, want %q",
			c.Extension, c.Signature.Purpose, purposeBlessing)
	}
	if _, err := c.Signature.Hash.algorithm(); err != nil {
		return nil, nil, err
	}
	content, digest := c.chainedDigests(c.Signature.Hash, previous)
	if !c.Signature.Verify(signer, content) {
		return nil, nil, fmt.Errorf("security: certificate %q is not signed by key %v", c.Extension, signer)
	}
	return key, digest, nil
}

func (c *Certificate) checkBounds() error {
	if err := validateExtension(c.Extension); err != nil {
		return err
	}
	if len(c.Caveats) > caveatsMax {
		return fmt.Errorf("security: certificate %q has %d caveats, at most %d are accepted",
			c.Extension, len(c.Caveats), caveatsMax)
	}
	for i := range c.Caveats {
		if size := len(c.Caveats[i].ParamVom); size > caveatParamBytesMax {
			return fmt.Errorf("security: caveat parameter of certificate %q has %d bytes, at most %d are accepted",
				c.Extension, size, caveatParamBytesMax)
		}
	}
	return nil
}

// clone returns a copy that shares no bytes with c.
func (c *Certificate) clone() Certificate {
	return Certificate{
		Extension: c.Extension,
		PublicKey: bytes.Clone(c.PublicKey),
		Caveats:   cloneCaveats(c.Caveats),
		X509Raw:   bytes.Clone(c.X509Raw),
		Signature: c.Signature.clone(),
	}
}

func cloneCertificates(certificates []Certificate) []Certificate {
	clones := make([]Certificate, len(certificates))
	for i := range certificates {
		clones[i] = certificates[i].clone()
	}
	return clones
}

func cloneCaveats(caveats []Caveat) []Caveat {
	if len(caveats) == 0 {
		return nil
	}
	clones := make([]Caveat, len(caveats))
	for i, caveat := range caveats {
		clones[i] = Caveat{Id: caveat.Id, ParamVom: bytes.Clone(caveat.ParamVom)}
	}
	return clones
}
