package lint

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// bannedNames say nothing about what is inside.
var bannedNames = []string{
	"util", "utils", "common", "types", "helper", "helpers", "manager", "managers", "misc", "base",
}

// checkNames reports packages and files with names that say nothing.
func checkNames(c *Checkout) []Finding {
	var found []Finding
	for _, s := range c.Sources {
		if !s.IsGo() {
			continue
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.Path), ".go"), "_test")
		for _, name := range []string{s.Syntax.Name.Name, stem} {
			if slices.Contains(bannedNames, name) {
				found = append(found, c.at(s.Syntax.Name.Pos(), name, "the name %q says nothing: name what is inside", name))
			}
		}
	}
	return found
}

// checkDoc reports exported identifiers of packages that can be imported which have no
// doc comment.
func checkDoc(c *Checkout) []Finding {
	var found []Finding
	c.handWritten(func(s *Source) {
		if s.IsTest() || s.Syntax.Name.Name == "main" {
			return
		}
		for _, d := range s.Syntax.Decls {
			for _, id := range undocumented(d) {
				found = append(found, c.at(id.pos, id.name, "exported %s has no doc comment", id.name))
			}
		}
	})
	return found
}

// An identifier is a name and the place where it is declared.
type identifier struct {
	name string
	pos  token.Pos
}

// undocumented returns the exported identifiers of a declaration that have no
// doc comment.
func undocumented(d ast.Decl) []identifier {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return undocumentedFunction(d)
	case *ast.GenDecl:
		var all []identifier
		for _, spec := range d.Specs {
			all = append(all, undocumentedSpec(d, spec)...)
		}
		return all
	}
	return nil
}

// undocumentedFunction is undocumented for a function or method. Methods of
// unexported types are not part of an API.
func undocumentedFunction(f *ast.FuncDecl) []identifier {
	if f.Doc.Text() != "" || !f.Name.IsExported() {
		return nil
	}
	if f.Recv != nil && !ast.IsExported(receiverName(f)) {
		return nil
	}
	return []identifier{{functionName(f), f.Name.Pos()}}
}

// undocumentedSpec is undocumented for one line of a type, const or var
// declaration. A comment on a group of constants or variables documents all of
// them; types are documented one by one.
func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) []identifier {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		alone := !d.Lparen.IsValid() && d.Doc.Text() != ""
		if spec.Name.IsExported() && !alone && spec.Doc.Text() == "" {
			return []identifier{{spec.Name.Name, spec.Name.Pos()}}
		}
		return undocumentedMethods(spec)
	case *ast.ValueSpec:
		if d.Doc.Text() != "" || spec.Doc.Text() != "" || spec.Comment.Text() != "" {
			return nil
		}
		return exported(spec.Names)
	}
	return nil
}

// undocumentedMethods returns the methods of an exported interface that have
// neither a doc comment nor one at the end of the line. The comment of an
// interface of one method tells about the method.
func undocumentedMethods(spec *ast.TypeSpec) []identifier {
	body, ok := spec.Type.(*ast.InterfaceType)
	if !ok || !spec.Name.IsExported() || body.Methods.NumFields() == 1 {
		return nil
	}
	var all []identifier
	for _, m := range body.Methods.List {
		if m.Doc.Text() == "" && m.Comment.Text() == "" {
			for _, id := range exported(m.Names) {
				all = append(all, identifier{spec.Name.Name + "." + id.name, id.pos})
			}
		}
	}
	return all
}

// exported returns the exported ones of the names.
func exported(names []*ast.Ident) []identifier {
	var all []identifier
	for _, n := range names {
		if n.IsExported() {
			all = append(all, identifier{n.Name, n.Pos()})
		}
	}
	return all
}

// production groups the files of each package that are not tests by the
// package's directory, in the order of the directories.
func (c *Checkout) production() (dirs []string, files map[string][]*Source) {
	files = make(map[string][]*Source)
	for _, s := range c.Sources {
		if s.IsGo() && !s.IsTest() {
			files[s.Dir()] = append(files[s.Dir()], s)
		}
	}
	return slices.Sorted(maps.Keys(files)), files
}

// checkPackageDoc reports packages without a comment attached to their package
// clause. A generated file may carry it: the generator copies it from its
// source.
func checkPackageDoc(c *Checkout) []Finding {
	var found []Finding
	dirs, files := c.production()
	for _, dir := range dirs {
		if !slices.ContainsFunc(files[dir], hasPackageDoc) {
			first := files[dir][0].Syntax
			found = append(found, c.at(first.Package, first.Name.Name,
				"package %s has no package comment, or a blank line cuts it off", first.Name.Name))
		}
	}
	return found
}

// hasPackageDoc reports whether the file says what its package is for, in the
// form that go doc expects.
func hasPackageDoc(s *Source) bool {
	doc := s.Syntax.Doc.Text()
	if s.Syntax.Name.Name == "main" {
		return doc != ""
	}
	return strings.HasPrefix(doc, "Package "+s.Syntax.Name.Name+" ")
}

// checkExamples reports packages that others can import and that have no example
// whose output is checked. What a generator wrote needs none.
func checkExamples(c *Checkout) []Finding {
	has := make(map[string]bool)
	for _, s := range c.Sources {
		if s.IsGo() && s.IsTest() && hasExample(s) {
			has[s.Dir()] = true
		}
	}
	var found []Finding
	dirs, files := c.production()
	for _, dir := range dirs {
		first := files[dir][0]
		if has[dir] || !importable(first) || !slices.ContainsFunc(files[dir], isHandWritten) {
			continue
		}
		found = append(found, c.at(first.Syntax.Package, first.Syntax.Name.Name,
			"package %s has no Example with an Output comment", first.Syntax.Name.Name))
	}
	return found
}

// isHandWritten reports whether no generator wrote the file.
func isHandWritten(s *Source) bool { return !s.IsGenerated() }

// importable reports whether others can import the package of the file.
func importable(s *Source) bool {
	internal := slices.Contains(strings.Split(s.Dir(), "/"), "internal")
	return s.Syntax.Name.Name != "main" && !internal
}

// hasExample reports whether the file has an example that go test runs.
func hasExample(s *Source) bool {
	return slices.ContainsFunc(functions(s), func(f *ast.FuncDecl) bool {
		return strings.HasPrefix(f.Name.Name, "Example") && slices.ContainsFunc(s.Syntax.Comments, outputOf(f))
	})
}

// outputOf returns a function that reports whether a comment stands in the
// function and begins the output that go test expects.
func outputOf(f *ast.FuncDecl) func(*ast.CommentGroup) bool {
	return func(g *ast.CommentGroup) bool {
		text := strings.ToLower(g.Text())
		inside := g.Pos() > f.Pos() && g.End() < f.End()
		return inside && (strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:"))
	}
}
