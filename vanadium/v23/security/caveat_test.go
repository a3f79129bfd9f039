package security_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"v.io/v23/context"
	"v.io/v23/security"
	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
)

func TestStandardCaveats(t *testing.T) {
	now := time.Now()
	expiry := func(d time.Duration) security.Caveat { return must(security.NewExpiryCaveat(now.Add(d)))(t) }
	notBefore := func(d time.Duration) security.Caveat { return must(security.NewNotBeforeCaveat(now.Add(d)))(t) }
	peers := func(patterns ...security.BlessingPattern) security.Caveat {
		return must(security.NewCaveat(security.PeerBlessingsCaveat, patterns))(t)
	}
	of := func(kind uniqueid.Id, param ...byte) security.Caveat {
		return security.Caveat{Id: kind, ParamVom: param}
	}
	for name, test := range map[string]struct {
		caveat security.Caveat
		want   error // nil if the caveat holds.
	}{
		"unconstrained":     {security.UnconstrainedUse(), nil},
		"const true":        {must(security.NewCaveat(security.ConstCaveat, true))(t), nil},
		"const false":       {must(security.NewCaveat(security.ConstCaveat, false))(t), security.ErrConstCaveatValidation},
		"expires later":     {expiry(time.Minute), nil},
		"expires now":       {expiry(0), nil},
		"expired":           {expiry(-time.Nanosecond), security.ErrExpiryCaveatValidation},
		"began":             {notBefore(-time.Minute), nil},
		"begins now":        {notBefore(0), nil},
		"begins later":      {notBefore(time.Nanosecond), security.ErrNotBeforeCaveatValidation},
		"method":            {must(security.NewMethodCaveat("Other", "M"))(t), nil},
		"other method":      {must(security.NewMethodCaveat("m", "MM"))(t), security.ErrMethodCaveatValidation},
		"peer":              {peers("other", "server"), nil},
		"peer's delegator":  {peers("server:x"), security.ErrPeerBlessingsCaveatValidation},
		"no peer":           {peers(), security.ErrPeerBlessingsCaveatValidation},
		"unknown kind":      {of(uniqueid.Id{0xff}, 0x81, 0x02, 0x01), security.ErrCaveatNotRegistered},
		"no parameter":      {of(security.ExpiryCaveat.Id), security.ErrCaveatParamCoding},
		"garbage":           {of(security.ExpiryCaveat.Id, 1, 2, 3), security.ErrCaveatParamCoding},
		"parameter of kind": {of(security.ExpiryCaveat.Id, 0x81, 0x02, 0x01), security.ErrCaveatParamCoding},
	} {
		t.Run(name, func(t *testing.T) {
			server := newNamed(t, "server")
			params := newCall(server, server, "M")
			params.Timestamp = now
			err := test.caveat.Validate(nil, security.NewCall(params))
			if test.want == nil && err != nil || !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if test.caveat.String() == "" {
				t.Error("the caveat has no description")
			}
			checkInBlessing(t, server, params, test.caveat, test.want)
		})
	}
}

// checkInBlessing asserts that caveat decides in the same way on a certificate,
// repeatedly, since the decoded parameter is remembered.
func checkInBlessing(t *testing.T, server security.Principal, params *security.CallParams,
	caveat security.Caveat, want error) {
	t.Helper()
	params.RemoteBlessings = bless(t, server, newPrincipal(t), "client", caveat)
	for range 2 {
		names, rejected := security.RemoteBlessingNames(nil, security.NewCall(params))
		if want == nil {
			if len(names) != 1 || len(rejected) != 0 {
				t.Errorf("names %v, rejected %v", names, rejected)
			}
			continue
		}
		if len(names) != 0 || len(rejected) != 1 || !errors.Is(rejected[0].Err, want) ||
			rejected[0].Blessing != "server:client" {
			t.Errorf("names %v, rejected %v, want error %v", names, rejected, want)
		}
	}
}

func TestCaveatOnAnyCertificateCounts(t *testing.T) {
	root, middle, leaf := newNamed(t, "root"), newPrincipal(t), newPrincipal(t)
	never := must(security.NewCaveat(security.ConstCaveat, false))(t)
	for i := range 2 {
		caveats := []security.Caveat{security.UnconstrainedUse(), security.UnconstrainedUse()}
		caveats[i] = never
		user := bless(t, root, middle, "user", caveats[0])
		params := newCall(root, root, "M")
		params.RemoteBlessings = must(middle.Bless(leaf.PublicKey(), user, "tool", caveats[1]))(t)
		if names, _ := security.RemoteBlessingNames(nil, security.NewCall(params)); len(names) != 0 {
			t.Errorf("caveat on certificate %d ignored: names %v", i+2, names)
		}
	}
}

func TestNewCaveatRefusals(t *testing.T) {
	_, err := security.NewCaveat(security.ExpiryCaveat, "tomorrow")
	if !errors.Is(err, security.ErrCaveatParamTypeMismatch) {
		t.Errorf("wrong type: %v", err)
	}
	anyKind := security.CaveatDescriptor{Id: uniqueid.Id{0xaa}, ParamType: vdl.AnyType}
	if _, err := security.NewCaveat(anyKind, "x"); !errors.Is(err, security.ErrCaveatParamAny) {
		t.Errorf("any: %v", err)
	}
	if _, err := security.NewMethodCaveat("M", ""); err == nil {
		t.Error("an empty method name was accepted")
	}
}

// sizeLimit is the parameter of a kind of caveat that only this test knows.
type sizeLimit struct{ Bytes int32 }

func TestRegisterCaveatValidator(t *testing.T) {
	id := must(uniqueid.Random())(t) // kinds are registered for good, and tests may run again.
	kind := security.CaveatDescriptor{Id: id, ParamType: vdl.TypeOf(sizeLimit{})}
	tooLong := errors.New("too long")
	validator := func(_ *context.T, call security.Call, limit sizeLimit) error {
		if len(call.Suffix()) > int(limit.Bytes) {
			return tooLong
		}
		return nil
	}
	caveat := must(security.NewCaveat(kind, sizeLimit{3}))(t)
	server := newNamed(t, "server")
	params := newCall(server, server, "M")
	params.RemoteBlessings = bless(t, server, newPrincipal(t), "client", caveat)
	if _, rejected := security.RemoteBlessingNames(nil, security.NewCall(params)); len(rejected) != 1 {
		t.Errorf("before the kind is registered: rejected %v", rejected)
	}
	security.RegisterCaveatValidator(kind, validator)
	params.Suffix = "abc"
	if names, rejected := security.RemoteBlessingNames(nil, security.NewCall(params)); len(names) != 1 {
		t.Errorf("rejected %v", rejected)
	}
	params.Suffix = "abcd"
	_, rejected := security.RemoteBlessingNames(nil, security.NewCall(params))
	if len(rejected) != 1 || !errors.Is(rejected[0].Err, tooLong) {
		t.Errorf("rejected %v, want %v", rejected, tooLong)
	}
	mustPanic(t, "registered already", func() { security.RegisterCaveatValidator(kind, validator) })
}

func TestRegisterCaveatValidatorPanics(t *testing.T) {
	kind := security.CaveatDescriptor{Id: uniqueid.Id{0xbb}, ParamType: vdl.StringType}
	mustPanic(t, "not a function", func() { security.RegisterCaveatValidator(kind, nil) })
	mustPanic(t, "not a function", func() { security.RegisterCaveatValidator(kind, 7) })
	mustPanic(t, "want func", func() { security.RegisterCaveatValidator(kind, func(string) error { return nil }) })
	mustPanic(t, "wants a string", func() {
		security.RegisterCaveatValidator(kind, func(*context.T, security.Call, int32) error { return nil })
	})
	kind.ParamType = vdl.AnyType
	mustPanic(t, "type any", func() {
		security.RegisterCaveatValidator(kind, func(*context.T, security.Call, any) error { return nil })
	})
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got, _ := recover().(string)
		if !strings.Contains(got, want) {
			t.Errorf("panicked with %q, want %q in it", got, want)
		}
	}()
	f()
}

func FuzzValidateCaveat(f *testing.F) {
	server := newNamed(f, "server")
	call := security.NewCall(newCall(server, server, "M"))
	kinds := []security.CaveatDescriptor{
		security.ConstCaveat, security.ExpiryCaveat, security.NotBeforeCaveat, security.MethodCaveat,
		security.PeerBlessingsCaveat, security.PublicKeyThirdPartyCaveat,
	}
	f.Add(byte(0), []byte{0x81, 0x02, 0x01})
	f.Add(byte(1), must(security.NewExpiryCaveat(time.Now()))(f).ParamVom)
	f.Add(byte(3), must(security.NewMethodCaveat("M"))(f).ParamVom)
	f.Add(byte(5), newThirdParty(f, server).ParamVom)
	f.Fuzz(func(t *testing.T, kind byte, param []byte) {
		caveat := security.Caveat{Id: kinds[int(kind)%len(kinds)].Id, ParamVom: param}
		thirdParty := caveat.Id == security.PublicKeyThirdPartyCaveat.Id
		if err := caveat.Validate(nil, call); err == nil && thirdParty {
			t.Error("a third-party caveat holds without a discharge")
		}
		if details := caveat.ThirdPartyDetails(); details != nil && !thirdParty {
			t.Error("third-party details of another kind of caveat")
		}
	})
}
