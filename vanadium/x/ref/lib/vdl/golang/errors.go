package golang

import (
	"fmt"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// errors writes the errors of the package.
func (g *generator) errors() {
	if len(g.pkg.Errors) == 0 {
		return
	}
	g.section("Errors")
	g.p("var (")
	for _, e := range g.pkg.Errors {
		id := errorName("Err", e)
		g.declare(e.Decl, id)
		g.errorDoc(e, id)
		g.p("%s = %s(%q, %s)%s", id, g.in(pathVerror, "NewIDAction"), g.path(e.Name), g.in(pathVerror, e.Action),
			suffixComment(e.Decl))
	}
	g.p(")")
	for _, e := range g.pkg.Errors {
		g.errorMakers(e)
		g.errorParams(e)
	}
	g.iterator()
}

// errorName returns the Go name that begins with the word: ErrNotFound, but errNotFound if the error is not exported.
func errorName(word string, e *compile.Error) string {
	if !e.Exported() {
		word = strings.ToLower(word[:1]) + word[1:]
	}
	return word + upperFirst(e.Name)
}

// errorDoc writes the comment of the error, in which its own name is that of the Go variable.
func (g *generator) errorDoc(e *compile.Error, id string) {
	doc := e.Doc
	if doc == "" {
		doc = "// " + e.Name + " identifies errors of the kind " + g.path(e.Name) + "."
	}
	if rest, ok := strings.CutPrefix(doc, "// "+e.Name+" "); ok {
		doc = "// " + id + " " + rest
	}
	g.p("%s", doc)
}

// paramList returns the parameters with their types.
func (g *generator) paramList(fields []compile.Field) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, ", %s %s", argName(f.Name), g.goType(f.Type))
	}
	return b.String()
}

// errorMakers writes the functions that make an error of the kind.
func (g *generator) errorMakers(e *compile.Error) {
	id := errorName("Err", e)
	args := ""
	for _, p := range e.Params {
		args += ", " + argName(p.Name)
	}
	if args == "" {
		// Without parameters the call looks like one of Print to vet, unless there is a list to be formatted.
		args = ", []interface{}{}..."
	}
	makers := []struct{ word, text, does string }{
		{"Errorf", "format", "formats the parameters"},
		{"Message", "message", "has the message as its text"},
	}
	for _, m := range makers {
		name := errorName(m.word, e)
		g.declare(e.Decl, name)
		verb := "whose text " + m.does + "."
		if m.word == "Errorf" {
			verb = "whose text is the format with the parameters in their order."
		}
		g.p("\n// %s returns an error of the kind %s %s", name, id, verb)
		g.p("func %s(ctx %s, %s string%s) error {\nreturn %s.%s(ctx, %s%s)\n}", name, g.context(), m.text,
			g.paramList(e.Params), id, m.word, m.text, args)
	}
}

// errorParams writes the function that returns the parameters of an error.
func (g *generator) errorParams(e *compile.Error) {
	name := errorName("ParamsErr", e)
	g.declare(e.Decl, name)
	g.p("\n// %s returns the component and the operation that argumentError names, and its parameters as they were "+
		"given\n// to %s. It fails if argumentError is not of that kind.", name, errorName("Errorf", e))
	g.p("func %s(argumentError error) (verrorComponent string, verrorOperation string%s, returnErr error) {", name,
		g.paramList(e.Params))
	g.p("iter, returnErr := newParamListIterator(argumentError)\nif returnErr != nil {\nreturn\n}")
	g.p("if verrorComponent, verrorOperation, returnErr = iter.preamble(); returnErr != nil {\nreturn\n}")
	if len(e.Params) > 0 {
		g.p("var tmp interface{}")
	}
	for _, p := range e.Params {
		g.errorParam(p)
	}
	g.p("return\n}")
}

// errorParam writes the statements that take the next parameter.
func (g *generator) errorParam(p compile.Field) {
	name, goType := argName(p.Name), g.goType(p.Type)
	g.p("if tmp, returnErr = iter.next(%q); returnErr != nil {\nreturn\n}", p.Name)
	g.p("switch vdlParam := tmp.(type) {\ncase %s:\n%s = vdlParam", goType, name)
	switch p.Type.Kind {
	case compile.ErrorKind, compile.Optional, compile.Union, compile.TypeObject:
		g.p("case nil:")
	case compile.Any:
		g.p("case nil:\n%s = %s", name, g.zeroValue(p.Type))
		g.p("default:\n%s = %s(vdlParam)\n}", name, g.in(pathVOM, "RawBytesOf"))
		return
	}
	g.p("default:\nreturnErr = %s(\"parameter %s is a %%T, not a %s\", tmp)\nreturn\n}", g.errorf(), p.Name, goType)
}

func (g *generator) iterator() {
	g.p(`
// paramListIterator walks over the parameters of an error: first the component and the operation.
type paramListIterator struct {
	err    error
	params []interface{}
}

func newParamListIterator(err error) (*paramListIterator, error) {
	params := %s(err)
	if params == nil {
		return nil, %s("no parameters in an error of type %%T: %%v", err, err)
	}
	return &paramListIterator{err: err, params: params}, nil
}

func (iter *paramListIterator) next(name string) (interface{}, error) {
	if len(iter.params) == 0 {
		return nil, %s("no parameter %%s in an error of type %%T: %%v", name, iter.err, iter.err)
	}
	param := iter.params[0]
	iter.params = iter.params[1:]
	return param, nil
}

func (iter *paramListIterator) preamble() (component, operation string, err error) {
	for _, word := range []*string{&component, &operation} {
		param, err := iter.next("component or operation")
		if err != nil {
			return "", "", err
		}
		text, ok := param.(string)
		if !ok {
			return "", "", %s("the component or operation is a %%T, not a string", param)
		}
		*word = text
	}
	return component, operation, nil
}`, g.in(pathVerror, "Params"), g.errorf(), g.errorf(), g.errorf())
}
