package vdl

import (
	"fmt"
	"reflect"
	"sync"
)

// goRegistry holds the registered Go types: what values of a named type become where the program does not ask for a
// Go type.
var goRegistry = struct {
	sync.RWMutex
	byName map[string]reflect.Type
	byType map[*Type]reflect.Type
}{byName: map[string]reflect.Type{}, byType: map[*Type]reflect.Type{}}

func init() { Register((*WireError)(nil)) }

// Register makes the Go type of v, and the types it is made of, known as what values of their Types decode to when they
// are decoded into an interface. v is usually a nil pointer: (*T)(nil) registers T.
//
// It panics if the Go type has no Type, or if another Go type is registered under the same name.
func Register(v any) {
	rt := reflect.TypeOf(v)
	if rt != nil && rt.Kind() == reflect.Pointer {
		rt = rt.Elem()
	}
	if err := register(rt, map[reflect.Type]bool{}); err != nil {
		panic(err)
	}
}

func register(rt reflect.Type, seen map[reflect.Type]bool) error {
	if rt == nil || seen[rt] {
		return nil
	}
	seen[rt] = true
	if n := nativeOf(rt); n != nil {
		return register(n.wire, seen)
	}
	tt, err := TypeFromReflect(rt)
	if err != nil {
		return err
	}
	if tt == AnyType || tt == ErrorType || tt == TypeObjectType {
		return nil
	}
	if desc := describeGo(rt); desc.union != nil {
		rt = desc.union.iface
		for _, field := range desc.union.fields {
			if err := register(field.rt.Field(0).Type, seen); err != nil {
				return err
			}
		}
	}
	if tt.name != "" && rt.Kind() != reflect.Pointer {
		if err := bind(tt, rt); err != nil {
			return err
		}
	}
	return registerParts(rt, seen)
}

// bind records that rt is the Go type of tt.
func bind(tt *Type, rt reflect.Type) error {
	goRegistry.Lock()
	defer goRegistry.Unlock()
	if old := goRegistry.byName[tt.name]; old != nil && old != rt {
		return fmt.Errorf("vdl: both %v and %v are registered as %q", old, rt, tt.name)
	}
	goRegistry.byName[tt.name] = rt
	goRegistry.byType[tt] = rt
	return nil
}

func registerParts(rt reflect.Type, seen map[reflect.Type]bool) error {
	switch rt.Kind() {
	case reflect.Map:
		if err := register(rt.Key(), seen); err != nil || isSet(rt) {
			return err
		}
		return register(rt.Elem(), seen)
	case reflect.Array, reflect.Slice, reflect.Pointer:
		return register(rt.Elem(), seen)
	case reflect.Struct:
		for i := range rt.NumField() {
			if !rt.Field(i).IsExported() {
				continue
			}
			if err := register(rt.Field(i).Type, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxComposed bounds the nesting of Go types that are composed for unnamed types. Go never frees such types, and peers
// can name as many of them as they like.
const maxComposed = 3

// goTypeFor returns the Go type for values of tt, or nil if there is none.
func goTypeFor(tt *Type) reflect.Type { return composeGoType(tt, 0) }

func composeGoType(tt *Type, depth int) reflect.Type {
	if tt.name != "" {
		goRegistry.RLock()
		rt := goRegistry.byType[tt]
		goRegistry.RUnlock()
		if rt == nil {
			return nil
		}
		if n := nativeForWire(rt); n != nil {
			return n.native
		}
		return rt
	}
	if tt == ErrorType {
		return rtError
	}
	if rt := goScalars[tt.kind]; rt != nil {
		return rt
	}
	if depth >= maxComposed {
		return nil
	}
	return composeUnnamed(tt, depth+1)
}

var goScalars = map[Kind]reflect.Type{
	Any: rtAny, Bool: reflect.TypeFor[bool](), Byte: reflect.TypeFor[byte](), Uint16: reflect.TypeFor[uint16](),
	Uint32: reflect.TypeFor[uint32](), Uint64: reflect.TypeFor[uint64](), Int8: reflect.TypeFor[int8](),
	Int16: reflect.TypeFor[int16](), Int32: reflect.TypeFor[int32](), Int64: reflect.TypeFor[int64](),
	Float32: reflect.TypeFor[float32](), Float64: reflect.TypeFor[float64](), String: reflect.TypeFor[string](),
	TypeObject: rtType,
}

func composeUnnamed(tt *Type, depth int) reflect.Type {
	var key, elem reflect.Type
	if tt.key != nil {
		if key = composeGoType(tt.key, depth); key == nil {
			return nil
		}
	}
	if tt.elem != nil {
		if elem = composeGoType(tt.elem, depth); elem == nil {
			return nil
		}
	}
	switch {
	case tt.kind == Optional:
		return reflect.PointerTo(elem)
	case tt.kind == List:
		return reflect.SliceOf(elem)
	case tt.kind == Set && key.Comparable():
		return reflect.MapOf(key, reflect.TypeFor[struct{}]())
	case tt.kind == Map && key.Comparable():
		return reflect.MapOf(key, elem)
	}
	return nil
}
