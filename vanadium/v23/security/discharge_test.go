package security_test

import (
	"errors"
	"testing"
	"time"

	"v.io/v23/security"
	"v.io/v23/vom"
)

func newThirdParty(tb testing.TB, discharger security.Principal, caveats ...security.Caveat) security.Caveat {
	tb.Helper()
	if len(caveats) == 0 {
		caveats = []security.Caveat{security.UnconstrainedUse()}
	}
	return must(security.NewPublicKeyCaveat(discharger.PublicKey(), "discharger/name",
		security.ThirdPartyRequirements{ReportMethod: true}, caveats[0], caveats[1:]...))(tb)
}

func TestThirdPartyCaveatNeedsItsDischarge(t *testing.T) {
	server, discharger := newNamed(t, "server"), newPrincipal(t)
	caveat := newThirdParty(t, discharger)
	mint := func(by security.Principal, for_ security.Caveat, caveats ...security.Caveat) security.Discharge {
		caveats = append(caveats, security.UnconstrainedUse())
		return must(by.MintDischarge(for_, caveats[0], caveats[1:]...))(t)
	}
	never := must(security.NewCaveat(security.ConstCaveat, false))(t)
	expired := must(security.NewExpiryCaveat(time.Now().Add(-time.Hour)))(t)
	valid := mint(discharger, caveat)
	forged := valid
	for name, test := range map[string]struct {
		discharges []security.Discharge
		holds      bool
	}{
		"none":               {nil, false},
		"zero":               {[]security.Discharge{{}}, false},
		"the one":            {[]security.Discharge{valid}, true},
		"among others":       {[]security.Discharge{mint(discharger, caveat, never), {}, valid}, true},
		"of another caveat":  {[]security.Discharge{mint(discharger, newThirdParty(t, discharger))}, false},
		"that never holds":   {[]security.Discharge{mint(discharger, caveat, never)}, false},
		"expired":            {[]security.Discharge{mint(discharger, caveat, expired)}, false},
		"itself third-party": {[]security.Discharge{mint(discharger, caveat, caveat)}, false},
		"forged":             {[]security.Discharge{tamperDischarge(t, forged)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			params := newCall(server, server, "M")
			params.RemoteBlessings = bless(t, server, newPrincipal(t), "client", caveat)
			params.RemoteDischarges = test.discharges
			names, rejected := security.RemoteBlessingNames(nil, security.NewCall(params))
			if (len(names) == 1) != test.holds {
				t.Errorf("names %v, rejected %v, want to hold: %t", names, rejected, test.holds)
			}
		})
	}
}

// tamperDischarge returns d with another signature, which it sends over the wire
// to have it decoded.
func tamperDischarge(t *testing.T, d security.Discharge) security.Discharge {
	t.Helper()
	var wire security.WireDischarge
	if err := security.WireDischargeFromNative(&wire, d); err != nil {
		t.Fatal(err)
	}
	public, ok := wire.(security.WireDischargePublicKey)
	if !ok {
		t.Fatalf("the discharge is a %T", wire)
	}
	public.Value.Caveats = nil
	var tampered security.Discharge
	if err := security.WireDischargeToNative(public, &tampered); err != nil {
		t.Fatal(err)
	}
	return tampered
}

func TestThirdPartyDetails(t *testing.T) {
	discharger := newNamed(t, "discharger")
	expired := must(security.NewExpiryCaveat(time.Now().Add(-time.Hour)))(t)
	caveat := newThirdParty(t, discharger, expired)
	details := caveat.ThirdPartyDetails()
	if details == nil || details.ID() == "" || details.Location() != "discharger/name" ||
		details.Requirements() != (security.ThirdPartyRequirements{ReportMethod: true}) {
		t.Fatalf("details %v", details)
	}
	err := details.Dischargeable(nil, security.NewCall(newCall(discharger, discharger, "Discharge")))
	if !errors.Is(err, security.ErrExpiryCaveatValidation) {
		t.Errorf("dischargeable: %v", err)
	}
	unconstrained := security.UnconstrainedUse()
	if unconstrained.ThirdPartyDetails() != nil {
		t.Error("a first-party caveat has third-party details")
	}
	blessings := bless(t, discharger, newPrincipal(t), "x", caveat, caveat, unconstrained)
	if found := blessings.ThirdPartyCaveats(); len(found) != 1 || found[0].Id != caveat.Id {
		t.Errorf("third-party caveats %v", found)
	}
}

func TestMintDischargeRefusals(t *testing.T) {
	discharger, other := newPrincipal(t), newPrincipal(t)
	caveat := newThirdParty(t, discharger)
	if d, err := other.MintDischarge(caveat, security.UnconstrainedUse()); err == nil {
		t.Errorf("another principal minted %v", d.ID())
	}
	if d, err := discharger.MintDischarge(security.UnconstrainedUse(), security.UnconstrainedUse()); err == nil {
		t.Errorf("discharged a first-party caveat: %v", d.ID())
	}
	caveat.ParamVom = caveat.ParamVom[:len(caveat.ParamVom)/2]
	if d, err := discharger.MintDischarge(caveat, security.UnconstrainedUse()); err == nil {
		t.Errorf("discharged a malformed caveat: %v", d.ID())
	}
	if _, err := security.NewPublicKeyCaveat(nil, "", security.ThirdPartyRequirements{}, caveat); err == nil {
		t.Error("a third-party caveat without a discharger was made")
	}
}

func TestDischargeTravels(t *testing.T) {
	discharger := newPrincipal(t)
	caveat := newThirdParty(t, discharger)
	expiry := time.Now().Add(time.Hour).UTC()
	discharge := must(discharger.MintDischarge(caveat, must(security.NewExpiryCaveat(expiry))(t)))(t)
	var again security.Discharge
	if err := vom.Decode(must(vom.Encode(discharge))(t), &again); err != nil {
		t.Fatal(err)
	}
	if again.ID() != caveat.ThirdPartyDetails().ID() || !again.Expiry().Equal(expiry) ||
		again.ThirdPartyCaveats() != nil {
		t.Errorf("discharge %q, expires %v", again.ID(), again.Expiry())
	}
	server := newNamed(t, "server")
	params := newCall(server, server, "M")
	params.RemoteDischarges = []security.Discharge{again}
	if err := caveat.Validate(nil, security.NewCall(params)); err != nil {
		t.Error(err)
	}
}
