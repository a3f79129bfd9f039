package golden_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"testing"

	"v.io/v23/context"
	"v.io/v23/naming"
	"v.io/v23/rpc"
	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/v23/verror"
	"v.io/v23/vom"
	"v.io/v23/vom/internal/golden"
)

// TestVectors checks the vectors whose types belong to the packages above vom.
func TestVectors(t *testing.T) {
	root, cancel := context.RootContext()
	defer cancel()
	ctx := verror.WithComponentName(root, "goldbin")
	errRetry := verror.NewIDAction("v.io/x/ref/lib/raft/kv.Retry", verror.RetryBackoff)
	retry := func(n int32) error { return errRetry.Errorf(ctx, "r %v", n) }
	values := map[string]any{
		"error std":    errors.New("boom"),
		"error verror": retry(4),
		"Request{}":    rpc.Request{},
		"Request":      rpc.Request{Suffix: "s", Method: "M", NumPosArgs: 2},
		"Response{}":   rpc.Response{},
		"Response err": rpc.Response{Error: retry(4), EndStreamResults: true},
		"Perms":        access.Permissions{"Read": {In: []security.BlessingPattern{"a"}}},
		"MountEntry":   naming.MountEntry{Name: "n", Servers: []naming.MountedServer{{Server: "s"}}},
		"rec Entry":    golden.Entry[access.Permissions]{K: "k"},
	}
	file, err := os.Open("../../testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := golden.Parse(file)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) { check(t, vectors[name], value) })
	}
}

func check(t *testing.T, want []byte, value any) {
	got, err := vom.Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("encoded as\n%x, want\n%x", got, want)
	}
	target := reflect.New(reflect.TypeOf(value))
	if _, ok := value.(error); ok {
		target = reflect.ValueOf(new(error))
	}
	if err := vom.Decode(want, target.Interface()); err != nil {
		t.Fatal(err)
	}
	decoded := target.Elem().Interface()
	if err, ok := value.(error); ok {
		if got := decoded.(error); verror.ErrorID(got) != verror.ErrorID(err) ||
			!reflect.DeepEqual(verror.Params(got)[2:], wireParams(t, err)[2:]) {
			t.Errorf("decoded as %#v, want %#v", got, err)
		}
	} else if !vdl.DeepEqual(decoded, value) {
		a, errA := vdl.ValueFrom(decoded)
		b, errB := vdl.ValueFrom(value)
		t.Errorf("decoded as\n%v (%v), want\n%v (%v)", a, errA, b, errB)
	}
	for _, generic := range []any{new(*vdl.Value), new(*vom.RawBytes)} {
		if err := vom.Decode(want, generic); err != nil {
			t.Fatal(err)
		}
		again, err := vom.Encode(reflect.ValueOf(generic).Elem().Interface())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, want) {
			t.Errorf("%T encoded again as\n%x, want\n%x", generic, again, want)
		}
	}
}

// wireParams returns the parameters that an error travels with, which errors of other packages get on the way.
func wireParams(t *testing.T, err error) []any {
	t.Helper()
	var wire vdl.WireError
	if err := verror.WireFromNative(&wire, err); err != nil {
		t.Fatal(err)
	}
	return verror.Params(verror.FromWire(&wire))
}
