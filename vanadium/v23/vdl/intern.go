package vdl

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"weak"
)

// Bounds of a type graph. They keep hostile type descriptions from costing more than their bytes: a few short
// definitions that mention each other twice describe a graph that doubles with each definition.
const (
	maxUnique = 256 << 10 // bytes of Type.Unique
	maxDepth  = 256       // nesting of types
)

// The ways in which a type can be malformed.
var (
	errTypeTooLarge = errors.New("vdl: type description is too large or too deeply nested")
	errTypeCycle    = errors.New("vdl: type contains itself without a name")
	errTypeInfinite = errors.New("vdl: values of the type would be infinitely large, break the cycle by an optional")
)

// registry holds all types by description. The pointers are weak: types received from peers vanish when nothing refers
// to them any more.
var registry = struct {
	sync.Mutex
	types map[string]weak.Pointer[Type]
}{types: map[string]weak.Pointer[Type]{}}

// intern replaces each of the drafts by the one type of its description and returns those types in the order of the
// drafts. The children of a draft are either drafts of the same call or interned types. A draft becomes the registered
// type if there was none.
func intern(drafts []*Type) ([]*Type, error) {
	for _, draft := range drafts {
		if err := describe(draft); err != nil {
			return nil, err
		}
	}
	registry.Lock()
	defer registry.Unlock()
	canonical := make(map[*Type]*Type, len(drafts))
	for _, draft := range drafts {
		canonical[draft] = registered(draft)
	}
	for _, draft := range drafts {
		if canonical[draft] == draft {
			relink(draft, canonical)
		}
	}
	result := make([]*Type, len(drafts))
	for i, draft := range drafts {
		result[i] = canonical[draft]
	}
	return result, nil
}

// registered returns the type registered under the draft's description, which is the draft if there was none. The
// registry must be locked.
func registered(draft *Type) *Type {
	if t := registry.types[draft.unique].Value(); t != nil {
		return t
	}
	pointer := weak.Make(draft)
	registry.types[draft.unique] = pointer
	runtime.AddCleanup(draft, forget, forgotten{draft.unique, pointer})
	return draft
}

type forgotten struct {
	unique  string
	pointer weak.Pointer[Type]
}

// forget removes a collected type from the registry, unless a successor took its place.
func forget(f forgotten) {
	registry.Lock()
	defer registry.Unlock()
	if registry.types[f.unique] == f.pointer {
		delete(registry.types, f.unique)
	}
}

// relink makes a newly registered type refer to registered types only.
func relink(t *Type, canonical map[*Type]*Type) {
	follow := func(child *Type) *Type {
		if c, ok := canonical[child]; ok {
			return c
		}
		return child
	}
	t.key, t.elem = follow(t.key), follow(t.elem)
	for i := range t.fields {
		t.fields[i].Type = follow(t.fields[i].Type)
	}
}

// describe validates the graph below a draft and sets its derived members.
func describe(t *Type) error {
	d := describer{named: map[string]*Type{}, onPath: map[*Type]int{}}
	if err := d.write(t); err != nil {
		return err
	}
	t.unique, t.kinds = d.text.String(), d.kinds
	if n := max(len(t.fields), len(t.labels)); n > 8 {
		t.index = make(map[string]int, n)
		for i := range t.fields {
			t.index[t.fields[i].Name] = i
		}
		for i, label := range t.labels {
			t.index[label] = i
		}
	}
	return inlineFinite(t, map[*Type]bool{})
}

// describer writes the canonical description of one graph. The first mention of a named type is "name base", each
// further mention within the same description is the bare name, which ends recursion.
type describer struct {
	text   strings.Builder
	named  map[string]*Type
	onPath map[*Type]int
	kinds  uint32
	depth  int
}

func (d *describer) write(t *Type) error {
	if t == nil {
		return errors.New("vdl: part of a type is missing")
	}
	if d.depth++; d.depth > maxDepth || d.text.Len() > maxUnique {
		return errTypeTooLarge
	}
	defer func() { d.depth-- }()
	d.kinds |= 1 << t.kind
	if t.name != "" {
		done, err := d.writeName(t)
		if done || err != nil {
			return err
		}
	}
	// A type without a name may be met twice, if it leads to a named type that leads back to it. The second time, the
	// name ends the recursion.
	if d.onPath[t] > 1 {
		return errTypeCycle
	}
	d.onPath[t]++
	err := d.writeBase(t)
	d.onPath[t]--
	return err
}

// writeName writes the name and returns true if that suffices because the description has it already.
func (d *describer) writeName(t *Type) (done bool, _ error) {
	if other, ok := d.named[t.name]; ok {
		if other != t && !sameShallow(other, t) {
			return false, fmt.Errorf("vdl: two different types of one type are named %q", t.name)
		}
		d.text.WriteString(t.name)
		return true, nil
	}
	if !canBeNamed(t.kind) {
		return false, fmt.Errorf("vdl: a type of kind %v cannot be named %q", t.kind, t.name)
	}
	if err := checkTypeName(t.name); err != nil {
		return false, err
	}
	d.named[t.name] = t
	d.text.WriteString(t.name)
	d.text.WriteByte(' ')
	return false, nil
}

func (d *describer) writeBase(t *Type) error {
	switch t.kind {
	case Optional:
		d.text.WriteByte('?')
		if t.elem != nil && (t.elem.kind != Struct || t.elem.name == "") {
			return fmt.Errorf("vdl: only named structs can be optional, not %v", t.elem.kind)
		}
		return d.write(t.elem)
	case Array:
		if t.length <= 0 || t.length > maxArrayLen {
			return fmt.Errorf("vdl: array length %d is not between 1 and %d", t.length, maxArrayLen)
		}
		d.text.WriteString("[" + strconv.Itoa(t.length) + "]")
		return d.write(t.elem)
	case List:
		d.text.WriteString("[]")
		return d.write(t.elem)
	case Set:
		return d.writeKeyed(t, "set[")
	case Map:
		if err := d.writeKeyed(t, "map["); err != nil {
			return err
		}
		return d.write(t.elem)
	case Enum:
		return d.writeLabels(t)
	case Struct, Union:
		return d.writeFields(t)
	}
	d.text.WriteString(t.kind.String())
	return nil
}

// maxArrayLen bounds the entries of arrays, whose zero values are as long as all their other values.
const maxArrayLen = 1 << 20

func (d *describer) writeKeyed(t *Type, prefix string) error {
	d.text.WriteString(prefix)
	if err := d.write(t.key); err != nil {
		return err
	}
	if !keyable(t.key, map[*Type]bool{}) {
		return fmt.Errorf("vdl: type %v cannot be the key of a %v", t.key.kind, t.kind)
	}
	d.text.WriteByte(']')
	return nil
}

// keyable is CanBeKey for drafts. Each type is looked at once, since there can be exponentially many paths to it.
func keyable(t *Type, seen map[*Type]bool) bool {
	switch t.kind {
	case Any, Optional, TypeObject, List, Set, Map:
		return false
	}
	if seen[t] {
		return true
	}
	seen[t] = true
	for _, child := range t.children() {
		if !keyable(child, seen) {
			return false
		}
	}
	return true
}

func (d *describer) writeLabels(t *Type) error {
	if len(t.labels) == 0 {
		return errors.New("vdl: an enum needs a label")
	}
	seen := make(map[string]bool, len(t.labels))
	for _, label := range t.labels {
		if !isIdentifier(label) || seen[label] {
			return fmt.Errorf("vdl: enum label %q is not an identifier or occurs twice", label)
		}
		seen[label] = true
	}
	d.text.WriteString("enum{" + strings.Join(t.labels, ";") + "}")
	return nil
}

func (d *describer) writeFields(t *Type) error {
	if t.kind == Union && len(t.fields) == 0 {
		return errors.New("vdl: a union needs a field")
	}
	d.text.WriteString(t.kind.String() + "{")
	seen := make(map[string]bool, len(t.fields))
	for i, field := range t.fields {
		if !isIdentifier(field.Name) || seen[field.Name] {
			return fmt.Errorf("vdl: field %q of a %v is not an identifier or occurs twice", field.Name, t.kind)
		}
		seen[field.Name] = true
		if i > 0 {
			d.text.WriteByte(';')
		}
		d.text.WriteString(field.Name + " ")
		if err := d.write(field.Type); err != nil {
			return err
		}
	}
	d.text.WriteByte('}')
	return nil
}

// sameShallow reports whether two types agree in everything but the identity of their children, whose agreement follows
// from their own names and positions in the description.
func sameShallow(a, b *Type) bool {
	if a.kind != b.kind || a.length != b.length || len(a.fields) != len(b.fields) || len(a.labels) != len(b.labels) {
		return false
	}
	for i := range a.labels {
		if a.labels[i] != b.labels[i] {
			return false
		}
	}
	for i := range a.fields {
		if a.fields[i].Name != b.fields[i].Name {
			return false
		}
	}
	return sameDescription(a, b)
}

// sameDescription compares the graphs below two types of the same name, pairwise and with cycles cut.
func sameDescription(a, b *Type) bool {
	type pair struct{ a, b *Type }
	seen := map[pair]bool{}
	var same func(a, b *Type) bool
	same = func(a, b *Type) bool {
		if a == b || seen[pair{a, b}] {
			return true
		}
		if a == nil || b == nil || a.kind != b.kind || a.name != b.name || a.length != b.length {
			return false
		}
		seen[pair{a, b}] = true
		left, right := a.children(), b.children()
		if len(left) != len(right) || strings.Join(a.labels, ";") != strings.Join(b.labels, ";") {
			return false
		}
		for i := range left {
			if !same(left[i], right[i]) || i < len(a.fields) && a.fields[i].Name != b.fields[i].Name {
				return false
			}
		}
		return true
	}
	return same(a, b)
}

// inlineFinite refuses types whose smallest value contains itself. The map says of the types that were met whether they
// are on the path to t; those that are not are known to be finite.
func inlineFinite(t *Type, onPath map[*Type]bool) error {
	if busy, met := onPath[t]; met {
		if busy {
			return errTypeInfinite
		}
		return nil
	}
	var inline []*Type
	switch t.kind {
	case Array, Struct:
		inline = t.children()
	case Union:
		inline = t.children()[:1]
	}
	onPath[t] = true
	for _, child := range inline {
		if err := inlineFinite(child, onPath); err != nil {
			return err
		}
	}
	onPath[t] = false
	return nil
}

// checkTypeName refuses names that could be mistaken for a part of a description.
func checkTypeName(name string) error {
	bad := !utf8.ValidString(name) || strings.ContainsAny(name, " {}[]();?,\"") ||
		strings.ContainsFunc(name, unicode.IsControl)
	for _, keyword := range kindNames {
		bad = bad || name == keyword
	}
	if bad {
		return fmt.Errorf("vdl: %q is not the name of a type", name)
	}
	return nil
}

func isIdentifier(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}
