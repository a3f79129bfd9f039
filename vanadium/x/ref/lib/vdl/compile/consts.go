package compile

import (
	"go/constant"

	"v.io/x/ref/lib/vdl/syntax"
)

// Bounds on values, so that short texts cannot stand for endless ones.
const (
	maxWeight     = 1 << 16
	maxStringSize = 1 << 20
)

// builtinValues holds the constants that need no declaration. A nil has an open type and no scalar.
var builtinValues = map[string]*Value{
	"true":  {Scalar: constant.MakeBool(true), weight: 1},
	"false": {Scalar: constant.MakeBool(false), weight: 1},
	"nil":   {weight: 1},
}

// consts evaluates the constants of a file.
func (c *checker) consts(f *syntax.File) {
	for _, d := range f.Consts {
		entry := c.pkg.scope[d.Text].(*constEntry)
		c.try(func() { c.resolveConst(entry) })
		c.pkg.Consts = append(c.pkg.Consts, &entry.Const)
	}
}

func (c *checker) resolveConst(e *constEntry) {
	switch e.state {
	case resolved:
		return
	case resolving:
		c.fail(e.Pos, "constant %s is defined by itself", e.Name)
	}
	e.state = resolving
	e.Value = c.final(e.source.Value)
	if e.Exported() {
		c.checkExported(e.Pos, e.Value.Type, "the exported constant "+e.Name)
	}
	e.state = resolved
}

// final evaluates a constant that nothing else gives a type.
func (c *checker) final(x *syntax.Expr) *Value {
	v := c.eval(x, nil)
	if v.Type != nil {
		return v
	}
	return c.implicit(x.Pos, v, c.defaultType(x.Pos, v))
}

// defaultType returns the type of a literal whose type is open.
func (c *checker) defaultType(pos syntax.Pos, v *Value) *Type {
	if v.Scalar != nil {
		switch v.Scalar.Kind() {
		case constant.Bool:
			return boolType
		case constant.String:
			return stringType
		}
		c.fail(pos, "the number %v has no type: write for example int32(%v)", v.Scalar, v.Scalar)
	}
	c.fail(pos, "nil has no type here: write for example any(nil)")
	return nil
}

// eval evaluates a constant. Want is the type that a composite without a type takes, nil if there is none; the
// value may be of another type.
func (c *checker) eval(x *syntax.Expr, want *Type) *Value {
	switch x.Form {
	case syntax.FormInt:
		return scalar(nil, constant.MakeFromLiteral(x.Text, intToken, 0))
	case syntax.FormFloat:
		return scalar(nil, constant.MakeFromLiteral(x.Text, floatToken, 0))
	case syntax.FormString:
		return scalar(nil, constant.MakeString(x.Text))
	case syntax.FormName:
		return c.namedValue(x.Ref)
	case syntax.FormConvert:
		t := c.checkUse(x.Type)
		return c.convert(x.Pos, c.eval(x.X, t), t)
	case syntax.FormTypeOf:
		return &Value{Type: typeObjectType, TypeObject: c.checkUse(x.Type), weight: 1}
	case syntax.FormUnary:
		return c.unary(x)
	case syntax.FormBinary:
		return c.binary(x)
	case syntax.FormIndex:
		return c.index(x)
	}
	return c.composite(x, want)
}

func scalar(t *Type, s constant.Value) *Value { return &Value{Type: t, Scalar: s, weight: 1} }

// namedValue returns the constant or the label that the reference names.
func (c *checker) namedValue(ref syntax.Ref) *Value {
	if len(ref.Parts) == 1 && ref.Path == "" && builtinValues[ref.Parts[0]] != nil {
		return builtinValues[ref.Parts[0]]
	}
	entry, pkg, rest := c.lookup(ref)
	switch e := entry.(type) {
	case *constEntry:
		if len(rest) > 0 {
			c.fail(ref.Pos, "%v is not defined: %s is a constant", ref, e.Name)
		}
		if pkg == c.pkg {
			c.resolveConst(e)
		}
		return e.Value
	case *typeEntry:
		if e.typ.Kind != Enum || len(rest) != 1 {
			c.fail(ref.Pos, "%v is a type where a constant is expected", ref)
		}
		return c.label(ref.Pos, e.typ, rest[0])
	}
	c.fail(ref.Pos, "%v is not a constant", ref)
	return nil
}

func (c *checker) label(pos syntax.Pos, t *Type, name string) *Value {
	for _, l := range t.Labels {
		if l.Name == name {
			return scalar(t, constant.MakeString(name))
		}
	}
	c.fail(pos, "enum %s has no label %s, only %s", t.Name, name, labelNames(t.Labels))
	return nil
}

// implicit gives a value the type that its place requires, without changing it.
func (c *checker) implicit(pos syntax.Pos, v *Value, t *Type) *Value {
	switch {
	case v.Type != nil && v.Type.String() == t.String():
		return v
	case t.Kind == Any:
		return c.inAny(pos, v, t)
	case v.Type != nil:
		c.fail(pos, "this constant is of type %v where %v is expected: convert it, %v(...)", v.Type, t, t)
	case v.Scalar == nil:
		if t.Kind != Optional && t.Kind != ErrorKind {
			c.fail(pos, "nil is not a value of type %v", t)
		}
		return &Value{Type: t, weight: 1}
	}
	return c.literal(pos, v.Scalar, t)
}

func (c *checker) inAny(pos syntax.Pos, v *Value, t *Type) *Value {
	if v.Type == nil && v.Scalar == nil {
		return &Value{Type: t, weight: 1}
	}
	if v.Type == nil {
		v = c.implicit(pos, v, c.defaultType(pos, v))
	}
	if v.Type.Kind == Any {
		return v
	}
	return &Value{Type: t, Inner: v, weight: v.weight + 1}
}

// literal gives a scalar whose type is open the type t.
func (c *checker) literal(pos syntax.Pos, s constant.Value, t *Type) *Value {
	switch {
	case t.Kind.IsNumber() && (s.Kind() == constant.Int || s.Kind() == constant.Float):
		return scalar(t, c.fit(pos, s, t))
	case t.Kind == Bool && s.Kind() == constant.Bool, t.Kind == String && s.Kind() == constant.String:
		return scalar(t, s)
	}
	c.fail(pos, "%s is not a value of type %v", s.ExactString(), t)
	return nil
}

// fit returns the number as a value of the type, which must be able to represent it.
func (c *checker) fit(pos syntax.Pos, s constant.Value, t *Type) constant.Value {
	if t.Kind.IsFloat() {
		return c.fitFloat(pos, s, t)
	}
	n := constant.ToInt(s)
	if n.Kind() != constant.Int {
		c.fail(pos, "%v is not a whole number: type %v cannot hold it", s, t)
	}
	low, high := intRange(t.Kind)
	if constant.Compare(n, lessToken, low) || constant.Compare(high, lessToken, n) {
		c.fail(pos, "%v overflows type %v, which holds %s to %s", n, t, low.ExactString(), high.ExactString())
	}
	return n
}

func (c *checker) fitFloat(pos syntax.Pos, s constant.Value, t *Type) constant.Value {
	f := constant.ToFloat(s)
	var rounded float64
	if t.Kind == Float32 {
		f32, _ := constant.Float32Val(f)
		rounded = float64(f32)
	} else {
		rounded, _ = constant.Float64Val(f)
	}
	if v := constant.MakeFloat64(rounded); v.Kind() == constant.Float || v.Kind() == constant.Int {
		return constant.ToFloat(v)
	}
	c.fail(pos, "%v overflows type %v", s, t)
	return nil
}

func intRange(k Kind) (low, high constant.Value) {
	one := constant.MakeInt64(1)
	bits := uint(k.Bits())
	if k.IsInt() {
		half := constant.Shift(one, shlToken, bits-1)
		return constant.UnaryOp(subToken, half, 0), constant.BinaryOp(half, subToken, one)
	}
	return constant.MakeInt64(0), constant.BinaryOp(constant.Shift(one, shlToken, bits), subToken, one)
}

// convert converts a value as T(value) asks. No information is lost, except the digits of decimal numbers that a float
// cannot hold.
func (c *checker) convert(pos syntax.Pos, v *Value, t *Type) *Value {
	from := v.Type
	switch {
	case v.Scalar != nil && v.Scalar.Kind() == constant.String && t.Kind == Enum:
		return c.label(pos, t, constant.StringVal(v.Scalar))
	case v.Scalar != nil && v.Scalar.Kind() == constant.String && t.Kind == List && t.Elem.Kind == Byte:
		return c.bytes(pos, constant.StringVal(v.Scalar), t)
	case from == nil || t.Kind == Any:
		return c.implicit(pos, v, t)
	case from.Kind == Enum && t.Kind == String:
		return scalar(t, v.Scalar)
	case v.Scalar != nil && from.Kind != Enum:
		return c.literal(pos, v.Scalar, t)
	case from.Structure() == t.Structure():
		converted := *v
		converted.Type = t
		return &converted
	}
	c.fail(pos, "a value of type %v cannot be converted to %v", from, t)
	return nil
}

func (c *checker) bytes(pos syntax.Pos, s string, t *Type) *Value {
	v := &Value{Type: t, weight: 1}
	for i := range len(s) {
		c.addItem(pos, v, Item{Value: scalar(t.Elem, constant.MakeInt64(int64(s[i])))})
	}
	return v
}

// addItem adds an item and bounds the size of the value.
func (c *checker) addItem(pos syntax.Pos, v *Value, item Item) {
	if item.Key != nil {
		v.weight += item.Key.weight
	}
	if item.Value != nil {
		v.weight += item.Value.weight
	}
	if v.weight > maxWeight {
		c.fail(pos, "the constant has more than %d parts", maxWeight)
	}
	v.Items = append(v.Items, item)
}
