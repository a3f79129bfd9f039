package lint

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A Module is one Go module of the checkout.
type Module struct {
	Dir  string // where its go.mod stands, relative to the checkout, "." for the root
	Path string // its module path
}

// A Source is one text file of the checkout. Its fields must not be modified.
type Source struct {
	Path   string    // slash-separated, relative to the checkout
	Text   string    // the whole file
	Syntax *ast.File // the parsed file; nil unless it is Go
	Module Module    // the module that it belongs to
	lines  []string
}

// Dir returns the directory of the file, relative to the checkout.
func (s *Source) Dir() string { return path.Dir(s.Path) }

// Package returns the import path of the package that the file belongs to. An
// external test (package p_test) counts as its package.
func (s *Source) Package() string {
	dir := s.Dir()
	if s.Module.Dir != "." {
		dir = strings.TrimPrefix(strings.TrimPrefix(dir, s.Module.Dir), "/")
	}
	return path.Join(s.Module.Path, dir)
}

// IsGo reports whether the file is Go.
func (s *Source) IsGo() bool { return s.Syntax != nil }

// IsTest reports whether the file is compiled for tests only.
func (s *Source) IsTest() bool { return strings.HasSuffix(s.Path, "_test.go") }

// IsGenerated reports whether the file is a generator's output, which the
// rules about hand-written code leave out.
func (s *Source) IsGenerated() bool {
	return strings.HasSuffix(s.Path, ".vdl.go") || strings.HasSuffix(s.Path, ".pb.go")
}

// Lines returns the lines of the file, without their ends.
func (s *Source) Lines() []string { return s.lines }

// A Checkout is everything that the rules look at: the text files of the
// repository, the Go ones parsed. It is read only once built.
type Checkout struct {
	Sources []*Source // sorted by path
	Modules []Module  // innermost first
	set     *token.FileSet
	tree    fs.FS // of all files, also those that are left out
}

// textFiles are the endings of the files that are read beside Go.
var textFiles = []string{".go", ".md", ".vdl", ".mod", ".work", ".sh", ".yml", ".yaml", ".json", ".toml", "Makefile"}

// Load reads the checkout at the root of tree. Directories named testdata and
// those that begin with a dot (but .ci) or an underscore are left out, as the go
// command leaves them out. A Go file that does not parse is an error.
func Load(tree fs.FS) (*Checkout, error) {
	c := &Checkout{set: token.NewFileSet(), tree: tree}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && leftOut(d.Name()):
			return fs.SkipDir
		case d.IsDir() || !isText(name):
			return nil
		}
		return c.add(tree, name)
	})
	if err != nil {
		return nil, fmt.Errorf("lint: read the checkout: %w", err)
	}
	c.assignModules()
	return c, nil
}

// leftOut reports whether a directory is not part of the checkout's code.
func leftOut(name string) bool {
	if name == "." || name == ".ci" {
		return false
	}
	return name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// isText reports whether a file is one that the rules read.
func isText(name string) bool {
	if path.Dir(name) == ".ci" {
		return true
	}
	return slices.ContainsFunc(textFiles, func(end string) bool { return strings.HasSuffix(name, end) })
}

// add reads one file, and parses it when it is Go.
func (c *Checkout) add(tree fs.FS, name string) error {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	s := &Source{Path: name, Text: string(text)}
	s.lines = strings.Split(strings.TrimSuffix(s.Text, "\n"), "\n")
	if strings.HasSuffix(name, ".go") {
		s.Syntax, err = parser.ParseFile(c.set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
	}
	c.Sources = append(c.Sources, s)
	return nil
}

// assignModules finds the modules and tells each file the innermost one around
// it.
func (c *Checkout) assignModules() {
	for _, s := range c.Sources {
		if path.Base(s.Path) == "go.mod" {
			c.Modules = append(c.Modules, Module{Dir: s.Dir(), Path: modulePath(s)})
		}
	}
	slices.SortFunc(c.Modules, func(a, b Module) int { return cmp.Compare(depth(b.Dir), depth(a.Dir)) })
	for _, s := range c.Sources {
		for _, m := range c.Modules {
			if m.Dir == "." || strings.HasPrefix(s.Path, m.Dir+"/") {
				s.Module = m
				break
			}
		}
	}
}

// depth counts the elements of a directory's name; the root has none.
func depth(dir string) int {
	if dir == "." {
		return 0
	}
	return 1 + strings.Count(dir, "/")
}

// modulePath returns what the module line of a go.mod names.
func modulePath(s *Source) string {
	for _, line := range s.lines {
		if rest, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// handWritten calls visit for each Go file that no generator wrote.
func (c *Checkout) handWritten(visit func(*Source)) {
	for _, s := range c.Sources {
		if s.IsGo() && !s.IsGenerated() {
			visit(s)
		}
	}
}

// at builds a finding about the place pos of a Go file.
func (c *Checkout) at(pos token.Pos, subject, format string, args ...any) Finding {
	p := c.set.Position(pos)
	return Finding{File: p.Filename, Line: p.Line, Subject: subject, Text: fmt.Sprintf(format, args...)}
}

// lineCount returns how many lines a node takes, its first and last included.
func (c *Checkout) lineCount(n ast.Node) int {
	return c.set.Position(n.End()).Line - c.set.Position(n.Pos()).Line + 1
}
