package storage_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoGoroutines reads the sources of all storage packages: none starts a goroutine, by a go
// statement, a timer with a function or a group's Go, so that a simulator may call stores inline.
func TestNoGoroutines(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, at := range starts(file) {
			t.Errorf("%v starts a goroutine; storage must do its work in the caller's", set.Position(at))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Errorf("only %d sources were read; the walk does not see the packages", files)
	}
}

// TestGoroutineSeen plants what TestNoGoroutines looks for.
func TestGoroutineSeen(t *testing.T) {
	for source, want := range map[string]int{
		"func f() { g() }":                          0,
		"func f() { go g() }":                       1,
		"func f() { x := func() { go g() }; x() }":  1,
		"func f() { var w sync.WaitGroup; w.Go(g)}": 1,
		"func f() { time.AfterFunc(1, g) }":         1,
		"func f() { context.AfterFunc(c, g) }":      1,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "planted.go", "package p\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(starts(file)); n != want {
			t.Errorf("%d starts were seen in %q, want %d", n, source, want)
		}
	}
}

// starts returns where a file starts goroutines.
func starts(file *ast.File) (all []token.Pos) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			all = append(all, n.Pos())
		case *ast.CallExpr:
			name, ok := n.Fun.(*ast.SelectorExpr)
			if ok && (name.Sel.Name == "Go" || name.Sel.Name == "AfterFunc") {
				all = append(all, n.Pos())
			}
		}
		return true
	})
	return all
}
