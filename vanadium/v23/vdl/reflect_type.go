package vdl

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

var (
	rtError  = reflect.TypeFor[error]()
	rtAny    = reflect.TypeFor[any]()
	rtType   = reflect.TypeFor[*Type]()
	rtValue  = reflect.TypeFor[*Value]()
	rtReader = reflect.TypeFor[Reader]()
	rtWriter = reflect.TypeFor[Writer]()
	rtZeroer = reflect.TypeFor[IsZeroer]()
)

// goTypes caches the Type of Go types. It only holds types of the program's text, so it is bounded.
var goTypes sync.Map // reflect.Type -> *Type

// TypeOf returns the type of the Go value: of nil it is AnyType. It panics if the Go type has no Type, see
// TypeFromReflect.
func TypeOf(v any) *Type {
	t, err := TypeFromReflect(reflect.TypeOf(v))
	if err != nil {
		panic(err)
	}
	return t
}

// TypeFromReflect returns the Type of a Go type, and AnyType for a nil rt.
//
// A Go type has the Type of its shape, with int and uint taken as 64 bits wide. A defined Go type is named by its
// import path, a dot and its name, unless a method VDLReflect names it otherwise. A pointer to a struct is optional,
// pointers to all else are looked through. Interfaces are unions if they have VDLReflect, ErrorType if they are
// errors, and any otherwise. Only exported fields of structs count. Go types registered as native have the Type of
// their wire form.
//
// Channels, functions, complex numbers, structs with nothing but unexported fields and instances of generic types have
// no Type.
func TypeFromReflect(rt reflect.Type) (*Type, error) {
	if rt == nil {
		return AnyType, nil
	}
	if t, ok := goTypes.Load(rt); ok {
		return t.(*Type), nil
	}
	b := reflectBuilder{memo: map[reflect.Type]*Type{}}
	root, err := b.build(rt)
	if err != nil {
		return nil, fmt.Errorf("vdl: Go type %v: %w", rt, err)
	}
	types, err := intern(b.drafts)
	if err != nil {
		return nil, fmt.Errorf("vdl: Go type %v: %w", rt, err)
	}
	for i, draft := range b.drafts {
		if draft == root {
			root = types[i]
		}
	}
	goTypes.Store(rt, root)
	return root, nil
}

// reflectBuilder builds the type graph of a Go type.
type reflectBuilder struct {
	memo   map[reflect.Type]*Type
	drafts []*Type
}

func (b *reflectBuilder) draft(rt reflect.Type, t *Type) *Type {
	b.memo[rt] = t
	b.drafts = append(b.drafts, t)
	return t
}

// build returns the draft of rt, or its type if that is interned already.
func (b *reflectBuilder) build(rt reflect.Type) (*Type, error) {
	if t, ok := b.memo[rt]; ok {
		return t, nil
	}
	if n := nativeOf(rt); n != nil {
		if n.native == rtError {
			return ErrorType, nil
		}
		return b.build(n.wire)
	}
	if rt.Kind() == reflect.Pointer {
		return b.buildPointer(rt)
	}
	if isAnyType(rt) {
		return AnyType, nil
	}
	desc := describeGo(rt)
	if desc.union != nil {
		return b.buildUnion(rt, desc)
	}
	if rt.Implements(rtError) && !desc.described && !rt.Implements(rtWriter) {
		return ErrorType, nil
	}
	if rt.Kind() == reflect.Interface {
		return AnyType, nil
	}
	return b.buildShape(rt, desc)
}

func (b *reflectBuilder) buildPointer(rt reflect.Type) (*Type, error) {
	elemRT := rt.Elem()
	switch {
	case rt == rtType:
		return TypeObjectType, nil
	case rt == rtValue || isAnyType(elemRT):
		return AnyType, nil
	case isPlainError(rt):
		return ErrorType, nil
	}
	elem, err := b.build(elemRT)
	if err != nil || elemRT.Kind() == reflect.Pointer || elem.kind != Struct || elem.name == "" {
		return elem, err
	}
	t := b.draft(rt, &Type{kind: Optional, elem: elem})
	return t, nil
}

func (b *reflectBuilder) buildUnion(rt reflect.Type, desc goDescription) (*Type, error) {
	if rt.Kind() != reflect.Interface {
		return b.build(desc.union.iface)
	}
	t := b.draft(rt, &Type{kind: Union, name: desc.name})
	for _, field := range desc.union.fields {
		ft, err := b.build(field.rt.Field(0).Type)
		if err != nil {
			return nil, err
		}
		t.fields = append(t.fields, Field{field.name, ft})
	}
	return t, nil
}

var goKinds = map[reflect.Kind]Kind{
	reflect.Bool: Bool, reflect.String: String,
	reflect.Uint8: Byte, reflect.Uint16: Uint16, reflect.Uint32: Uint32, reflect.Uint64: Uint64, reflect.Uint: Uint64,
	reflect.Uintptr: Uint64, reflect.Int8: Int8, reflect.Int16: Int16, reflect.Int32: Int32, reflect.Int64: Int64,
	reflect.Int: Int64, reflect.Float32: Float32, reflect.Float64: Float64,
	reflect.Array: Array, reflect.Slice: List, reflect.Map: Map, reflect.Struct: Struct,
}

var primitives = map[Kind]*Type{
	Any: AnyType, Bool: BoolType, Byte: ByteType, Uint16: Uint16Type, Uint32: Uint32Type, Uint64: Uint64Type,
	Int8: Int8Type, Int16: Int16Type, Int32: Int32Type, Int64: Int64Type, Float32: Float32Type, Float64: Float64Type,
	String: StringType, TypeObject: TypeObjectType,
}

func (b *reflectBuilder) buildShape(rt reflect.Type, desc goDescription) (*Type, error) {
	kind, ok := goKinds[rt.Kind()]
	if !ok {
		return nil, fmt.Errorf("values of kind %v cannot be described", rt.Kind())
	}
	if desc.labels != nil {
		return b.draft(rt, &Type{kind: Enum, name: desc.name, labels: desc.labels}), nil
	}
	if desc.name == "" && kind.isPrimitive() {
		return primitives[kind], nil
	}
	t := b.draft(rt, &Type{kind: kind, name: desc.name})
	var err error
	switch kind {
	case Array:
		t.length = rt.Len()
		t.elem, err = b.build(rt.Elem())
	case List:
		t.elem, err = b.build(rt.Elem())
	case Map:
		if isSet(rt) {
			t.kind = Set
		} else if t.elem, err = b.build(rt.Elem()); err != nil {
			return nil, err
		}
		t.key, err = b.build(rt.Key())
	case Struct:
		err = b.buildFields(t, rt)
	}
	return t, err
}

func (b *reflectBuilder) buildFields(t *Type, rt reflect.Type) error {
	for i := range rt.NumField() {
		field := rt.Field(i)
		if !field.IsExported() {
			continue
		}
		ft, err := b.build(field.Type)
		if err != nil {
			return fmt.Errorf("field %s: %w", field.Name, err)
		}
		t.fields = append(t.fields, Field{field.Name, ft})
	}
	if len(t.fields) == 0 && rt.NumField() > 0 {
		return errors.New("the struct has nothing but unexported fields")
	}
	return nil
}

func isSet(rt reflect.Type) bool {
	return rt.Elem().Kind() == reflect.Struct && rt.Elem().NumField() == 0 && rt.Elem().Name() == ""
}

// isPlainError reports whether values of rt travel as errors because they are nothing else to this package.
func isPlainError(rt reflect.Type) bool {
	if !rt.Implements(rtError) || rt.Implements(rtWriter) || nativeOf(rt) != nil {
		return false
	}
	if rt.Kind() == reflect.Pointer {
		return nativeOf(rt.Elem()) == nil && !describeGo(rt.Elem()).described
	}
	return !describeGo(rt).described
}

// isAnyType reports whether rt represents values of any type and names itself so.
func isAnyType(rt reflect.Type) bool {
	return rt == rtAny || rt == rtValue.Elem() || describeGo(rt).name == "any"
}

// goDescription is what a Go type says about itself by its name and its method VDLReflect.
type goDescription struct {
	described bool // there is a method VDLReflect
	name      string
	labels    []string // of an enum
	union     *goUnion
}

// goUnion is a Go union: an interface type that one struct type per field implements, each with the one field Value.
type goUnion struct {
	iface  reflect.Type
	fields []goUnionField
}

type goUnionField struct {
	name string
	rt   reflect.Type
}

// describeGo reads the description. The method VDLReflect is never called: its only parameter is a struct whose field
// Name has the type's name as the tag "vdl", whose field Enum has one field per label, and whose fields Type and Union
// are the interface and one field per union field.
func describeGo(rt reflect.Type) goDescription {
	desc := goDescription{name: goName(rt)}
	method, ok := rt.MethodByName("VDLReflect")
	if !ok || method.Type.NumIn() == 0 {
		return desc
	}
	info := method.Type.In(method.Type.NumIn() - 1)
	if info.Kind() != reflect.Struct {
		return desc
	}
	desc.described = true
	if field, ok := info.FieldByName("Name"); ok {
		if name := field.Tag.Get("vdl"); name != "" {
			desc.name = name
		}
	}
	if field, ok := info.FieldByName("Enum"); ok {
		for i := range field.Type.NumField() {
			desc.labels = append(desc.labels, field.Type.Field(i).Name)
		}
	}
	iface, hasType := info.FieldByName("Type")
	if field, ok := info.FieldByName("Union"); ok && hasType {
		desc.union = &goUnion{iface: iface.Type}
		for i := range field.Type.NumField() {
			f := field.Type.Field(i)
			desc.union.fields = append(desc.union.fields, goUnionField{f.Name, f.Type})
		}
	}
	return desc
}

// goName returns the name that a defined Go type has by default. The packages of the language's own library go by
// their short paths.
func goName(rt reflect.Type) string {
	if rt.PkgPath() == "" || rt.Name() == "" {
		return ""
	}
	return strings.TrimPrefix(rt.PkgPath(), "v.io/v23/vdlroot/") + "." + rt.Name()
}
