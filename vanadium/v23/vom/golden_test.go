package vom_test

import (
	"bytes"
	"io"
	"math"
	"os"
	"reflect"
	"testing"
	"time"

	"v.io/v23/vdl"
	vdltime "v.io/v23/vdlroot/time"
	"v.io/v23/vom"
	. "v.io/v23/vom/internal/golden"
)

// The types of the vectors that belong to packages above this one.
type (
	blessingPattern string
	accessList      struct {
		In    []blessingPattern
		NotIn []string
	}
	permissions   map[string]accessList
	mountedServer struct {
		Server   string
		Deadline vdltime.Deadline
	}
	mountEntry struct {
		Name             string
		Servers          []mountedServer
		ServesMountTable bool
		IsLeaf           bool
	}
	localStruct struct {
		A int
		B string
		C []int
	}
)

func (blessingPattern) VDLReflect(struct {
	Name string `vdl:"v.io/v23/security.BlessingPattern"`
}) {
}

func (accessList) VDLReflect(struct {
	Name string `vdl:"v.io/v23/security/access.AccessList"`
}) {
}

func (permissions) VDLReflect(struct {
	Name string `vdl:"v.io/v23/security/access.Permissions"`
}) {
}

func (mountedServer) VDLReflect(struct {
	Name string `vdl:"v.io/v23/naming.MountedServer"`
}) {
}

func (mountEntry) VDLReflect(struct {
	Name string `vdl:"v.io/v23/naming.MountEntry"`
}) {
}

func (localStruct) VDLReflect(struct {
	Name string `vdl:"main.local"`
}) {
}

// goldenValues are the values of the vectors. Those of rpc are tested by package golden.
var goldenValues = map[string]any{
	"bool true":         true,
	"byte 129":          byte(129),
	"uint32 300":        uint32(300),
	"uint64 max":        uint64(math.MaxUint64),
	"int 5":             5,
	"int64 -1":          int64(-1),
	"int32 -200":        int32(-200),
	"float64 1.5":       1.5,
	"float32 0":         float32(0),
	"string abc":        "abc",
	"[]byte":            []byte{1, 2, 0x81},
	"[]string":          []string{"a", "b"},
	"Key":               Key("k"),
	"Ver 7":             Ver(7),
	"Op Get":            Op(1),
	"Names":             Names{"x"},
	"Arr":               Arr{1, 2, 3, 4},
	"IArr":              IArr{1, 0, -1},
	"[]int32":           []int32{1, 2},
	"set":               SetK{"q": {}},
	"map":               map[string]int64{"a": 1},
	"Entry2":            Entry2{},
	"*Entry2":           &Entry2{},
	"nil *Entry2":       (*Entry2)(nil),
	"Choice A ''":       ChoiceA{},
	"Choice B 3":        ChoiceB{Value: 3},
	"typeobject string": vdl.StringType,
	"typeobject Key":    vdl.TypeOf(Key("")),
	"nil any":           nil,
	"[]any":             []any{"a", uint16(2), nil, Key("z")},
	"local":             localStruct{1, "x", []int{3}},
	"time zero":         time.Time{},
	"time 2020":         time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC),
	"dur 1.5s":          1500 * time.Millisecond,
	"deadline none":     vdltime.Deadline{},
	"Perms":             permissions{"Read": {In: []blessingPattern{"a"}}},
	"MountEntry":        mountEntry{Name: "n", Servers: []mountedServer{{Server: "s"}}},
	"rec Entry":         Entry[permissions]{K: "k"},
}

func readVectors(t *testing.T) Vectors {
	t.Helper()
	file, err := os.Open("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := Parse(file)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestGoldenVectors(t *testing.T) {
	vectors := readVectors(t)
	for name, value := range goldenValues {
		t.Run(name, func(t *testing.T) {
			want, ok := vectors[name]
			if !ok {
				t.Fatalf("there is no vector %q", name)
			}
			got, err := vom.Encode(value)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("encoded as\n%x, want\n%x", got, want)
			}
			checkDecode(t, want, value)
		})
	}
}

// checkDecode decodes the vector as the type of the value and as a vdl.Value, and encodes both again.
func checkDecode(t *testing.T, data []byte, value any) {
	t.Helper()
	if value != nil {
		target := reflect.New(reflect.TypeOf(value))
		if reflect.TypeOf(value).Implements(reflect.TypeFor[Choice]()) {
			target = reflect.ValueOf(new(Choice))
		}
		if err := vom.Decode(data, target.Interface()); err != nil {
			t.Fatal(err)
		}
		if got := target.Elem().Interface(); !vdl.DeepEqual(got, value) {
			t.Errorf("decoded as %#v, want %#v", got, value)
		}
	}
	for _, generic := range []any{new(*vdl.Value), new(*vom.RawBytes), new(any)} {
		if err := vom.Decode(data, generic); err != nil {
			t.Fatalf("decoding into %T: %v", generic, err)
		}
		again, err := vom.Encode(reflect.ValueOf(generic).Elem().Interface())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%T encoded again as\n%x, want\n%x", generic, again, data)
		}
	}
}

func TestGoldenStreams(t *testing.T) {
	vectors := readVectors(t)
	var single, types, values bytes.Buffer
	enc := vom.NewEncoder(&single)
	for _, key := range []Key{"a", "b"} {
		if err := enc.Encode(key); err != nil {
			t.Fatal(err)
		}
	}
	if want := vectors["stream 2x Key"]; !bytes.Equal(single.Bytes(), want) {
		t.Errorf("stream is %x, want %x", single.Bytes(), want)
	}
	split := vom.NewEncoderWithTypeEncoder(&values, vom.NewTypeEncoder(&types))
	if err := split.Encode(Key("a")); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(types.Bytes(), vectors["split types"]) || !bytes.Equal(values.Bytes(), vectors["split values"]) {
		t.Errorf("split streams are %x and %x, want %x and %x",
			types.Bytes(), values.Bytes(), vectors["split types"], vectors["split values"])
	}
	dec := vom.NewDecoder(&single)
	splitDec := vom.NewDecoderWithTypeDecoder(&values, vom.NewTypeDecoder(&types))
	var got Key
	for i, d := range []*vom.Decoder{dec, dec, splitDec} {
		want := []Key{"a", "b", "a"}[i]
		if err := d.Decode(&got); err != nil || got != want {
			t.Errorf("value %d is %q, %v; want %q", i, got, err, want)
		}
	}
	if err := dec.Decode(&got); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}
