package vom_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"v.io/v23/vdl"
	"v.io/v23/vom"
	. "v.io/v23/vom/internal/golden"
)

type tree struct {
	Name     string
	Children []tree
	Any      any
	Type     *vdl.Type
}

func leafy(depth int) tree {
	if depth == 0 {
		return tree{Name: "leaf", Any: Key("k"), Type: vdl.TypeOf(Op(0))}
	}
	return tree{Children: []tree{leafy(depth - 1), leafy(depth - 1)}, Any: []any{depth, nil, Op(1)}}
}

// TestSplitStreamsConcurrently shares one stream of types among streams of values, as the calls on a connection do.
func TestSplitStreamsConcurrently(t *testing.T) {
	typesR, typesW := io.Pipe()
	types, typesDec := vom.NewTypeEncoder(typesW), vom.NewTypeDecoder(typesR)
	typesDec.Start()
	var wg sync.WaitGroup
	for i := range 20 {
		valuesR, valuesW := io.Pipe()
		values := []any{leafy(3), Key(fmt.Sprint(i)), []string{"a"}, map[string]Ver{"v": Ver(i)}, &Entry2{}, i}
		wg.Go(func() {
			enc := vom.NewEncoderWithTypeEncoder(valuesW, types)
			for j := range values {
				if err := enc.Encode(values[(i+j)%len(values)]); err != nil {
					t.Error(err)
				}
			}
			if err := valuesW.Close(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			dec := vom.NewDecoderWithTypeDecoder(valuesR, typesDec)
			for j := range values {
				want := vdl.ValueOf(values[(i+j)%len(values)])
				var got *vdl.Value
				if err := dec.Decode(&got); err != nil || !vdl.EqualValue(got, want) {
					t.Errorf("stream %d: %v became %v, %v", i, want, got, err)
				}
			}
			if err := dec.Decode(new(any)); err != io.EOF {
				t.Errorf("at the end: %v, want io.EOF", err)
			}
		})
	}
	wg.Wait()
	if err := typesW.Close(); err != nil {
		t.Error(err)
	}
	typesDec.Stop()
}

// TestSplitStreamsOnDemand has the types read by those who need them.
func TestSplitStreamsOnDemand(t *testing.T) {
	var types, values bytes.Buffer
	enc := vom.NewTypeEncoder(&types)
	for range 4 {
		if err := vom.NewEncoderWithTypeEncoder(&values, enc).Encode(leafy(2)); err != nil {
			t.Fatal(err)
		}
	}
	streams := bytes.SplitAfter(values.Bytes(), values.Bytes()[:values.Len()/4])
	typesDec := vom.NewTypeDecoder(iotest.OneByteReader(&types))
	var wg sync.WaitGroup
	for _, stream := range streams[:4] {
		wg.Go(func() {
			var got tree
			err := vom.NewDecoderWithTypeDecoder(bytes.NewReader(stream), typesDec).Decode(&got)
			if err != nil || !vdl.DeepEqual(got, leafy(2)) {
				t.Errorf("decoded %v, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestTypeStreamThatEnds(t *testing.T) {
	var types, values bytes.Buffer
	if err := vom.NewEncoderWithTypeEncoder(&values, vom.NewTypeEncoder(&types)).Encode(leafy(1)); err != nil {
		t.Fatal(err)
	}
	for n := range types.Len() {
		dec := vom.NewDecoderWithTypeDecoder(bytes.NewReader(values.Bytes()),
			vom.NewTypeDecoder(bytes.NewReader(types.Bytes()[:n])))
		if err := dec.Decode(new(tree)); err == nil {
			t.Fatalf("decoded with %d of %d bytes of types", n, types.Len())
		}
	}
}

var errBroken = errors.New("broken")

// brokenWriter fails from the first byte.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrors(t *testing.T) {
	types := vom.NewTypeEncoder(brokenWriter{})
	for range 2 {
		if err := vom.NewEncoderWithTypeEncoder(io.Discard, types).Encode(Key("k")); !errors.Is(err, errBroken) {
			t.Errorf("with a broken stream of types: %v", err)
		}
	}
	if err := vom.NewEncoder(brokenWriter{}).Encode(1); !errors.Is(err, errBroken) {
		t.Errorf("with a broken stream: %v", err)
	}
}

func TestStreamSurvivesValues(t *testing.T) {
	var stream bytes.Buffer
	enc := vom.NewEncoder(&stream)
	steps := []struct {
		value any
		ok    bool
	}{{Key("a"), true}, {[]any{Ver(1), func() {}}, false}, {Op(77), false}, {Ver(2), true}, {leafy(2), true}}
	for _, step := range steps {
		if err := enc.Encode(step.value); (err == nil) != step.ok {
			t.Fatalf("%T: %v", step.value, err)
		}
	}
	dec := vom.NewDecoder(iotest.HalfReader(&stream))
	var number int
	if err := dec.Decode(&number); err == nil {
		t.Error("a string was decoded as a number")
	}
	var ver Ver
	if err := dec.Decode(&ver); err != nil || ver != 2 {
		t.Errorf("after a value that did not fit: %v, %v", ver, err)
	}
	var got tree
	if err := dec.Decode(&got); err != nil || !vdl.DeepEqual(got, leafy(2)) {
		t.Errorf("the last value is %v, %v", got, err)
	}
}

// TestTruncatedAndTrailing cuts a stream at every byte, and adds one.
func TestTruncatedAndTrailing(t *testing.T) {
	data, err := vom.Encode(leafy(2))
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		for _, target := range []any{new(tree), new(*vdl.Value), new(vom.RawBytes), new(any)} {
			if err := vom.Decode(data[:n], target); err == nil {
				t.Fatalf("decoded %T from %d of %d bytes", target, n, len(data))
			}
			if err := vom.NewDecoder(bytes.NewReader(data[:n])).Decode(target); n > 1 && err == nil {
				t.Fatalf("decoded %T from a stream of %d of %d bytes", target, n, len(data))
			}
		}
	}
	if err := vom.Decode(append(data, 0), new(tree)); err == nil {
		t.Error("bytes after the value were ignored")
	}
}

func TestLargeBytes(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	type packet struct {
		ID   int
		Data []byte
		Tail string
	}
	var stream bytes.Buffer
	enc, dec := vom.NewEncoder(&stream), vom.NewDecoder(&stream)
	var kept [][]byte
	for i := range 5 {
		if err := enc.Encode(packet{i, big[:len(big)-i], "end"}); err != nil {
			t.Fatal(err)
		}
		if err := enc.Encode(packet{i, []byte("small"), ""}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		var got packet
		if err := dec.Decode(&got); err != nil || got.ID != i/2 {
			t.Fatalf("packet %d is %d, %v", i, got.ID, err)
		}
		kept = append(kept, got.Data)
	}
	// What was handed out stays the caller's.
	for i, data := range kept {
		want := big[:len(big)-i/2]
		if i%2 == 1 {
			want = []byte("small")
		}
		if !bytes.Equal(data, want) {
			t.Errorf("data of packet %d changed after it was decoded", i)
		}
	}
}

func TestDecodeDoesNotKeepInput(t *testing.T) {
	data, err := vom.Encode(bytes.Repeat([]byte{7}, 10_000))
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	if err := vom.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got[0] != 7 || got[9_999] != 7 {
		t.Error("the decoded bytes are a part of the input")
	}
}

func ExampleNewEncoder() {
	var stream bytes.Buffer
	enc, dec := vom.NewEncoder(&stream), vom.NewDecoder(&stream)
	for _, v := range []any{"text", 42, []string{"a", "b"}} {
		if err := enc.Encode(v); err != nil {
			fmt.Println(err)
		}
	}
	var text string
	var number uint8
	var anything any
	for _, target := range []any{&text, &number, &anything} {
		if err := dec.Decode(target); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(text, number, anything)
	// Output: text 42 [a b]
}
