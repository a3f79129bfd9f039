package security

import (
	"errors"
	"time"
)

var (
	errNoPrivateKey    = errors.New("security: principal has no private key")
	errNoBlessingStore = errors.New("security: principal has no blessing store")
	errNoBlessingRoots = errors.New("security: principal has no blessing roots")
)

// keyOnlySigner stands for a private key that is not there.
type keyOnlySigner struct{ key PublicKey }

func (s keyOnlySigner) PublicKey() PublicKey { return s.key }

func (s keyOnlySigner) Sign(_, _ []byte) (Signature, error) { return Signature{}, errNoPrivateKey }

// noStore is the blessing store of a principal that was given none.
type noStore struct{ key PublicKey }

func (s noStore) PublicKey() PublicKey { return s.key }
func (s noStore) Set(Blessings, BlessingPattern) (Blessings, error) {
	return Blessings{}, errNoBlessingStore
}
func (s noStore) ForPeer(...string) Blessings                  { return Blessings{} }
func (s noStore) SetDefault(Blessings) error                   { return errNoBlessingStore }
func (s noStore) Default() (Blessings, <-chan struct{})        { return Blessings{}, nil }
func (s noStore) PeerBlessings() map[BlessingPattern]Blessings { return nil }
func (s noStore) ClearDischarges(...Discharge)                 {}
func (s noStore) DebugString() string                          { return errNoBlessingStore.Error() }

func (s noStore) CacheDischarge(Discharge, Caveat, DischargeImpetus) error { return errNoBlessingStore }

func (s noStore) Discharge(Caveat, DischargeImpetus) (Discharge, time.Time) {
	return Discharge{}, time.Time{}
}

// noRoots are the roots of a principal that was given none: nobody is trusted.
type noRoots struct{}

func (noRoots) Add([]byte, BlessingPattern) error         { return errNoBlessingRoots }
func (noRoots) Recognized([]byte, string) error           { return errNoBlessingRoots }
func (noRoots) RecognizedCert(*Certificate, string) error { return errNoBlessingRoots }
func (noRoots) Dump() map[BlessingPattern][]PublicKey     { return nil }
func (noRoots) DebugString() string                       { return errNoBlessingRoots.Error() }
