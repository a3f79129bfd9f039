package syntax

// startsType reports whether a type can begin with the token.
func (t token) startsType() bool {
	switch t.kind {
	case kindIdent, kindString:
		return true
	case kindKeyword:
		switch t.text {
		case "error", "typeobject", "set", "map", "enum", "struct", "union":
			return true
		}
		return false
	}
	return t.is("[") || t.is("?")
}

func (p *parser) parseType() *Type {
	defer p.nest()()
	t := p.peek()
	typ := &Type{Pos: t.pos}
	switch {
	case t.kind == kindIdent || t.kind == kindString:
		typ.Form, typ.Ref = FormRef, p.parseRef()
		return typ
	case t.is("interface"):
		p.fail(t.pos, "an interface cannot be used as a type here: write type X interface { ... } on its own")
	case !t.startsType():
		p.fail(t.pos, "expected a type, found %v", t)
	}
	p.next()
	switch t.text {
	case "error":
		typ.Form = FormError
	case "typeobject":
		typ.Form = FormTypeObject
	case "?":
		typ.Form, typ.Elem = FormOptional, p.parseType()
	case "[":
		p.parseListOrArray(typ)
	case "set", "map":
		p.parseSetOrMap(typ, t.text)
	case "enum":
		typ.Form, typ.Labels = FormEnum, p.parseLabels()
	case "struct":
		typ.Form, typ.Fields = FormStruct, p.parseMembers("in a struct")
	case "union":
		typ.Form, typ.Fields = FormUnion, p.parseMembers("in a union")
	}
	return typ
}

func (p *parser) parseListOrArray(typ *Type) {
	typ.Form = FormList
	if t := p.peek(); t.kind == kindInt {
		typ.Form, typ.Len = FormArray, p.next().text
	}
	p.expect("]", "after the length of an array, which is a plain number")
	typ.Elem = p.parseType()
}

func (p *parser) parseSetOrMap(typ *Type, word string) {
	p.expect("[", "before the key type")
	typ.Key = p.parseType()
	p.expect("]", "after the key type")
	typ.Form = FormSet
	if word == "map" {
		typ.Form, typ.Elem = FormMap, p.parseType()
	}
}

func (p *parser) parseLabels() []Name {
	var labels []Name
	p.group("{", "}", ";", "in an enum", func() {
		label := p.name("a label")
		p.documented(&label, func() {})
		labels = append(labels, label)
	})
	return labels
}

// parseMembers parses the fields of a struct or union: one line may declare several of the same type.
func (p *parser) parseMembers(where string) []*Field {
	var fields []*Field
	p.group("{", "}", ";", where, func() {
		line := []*Field{{Name: p.name("a field")}}
		for p.accept(",") {
			line = append(line, &Field{Name: p.name("a field")})
		}
		if t := p.peek(); t.is("=") || !t.startsType() {
			p.fail(t.pos, "expected the type of field %s, found %v", line[0].Text, t)
		}
		var typ *Type
		p.documented(&line[0].Name, func() { typ = p.parseType() })
		for _, f := range line {
			f.Type, f.Doc, f.Suffix = typ, line[0].Doc, line[0].Suffix
		}
		fields = append(fields, line...)
	})
	return fields
}

// parseRef parses the use of a name.
func (p *parser) parseRef() Ref {
	ref := Ref{Pos: p.peek().pos}
	if p.peek().kind == kindString {
		ref.Path = p.next().text
		p.expect(".", "after the path of a package")
	}
	ref.Parts = append(ref.Parts, p.refPart())
	for p.accept(".") {
		ref.Parts = append(ref.Parts, p.refPart())
	}
	return ref
}

func (p *parser) refPart() string {
	t := p.peek()
	if t.kind != kindIdent {
		p.fail(t.pos, "expected a name, found %v", t)
	}
	return p.next().text
}
