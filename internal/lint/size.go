package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// The budgets. Every limit is inclusive.
const (
	functionLinesMax = 70
	medianLinesMax   = 14
	fileLinesMax     = 600
	testLinesMax     = 800
	structFieldsMax  = 15
	lineCharsMax     = 120

	// A line with one token of at least this many characters, such as a test
	// vector or an address, cannot be broken.
	unbreakableChars = 60
)

// checkFunctionSize reports functions that do not fit on a page. A literal inside a
// function counts as part of it.
func checkFunctionSize(c *Checkout) []Finding {
	var found []Finding
	c.handWritten(func(s *Source) {
		for _, f := range functions(s) {
			if n := c.lineCount(f); n > functionLinesMax {
				found = append(found, c.at(f.Pos(), functionName(f),
					"%s has %d lines, at most %d: let it branch and move the work into leaves",
					functionName(f), n, functionLinesMax))
			}
		}
	})
	return found
}

// checkMedianFunction reports modules whose median production function is long.
func checkMedianFunction(c *Checkout) []Finding {
	sizes := make(map[Module][]int)
	c.handWritten(func(s *Source) {
		if s.IsTest() {
			return
		}
		for _, f := range functions(s) {
			sizes[s.Module] = append(sizes[s.Module], c.lineCount(f))
		}
	})
	var found []Finding
	for _, m := range c.Modules {
		if n := median(sizes[m]); n > medianLinesMax {
			found = append(found, Finding{
				File: path.Join(m.Dir, "go.mod"), Subject: m.Path,
				Text: fmt.Sprintf("the median function has %d lines, at most %d", n, medianLinesMax),
			})
		}
	}
	return found
}

// median returns the middle of the numbers, the lower one of two, 0 for none.
// It sorts them.
func median(numbers []int) int {
	if len(numbers) == 0 {
		return 0
	}
	slices.Sort(numbers)
	return numbers[(len(numbers)-1)/2]
}

// checkFileSize reports files that hold more than one idea.
func checkFileSize(c *Checkout) []Finding {
	var found []Finding
	c.handWritten(func(s *Source) {
		most := fileLinesMax
		if s.IsTest() {
			most = testLinesMax
		}
		if n := len(s.Lines()); n > most {
			found = append(found, Finding{File: s.Path, Text: fmt.Sprintf("%d lines, at most %d", n, most)})
		}
	})
	return found
}

// checkStructSize reports structs with too many fields, embedded ones counted.
func checkStructSize(c *Checkout) []Finding {
	var found []Finding
	c.handWritten(func(s *Source) {
		ast.Inspect(s.Syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if body, ok := spec.Type.(*ast.StructType); ok && body.Fields.NumFields() > structFieldsMax {
				found = append(found, c.at(spec.Pos(), spec.Name.Name,
					"%s has %d fields, at most %d: split it by role", spec.Name.Name, body.Fields.NumFields(), structFieldsMax))
			}
			return true
		})
	})
	return found
}

// checkLineSize reports long lines of Go. A tab counts as one character.
func checkLineSize(c *Checkout) []Finding {
	var found []Finding
	c.handWritten(func(s *Source) {
		for i, line := range s.Lines() {
			n := utf8.RuneCountInString(line)
			if n > lineCharsMax && !slices.ContainsFunc(strings.Fields(line), unbreakable) {
				found = append(found, Finding{
					File: s.Path, Line: i + 1,
					Text: fmt.Sprintf("%d characters, at most %d", n, lineCharsMax),
				})
			}
		}
	})
	return found
}

// unbreakable reports whether a token is too long to care about the line it
// is on.
func unbreakable(token string) bool { return len(token) >= unbreakableChars }

// functions returns the functions and methods that a file declares with a
// body.
func functions(s *Source) []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, d := range s.Syntax.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			all = append(all, f)
		}
	}
	return all
}

// functionName returns "name" or "Type.name".
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	return receiverName(f) + "." + f.Name.Name
}

// receiverName returns the name of the type that a method belongs to.
func receiverName(f *ast.FuncDecl) string {
	expr := f.Recv.List[0].Type
	for {
		switch x := expr.(type) {
		case *ast.StarExpr:
			expr = x.X
		case *ast.ParenExpr:
			expr = x.X
		case *ast.IndexExpr:
			expr = x.X
		case *ast.IndexListExpr:
			expr = x.X
		case *ast.Ident:
			return x.Name
		default:
			return token.ILLEGAL.String()
		}
	}
}
