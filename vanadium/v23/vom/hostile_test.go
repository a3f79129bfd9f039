package vom_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"v.io/v23/vdl"
	"v.io/v23/vom"
)

// hostile builds streams by hand.
type hostile struct{ bytes.Buffer }

func newHostile() *hostile {
	h := &hostile{}
	h.WriteByte(0x81)
	return h
}

func (h *hostile) uint(x uint64) *hostile {
	if x <= 0x7f {
		h.WriteByte(byte(x))
		return h
	}
	h.WriteByte(0xf8)
	h.Write(binary.BigEndian.AppendUint64(nil, x))
	return h
}

func (h *hostile) text(s string) *hostile {
	h.uint(uint64(len(s))).WriteString(s)
	return h
}

// typeMessage appends a message that defines the type id by the description.
func (h *hostile) typeMessage(id uint64, description ...byte) *hostile {
	h.uint(2*id - 1).uint(uint64(len(description))).Write(description)
	return h
}

// value appends the beginning of a value message.
func (h *hostile) value(id uint64) *hostile { return h.uint(2 * id) }

// TestAnnouncedSizes announces much and sends little.
func TestAnnouncedSizes(t *testing.T) {
	const huge = 1<<30 - 1
	streams := map[string]*hostile{
		"bytes":           newHostile().value(39).uint(huge),
		"string":          newHostile().value(3).uint(huge),
		"list":            newHostile().value(40).uint(huge).uint(huge),
		"type":            newHostile().uint(2*41 - 1).uint(huge),
		"type table":      newHostile().value(15).uint(1 << 20),
		"lengths table":   newHostile().value(15).uint(0).uint(1 << 20),
		"list in message": newHostile().value(40).uint(4).uint(huge),
		"labels":          newHostile().typeMessage(41, 1, 1, 0xfc, 0x3f, 0xff, 0xff, 0xff),
	}
	for what, h := range streams {
		for _, target := range []any{new(any), new([]byte), new([]string), new(vom.RawBytes)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := vom.NewDecoder(io.MultiReader(bytes.NewReader(h.Bytes()))).Decode(target)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Errorf("%s: decoded into %T", what, target)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
				t.Errorf("%s: %d bytes were allocated for a stream of %d", what, grown, h.Len())
			}
		}
	}
}

func TestMalformedStreams(t *testing.T) {
	named := func(name string, base byte) []byte {
		return append(append([]byte{0, 0, byte(len(name))}, name...), 1, base, 0xe1)
	}
	streams := map[string]*hostile{
		"empty":                     {},
		"only a version":            newHostile(),
		"id 0":                      newHostile().uint(0),
		"unknown id":                newHostile().value(77).uint(1),
		"reserved id":               newHostile().value(12).uint(1),
		"incomplete value":          newHostile().uint(0),
		"message over the limit":    newHostile().value(39).uint(1 << 40),
		"bool 2":                    newHostile().value(1).uint(2),
		"byte 256":                  newHostile().value(2).uint(256),
		"control byte":              newHostile().value(9),
		"builtin type redefined":    newHostile().typeMessage(3, named("p.S", 3)...),
		"type sent twice":           newHostile().typeMessage(41, named("p.A", 3)...).typeMessage(41, named("p.B", 3)...),
		"unknown variant":           newHostile().typeMessage(41, 9, 0xe1),
		"unknown member":            newHostile().typeMessage(41, 0, 5, 1, 0xe1),
		"description that ends":     newHostile().typeMessage(41, 3, 1, 3),
		"description that goes on":  newHostile().typeMessage(41, 3, 1, 3, 0xe1, 0),
		"type of an unknown type":   newHostile().typeMessage(41, 3, 1, 42, 0xe1),
		"list of itself":            newHostile().typeMessage(41, 3, 1, 41, 0xe1),
		"named after a keyword":     newHostile().typeMessage(41, named("bool", 3)...),
		"type based on itself":      newHostile().typeMessage(41, named("p.S", 41)...),
		"huge array":                newHostile().typeMessage(41, 2, 1, 2, 2, 0xfc, 0x7f, 0xff, 0xff, 0xff, 0xe1),
		"array of no elements":      newHostile().typeMessage(41, 2, 1, 2, 0xe1),
		"enum without a label":      newHostile().typeMessage(41, 1, 0xe1),
		"any with unknown type":     newHostile().value(15).uint(0).uint(1).uint(1).uint(3).uint(0).uint(0).uint(1),
		"any with unknown length":   newHostile().value(15).uint(1).uint(3).uint(0).uint(4).uint(0).uint(0).text("a"),
		"any in any":                newHostile().value(15).uint(1).uint(15).uint(1).uint(1).uint(3).uint(0).uint(0),
		"any with a wrong length":   newHostile().value(15).uint(1).uint(3).uint(1).uint(1).uint(4).uint(0).uint(0).text("a"),
		"message with a wrong size": newHostile().value(40).uint(3).uint(1).text("").uint(0),
	}
	streams["incomplete value"].WriteByte(0xe2)
	streams["control byte"].WriteByte(0xe3)
	streams["version 0x80"] = &hostile{}
	streams["version 0x80"].Write([]byte{0x80, 2, 1})
	for what, h := range streams {
		for _, target := range []any{new(any), new(*vdl.Value), new(vom.RawBytes), new(bool), new([]string)} {
			if raw, ok := target.(*vom.RawBytes); ok && (what == "byte 256" || what == "bool 2") {
				err := vom.Decode(h.Bytes(), raw)
				if err == nil {
					err = raw.ToValue(new(any))
				}
				if err == nil {
					t.Errorf("%s: decoded late", what)
				}
				continue
			}
			if err := vom.Decode(h.Bytes(), target); err == nil {
				t.Errorf("%s: decoded into %T", what, target)
			}
		}
	}
}

// TestDeepNesting nests any in any, and lists in lists by types.
func TestDeepNesting(t *testing.T) {
	var in any = 1
	for range 100_000 {
		in = []any{in}
	}
	if _, err := vom.Encode(in); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("a deep value was encoded: %v", err)
	}
	h := newHostile().typeMessage(41, 6, 0, 3, 'p', '.', 'S', 1, 1, 0, 1, 'N', 1, 42, 0xe1, 0xe1)
	deep := &hostile{}
	deep.WriteByte(0x81)
	// The optional of the struct comes first and is incomplete.
	deep.WriteByte(0xe2)
	deep.typeMessage(42, 8, 1, 41, 0xe1)
	deep.Write(h.Bytes()[1:])
	body := strings.Repeat("\x00", 100_000) + strings.Repeat("\xe1", 100_001)
	deep.value(41).text(body)
	for _, target := range []any{new(any), new(*vdl.Value), new(vom.RawBytes), new(struct{ N *struct{} })} {
		if err := vom.Decode(deep.Bytes(), target); err == nil || !strings.Contains(err.Error(), "nested") {
			t.Errorf("a deep value was decoded into %T: %v", target, err)
		}
	}
}

// TestEndlessTypes sends types without end.
func TestEndlessTypes(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		h := newHostile()
		for id := uint64(41); ; id++ {
			name := fmt.Sprintf("p.%0100d", id)
			h.typeMessage(id, append(append([]byte{0, 0, byte(len(name))}, name...), 1, 3, 0xe1)...)
			if _, err := w.Write(h.Bytes()); err != nil {
				return // the decoder gave up
			}
			h.Reset()
		}
	}()
	err := vom.NewDecoder(r).Decode(new(any))
	if err == nil || !strings.Contains(err.Error(), "too many types") {
		t.Errorf("decoding endless types: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
