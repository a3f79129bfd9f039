package syntax

// maxDepth bounds how deeply types and constants nest.
const maxDepth = 200

// parser walks over the tokens of a file. Its methods panic with *Error, which ParseFile recovers: the grammar has one
// way out, at the first mistake.
type parser struct {
	file     *File
	tokens   []token
	comments []comment
	at       int
	depth    int
}

// ParseFile returns the tree of a file. The name is used in messages only. Errors are of type *Error and name the first
// place where the text departs from the grammar.
func ParseFile(name string, src []byte) (file *File, err error) {
	tokens, comments, err := scan(name, src)
	if err != nil {
		return nil, err
	}
	p := &parser{file: &File{Name: name, HandWritten: handWritten(comments)}, tokens: tokens, comments: comments}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			file, err = nil, r
		default:
			panic(r)
		}
	}()
	p.parseFile()
	return p.file, nil
}

func (p *parser) fail(pos Pos, format string, args ...any) { panic(Errorf(pos, format, args...)) }

func (p *parser) peek() token { return p.tokens[p.at] }

// ahead returns the token n places after the next one.
func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.peek()
	if t.kind != kindEOF {
		p.at++
	}
	return t
}

// accept consumes the next token if it is the mark, operator or keyword.
func (p *parser) accept(text string) bool {
	if !p.peek().is(text) {
		return false
	}
	p.next()
	return true
}

// expect consumes the mark, operator or keyword; where says what it is part of.
func (p *parser) expect(text, where string) token {
	if t := p.peek(); !t.is(text) {
		p.fail(t.pos, "expected %q %s, found %v", text, where, t)
	}
	return p.next()
}

// name consumes a name; what says of what.
func (p *parser) name(what string) Name {
	t := p.peek()
	switch {
	case t.kind == kindKeyword:
		p.fail(t.pos, "%q cannot be the name of %s, because it is a word of the language", t.text, what)
	case t.kind != kindIdent:
		p.fail(t.pos, "expected the name of %s, found %v", what, t)
	}
	p.next()
	return Name{Pos: t.pos, Text: t.text}
}

func (p *parser) str(what string) (string, Pos) {
	t := p.peek()
	if t.kind != kindString {
		p.fail(t.pos, "expected %s in quotes, found %v", what, t)
	}
	p.next()
	return t.text, t.pos
}

// nest counts the depth until the returned function is called.
func (p *parser) nest() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek().pos, "nested more than %d levels deep", maxDepth)
	}
	return func() { p.depth-- }
}

// group parses items between the opening and closing mark. Items are separated by sep, which may also follow the last.
func (p *parser) group(open, closing, sep, where string, item func()) {
	p.expect(open, where)
	for !p.peek().is(closing) {
		item()
		if !p.accept(sep) && !p.peek().is(closing) {
			t := p.peek()
			p.fail(t.pos, "expected %q or %q %s, found %v", sep, closing, where, t)
		}
	}
	p.expect(closing, where)
}

// oneOrGroup parses a single item, or several in parentheses.
func (p *parser) oneOrGroup(where string, item func()) {
	if p.peek().is("(") {
		p.group("(", ")", ";", where, item)
		return
	}
	item()
}

func (p *parser) endDecl(where string) {
	if p.peek().kind == kindEOF {
		return
	}
	p.expect(";", where)
}

func (p *parser) parseFile() {
	line := p.expect("package", "at the begin of the file").pos.Line
	p.file.Doc = p.docAbove(line)
	p.file.Package = p.name("the package")
	p.endDecl("after the package clause")
	for p.accept("import") {
		p.oneOrGroup("in imports", p.parseImport)
		p.endDecl("after an import")
	}
	for p.peek().kind != kindEOF {
		p.parseDecl()
	}
}

func (p *parser) parseImport() {
	im := &Import{Pos: p.peek().pos}
	if p.peek().kind == kindIdent {
		im.Local = p.name("the imported package").Text
	}
	im.Path, _ = p.str("an import path")
	p.file.Imports = append(p.file.Imports, im)
}

func (p *parser) parseDecl() {
	t := p.next()
	switch {
	case t.is("type"):
		p.parseTypeOrInterface()
	case t.is("const"):
		p.oneOrGroup("in constants", p.parseConst)
	case t.is("error"):
		p.oneOrGroup("in errors", p.parseError)
	case t.is("import"):
		p.fail(t.pos, "imports stand before all other declarations")
	default:
		p.fail(t.pos, "expected type, const or error, found %v", t)
	}
	p.endDecl("after a declaration")
}

func (p *parser) parseTypeOrInterface() {
	if p.peek().kind == kindIdent && p.ahead(1).is("interface") {
		p.parseInterface()
		return
	}
	p.oneOrGroup("in types", func() {
		d := &TypeDecl{Name: p.name("a type")}
		if p.peek().is("interface") {
			p.fail(d.Pos, "an interface stands outside of groups: write type %s interface { ... }", d.Text)
		}
		p.documented(&d.Name, func() { d.Type = p.parseType() })
		p.file.Types = append(p.file.Types, d)
	})
}

func (p *parser) parseConst() {
	d := &ConstDecl{Name: p.name("a constant")}
	p.documented(&d.Name, func() {
		p.expect("=", "after the name of a constant")
		d.Value = p.parseExpr()
	})
	p.file.Consts = append(p.file.Consts, d)
}

// actions are the words that say what a caller may do about an error.
var actions = map[string]bool{
	"NoRetry": true, "RetryConnection": true, "RetryRefetch": true, "RetryBackoff": true,
}

func (p *parser) parseError() {
	d := &ErrorDecl{Name: p.name("an error")}
	p.documented(&d.Name, func() {
		d.Params = p.parseParams("the parameters of an error")
		if p.peek().is("{") {
			p.group("{", "}", ",", "in the details of an error", func() { p.parseErrorDetail(d) })
		}
	})
	p.file.Errors = append(p.file.Errors, d)
}

func (p *parser) parseErrorDetail(d *ErrorDecl) {
	t := p.peek()
	if t.kind == kindIdent {
		if !actions[t.text] {
			p.fail(t.pos, "unknown action %s: write NoRetry, RetryConnection, RetryRefetch or RetryBackoff", t.text)
		}
		if d.Action != "" {
			p.fail(t.pos, "a second action %s: an error has one", t.text)
		}
		d.Action = p.next().text
		return
	}
	f := Format{}
	f.Language, f.Pos = p.str("a language or an action")
	p.expect(":", "between a language and its message")
	f.Text, _ = p.str("a message")
	d.Formats = append(d.Formats, f)
}

func (p *parser) parseInterface() {
	d := &InterfaceDecl{Name: p.name("an interface")}
	p.expect("interface", "after the name")
	p.documented(&d.Name, func() {
		p.group("{", "}", ";", "in an interface", func() { p.parseInterfaceItem(d) })
	})
	p.file.Interfaces = append(p.file.Interfaces, d)
}

func (p *parser) parseInterfaceItem(d *InterfaceDecl) {
	if p.peek().kind != kindIdent || !p.ahead(1).is("(") {
		line := p.peek().pos.Line
		d.Embeds = append(d.Embeds, Embed{Ref: p.parseRef(), Doc: p.docAbove(line)})
		return
	}
	m := &Method{Name: p.name("a method")}
	p.documented(&m.Name, func() {
		m.Args = p.parseParams("the arguments of a method")
		p.parseStream(m)
		p.parseResults(m)
		if p.peek().is("{") {
			p.group("{", "}", ",", "in tags", func() { m.Tags = append(m.Tags, p.parseExpr()) })
		}
	})
	d.Methods = append(d.Methods, m)
}

func (p *parser) parseStream(m *Method) {
	if !p.accept("stream") {
		return
	}
	p.expect("<", "after stream")
	if !p.peek().is(">") {
		m.Up = p.parseStreamItem()
		if p.accept(",") {
			m.Down = p.parseStreamItem()
		}
	}
	p.expect(">", "after the types of a stream")
}

func (p *parser) parseStreamItem() *Type {
	if p.accept("_") {
		return nil
	}
	return p.parseType()
}

func (p *parser) parseResults(m *Method) {
	t := p.peek()
	if p.accept("error") {
		return
	}
	if !t.is("(") {
		p.fail(t.pos, "expected the results of method %s: write error, or (name Type | error)", m.Text)
	}
	p.next()
	m.Results = p.parseFields("|", "the results of a method")
	p.expect("|", "after the results of a method: write (name Type | error)")
	p.expect("error", "after |, because every method can fail")
	p.expect(")", "after the results")
}

// parseParams parses named values in parentheses.
func (p *parser) parseParams(what string) []*Field {
	p.expect("(", "before "+what)
	fields := p.parseFields(")", what)
	p.expect(")", "after "+what)
	return fields
}

// parseFields parses values separated by commas up to the closing mark. Values of one type can share it, as in
// "a, b string". A value that is only a type gets no name.
func (p *parser) parseFields(closing, what string) []*Field {
	var fields []*Field
	for !p.peek().is(closing) {
		fields = append(fields, p.parseRun(closing)...)
		if !p.accept(",") && !p.peek().is(closing) {
			t := p.peek()
			p.fail(t.pos, "expected \",\" or %q in %s, found %v", closing, what, t)
		}
	}
	return fields
}

func (p *parser) parseRun(closing string) []*Field {
	run := p.nameRun()
	if run == 0 {
		line := p.peek().pos
		return []*Field{{Name: Name{Pos: line}, Type: p.parseType()}}
	}
	var fields []*Field
	for i := range run {
		// What stands above the line of the method is about the method.
		startsLine := p.tokens[p.at-1].pos.Line < p.peek().pos.Line
		f := &Field{Name: p.name("a value")}
		if startsLine {
			f.Doc = p.docAbove(f.Pos.Line)
		}
		fields = append(fields, f)
		if i < run-1 {
			p.expect(",", "between names")
		}
	}
	typ := p.parseType()
	for _, f := range fields {
		f.Type = typ
	}
	return fields
}

// nameRun returns the number of names before the next type: in "a, b string" two, in "string" none.
func (p *parser) nameRun() int {
	for n := 0; p.ahead(2*n).kind == kindIdent; n++ {
		after := p.ahead(2*n + 1)
		if after.startsType() {
			return n + 1
		}
		if !after.is(",") {
			return 0
		}
	}
	return 0
}
