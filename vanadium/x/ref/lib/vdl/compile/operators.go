package compile

import (
	"go/constant"
	"go/token"

	"v.io/x/ref/lib/vdl/syntax"
)

// The tokens by which go/constant names literals and operators.
const (
	intToken   = token.INT
	floatToken = token.FLOAT
	lessToken  = token.LSS
	shlToken   = token.SHL
	subToken   = token.SUB
)

// maxNumberBits bounds the numbers in expressions, whose type may be open.
const maxNumberBits = 2048

var operators = map[string]token.Token{
	"||": token.LOR, "&&": token.LAND, "!": token.NOT,
	"==": token.EQL, "!=": token.NEQ, "<": token.LSS, "<=": token.LEQ, ">": token.GTR, ">=": token.GEQ,
	"+": token.ADD, "-": token.SUB, "*": token.MUL, "/": token.QUO, "%": token.REM,
	"|": token.OR, "&": token.AND, "^": token.XOR, "<<": token.SHL, ">>": token.SHR,
}

// operand evaluates an operand, which must be a scalar other than a label.
func (c *checker) operand(x *syntax.Expr, op string) *Value {
	v := c.eval(x, nil)
	if v.Scalar == nil {
		c.fail(x.Pos, "operator %s needs bools, numbers or strings", op)
	}
	return v
}

func (c *checker) unary(x *syntax.Expr) *Value {
	v := c.operand(x.X, x.Op)
	kind := v.Scalar.Kind()
	isInt := kind == constant.Int && (v.Type == nil || !v.Type.Kind.IsFloat())
	ok := map[string]bool{
		"!": kind == constant.Bool,
		"+": kind == constant.Int || kind == constant.Float,
		"-": kind == constant.Int || kind == constant.Float,
		"^": isInt,
	}[x.Op]
	if !ok {
		c.fail(x.Pos, "operator %s cannot be applied to %v", x.Op, v.Scalar)
	}
	bits := uint(0)
	if x.Op == "^" && v.Type != nil && v.Type.Kind.IsUint() {
		bits = uint(v.Type.Kind.Bits())
	}
	return c.result(x.Pos, v.Type, constant.UnaryOp(operators[x.Op], v.Scalar, bits))
}

// result checks the result of an operator against its type, if that is known, and against the bounds.
func (c *checker) result(pos syntax.Pos, t *Type, s constant.Value) *Value {
	switch s.Kind() {
	case constant.Int:
		if constant.BitLen(s) > maxNumberBits {
			c.fail(pos, "the result has more than %d bits", maxNumberBits)
		}
	case constant.String:
		if len(constant.StringVal(s)) > maxStringSize {
			c.fail(pos, "the result has more than %d bytes", maxStringSize)
		}
	case constant.Unknown:
		c.fail(pos, "the result is not a number")
	}
	if t == nil {
		return scalar(nil, s)
	}
	return c.literal(pos, s, t)
}

func (c *checker) binary(x *syntax.Expr) *Value {
	a, b := c.operand(x.X, x.Op), c.operand(x.Y, x.Op)
	if x.Op == "<<" || x.Op == ">>" {
		return c.shift(x, a, b)
	}
	a, b = c.sameType(x, a, b)
	op := operators[x.Op]
	switch x.Op {
	case "==", "!=":
		return scalar(nil, constant.MakeBool(constant.Compare(a.Scalar, op, b.Scalar)))
	case "<", "<=", ">", ">=":
		c.mustBe(x, a, "numbers or strings", constant.Int, constant.Float, constant.String)
		return scalar(nil, constant.MakeBool(constant.Compare(a.Scalar, op, b.Scalar)))
	case "||", "&&":
		c.mustBe(x, a, "bools", constant.Bool)
	case "+":
		c.mustBe(x, a, "numbers or strings", constant.Int, constant.Float, constant.String)
	case "-", "*", "/":
		c.mustBe(x, a, "numbers", constant.Int, constant.Float)
	default:
		c.mustBe(x, a, "integers", constant.Int)
		c.mustBe(x, b, "integers", constant.Int)
	}
	if x.Op == "/" || x.Op == "%" {
		op = c.division(x, a, b)
	}
	return c.result(x.Pos, a.Type, constant.BinaryOp(a.Scalar, op, b.Scalar))
}

// division returns the operator for / and %, which divide integers without a remainder.
func (c *checker) division(x *syntax.Expr, a, b *Value) token.Token {
	if constant.Sign(b.Scalar) == 0 {
		c.fail(x.Pos, "division by zero")
	}
	isFloat := a.Type != nil && a.Type.Kind.IsFloat()
	if x.Op == "/" && !isFloat && a.Scalar.Kind() == constant.Int && b.Scalar.Kind() == constant.Int {
		return token.QUO_ASSIGN
	}
	return operators[x.Op]
}

// sameType gives both operands the type of the one that has a type. Labels can only be compared for equality.
func (c *checker) sameType(x *syntax.Expr, a, b *Value) (*Value, *Value) {
	switch {
	case a.Type == nil && b.Type != nil:
		a = c.implicit(x.X.Pos, a, b.Type)
	case b.Type == nil && a.Type != nil:
		b = c.implicit(x.Y.Pos, b, a.Type)
	}
	if a.Type != b.Type {
		c.fail(x.Pos, "operator %s needs operands of one type, not %v and %v: convert one", x.Op, a.Type, b.Type)
	}
	if a.Type != nil && a.Type.Kind == Enum && x.Op != "==" && x.Op != "!=" {
		c.fail(x.Pos, "operator %s cannot be applied to labels", x.Op)
	}
	if isNumeric(a.Scalar) != isNumeric(b.Scalar) || !isNumeric(a.Scalar) && a.Scalar.Kind() != b.Scalar.Kind() {
		c.fail(x.Pos, "operator %s cannot be applied to %v and %v", x.Op, a.Scalar, b.Scalar)
	}
	return a, b
}

func isNumeric(s constant.Value) bool { return s.Kind() == constant.Int || s.Kind() == constant.Float }

func (c *checker) mustBe(x *syntax.Expr, v *Value, what string, kinds ...constant.Kind) {
	for _, k := range kinds {
		isFloat := v.Type != nil && v.Type.Kind.IsFloat()
		if v.Scalar.Kind() == k && !(what == "integers" && isFloat) {
			return
		}
	}
	c.fail(x.Pos, "operator %s needs %s", x.Op, what)
}

func (c *checker) shift(x *syntax.Expr, a, b *Value) *Value {
	c.mustBe(x, a, "integers", constant.Int)
	c.mustBe(x, b, "integers", constant.Int)
	n, ok := constant.Uint64Val(b.Scalar)
	if !ok || n > maxNumberBits {
		c.fail(x.Pos, "the shift count is between 0 and %d, not %v", maxNumberBits, b.Scalar)
	}
	return c.result(x.Pos, a.Type, constant.Shift(a.Scalar, operators[x.Op], uint(n)))
}
