package lint

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// An api is a set of exported names: "path.Name" for what a package declares,
// "path.Type.Name" for a field or method.
type api map[string]bool

// readAPI reads a list of names. A line that begins with a letter names a
// package; the indented lines below it name what it declares, first an
// identifier and then its fields and methods. "#" begins a comment.
func readAPI(r io.Reader) (api, error) {
	names := make(api)
	pkg := ""
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case line[0] != ' ' && line[0] != '\t':
			if len(words) != 1 {
				return nil, fmt.Errorf("line %d: a package is one word: %q", n, line)
			}
			pkg = words[0]
		case pkg == "":
			return nil, fmt.Errorf("line %d: %q stands above the first package", n, line)
		default:
			names.add(pkg, words)
		}
	}
	return names, lines.Err()
}

// add adds an identifier and its members.
func (a api) add(pkg string, words []string) {
	name := pkg + "." + words[0]
	a[name] = true
	for _, member := range words[1:] {
		a[name+"."+member] = true
	}
}

// An apiUse is one place where the root module uses a name of the Vanadium
// modules.
type apiUse struct {
	name string
	at   token.Position
}

// A listed package is what `go list` tells about one package.
type listed struct {
	path, dir, export string
	files             []string // production files, then those of the package's own tests
	external          []string // files of the external test package
}

// listFormat makes `go list` print the fields of a listed package, tab
// separated, file names space separated.
const listFormat = `{{.ImportPath}}	{{.Dir}}	{{.Export}}	` +
	`{{join .GoFiles " "}} {{join .CgoFiles " "}} {{join .TestGoFiles " "}}	{{join .XTestGoFiles " "}}`

// goList runs `go list` in dir and returns the packages that it names. It
// builds them, since the types of the imported ones come from the compiler.
func goList(dir string, args ...string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-export", "-f", listFormat}, args...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	var all []listed
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("go list printed %q", line)
		}
		all = append(all, listed{f[0], f[1], f[2], strings.Fields(f[3]), strings.Fields(f[4])})
	}
	return all, nil
}

// A checker finds the names that packages use, by their types.
type checker struct {
	set     *token.FileSet
	exports map[string]string // import path -> file of the compiler's export data
	imports types.Importer
	own     map[string]*types.Package // packages checked from source, tests included
	members map[types.Object]string   // field or method -> "Type.Name", filled per package
	known   map[*types.Package]bool   // packages whose members are filled
	uses    []apiUse
}

// vanadiumUses returns every use of a name of the Vanadium modules in the
// packages of the module in dir, tests included.
func vanadiumUses(dir string) ([]apiUse, error) {
	deps, err := goList(dir, "-deps", "-test", "./...")
	if err != nil {
		return nil, err
	}
	k := &checker{
		set:     token.NewFileSet(),
		exports: make(map[string]string),
		own:     make(map[string]*types.Package),
		members: make(map[types.Object]string),
		known:   make(map[*types.Package]bool),
	}
	for _, p := range deps {
		k.exports[p.path] = p.export
	}
	k.imports = importer.ForCompiler(k.set, "gc", k.open)
	packages, err := goList(dir, "./...")
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		if err := k.check(p); err != nil {
			return nil, err
		}
	}
	return k.uses, nil
}

// open returns the compiler's export data of a package.
func (k *checker) open(importPath string) (io.ReadCloser, error) {
	file := k.exports[importPath]
	if file == "" {
		return nil, fmt.Errorf("no export data for %s", importPath)
	}
	return os.Open(file)
}

// Import makes the checker the importer of external test packages, which see
// their package together with its own tests.
func (k *checker) Import(importPath string) (*types.Package, error) {
	if p := k.own[importPath]; p != nil {
		return p, nil
	}
	return k.imports.Import(importPath)
}

// check checks one package and its external tests, and records what they use.
func (k *checker) check(p listed) error {
	k.own = make(map[string]*types.Package)
	pkg, err := k.checkFiles(p.path, p.dir, p.files)
	if err != nil {
		return err
	}
	k.own[p.path] = pkg
	_, err = k.checkFiles(p.path+"_test", p.dir, p.external)
	return err
}

// checkFiles resolves the names in some files of one package. That they compile is
// the compiler's business: what cannot be resolved here is left out.
func (k *checker) checkFiles(importPath, dir string, names []string) (*types.Package, error) {
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(k.set, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: k, FakeImportC: true, Error: func(error) {}}
	pkg, err := config.Check(importPath, k.set, files, info)
	if pkg == nil {
		return nil, err
	}
	for id, object := range info.Uses {
		if name := k.name(object); name != "" {
			k.uses = append(k.uses, apiUse{name, k.set.Position(id.Pos())})
		}
	}
	return pkg, nil
}

// name returns how an api calls an object of the Vanadium modules, "" for any
// other object.
func (k *checker) name(object types.Object) string {
	pkg := object.Pkg()
	if pkg == nil || !object.Exported() || !within(pkg.Path(), []string{vanadium + "/..."}) ||
		within(pkg.Path(), []string{root + "/..."}) || within(pkg.Path(), []string{root + "_test"}) {
		return ""
	}
	if object.Parent() == pkg.Scope() {
		return pkg.Path() + "." + object.Name()
	}
	k.fill(pkg)
	if member := k.members[object]; member != "" {
		return pkg.Path() + "." + member
	}
	return ""
}

// fill records the members of all types that a package declares.
func (k *checker) fill(pkg *types.Package) {
	if k.known[pkg] {
		return
	}
	k.known[pkg] = true
	for _, name := range pkg.Scope().Names() {
		declared, ok := pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok || declared.IsAlias() {
			continue
		}
		named, ok := declared.Type().(*types.Named)
		if !ok {
			continue
		}
		for i := range named.NumMethods() {
			k.member(name, named.Method(i))
		}
		switch body := named.Underlying().(type) {
		case *types.Struct:
			for i := range body.NumFields() {
				k.member(name, body.Field(i))
			}
		case *types.Interface:
			for i := range body.NumExplicitMethods() {
				k.member(name, body.ExplicitMethod(i))
			}
		}
	}
}

// member records that an object is a member of a type.
func (k *checker) member(typeName string, object types.Object) {
	k.members[object] = typeName + "." + object.Name()
}

// outside returns the uses of names that the list does not have, one for each
// name, in order.
func (a api) outside(uses []apiUse) []apiUse {
	first := make(map[string]apiUse)
	for _, u := range uses {
		old, seen := first[u.name]
		earlier := u.at.Filename < old.at.Filename || u.at.Filename == old.at.Filename && u.at.Offset < old.at.Offset
		if !a[u.name] && (!seen || earlier) {
			first[u.name] = u
		}
	}
	var all []apiUse
	for _, name := range slices.Sorted(maps.Keys(first)) {
		all = append(all, first[name])
	}
	return all
}
