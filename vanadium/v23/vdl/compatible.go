package vdl

import (
	"fmt"
	"sync"
)

// compatCache remembers answers for pairs of types. It is emptied when it is full, since it keeps its types alive.
var compatCache = struct {
	sync.RWMutex
	answers map[[2]*Type]bool
}{answers: map[[2]*Type]bool{}}

const maxCompatCache = 4096

// Compatible reports whether values of one type can be decoded as the other, provided that the particular value fits:
//
//   - any is compatible with everything, and an optional with what its element is compatible with
//   - bools with bools, numbers with numbers, typeobjects with typeobjects
//   - strings with strings and enums, and enums with enums that share a label
//   - lists and arrays with lists and arrays, sets with sets, maps with maps, if their keys and elements are compatible
//   - structs with structs that share a field, or if one has none, and unions with unions that share a field; fields of
//     the same name must be compatible
func Compatible(a, b *Type) bool {
	if a == b || a.kind == Any || b.kind == Any {
		return true
	}
	pair := [2]*Type{a, b}
	compatCache.RLock()
	answer, known := compatCache.answers[pair]
	compatCache.RUnlock()
	if known {
		return answer
	}
	answer = compatible(a, b, map[[2]*Type]bool{})
	compatCache.Lock()
	defer compatCache.Unlock()
	if len(compatCache.answers) >= maxCompatCache {
		clear(compatCache.answers)
	}
	compatCache.answers[pair] = answer
	return answer
}

// compatible takes pairs that are being compared already to be compatible.
func compatible(a, b *Type, seen map[[2]*Type]bool) bool {
	a, b = a.NonOptional(), b.NonOptional()
	pair := [2]*Type{a, b}
	if a == b || a.kind == Any || b.kind == Any || seen[pair] {
		return true
	}
	seen[pair] = true
	switch {
	case a.kind.IsNumber():
		return b.kind.IsNumber()
	case a.kind == String || b.kind == String:
		return isStringLike(a) && isStringLike(b)
	case a.kind == Enum && b.kind == Enum:
		return shareLabel(a, b)
	case isSequence(a) && isSequence(b):
		return compatible(a.elem, b.elem, seen)
	case a.kind != b.kind:
		return false
	case a.kind == Set:
		return compatible(a.key, b.key, seen)
	case a.kind == Map:
		return compatible(a.key, b.key, seen) && compatible(a.elem, b.elem, seen)
	case a.kind == Struct || a.kind == Union:
		return compatibleFields(a, b, seen)
	}
	return true
}

func isStringLike(t *Type) bool { return t.kind == String || t.kind == Enum }
func isSequence(t *Type) bool   { return t.kind == Array || t.kind == List }

func shareLabel(a, b *Type) bool {
	for _, label := range a.labels {
		if b.indexOf(label) >= 0 {
			return true
		}
	}
	return false
}

func compatibleFields(a, b *Type, seen map[[2]*Type]bool) bool {
	shared := a.kind == Struct && (len(a.fields) == 0 || len(b.fields) == 0)
	for _, field := range a.fields {
		i := b.indexOf(field.Name)
		if i < 0 {
			continue
		}
		if !compatible(field.Type, b.fields[i].Type, seen) {
			return false
		}
		shared = true
	}
	return shared
}

// CheckReadable returns an error unless a decoder that stands on a value of type sent, with any and optionals looked
// through, may hand it to a reader that wants the other type. A sent type that is any or an optional stands for nil.
func CheckReadable(sent, want *Type) error {
	switch {
	case sent == want:
		return nil
	case want == nil:
		return fmt.Errorf("vdl: a value of %v was asked for as no type", sent)
	case sent.CanBeNil() && !want.CanBeNil():
		return fmt.Errorf("vdl: nil of %v was sent where %v is expected", sent, want)
	case !Compatible(sent, want):
		return fmt.Errorf("vdl: %v was sent where %v is expected, and the two are not compatible", sent, want)
	}
	return nil
}
