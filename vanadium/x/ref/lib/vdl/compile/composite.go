package compile

import (
	"go/constant"

	"v.io/x/ref/lib/vdl/syntax"
)

// composite evaluates {...} as a value of the written type, or of the wanted one.
func (c *checker) composite(x *syntax.Expr, want *Type) *Value {
	if x.Type != nil {
		want = c.checkUse(x.Type)
	}
	if want == nil {
		c.fail(x.Pos, "this composite constant has no type: write the type before {")
	}
	v := &Value{Type: want, weight: 1}
	switch want.Kind {
	case Optional:
		inner := *x
		inner.Type = nil
		v.Inner = c.composite(&inner, want.Elem)
		v.weight += v.Inner.weight
	case List, Array:
		c.listItems(x, v)
	case Set, Map:
		c.keyedItems(x, v)
	case Struct:
		c.structItems(x, v)
	case Union:
		c.unionItem(x, v)
	default:
		c.fail(x.Pos, "{...} is not a value of type %v: write %v(...)", want, want)
	}
	return v
}

// element evaluates a part of a composite, which must be of the type.
func (c *checker) element(x *syntax.Expr, t *Type) *Value {
	return c.implicit(x.Pos, c.eval(x, t), t)
}

// listItems fills a list or an array. An item may give its index; the next one follows it. What is left out is zero.
func (c *checker) listItems(x *syntax.Expr, v *Value) {
	at := make(map[int]*Value)
	next, end := 0, v.Type.Len
	for _, item := range x.Items {
		if item.Key != nil {
			next = c.position(item.Key)
		}
		if at[next] != nil {
			c.fail(item.Value.Pos, "index %d is given twice", next)
		}
		if v.Type.Kind == Array && next >= v.Type.Len {
			c.fail(item.Value.Pos, "index %d is beyond %v", next, v.Type)
		}
		at[next] = c.element(item.Value, v.Type.Elem)
		next++
		end = max(end, next)
	}
	if end > maxWeight {
		c.fail(x.Pos, "the constant has more than %d parts", maxWeight)
	}
	for i := range end {
		if at[i] == nil {
			at[i] = c.zero(x.Pos, v.Type.Elem)
		}
		c.addItem(x.Pos, v, Item{Value: at[i]})
	}
}

func (c *checker) position(x *syntax.Expr) int {
	v := c.eval(x, nil)
	if v.Scalar != nil {
		if n, ok := constant.Int64Val(constant.ToInt(v.Scalar)); ok && n >= 0 && n < maxWeight {
			return int(n)
		}
	}
	c.fail(x.Pos, "an index is a number between 0 and %d", maxWeight-1)
	return 0
}

func (c *checker) keyedItems(x *syntax.Expr, v *Value) {
	seen := make(map[string]bool)
	for _, item := range x.Items {
		key := item.Key
		switch {
		case v.Type.Kind == Map && key == nil:
			c.fail(item.Value.Pos, "an item of %v is written key: value", v.Type)
		case v.Type.Kind == Set && key != nil:
			c.fail(item.Value.Pos, "an item of %v is only a key", v.Type)
		case v.Type.Kind == Set:
			key = item.Value
		}
		entry := Item{Key: c.element(key, v.Type.Key)}
		if id := identity(entry.Key); seen[id] {
			c.fail(key.Pos, "the key is given twice")
		} else {
			seen[id] = true
		}
		if v.Type.Kind == Map {
			entry.Value = c.element(item.Value, v.Type.Elem)
		}
		c.addItem(key.Pos, v, entry)
	}
}

// structItems fills a struct, either with name: value for some fields or with values for all.
func (c *checker) structItems(x *syntax.Expr, v *Value) {
	seen := make(map[int]bool)
	for i, item := range x.Items {
		field := i
		switch {
		case (item.Key == nil) != (x.Items[0].Key == nil):
			c.fail(item.Value.Pos, "either all fields of %v are named or none", v.Type)
		case item.Key == nil && len(x.Items) != len(v.Type.Fields):
			c.fail(x.Pos, "%v has %d fields, not %d: name the ones that are given", v.Type, len(v.Type.Fields), len(x.Items))
		case item.Key != nil:
			field = c.fieldIndex(item.Key, v.Type)
		}
		if seen[field] {
			c.fail(item.Value.Pos, "field %s is given twice", v.Type.Fields[field].Name)
		}
		seen[field] = true
		c.addItem(x.Pos, v, Item{Field: field, Value: c.element(item.Value, v.Type.Fields[field].Type)})
	}
}

func (c *checker) unionItem(x *syntax.Expr, v *Value) {
	if len(x.Items) != 1 || x.Items[0].Key == nil {
		c.fail(x.Pos, "a value of union %v is written {Field: value}", v.Type)
	}
	v.Field = c.fieldIndex(x.Items[0].Key, v.Type)
	v.Inner = c.element(x.Items[0].Value, v.Type.Fields[v.Field].Type)
	v.weight += v.Inner.weight
}

func (c *checker) fieldIndex(key *syntax.Expr, t *Type) int {
	if key.Form == syntax.FormName && len(key.Ref.Parts) == 1 {
		for i, f := range t.Fields {
			if f.Name == key.Ref.Parts[0] {
				return i
			}
		}
		c.fail(key.Pos, "%v has no field %v", t, key.Ref)
	}
	c.fail(key.Pos, "expected the name of a field of %v", t)
	return 0
}

// zero returns the zero value of a type. What is left out of a struct is zero, and so is the first field of a union.
func (c *checker) zero(pos syntax.Pos, t *Type) *Value {
	v := &Value{Type: t, weight: 1}
	switch {
	case t.Kind == Bool:
		v.Scalar = constant.MakeBool(false)
	case t.Kind.IsNumber():
		v.Scalar = constant.MakeInt64(0)
	case t.Kind == String:
		v.Scalar = constant.MakeString("")
	case t.Kind == Enum:
		v.Scalar = constant.MakeString(t.Labels[0].Name)
	case t.Kind == TypeObject:
		v.TypeObject = builtins["any"]
	case t.Kind == Union:
		v.Inner = c.zero(pos, t.Fields[0].Type)
		v.weight += v.Inner.weight
	case t.Kind == Array:
		elem := c.zero(pos, t.Elem)
		for range t.Len {
			c.addItem(pos, v, Item{Value: elem})
		}
	}
	return v
}

// identity returns a text that is equal for equal keys.
func identity(v *Value) string {
	if v.Scalar != nil {
		return v.Scalar.ExactString() + ";"
	}
	text := "{"
	if v.Inner != nil {
		text += v.Type.Fields[v.Field].Name + ":" + identity(v.Inner)
	}
	fields := make([]string, len(v.Type.Fields))
	for _, item := range v.Items {
		if v.Type.Kind == Struct {
			fields[item.Field] = identity(item.Value)
			continue
		}
		text += identity(item.Value)
	}
	for i, f := range fields {
		text += v.Type.Fields[i].Name + ":" + f
	}
	return text + "}"
}

// index evaluates X[Y]: an element of a list or array, or the value of a key in a map.
func (c *checker) index(x *syntax.Expr) *Value {
	of := c.eval(x.X, nil)
	if of.Type == nil {
		c.fail(x.Pos, "only lists, arrays and maps have an index")
	}
	switch of.Type.Kind {
	case List, Array:
		if i := c.position(x.Y); i < len(of.Items) {
			return of.Items[i].Value
		}
		c.fail(x.Y.Pos, "the index is beyond the %d elements", len(of.Items))
	case Map:
		key := identity(c.element(x.Y, of.Type.Key))
		for _, item := range of.Items {
			if identity(item.Key) == key {
				return item.Value
			}
		}
		c.fail(x.Y.Pos, "the map has no such key")
	}
	c.fail(x.Pos, "only lists, arrays and maps have an index, not %v", of.Type)
	return nil
}
