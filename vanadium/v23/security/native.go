package security

import "v.io/v23/vdl"

func init() {
	vdl.RegisterNative(WireBlessingsToNative, WireBlessingsFromNative)
	vdl.RegisterNativeIsZero(Blessings{})
	vdl.RegisterNative(WireDischargeToNative, WireDischargeFromNative)
}
