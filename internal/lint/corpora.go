package lint

import (
	"go/ast"
	"io/fs"
	"path"
	"strings"
)

// checkCorpora reports fuzz tests of the library that have no corpus in the checkout: what a fuzzer has found
// interesting once is tried by every run of the tests from then on.
func checkCorpora(c *Checkout) []Finding {
	var found []Finding
	c.handWritten(func(s *Source) {
		if !s.IsTest() || s.Module.Dir != "." {
			return
		}
		for _, d := range s.Syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			corpus := path.Join(s.Dir(), "testdata", "fuzz", f.Name.Name)
			if files, err := fs.ReadDir(c.tree, corpus); err != nil || len(files) == 0 {
				found = append(found, c.at(f.Pos(), f.Name.Name, "%s has no corpus: let it run, and keep in %s what it found",
					f.Name.Name, corpus))
			}
		}
	})
	return found
}
