package golang_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"v.io/v23/security"
	"v.io/v23/security/access"
	"v.io/v23/vdl"
	"v.io/v23/verror"
	"v.io/v23/vom"
	"v.io/x/ref/lib/vdl/golang/testdata/kv"
)

// vectors returns the recorded encodings by name.
func vectors(t *testing.T) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/kv/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]byte)
	for line := range strings.Lines(string(text)) {
		name, digits, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			continue
		}
		if found[name], err = hex.DecodeString(digits); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return found
}

func entry(key string) kv.Entry {
	return kv.Entry{K: kv.Key(key), A: vom.RawBytesOf(vdl.ZeroValue(vdl.AnyType)), T: vdl.AnyType, U: kv.ChoiceA{}}
}

// TestVectors encodes values of generated types to exactly the recorded bytes, and decodes these to the values.
func TestVectors(t *testing.T) {
	values := map[string]any{
		"Key":            kv.Key("k"),
		"Ver 7":          kv.Ver(7),
		"Op Get":         kv.OpGet,
		"Names":          kv.Names{"x"},
		"Arr":            kv.Arr{1, 2, 3, 4},
		"IArr":           kv.IArr{1, 0, -1},
		"set":            kv.SetK{"q": {}},
		"Entry2":         kv.Entry2{},
		"*Entry2":        &kv.Entry2{},
		"nil *Entry2":    (*kv.Entry2)(nil),
		"Choice A ''":    kv.ChoiceA{},
		"Choice B 3":     kv.ChoiceB{Value: 3},
		"typeobject Key": vdl.TypeOf(kv.Key("")),
		"Perms":          access.Permissions{"Read": {In: []security.BlessingPattern{"a"}}},
		"rec Entry":      entry("k"),
		"time zero":      time.Time{},
		"dur 1.5s":       1500 * time.Millisecond,
	}
	recorded := vectors(t)
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			if recorded[name] == nil {
				t.Fatal("no such vector")
			}
			checkVector(t, value, recorded[name])
		})
	}
}

func checkVector(t *testing.T, value any, want []byte) {
	t.Helper()
	got, err := vom.Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("encoded as\n%x, want\n%x", got, want)
	}
	target := reflect.New(reflect.TypeOf(value))
	if union, ok := value.(kv.Choice); ok {
		var choice kv.Choice
		if err := vom.Decode(want, &choice); err != nil {
			t.Fatal(err)
		}
		target.Elem().Set(reflect.ValueOf(choice))
		value = union
	} else if err := vom.Decode(want, target.Interface()); err != nil {
		t.Fatal(err)
	}
	if decoded := target.Elem().Interface(); !vdl.DeepEqual(decoded, value) {
		t.Errorf("decoded as %#v, want %#v", decoded, value)
	}
}

// TestVectorError decodes the recorded encoding of kv.Retry, whose parameters are a component, an operation and x.
func TestVectorError(t *testing.T) {
	var err error
	if decodeErr := vom.Decode(vectors(t)["error verror"], &err); decodeErr != nil {
		t.Fatal(decodeErr)
	}
	if !errors.Is(err, kv.ErrRetry) {
		t.Errorf("%v is not kv.ErrRetry", err)
	}
	if action := verror.Action(err); action != verror.RetryBackoff {
		t.Errorf("action %v, want RetryBackoff", action)
	}
	component, operation, x, err := kv.ParamsErrRetry(err)
	if component != "goldbin" || operation != "" || x != 4 || err != nil {
		t.Errorf("parameters %q, %q, %d, %v", component, operation, x, err)
	}
}
