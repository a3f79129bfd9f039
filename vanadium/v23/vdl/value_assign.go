package vdl

import (
	"bytes"
	"fmt"
)

// Assign makes v the value x, converted to the type of v. A nil x stands for the zero value. Anything that Convert
// refuses is refused.
func (v *Value) Assign(x *Value) error {
	if x == nil {
		v.rep = nil
		return nil
	}
	converted, err := convertValue(v.t, x)
	if err == nil {
		v.rep = converted.rep
	}
	return err
}

// AssignField makes x, converted to the field's type, the value of field i of a struct or the field that a union
// holds. It panics for other kinds and if i is out of range.
func (v *Value) AssignField(i int, x *Value) error {
	v.t.mustBe("Value.AssignField", Struct, Union)
	converted, err := convertValue(v.t.fields[i].Type, x)
	if err != nil {
		return err
	}
	if v.t.kind == Union {
		v.rep = &valueField{i, converted}
		return nil
	}
	rep, _ := v.rep.([]*Value)
	if rep == nil {
		rep = make([]*Value, len(v.t.fields))
		v.rep = rep
	}
	rep[i] = converted
	return nil
}

// AssignIndex makes x, converted to the type of the entries, entry i of an array or list. It panics for other kinds and
// if i is out of range.
func (v *Value) AssignIndex(i int, x *Value) error {
	v.t.mustBe("Value.AssignIndex", Array, List)
	if i < 0 || i >= v.Len() {
		panic(fmt.Sprintf("vdl: Value.AssignIndex(%d) of %v with %d entries", i, v.t, v.Len()))
	}
	converted, err := convertValue(v.t.elem, x)
	if err != nil {
		return err
	}
	if v.t.IsBytes() {
		content := bytes.Clone(v.Bytes())
		content[i] = byte(converted.Uint())
		v.rep = content
		return nil
	}
	rep, _ := v.rep.([]*Value)
	if rep == nil {
		rep = make([]*Value, v.Len())
		v.rep = rep
	}
	rep[i] = converted
	return nil
}

// AssignLen makes a list n entries long, by dropping entries or adding zero values. It panics for other kinds.
func (v *Value) AssignLen(n int) {
	v.t.mustBe("Value.AssignLen", List)
	if v.t.IsBytes() {
		content := make([]byte, n)
		copy(content, v.Bytes())
		v.rep = content
		return
	}
	list := make([]*Value, n)
	old, _ := v.rep.([]*Value)
	copy(list, old)
	v.rep = list
}

// AssignSetKey adds the key, converted to the type of the keys, to a set. It panics for other kinds.
func (v *Value) AssignSetKey(key *Value) error {
	v.t.mustBe("Value.AssignSetKey", Set)
	return v.assignEntry(key, nil)
}

// AssignMapIndex makes elem the element of the key in a map, both converted to the map's types. It panics for other
// kinds.
func (v *Value) AssignMapIndex(key, elem *Value) error {
	v.t.mustBe("Value.AssignMapIndex", Map)
	converted, err := convertValue(v.t.elem, elem)
	if err != nil {
		return err
	}
	return v.assignEntry(key, converted)
}

func (v *Value) assignEntry(key, elem *Value) error {
	converted, err := convertValue(v.t.key, key)
	if err != nil {
		return err
	}
	m, _ := v.rep.(*valueMap)
	if m == nil {
		m = newValueMap()
		v.rep = m
	}
	m.assign(converted, elem)
	return nil
}
