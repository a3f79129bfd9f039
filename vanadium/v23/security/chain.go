package security

import (
	"errors"
	"fmt"
	"strings"

	"v.io/v23/context"
)

// chain is one verified certificate chain. Values are immutable but for the
// cache inside preparedCaveat.
type chain struct {
	// Invariant: not empty, and each certificate verifies after its
	// predecessors; established by verifyChain or by signing.
	certificates []Certificate
	// Invariant: the extensions of certificates, joined.
	name string
	// Invariant: the chained digest of the last certificate.
	digest []byte
	// Invariant: the caveats of all certificates, in order.
	caveats []*preparedCaveat
}

// newChain derives the rest of a chain from certificates that are known to
// verify.
func newChain(certificates []Certificate, digest []byte) *chain {
	extensions := make([]string, len(certificates))
	var caveats []*preparedCaveat
	for i := range certificates {
		extensions[i] = certificates[i].Extension
		for _, caveat := range certificates[i].Caveats {
			caveats = append(caveats, &preparedCaveat{caveat: caveat})
		}
	}
	return &chain{
		certificates: certificates,
		name:         strings.Join(extensions, ChainSeparator),
		digest:       digest,
		caveats:      caveats,
	}
}

// verifyChain checks every signature of certificates, which it keeps, and
// returns the chain together with the key it is bound to.
func verifyChain(certificates []Certificate) (*chain, PublicKey, error) {
	if len(certificates) == 0 {
		return nil, nil, errors.New("security: certificate chain is empty")
	}
	if len(certificates) > chainCertificatesMax {
		return nil, nil, fmt.Errorf("security: certificate chain has %d certificates, at most %d are accepted",
			len(certificates), chainCertificatesMax)
	}
	var key PublicKey
	var digest []byte
	for i := range certificates {
		var err error
		if key, digest, err = certificates[i].verify(key, digest); err != nil {
			return nil, nil, fmt.Errorf("security: certificate %d of %d: %w", i+1, len(certificates), err)
		}
	}
	return newChain(certificates, digest), key, nil
}

// extend returns c followed by certificate, which it signs.
func (c *chain) extend(signer Signer, certificate Certificate) (*chain, error) {
	if len(c.certificates) == chainCertificatesMax {
		return nil, fmt.Errorf("security: blessing %q has %d certificates, none can be added", c.name, chainCertificatesMax)
	}
	digest, err := certificate.sign(signer, c.digest)
	if err != nil {
		return nil, err
	}
	certificates := make([]Certificate, 0, len(c.certificates)+1)
	certificates = append(certificates, c.certificates...)
	return newChain(append(certificates, certificate), digest), nil
}

// validate returns nil if roots recognise c and all its caveats hold in call.
func (c *chain) validate(ctx *context.T, call Call, roots BlessingRoots) error {
	if err := roots.RecognizedCert(&c.certificates[0], c.name); err != nil {
		return err
	}
	for _, caveat := range c.caveats {
		if err := caveat.validate(ctx, call); err != nil {
			return err
		}
	}
	return nil
}
