package lint

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
)

// sleepers are the production files that may call time.Sleep, with the reason.
var sleepers = map[string]string{}

// checkSkip reports tests that leave themselves out.
func checkSkip(c *Checkout) []Finding {
	skips := []string{"Skip", "Skipf", "SkipNow"}
	testers := []string{"t", "b", "f", "tb"}
	var found []Finding
	for _, s := range c.Sources {
		if !s.IsGo() {
			continue
		}
		ast.Inspect(s.Syntax, func(n ast.Node) bool {
			if on, method, ok := call(n); ok && slices.Contains(testers, on) && slices.Contains(skips, method) {
				found = append(found, c.at(n.Pos(), method, "%s.%s: make the test run, or remove it", on, method))
			}
			return true
		})
	}
	return found
}

// checkSleep reports calls of time.Sleep. Inside synctest.Test the clock is a
// fake one and a sleep takes no time, so a literal that is passed to it, or to a
// function of the same tests that calls it, may sleep.
func checkSleep(c *Checkout) []Finding {
	bubbles := c.bubbles()
	var found []Finding
	c.handWritten(func(s *Source) {
		clock := importName(s.Syntax, "time")
		if clock == "" || sleepers[s.Path] != "" {
			return
		}
		ast.Inspect(s.Syntax, func(n ast.Node) bool {
			if bubbles[s.Dir()][callee(n)] && s.IsTest() {
				return false
			}
			if on, function, ok := call(n); ok && on == clock && function == "Sleep" {
				found = append(found, c.at(n.Pos(), "Sleep", "time.Sleep: wait for the condition, not for a time"))
			}
			return true
		})
	})
	return found
}

// bubbles returns, by directory, the names of the functions that run what they are
// given with a fake clock: synctest.Test, and the tests' functions that call one.
func (c *Checkout) bubbles() map[string]map[string]bool {
	all := make(map[string]map[string]bool)
	for grown := true; grown; {
		grown = false
		c.handWritten(func(s *Source) {
			if !s.IsTest() {
				return
			}
			if all[s.Dir()] == nil {
				all[s.Dir()] = map[string]bool{"synctest.Test": true}
			}
			grown = addBubbles(s, all[s.Dir()]) || grown
		})
	}
	return all
}

// addBubbles adds the functions of a file that call one of the names, and reports
// whether there are new ones.
func addBubbles(s *Source, names map[string]bool) (grown bool) {
	for _, f := range functions(s) {
		ast.Inspect(f, func(n ast.Node) bool {
			if names[callee(n)] && !names[f.Name.Name] {
				names[f.Name.Name], grown = true, true
			}
			return true
		})
	}
	return grown
}

// callee returns the name of the function that a node calls, as "name" or
// "package.name"; "" for anything else.
func callee(n ast.Node) string {
	c, ok := n.(*ast.CallExpr)
	if !ok {
		return ""
	}
	if id, ok := c.Fun.(*ast.Ident); ok {
		return id.Name
	}
	if on, name, ok := call(n); ok && on != "" {
		return on + "." + name
	}
	return ""
}

// checkIgnoredErrors reports calls whose error is assigned to nothing.
func checkIgnoredErrors(c *Checkout) []Finding {
	critical := []string{
		"Close", "Sync", "Write", "WriteString", "WriteAt", "Flush", "Remove", "RemoveAll", "Rename", "Truncate",
		"Encode", "Finish", "CloseSend", "SyncDir",
	}
	var found []Finding
	c.handWritten(func(s *Source) {
		ast.Inspect(s.Syntax, func(n ast.Node) bool {
			assign, ok := n.(*ast.AssignStmt)
			if !ok || assign.Tok != token.ASSIGN || !allBlank(assign.Lhs) || len(assign.Rhs) != 1 {
				return true
			}
			if id, ok := assign.Rhs[0].(*ast.Ident); ok && id.Name == "err" {
				found = append(found, c.at(n.Pos(), "err", "err is assigned to nothing: handle it or do not produce it"))
			}
			if _, method, ok := call(assign.Rhs[0]); ok && slices.Contains(critical, method) {
				found = append(found, c.at(n.Pos(), method, "the error of %s is thrown away: return, join or report it", method))
			}
			return true
		})
	})
	return found
}

// allBlank reports whether all expressions are the blank identifier.
func allBlank(list []ast.Expr) bool {
	return !slices.ContainsFunc(list, func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return !ok || id.Name != "_"
	})
}

// call returns the selector of a call such as on.method(...). When what is in
// front of the dot is more than a name, on is empty.
func call(n ast.Node) (on, method string, ok bool) {
	c, ok := n.(*ast.CallExpr)
	if !ok {
		return "", "", false
	}
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", "", false
	}
	if id, named := sel.X.(*ast.Ident); named {
		on = id.Name
	}
	return on, sel.Sel.Name, true
}

// importName returns the name under which a file imports a package, or "" when
// it does not.
func importName(f *ast.File, importPath string) string {
	for _, spec := range f.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}
