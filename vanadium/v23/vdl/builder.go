package vdl

import (
	"errors"
	"fmt"
)

// TypeBuilder builds types that refer to each other. Ask it for pending types, connect them with the Assign and Append
// methods, call Build, and then get each type from its Built method. The constructors are simpler where types are not
// recursive. The zero TypeBuilder is ready for use, by one goroutine.
type TypeBuilder struct {
	pending []*pendingType
	built   bool
}

// TypeOrPending is a *Type or one of the pending types of a TypeBuilder.
type TypeOrPending interface {
	draftType() *Type
}

// PendingType is a type that is being built.
type PendingType interface {
	TypeOrPending
	// Built returns the type after Build was called, or an error if any of the builder's types is malformed.
	Built() (*Type, error)
}

func (t *Type) draftType() *Type { return t }

// pendingType is what all pending types have in common.
type pendingType struct {
	draft *Type
	base  TypeOrPending // whose structure is copied, for named types
	done  *Type
	err   error
}

func (p *pendingType) draftType() *Type { return p.draft }

// Built returns the type after Build was called, or an error if any of the builder's types is malformed.
func (p *pendingType) Built() (*Type, error) {
	if p.done == nil && p.err == nil {
		return nil, errors.New("vdl: Built was called before Build")
	}
	return p.done, p.err
}

func draftOf(t TypeOrPending) *Type {
	if t == nil {
		return nil
	}
	return t.draftType()
}

func (b *TypeBuilder) add(kind Kind) *pendingType {
	p := &pendingType{draft: &Type{kind: kind}}
	b.pending = append(b.pending, p)
	return p
}

// The pending types, one per kind that is made of parts, and PendingNamed for types with a name.
type (
	// PendingOptional is an optional that is being built.
	PendingOptional struct{ *pendingType }
	// PendingEnum is an enum that is being built.
	PendingEnum struct{ *pendingType }
	// PendingArray is an array that is being built.
	PendingArray struct{ *pendingType }
	// PendingList is a list that is being built.
	PendingList struct{ *pendingType }
	// PendingSet is a set that is being built.
	PendingSet struct{ *pendingType }
	// PendingMap is a map that is being built.
	PendingMap struct{ *pendingType }
	// PendingStruct is a struct that is being built.
	PendingStruct struct{ *pendingType }
	// PendingUnion is a union that is being built.
	PendingUnion struct{ *pendingType }
	// PendingNamed is a type with a name that is being built.
	PendingNamed struct{ *pendingType }
)

// Optional returns a pending optional.
func (b *TypeBuilder) Optional() PendingOptional { return PendingOptional{b.add(Optional)} }

// Enum returns a pending enum.
func (b *TypeBuilder) Enum() PendingEnum { return PendingEnum{b.add(Enum)} }

// Array returns a pending array.
func (b *TypeBuilder) Array() PendingArray { return PendingArray{b.add(Array)} }

// List returns a pending list.
func (b *TypeBuilder) List() PendingList { return PendingList{b.add(List)} }

// Set returns a pending set.
func (b *TypeBuilder) Set() PendingSet { return PendingSet{b.add(Set)} }

// Map returns a pending map.
func (b *TypeBuilder) Map() PendingMap { return PendingMap{b.add(Map)} }

// Struct returns a pending struct.
func (b *TypeBuilder) Struct() PendingStruct { return PendingStruct{b.add(Struct)} }

// Union returns a pending union.
func (b *TypeBuilder) Union() PendingUnion { return PendingUnion{b.add(Union)} }

// Named returns a pending type of the name.
func (b *TypeBuilder) Named(name string) PendingNamed {
	p := b.add(Any)
	p.draft.name = name
	return PendingNamed{p}
}

// AssignElem sets the element type, which must be a named struct.
func (p PendingOptional) AssignElem(t TypeOrPending) PendingOptional {
	p.draft.elem = draftOf(t)
	return p
}

// AppendLabel adds a label.
func (p PendingEnum) AppendLabel(label string) PendingEnum {
	p.draft.labels = append(p.draft.labels, label)
	return p
}

// AssignLen sets the number of elements.
func (p PendingArray) AssignLen(n int) PendingArray {
	p.draft.length = n
	return p
}

// AssignElem sets the element type.
func (p PendingArray) AssignElem(t TypeOrPending) PendingArray {
	p.draft.elem = draftOf(t)
	return p
}

// AssignElem sets the element type.
func (p PendingList) AssignElem(t TypeOrPending) PendingList {
	p.draft.elem = draftOf(t)
	return p
}

// AssignKey sets the key type.
func (p PendingSet) AssignKey(t TypeOrPending) PendingSet {
	p.draft.key = draftOf(t)
	return p
}

// AssignKey sets the key type.
func (p PendingMap) AssignKey(t TypeOrPending) PendingMap {
	p.draft.key = draftOf(t)
	return p
}

// AssignElem sets the element type.
func (p PendingMap) AssignElem(t TypeOrPending) PendingMap {
	p.draft.elem = draftOf(t)
	return p
}

// AppendField adds a field.
func (p PendingStruct) AppendField(name string, t TypeOrPending) PendingStruct {
	p.draft.fields = append(p.draft.fields, Field{name, draftOf(t)})
	return p
}

// AppendField adds a field.
func (p PendingUnion) AppendField(name string, t TypeOrPending) PendingUnion {
	p.draft.fields = append(p.draft.fields, Field{name, draftOf(t)})
	return p
}

// AssignBase sets the type whose structure the named type has.
func (p PendingNamed) AssignBase(t TypeOrPending) PendingNamed {
	p.base = t
	return p
}

// Build builds all pending types and reports whether it succeeded. Types are all right together or not at all. It can
// be called once.
func (b *TypeBuilder) Build() bool {
	err := b.build()
	if err != nil {
		for _, p := range b.pending {
			p.done, p.err = nil, err
		}
	}
	return err == nil
}

func (b *TypeBuilder) build() error {
	if b.built {
		return errors.New("vdl: Build was called twice")
	}
	b.built = true
	byDraft := make(map[*Type]*pendingType, len(b.pending))
	drafts := make([]*Type, len(b.pending))
	for i, p := range b.pending {
		byDraft[p.draft], drafts[i] = p, p.draft
	}
	for _, p := range b.pending {
		if p.draft.name != "" {
			if err := resolveBase(p, byDraft); err != nil {
				return err
			}
		}
	}
	types, err := intern(drafts)
	if err != nil {
		return err
	}
	for i, p := range b.pending {
		p.done = types[i]
	}
	return nil
}

// resolveBase copies the structure of the base, which may be a pending named type itself.
func resolveBase(p *pendingType, byDraft map[*Type]*pendingType) error {
	base := draftOf(p.base)
	for range len(byDraft) + 1 {
		if base == nil {
			return fmt.Errorf("vdl: type %q has no base", p.draft.name)
		}
		next := byDraft[base]
		if next == nil || next.base == nil {
			p.draft.copyStructure(base)
			return nil
		}
		base = draftOf(next.base)
	}
	return fmt.Errorf("vdl: type %q is its own base", p.draft.name)
}
