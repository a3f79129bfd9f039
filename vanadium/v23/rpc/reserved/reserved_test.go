package reserved_test

import (
	"errors"
	"fmt"
	"testing"

	"v.io/v23"
	"v.io/v23/context"
	"v.io/v23/rpc"
	"v.io/v23/rpc/reserved"
	"v.io/v23/security"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/verror"
	_ "v.io/x/ref/runtime/factories/generic"
	"v.io/x/ref/test"
)

// greeter is an object.
type greeter struct{}

// Greet greets.
func (greeter) Greet(_ *context.T, _ rpc.ServerCall, name string) (string, error) {
	return "hello " + name, nil
}

// TestMethodSignature checks what is told about methods, there and missing.
func TestMethodSignature(t *testing.T) {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	ctx, server, err := v23.WithNewServer(ctx, "", greeter{}, security.AllowEveryone())
	if err != nil {
		t.Fatal(err)
	}
	name := server.Status().Endpoints[0].Name()
	greet, err := reserved.MethodSignature(ctx, name, "Greet")
	if err != nil || greet.Name != "Greet" || len(greet.InArgs) != 1 || len(greet.OutArgs) != 1 {
		t.Errorf("Greet is %+v, %v", greet, err)
	}
	if _, err := reserved.MethodSignature(ctx, name, "Missing"); !errors.Is(err, verror.ErrUnknownMethod) {
		t.Errorf("a missing method: %v", err)
	}
}

// ExampleSignature asks an object what it can do.
func ExampleSignature() {
	ctx, shutdown := test.V23Init()
	defer shutdown()
	ctx, server, err := v23.WithNewServer(ctx, "", greeter{}, security.AllowEveryone())
	if err != nil {
		fmt.Println(err)
		return
	}
	interfaces, err := reserved.Signature(ctx, server.Status().Endpoints[0].Name())
	fmt.Println(signature.MethodNames(interfaces)[0], err)
	// Output: Greet <nil>
}
