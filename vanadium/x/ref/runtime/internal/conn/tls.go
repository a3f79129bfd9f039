package conn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// alpn names this protocol in the TLS handshake (RFC 7301), so that a stranger's
// TLS client or server is turned away there.
const alpn = "v.io-blessings/1"

// exporterLabel and exporterSize select the keying material that binds the
// blessings exchange to the TLS session.
const (
	exporterLabel = "EXPORTER-v.io-blessings"
	exporterSize  = 32
)

// throwAwayCertificate makes the certificate this process shows on every
// connection, as either side. It proves nothing and is never checked.
var throwAwayCertificate = sync.OnceValues(newCertificate)

func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("generating the key of the channel's certificate: %w", err)
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "v.io"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the channel's certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// tlsConfig is the configuration of both roles.
func tlsConfig() (*tls.Config, error) {
	cert, err := throwAwayCertificate()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{alpn},
		ClientAuth:   tls.RequireAnyClientCert,
		// The peer is authenticated by its blessings, after and over this
		// channel; see the package comment.
		InsecureSkipVerify:          true,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
		VerifyConnection:            checkProtocol,
	}, nil
}

// errForeignTLS is returned for a TLS peer that does not speak this protocol.
var errForeignTLS = errors.New("the TLS peer does not speak " + alpn)

func checkProtocol(state tls.ConnectionState) error {
	if state.NegotiatedProtocol != alpn {
		return errForeignTLS
	}
	return nil
}

// keyingMaterial is the value both sides sign, equal on both sides of one TLS
// session and on no other.
func keyingMaterial(c *tls.Conn) ([]byte, error) {
	state := c.ConnectionState()
	km, err := state.ExportKeyingMaterial(exporterLabel, nil, exporterSize)
	if err != nil {
		return nil, fmt.Errorf("exporting keying material: %w", err)
	}
	return km, nil
}
