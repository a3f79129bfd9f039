package compile

import "v.io/x/ref/lib/vdl/syntax"

// errors compiles the errors of a file.
func (c *checker) errors(f *syntax.File) {
	for _, d := range f.Errors {
		entry := c.pkg.scope[d.Text].(*errorEntry)
		c.try(func() {
			entry.Action = d.Action
			if d.Action == "" {
				entry.Action = "NoRetry"
			}
			entry.Params = c.values(d.Params, "a parameter of error "+d.Text)
			for i, p := range entry.Params {
				if entry.Exported() {
					c.checkExported(d.Params[i].Type.Pos, p.Type, "the exported error "+d.Text)
				}
			}
			c.checkLanguages(d)
		})
		c.pkg.Errors = append(c.pkg.Errors, &entry.Error)
	}
}

func (c *checker) checkLanguages(d *syntax.ErrorDecl) {
	seen := make(map[string]bool)
	for _, f := range d.Formats {
		if f.Language == "" || seen[f.Language] {
			c.fail(f.Pos, "error %s has two messages in language %q, or one without a language", d.Text, f.Language)
		}
		seen[f.Language] = true
	}
}

// values compiles named values; what says what each of them is.
func (c *checker) values(fields []*syntax.Field, what string) []Field {
	values := make([]Field, len(fields))
	seen := make(map[string]bool)
	for i, f := range fields {
		if f.Text == "" {
			c.fail(f.Pos, "%s needs a name: write name Type", what)
		}
		values[i] = c.value(f, what)
		c.checkOnce(seen, values[i].Decl, "the name")
	}
	return values
}

func (c *checker) value(f *syntax.Field, what string) Field {
	d := declOf(f.Name)
	if d.Name != "" {
		c.checkName(d, anyName, what)
	}
	return Field{Decl: d, Type: c.checkUse(f.Type)}
}

// interfaces compiles the interfaces of a file.
func (c *checker) interfaces(f *syntax.File) {
	for _, d := range f.Interfaces {
		i := c.pkg.scope[d.Text].(*Interface)
		c.try(func() { c.resolveInterface(i) })
		c.pkg.Interfaces = append(c.pkg.Interfaces, i)
	}
}

func (c *checker) resolveInterface(i *Interface) {
	switch i.state {
	case resolved:
		return
	case resolving:
		c.fail(i.Pos, "interface %s embeds itself", i.Name)
	}
	i.state = resolving
	for _, e := range i.source.Embeds {
		i.Embeds = append(i.Embeds, c.embed(e))
	}
	for _, m := range i.source.Methods {
		i.Methods = append(i.Methods, c.method(m))
	}
	c.checkMethodNames(i)
	i.state = resolved
}

func (c *checker) embed(src syntax.Embed) Embed {
	entry, pkg, rest := c.lookup(src.Ref)
	e, ok := entry.(*Interface)
	if !ok || len(rest) > 0 {
		c.fail(src.Pos, "%v is not an interface: only interfaces can be embedded", src.Ref)
	}
	if pkg == c.pkg {
		c.resolveInterface(e)
	}
	return Embed{Interface: e, Note: src.Doc}
}

// checkMethodNames reports a method that an interface has twice, which a caller could not tell apart.
func (c *checker) checkMethodNames(i *Interface) {
	own := make(map[string]bool)
	for _, m := range i.Methods {
		c.checkOnce(own, m.Decl, "method")
	}
	embedded := make(map[string]bool)
	for _, e := range i.source.Embeds {
		entry, _, _ := c.lookup(e.Ref)
		for _, m := range entry.(*Interface).AllMethods() {
			if own[m.Name] || embedded[m.Name] {
				c.fail(e.Pos, "method %s of %v is already in interface %s: embed or declare it once", m.Name, e.Ref, i.Name)
			}
			embedded[m.Name] = true
		}
	}
}

func (c *checker) method(src *syntax.Method) *Method {
	m := &Method{Decl: declOf(src.Name)}
	c.checkName(m.Decl, memberName, "a method")
	m.Args = c.values(src.Args, "an argument of method "+m.Name)
	m.Results = c.results(src)
	m.Up, m.Down = c.streamItem(src.Up, m), c.streamItem(src.Down, m)
	for i, a := range m.Args {
		c.checkExported(src.Args[i].Type.Pos, a.Type, "an argument of method "+m.Name)
	}
	for i, r := range m.Results {
		c.checkExported(src.Results[i].Type.Pos, r.Type, "a result of method "+m.Name)
	}
	for _, tag := range src.Tags {
		m.Tags = append(m.Tags, c.final(tag))
	}
	return m
}

func (c *checker) results(src *syntax.Method) []Field {
	what := "a result of method " + src.Text
	if len(src.Results) == 1 {
		return []Field{c.value(src.Results[0], what)}
	}
	return c.values(src.Results, "each of several results of method "+src.Text)
}

func (c *checker) streamItem(src *syntax.Type, m *Method) *Type {
	if src == nil {
		return nil
	}
	t := c.checkUse(src)
	c.checkExported(src.Pos, t, "a streamed item of method "+m.Name)
	return t
}
