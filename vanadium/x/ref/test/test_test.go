package test_test

import (
	"fmt"
	"testing"

	v23 "v.io/v23"
	"v.io/v23/security"

	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test"
)

func TestV23InitDependsOnNothingOutside(t *testing.T) {
	t.Setenv("V23_NAMESPACE", "/example.com:1")
	for range 2 {
		ctx, shutdown := test.V23Init()
		if got := v23.GetListenSpec(ctx).Addrs; len(got) != 1 || got[0].Address != "127.0.0.1:0" {
			t.Errorf("servers would listen on %v", got)
		}
		if got := security.DefaultBlessingNames(v23.GetPrincipal(ctx)); len(got) != 1 || got[0] != test.TestBlessing {
			t.Errorf("blessings %v, want %v", got, test.TestBlessing)
		}
		if got := v23.GetNamespace(ctx).Roots(); len(got) != 0 {
			t.Errorf("roots %v, want none", got)
		}
		shutdown()
	}
}

func ExampleV23Init() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	fmt.Println(security.DefaultBlessingNames(v23.GetPrincipal(ctx)))
	// Output: [test-blessing]
}
