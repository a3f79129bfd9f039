package vdl

import (
	"fmt"
	"reflect"
	"sync"
)

// native is a registered pair of a wire type, which is what travels, and a native Go type, which programs use.
type native struct {
	wire, native reflect.Type
	to           reflect.Value // func(wire, *native) error
	from         reflect.Value // func(*wire, native) error
}

var natives = struct {
	sync.RWMutex
	byNative map[reflect.Type]*native
	byWire   map[reflect.Type]*native
	zeroers  map[reflect.Type]bool
}{
	byNative: map[reflect.Type]*native{},
	byWire:   map[reflect.Type]*native{},
	zeroers:  map[reflect.Type]bool{},
}

// RegisterNative registers conversions between a wire type W and a native type N: toFn is a func(W, *N) error and
// fromFn a func(*W, N) error. From then on values of N travel as W, and W decodes as N where the program does not ask
// for a Go type. N may be the interface error, with the W WireError.
//
// It panics if the functions do not match or N is registered already with another W. It must be called before values of
// the types are first used, which the initialization of a package does.
func RegisterNative(toFn, fromFn any) {
	n, err := newNative(reflect.ValueOf(toFn), reflect.ValueOf(fromFn))
	if err != nil {
		panic(err)
	}
	natives.Lock()
	defer natives.Unlock()
	if old := natives.byNative[n.native]; old != nil && old.wire != n.wire {
		panic(fmt.Errorf("vdl: native type %v is registered for both %v and %v", n.native, old.wire, n.wire))
	}
	natives.byNative[n.native] = n
	if n.native != rtError {
		natives.byWire[n.wire] = n
	}
	// What was derived from the unconverted types is void.
	goTypes.Clear()
	codecs.Clear()
}

func newNative(to, from reflect.Value) (*native, error) {
	bad := fmt.Errorf("vdl: RegisterNative wants func(W, *N) error and func(*W, N) error, not %v and %v", to, from)
	for _, fn := range []reflect.Value{to, from} {
		if fn.Kind() != reflect.Func {
			return nil, bad
		}
		if t := fn.Type(); t.NumIn() != 2 || t.NumOut() != 1 || t.Out(0) != rtError {
			return nil, bad
		}
	}
	wire, nativePtr := to.Type().In(0), to.Type().In(1)
	wirePtr, nativeType := from.Type().In(0), from.Type().In(1)
	if wirePtr != reflect.PointerTo(wire) || nativePtr != reflect.PointerTo(nativeType) {
		return nil, bad
	}
	if nativeType == rtError && wire != reflect.TypeFor[WireError]() {
		return nil, fmt.Errorf("vdl: errors travel as WireError, not as %v", wire)
	}
	return &native{wire: wire, native: nativeType, to: to, from: from}, nil
}

// RegisterNativeIsZero says that the native type of v has a method IsZero() bool that is true exactly for the native
// form of the wire type's zero value. This spares conversions. It panics if there is no such method.
func RegisterNativeIsZero(v any) {
	rt := reflect.TypeOf(v)
	if _, ok := v.(interface{ IsZero() bool }); !ok {
		panic(fmt.Errorf("vdl: %v has no method IsZero() bool", rt))
	}
	if rt.Kind() == reflect.Pointer {
		rt = rt.Elem()
	}
	natives.Lock()
	defer natives.Unlock()
	natives.zeroers[rt] = true
	codecs.Clear()
}

// nativeOf returns the conversion registered for the native type rt, or nil.
func nativeOf(rt reflect.Type) *native {
	natives.RLock()
	defer natives.RUnlock()
	return natives.byNative[rt]
}

// nativeForWire returns the conversion registered for the wire type rt, or nil.
func nativeForWire(rt reflect.Type) *native {
	natives.RLock()
	defer natives.RUnlock()
	return natives.byWire[rt]
}

func hasNativeIsZero(rt reflect.Type) bool {
	natives.RLock()
	defer natives.RUnlock()
	return natives.zeroers[rt]
}

// toNative converts a wire value and stores the result in dst.
func (n *native) toNative(wire, dst reflect.Value) error {
	return callConversion(n.to, wire, dst.Addr())
}

// fromNative returns the wire value of a native value.
func (n *native) fromNative(src reflect.Value) (reflect.Value, error) {
	wire := reflect.New(n.wire)
	err := callConversion(n.from, wire, src)
	return wire.Elem(), err
}

func callConversion(fn reflect.Value, a, b reflect.Value) error {
	if err, _ := fn.Call([]reflect.Value{a, b})[0].Interface().(error); err != nil {
		return fmt.Errorf("vdl: native conversion: %w", err)
	}
	return nil
}
