package syntax

// precedence ranks the binary operators; a higher one binds more tightly.
var precedence = map[string]int{
	"||": 1,
	"&&": 2,
	"==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
	"+": 4, "-": 4, "|": 4, "^": 4,
	"*": 5, "/": 5, "%": 5, "&": 5, "<<": 5, ">>": 5,
}

func (p *parser) parseExpr() *Expr { return p.parseBinary(1) }

// parseBinary parses operators of at least the rank. Operators of one rank group from the left.
func (p *parser) parseBinary(rank int) *Expr {
	defer p.nest()()
	x := p.parseUnary()
	for terms := 0; ; terms++ {
		op := p.peek()
		r := precedence[op.text]
		if op.kind != kind(op.text) || r < rank {
			return x
		}
		if terms > maxDepth {
			p.fail(op.pos, "more than %d operators in a row", maxDepth)
		}
		p.next()
		x = &Expr{Pos: op.pos, Form: FormBinary, Op: op.text, X: x, Y: p.parseBinary(r + 1)}
	}
}

func (p *parser) parseUnary() *Expr {
	defer p.nest()()
	switch t := p.peek(); {
	case t.is("!"), t.is("+"), t.is("-"), t.is("^"):
		p.next()
		return &Expr{Pos: t.pos, Form: FormUnary, Op: t.text, X: p.parseUnary()}
	}
	x := p.parseOperand()
	for n := 0; p.peek().is("["); n++ {
		if n > maxDepth {
			p.fail(p.peek().pos, "more than %d indexes in a row", maxDepth)
		}
		pos := p.next().pos
		x = &Expr{Pos: pos, Form: FormIndex, X: x, Y: p.parseExpr()}
		p.expect("]", "after an index")
	}
	return x
}

func (p *parser) parseOperand() *Expr {
	t := p.peek()
	switch {
	case t.kind == kindInt:
		return &Expr{Pos: t.pos, Form: FormInt, Text: p.next().text}
	case t.kind == kindFloat:
		return &Expr{Pos: t.pos, Form: FormFloat, Text: p.next().text}
	case t.kind == kindString && !p.ahead(1).is("."):
		return &Expr{Pos: t.pos, Form: FormString, Text: p.next().text}
	case t.is("("):
		p.next()
		x := p.parseExpr()
		p.expect(")", "after an expression")
		return x
	case t.is("{"):
		return p.parseComposite(t.pos, nil)
	case t.startsType():
		return p.parseTyped(t)
	}
	p.fail(t.pos, "expected a constant, found %v", t)
	return nil
}

// parseTyped parses what begins with a type or a name: a conversion, a composite, a type object or just the name.
func (p *parser) parseTyped(t token) *Expr {
	typ := p.parseType()
	switch {
	case p.peek().is("{"):
		return p.parseComposite(t.pos, typ)
	case p.peek().is("(") && typ.Form == FormTypeObject:
		p.next()
		x := &Expr{Pos: t.pos, Form: FormTypeOf, Type: p.parseType()}
		p.expect(")", "after the type")
		return x
	case p.peek().is("("):
		p.next()
		x := &Expr{Pos: t.pos, Form: FormConvert, Type: typ, X: p.parseExpr()}
		p.expect(")", "after the converted constant")
		return x
	case typ.Form == FormRef:
		return &Expr{Pos: t.pos, Form: FormName, Ref: typ.Ref}
	}
	p.fail(p.peek().pos, "expected {...} or (...) after the type of a constant, found %v", p.peek())
	return nil
}

func (p *parser) parseComposite(pos Pos, typ *Type) *Expr {
	defer p.nest()()
	x := &Expr{Pos: pos, Form: FormComposite, Type: typ}
	p.group("{", "}", ",", "in a composite constant", func() {
		item := Item{Value: p.parseExpr()}
		if p.accept(":") {
			item.Key, item.Value = item.Value, p.parseExpr()
		}
		x.Items = append(x.Items, item)
	})
	return x
}
