package compile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"v.io/x/ref/lib/vdl/syntax"
)

// Finder says where packages are. It is used by one Loader at a time.
type Finder interface {
	// Find returns the place of the package that VDL files import by the path.
	Find(path string) (Place, error)
}

// Loader compiles packages and remembers them. It is used by one goroutine.
type Loader struct {
	finder Finder
	// loaded holds nil for packages that are being loaded.
	loaded map[string]*Package
}

// NewLoader returns a Loader that finds imported packages by the finder.
func NewLoader(finder Finder) *Loader {
	return &Loader{finder: finder, loaded: make(map[string]*Package)}
}

// Load compiles the package at the place, and the packages that it imports. The error joins one *syntax.Error for each
// mistake in the first package that has any.
func (l *Loader) Load(place Place) (*Package, error) {
	if pkg := l.loaded[place.Path]; pkg != nil {
		return pkg, nil
	}
	l.loaded[place.Path] = nil
	pkg := &Package{Place: place, Imports: make(map[string]*Package)}
	err := l.load(pkg)
	if err != nil {
		delete(l.loaded, place.Path)
		return nil, err
	}
	l.loaded[place.Path] = pkg
	return pkg, nil
}

func (l *Loader) load(pkg *Package) error {
	if err := pkg.parse(); err != nil {
		return err
	}
	for _, f := range pkg.files {
		for _, im := range f.Imports {
			if err := l.loadImport(pkg, im); err != nil {
				return err
			}
		}
	}
	return compile(pkg)
}

func (l *Loader) loadImport(pkg *Package, im *syntax.Import) error {
	if pkg.Imports[im.Path] != nil {
		return nil
	}
	if loaded, begun := l.loaded[im.Path]; begun && loaded == nil {
		return syntax.Errorf(im.Pos, "import cycle: %q imports %q, which leads back to it", pkg.Path, im.Path)
	}
	place, err := l.finder.Find(im.Path)
	if err != nil {
		return syntax.Errorf(im.Pos, "cannot import %q: %v", im.Path, err)
	}
	imported, err := l.Load(place)
	if err != nil {
		return err
	}
	pkg.Imports[im.Path] = imported
	return nil
}

// Files returns the names of the VDL files in a directory, sorted.
func Files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".vdl" && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

// parse reads the files of the package.
func (pkg *Package) parse() error {
	names, err := Files(pkg.Dir)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("no .vdl files in %s", pkg.Dir)
	}
	var errs []error
	for _, name := range names {
		path := filepath.Join(pkg.Dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := syntax.ParseFile(path, src)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		pkg.files = append(pkg.files, f)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return pkg.checkClauses()
}

// checkClauses checks that the files agree on the name of the package.
func (pkg *Package) checkClauses() error {
	first := pkg.files[0]
	pkg.Name = first.Package.Text
	for _, f := range pkg.files {
		if f.Package.Text != pkg.Name {
			return syntax.Errorf(f.Package.Pos, "package %s, but %v says package %s: a directory holds one package",
				f.Package.Text, first.Package.Pos, pkg.Name)
		}
		pkg.HandWritten = pkg.HandWritten || f.HandWritten
		if pkg.Doc == "" {
			pkg.Doc = f.Doc
		}
	}
	if reserved[pkg.Name] {
		return syntax.Errorf(first.Package.Pos, "%s cannot be the name of a package: the word is reserved", pkg.Name)
	}
	return nil
}
