package signature_test

import (
	"fmt"
	"reflect"
	"testing"

	"v.io/v23/vdl"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/vom"
)

// sample returns two interfaces that share a method.
func sample() []signature.Interface {
	return []signature.Interface{
		{
			Name: "Store", PkgPath: "p", Doc: "// Store stores.", Embeds: []signature.Embed{{Name: "Base", PkgPath: "q"}},
			Methods: []signature.Method{
				{Name: "Watch", InStream: &signature.Arg{Type: vdl.StringType}, OutStream: &signature.Arg{Name: "o",
					Type: vdl.BoolType}},
				{Name: "Get", InArgs: []signature.Arg{{Name: "key", Type: vdl.StringType}},
					OutArgs: []signature.Arg{{Type: vdl.Int64Type}}, Tags: []*vdl.Value{vdl.ValueOf("Read")}},
			},
		},
		{Name: "Base", PkgPath: "q", Methods: []signature.Method{{Name: "Get"}}},
	}
}

// TestCopy checks that copies are equal and share nothing that can change.
func TestCopy(t *testing.T) {
	original := sample()
	copied := signature.CopyInterfaces(original)
	if !reflect.DeepEqual(original, copied) {
		t.Errorf("the copy is %+v", copied)
	}
	copied[0].Embeds[0].Name = "x"
	copied[0].Methods[0].InStream.Name = "x"
	copied[0].Methods[1].InArgs[0].Name = "x"
	copied[0].Methods[1].Tags[0] = nil
	if !reflect.DeepEqual(original, sample()) {
		t.Error("a change of the copy changes the original")
	}
	if signature.CopyInterfaces(nil) != nil {
		t.Error("nil becomes something")
	}
}

// TestFind checks how methods are found and listed.
func TestFind(t *testing.T) {
	interfaces := sample()
	if m, ok := signature.FirstMethod(interfaces, "Get"); !ok || len(m.InArgs) != 1 {
		t.Errorf("Get is %+v, %v", m, ok)
	}
	if _, ok := signature.FirstMethod(interfaces, "Missing"); ok {
		t.Error("a missing method is found")
	}
	if names := signature.MethodNames(interfaces); !reflect.DeepEqual(names, []string{"Get", "Watch"}) {
		t.Errorf("the names are %v", names)
	}
}

// TestClean checks that methods are sorted, and that interfaces that add nothing are dropped.
func TestClean(t *testing.T) {
	cleaned := signature.CleanInterfaces(sample())
	if len(cleaned) != 1 || cleaned[0].Methods[0].Name != "Get" || cleaned[0].Methods[1].Name != "Watch" {
		t.Errorf("cleaned are %+v", cleaned)
	}
}

// TestTravel checks that a signature arrives as it was sent.
func TestTravel(t *testing.T) {
	data, err := vom.Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	var got []signature.Interface
	if err := vom.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	if !vdl.DeepEqual(got, sample()) {
		t.Errorf("it arrives as %+v", got)
	}
	if got[0].Methods[1].OutArgs[0].Type != vdl.Int64Type || got[0].Methods[1].InStream != nil {
		t.Errorf("its types are %+v", got[0].Methods[1])
	}
}

// ExampleMethodNames lists methods.
func ExampleMethodNames() {
	fmt.Println(signature.MethodNames(sample()))
	// Output: [Get Watch]
}
