package compile

import (
	"errors"

	"v.io/x/ref/lib/vdl/syntax"
)

// maxErrors bounds the number of mistakes reported at once.
const maxErrors = 20

// state says how far a declaration has been resolved; it detects cycles.
type state int

const (
	untouched state = iota
	resolving
	resolved
)

// checker compiles one package. Its methods panic with *syntax.Error at a mistake; try recovers after each declaration.
type checker struct {
	pkg  *Package
	errs []error
	// imports maps the local names of the imported packages, by file.
	imports map[string]map[string]*importUse
}

// importUse is one import of one file.
type importUse struct {
	decl *syntax.Import
	pkg  *Package
	used bool
}

type typeEntry struct {
	typ    *Type
	source *syntax.TypeDecl
	state  state
}

type constEntry struct {
	Const
	source *syntax.ConstDecl
	state  state
}

type errorEntry struct {
	Error
	source *syntax.ErrorDecl
}

// compile checks the files of the package, whose imports are given by their path, and fills in the package.
func compile(pkg *Package) error {
	c := &checker{pkg: pkg, imports: make(map[string]map[string]*importUse)}
	pkg.scope = make(map[string]any)
	phases := []func(*syntax.File){c.declare, c.types, c.shapes, c.consts, c.errors, c.interfaces}
	for _, phase := range phases {
		for _, f := range pkg.files {
			phase(f)
		}
		if len(c.errs) > 0 {
			return errors.Join(c.errs...)
		}
	}
	c.unusedImports()
	return errors.Join(c.errs...)
}

func (c *checker) fail(pos syntax.Pos, format string, args ...any) {
	panic(syntax.Errorf(pos, format, args...))
}

// try runs f and keeps the mistake that it finds.
func (c *checker) try(f func()) {
	if len(c.errs) >= maxErrors {
		return
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *syntax.Error:
			c.errs = append(c.errs, r)
		default:
			panic(r)
		}
	}()
	f()
}

// declare enters the names of a file into the scope of the package.
func (c *checker) declare(f *syntax.File) {
	c.try(func() { c.declareImports(f) })
	for _, d := range f.Types {
		decl := declOf(d.Name)
		c.enter(decl, camelName, "a type", &typeEntry{typ: &Type{Decl: decl, Package: c.pkg}, source: d})
	}
	for _, d := range f.Consts {
		decl := declOf(d.Name)
		c.enter(decl, anyName, "a constant", &constEntry{Const: Const{Decl: decl}, source: d})
	}
	for _, d := range f.Errors {
		decl := declOf(d.Name)
		c.enter(decl, camelName, "an error", &errorEntry{Error: Error{Decl: decl}, source: d})
	}
	for _, d := range f.Interfaces {
		decl := declOf(d.Name)
		c.enter(decl, camelName, "an interface", &Interface{Decl: decl, Package: c.pkg, source: d})
	}
}

func (c *checker) enter(d Decl, rule nameRule, what string, entry any) {
	c.try(func() {
		c.checkName(d, rule, what)
		if earlier, ok := c.pkg.scope[d.Name]; ok {
			c.fail(d.Pos, "%s is declared twice, first at %v: rename one", d.Name, entryPos(earlier))
		}
		for _, f := range c.pkg.files {
			if use := c.imports[f.Name][d.Name]; use != nil {
				c.fail(d.Pos, "%s is also the name of the package imported at %v: rename one", d.Name, use.decl.Pos)
			}
		}
		c.pkg.scope[d.Name] = entry
	})
}

func entryPos(entry any) syntax.Pos {
	switch e := entry.(type) {
	case *typeEntry:
		return e.typ.Pos
	case *constEntry:
		return e.Pos
	case *errorEntry:
		return e.Pos
	case *Interface:
		return e.Pos
	}
	return syntax.Pos{}
}

func (c *checker) declareImports(f *syntax.File) {
	local := make(map[string]*importUse)
	c.imports[f.Name] = local
	for _, decl := range f.Imports {
		use := &importUse{decl: decl, pkg: c.pkg.Imports[decl.Path]}
		name := decl.Local
		if name == "" {
			name = use.pkg.Name
		}
		if earlier := local[name]; earlier != nil {
			c.fail(decl.Pos, "a package named %s is already imported at %v: give one a name of its own, import x %q",
				name, earlier.decl.Pos, decl.Path)
		}
		local[name] = use
	}
}

func (c *checker) unusedImports() {
	for _, f := range c.pkg.files {
		for _, decl := range f.Imports {
			for _, use := range c.imports[f.Name] {
				if use.decl == decl && !use.used {
					c.errs = append(c.errs, syntax.Errorf(decl.Pos, "%q is imported and not used: remove it", decl.Path))
				}
			}
		}
	}
}

// lookup returns what the reference stands for, and the parts that remain: the label behind the name of an enum.
func (c *checker) lookup(ref syntax.Ref) (entry any, pkg *Package, rest []string) {
	parts := ref.Parts
	pkg = c.pkg
	switch {
	case ref.Path != "":
		pkg = c.importByPath(ref)
	case len(parts) > 1 && c.imports[ref.Pos.File][parts[0]] != nil:
		use := c.imports[ref.Pos.File][parts[0]]
		use.used = true
		pkg, parts = use.pkg, parts[1:]
	}
	entry = pkg.scope[parts[0]]
	switch {
	case entry == nil && pkg == c.pkg && len(parts) > 1:
		c.fail(ref.Pos, "%v is not defined: declare %s or import the package", ref, parts[0])
	case entry == nil:
		c.fail(ref.Pos, "%v is not defined", ref)
	case pkg != c.pkg && !isUpper(parts[0]):
		c.fail(ref.Pos, "%v is not exported by package %s", ref, pkg.Path)
	}
	return entry, pkg, parts[1:]
}

func (c *checker) importByPath(ref syntax.Ref) *Package {
	for _, use := range c.imports[ref.Pos.File] {
		if use.decl.Path == ref.Path {
			use.used = true
			return use.pkg
		}
	}
	c.fail(ref.Pos, "%q is not imported: write import %q", ref.Path, ref.Path)
	return nil
}
