package golang_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"v.io/v23/uniqueid"
	"v.io/v23/vdl"
	vdltime "v.io/v23/vdlroot/time"
	"v.io/v23/verror"
	"v.io/v23/vom"
	"v.io/v23/vtrace"
	"v.io/x/ref/lib/vdl/golang/testdata/features"
)

var (
	noAny  = vom.RawBytesOf(vdl.ZeroValue(vdl.AnyType))
	moment = time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
)

// tree returns a tree of the depth that contains itself in all ways.
func tree(depth int) features.Tree {
	if depth == 0 {
		return features.Tree{Value: noAny, Shape: features.ShapeKind{Value: vdl.AnyType}}
	}
	left, leaf := tree(depth-1), tree(0)
	return features.Tree{
		Left:     &left,
		Right:    &leaf,
		Children: []features.Tree{tree(depth - 1), leaf},
		Named:    map[string]features.Tree{"one": tree(depth - 1)},
		Value:    vom.RawBytesOf(features.Point{X: 1, Y: int32(depth)}),
		Shape:    features.ShapeParts{Value: map[string]features.Shape{"p": features.ShapePolygon{Value: features.Line}}},
	}
}

func scalars() features.Scalars {
	return features.Scalars{
		A: true, B: math.MaxUint8, C: math.MaxUint16, D: math.MaxUint32, E: math.MaxUint64, F: math.MinInt8,
		G: math.MinInt16, H: math.MinInt32, I: math.MinInt64, J: math.MaxFloat32, K: -math.SmallestNonzeroFloat64,
		L: "é", M: vdl.TypeOf(features.Shapes{}),
	}
}

// everything returns a value none of whose fields is zero. Its sets and maps have one entry, so that its encoding is
// unique.
func everything() features.Everything {
	root := tree(2)
	at := moment
	return features.Everything{
		Scalars: scalars(), Bit: true, Octet: 200, Small: -5, Ratio: 0.25, Label: "l",
		Octets: features.Octets{1, 255}, Plain: features.Plain{3}, Cube: features.Cube{1: {0: 7}},
		Id: features.Id{3: 1}, Tagged: features.Tagged{1: 9}, Words: features.Words{"", "w"},
		Shapes: features.Shapes{features.ShapeCircle{Value: features.Unit}, features.ShapeKey{Value: features.Id{1}}},
		Flags:  features.Flags{features.ColorGreeN: {}},
		Index:  features.Index{features.Corner: {"a", "b"}},
		Nested: features.Nested{nil, {"k": {{5: {}}}}},
		Alias:  features.Alias(scalars()), Color: features.ColorGreen, Point: features.Corner,
		Shape: features.ShapeChunk{Value: features.Octets{4}}, Tree: tree(1), Optional: &root,
		Any: vom.RawBytesOf(features.ColorGreen), Type: vdl.TypeOf(map[string][]features.Tree{}),
		Error: features.ErrorfOdd(nil, "odd", "a", features.Unit, nil, nil, nil, features.Round, vdl.BoolType),
		Time:  moment, Duration: -time.Millisecond, Times: []time.Time{{}, moment},
		ByTime: map[string]time.Duration{"s": time.Second}, MaybeAt: &at,
		Pattern: "a:b", Unique: uniqueid.Id{1}, Uniques: []uniqueid.Id{{}, {2}},
		Trace: vtrace.Request{LogLevel: 1}, MayTrace: &vtrace.Request{Flags: 1},
		Bytes: [][]byte{nil, {1}}, Types: []*vdl.Type{vdl.AnyType, vdl.StringType},
		Anys: []*vom.RawBytes{noAny, vom.RawBytesOf("x")}, Errors: []error{nil, verror.ErrAborted.Errorf(nil, "a")},
		Colors: []features.Color{features.ColorRed, features.ColorGreen}, Trees: []*features.Tree{nil, &root},
		Octetss: [][]features.Octet{{1}, nil}, IdSet: map[features.Id]struct{}{{1}: {}},
		BitSet: map[bool]struct{}{true: {}}, Strings: map[string]string{"k": "v"},
	}
}

// TestRoundTrip encodes and decodes values through generated code, and compares the encoding with that of the
// representation by vdl.Value, which generated code has no part in.
func TestRoundTrip(t *testing.T) {
	var zero features.Everything
	if err := vom.Decode(mustEncode(t, features.Everything{}), &zero); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]features.Everything{"zero": zero, "full": everything()} {
		encoded := mustEncode(t, value)
		var decoded features.Everything
		if err := vom.Decode(encoded, &decoded); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !vdl.DeepEqual(decoded, value) {
			t.Errorf("%s: decoded as\n%+v, want\n%+v", name, decoded, value)
		}
		if again := mustEncode(t, decoded); !bytes.Equal(again, encoded) {
			t.Errorf("%s: encoded again as\n%x, want\n%x", name, again, encoded)
		}
		if generic := mustEncode(t, vdl.ValueOf(value)); !bytes.Equal(generic, encoded) {
			t.Errorf("%s: the vdl.Value is encoded as\n%x, want\n%x", name, generic, encoded)
		}
	}
	if full := everything(); full.VDLIsZero() || !zero.VDLIsZero() {
		t.Error("VDLIsZero is wrong")
	}
}

func mustEncode(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := vom.Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// TestDeadline encodes a deadline as the time that is left.
func TestDeadline(t *testing.T) {
	in := features.Everything{Deadline: vdltime.Deadline{Time: time.Now().Add(time.Hour)}}
	var out features.Everything
	if err := vom.Decode(mustEncode(t, in), &out); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(out.Deadline.Time); left < 59*time.Minute || left > 61*time.Minute {
		t.Errorf("%v are left of an hour", left)
	}
}

// TestOtherStruct decodes structs with other fields, by their names.
func TestOtherStruct(t *testing.T) {
	type older struct {
		Y       int64
		Unknown []string
	}
	var point features.Point
	if err := vom.Decode(mustEncode(t, older{Y: 7, Unknown: []string{"a"}}), &point); err != nil {
		t.Fatal(err)
	}
	if point != (features.Point{Y: 7}) {
		t.Errorf("decoded as %+v", point)
	}
}

// TestStale replaces what was in a variable before.
func TestStale(t *testing.T) {
	value := everything()
	if err := vom.Decode(mustEncode(t, features.Everything{}), &value); err != nil {
		t.Fatal(err)
	}
	if !value.VDLIsZero() {
		t.Errorf("remains of an earlier value: %+v", value)
	}
}

// TestWrong decodes values that do not fit.
func TestWrong(t *testing.T) {
	for want, decode := range map[string]func() error{
		"unknown label": func() error {
			var color features.Color
			return vom.Decode(mustEncode(t, "Purple"), &color)
		},
		"elements": func() error {
			var words features.Words
			return vom.Decode(mustEncode(t, []string{"a", "b", "c"}), &words)
		},
		"element": func() error {
			var words features.Words
			return vom.Decode(mustEncode(t, []string{"a"}), &words)
		},
		"": func() error {
			var words features.Words
			return vom.Decode(mustEncode(t, features.Point{}), &words)
		},
	} {
		if err := decode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestEnum(t *testing.T) {
	for _, color := range features.ColorAll {
		if got, err := features.ColorFromString(color.String()); got != color || err != nil {
			t.Errorf("ColorFromString(%q) = %v, %v", color, got, err)
		}
	}
	if color, err := features.ColorFromString("red"); color != features.ColorRed || err != nil {
		t.Errorf("red: %v, %v", color, err)
	}
	if color, err := features.ColorFromString("blue"); color != -1 || err == nil || color.String() != "" {
		t.Errorf("blue: %d, %v", color, err)
	}
}

// TestErrorParams sends an error and takes its parameters out again.
func TestErrorParams(t *testing.T) {
	sent := features.ErrorfOdd(nil, "odd %v", "c", features.Unit, verror.ErrBadArg.Errorf(nil, "b"), nil,
		vom.RawBytesOf("any"), features.Round, vdl.TypeOf(features.Id{}))
	var received error
	if err := vom.Decode(mustEncode(t, &sent), &received); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(received, features.ErrOdd) || verror.Action(received) != verror.RetryConnection {
		t.Errorf("received %v, action %v", received, verror.Action(received))
	}
	for _, err := range []error{sent, received} {
		_, _, ctx, format, inner, value, tmp, shape, typ, failure := features.ParamsErrOdd(err)
		if ctx != "c" || format != features.Unit || !errors.Is(inner, verror.ErrBadArg) || value != nil ||
			!vdl.DeepEqual(tmp, vom.RawBytesOf("any")) || !vdl.DeepEqual(shape, features.Round) ||
			typ != vdl.TypeOf(features.Id{}) || failure != nil {
			t.Errorf("parameters %v, %v, %v, %v, %v, %v, %v, %v", ctx, format, inner, value, tmp, shape, typ, failure)
		}
	}
	if _, _, _, _, _, _, _, _, _, err := features.ParamsErrOdd(errors.New("plain")); err == nil {
		t.Error("a plain error has parameters")
	}
	if _, _, _, _, _, _, _, _, _, err := features.ParamsErrOdd(features.ErrorfTimed(nil, "t", moment, nil)); err == nil {
		t.Error("an error of another kind has the parameters")
	}
}
