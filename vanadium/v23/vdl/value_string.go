package vdl

import (
	"sort"
	"strconv"
	"strings"
)

// String describes the value in the notation of the language, for instance Key("k") or Point{X: 1}. Equal values have
// equal descriptions.
func (v *Value) String() string {
	if !v.IsValid() {
		return "<invalid value>"
	}
	var w strings.Builder
	v.describe(&w, true)
	return w.String()
}

// describe writes the value, with its type if that does not follow from the context.
func (v *Value) describe(w *strings.Builder, typed bool) {
	kind := v.t.kind
	switch {
	case kind == Any || kind == Optional:
		v.describeNilable(w)
		return
	case kind.IsNumber() || kind == Bool || kind == String || kind == Enum || kind == TypeObject:
		v.describeScalar(w, typed)
		return
	}
	if typed {
		w.WriteString(shortType(v.t))
	}
	w.WriteByte('{')
	switch kind {
	case Array, List:
		for i := range v.Len() {
			separate(w, i)
			v.Index(i).describe(w, false)
		}
	case Set, Map:
		v.describeEntries(w)
	case Struct:
		first := 0
		for i, field := range v.t.fields {
			if fv := v.StructField(i); !fv.IsZero() {
				separate(w, first)
				first++
				w.WriteString(field.Name + ": ")
				fv.describe(w, false)
			}
		}
	case Union:
		i, fv := v.UnionField()
		w.WriteString(v.t.fields[i].Name + ": ")
		fv.describe(w, false)
	}
	w.WriteByte('}')
}

func separate(w *strings.Builder, i int) {
	if i > 0 {
		w.WriteString(", ")
	}
}

func shortType(t *Type) string {
	if t.name != "" {
		return t.name
	}
	return t.unique
}

func (v *Value) describeNilable(w *strings.Builder) {
	elem := v.Elem()
	if elem == nil {
		w.WriteString(shortType(v.t) + "(nil)")
		return
	}
	if v.t.kind == Optional {
		w.WriteByte('?')
	}
	elem.describe(w, true)
}

func (v *Value) describeScalar(w *strings.Builder, typed bool) {
	text := v.scalarText()
	defaulted := v.t == BoolType || v.t == StringType || v.t == TypeObjectType
	if typed && !defaulted {
		text = shortType(v.t) + "(" + text + ")"
	}
	w.WriteString(text)
}

func (v *Value) scalarText() string {
	switch kind := v.t.kind; {
	case kind == Bool:
		return strconv.FormatBool(v.Bool())
	case kind == String:
		return strconv.Quote(v.RawString())
	case kind == Enum:
		return v.EnumLabel()
	case kind == TypeObject:
		return "typeobject(" + v.TypeObject().String() + ")"
	case kind.isUnsigned():
		return strconv.FormatUint(v.Uint(), 10)
	case kind.isSigned():
		return strconv.FormatInt(v.Int(), 10)
	}
	return strconv.FormatFloat(v.Float(), 'g', -1, 64)
}

// describeEntries writes the entries of a set or map in the order of their keys' descriptions.
func (v *Value) describeEntries(w *strings.Builder) {
	m, _ := v.rep.(*valueMap)
	if m == nil {
		return
	}
	entries := make([]string, len(m.keys))
	for i, key := range m.keys {
		var entry strings.Builder
		key.describe(&entry, false)
		if v.t.kind == Map {
			entry.WriteString(": ")
			m.elems[i].describe(&entry, false)
		}
		entries[i] = entry.String()
	}
	sort.Strings(entries)
	w.WriteString(strings.Join(entries, ", "))
}
