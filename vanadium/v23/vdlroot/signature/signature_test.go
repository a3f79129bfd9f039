package signature_test

import (
	"fmt"
	"reflect"
	"testing"

	"v.io/v23/vdl"
	"v.io/v23/vdlroot/signature"
	"v.io/v23/vom"
)

func store() []signature.Interface {
	get := signature.Method{
		Name:     "Get",
		InArgs:   []signature.Arg{{Name: "key", Type: vdl.StringType}},
		OutArgs:  []signature.Arg{{Type: vdl.ListType(vdl.ByteType)}},
		InStream: &signature.Arg{Type: vdl.BoolType},
		Tags:     []*vdl.Value{vdl.ValueOf("Read")},
	}
	put := signature.Method{Name: "Put"}
	return []signature.Interface{
		{Name: "Store", PkgPath: "example/kv", Methods: []signature.Method{put, get}},
		{Name: "Reader", PkgPath: "example/kv", Methods: []signature.Method{get}, Embeds: []signature.Embed{{Name: "X"}}},
	}
}

func TestTravels(t *testing.T) {
	data, err := vom.Encode(store())
	if err != nil {
		t.Fatal(err)
	}
	var got []signature.Interface
	if err := vom.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	if !vdl.DeepEqual(got, store()) || got[0].Methods[1].InStream.Type != vdl.BoolType {
		t.Errorf("%+v became %+v", store(), got)
	}
}

func TestCopiesAreDeep(t *testing.T) {
	original := store()
	copied := signature.CopyInterfaces(original)
	copied[0].Methods[1].InArgs[0].Name = "changed"
	copied[0].Methods[1].InStream.Name = "changed"
	copied[1].Embeds[0].Name = "changed"
	copied[0].Methods[0].Name = "changed"
	if !reflect.DeepEqual(original, store()) {
		t.Errorf("a change of the copy changed the original to %+v", original)
	}
	if signature.CopyInterfaces(nil) != nil {
		t.Error("the copy of nil is not nil")
	}
}

func TestFind(t *testing.T) {
	if m, ok := signature.FirstMethod(store(), "Get"); !ok || m.InArgs[0].Name != "key" {
		t.Errorf("found %+v, %v", m, ok)
	}
	if m, ok := signature.FirstMethod(store(), "Delete"); ok {
		t.Errorf("found %+v", m)
	}
}

func ExampleCleanInterfaces() {
	cleaned := signature.CleanInterfaces(store())
	fmt.Println(len(cleaned), cleaned[0].Methods[0].Name, signature.MethodNames(store()))
	// Output: 1 Get [Get Put]
}
