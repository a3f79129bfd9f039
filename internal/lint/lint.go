// Package lint holds the rules of this repository that no compiler knows: which
// package may import which, how large a function may grow, what must be
// documented, and which words and calls stand for unfinished work. They run as
// ordinary tests of this package over the checkout around it, so that `go test`
// is enough to know that a change keeps them.
//
// Every rule has a planted bad source in the tests that it must find. What a
// rule lets pass on purpose is in the table of exemptions, with the reason; an
// exemption that nothing needs any more is itself reported.
package lint

import (
	"fmt"
	"path"
)

// A Finding is one broken rule at one place.
type Finding struct {
	File    string // relative to the checkout
	Line    int    // from 1; 0 means the whole file or package
	Rule    string // the rule's name
	Subject string // the identifier it is about, as an exemption names it; may be empty
	Text    string // what is wrong and what to do
}

// String formats the finding as a compiler would print it.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s (%s)", f.File, f.Line, f.Text, f.Rule)
}

// A Rule is one thing that must hold everywhere in the checkout.
type Rule struct {
	Name  string
	Why   string
	Check func(*Checkout) []Finding
}

// Rules returns all rules that need nothing but the sources.
func Rules() []Rule {
	return []Rule{
		{"imports", "the rooms of the architecture stay apart", checkImports},
		{"function-size", "a function is read at one sight", checkFunctionSize},
		{"median-function", "small functions are the normal case", checkMedianFunction},
		{"file-size", "a file holds one idea", checkFileSize},
		{"struct-size", "a reader's trust in a struct falls with its fields", checkStructSize},
		{"line-size", "a line is read without scrolling", checkLineSize},
		{"names", "a name says what is inside", checkNames},
		{"doc", "an exported name without a sentence is a guess for its user", checkDoc},
		{"package-doc", "a package says what it is for", checkPackageDoc},
		{"example", "examples are the manual, and are compiled", checkExamples},
		{"corpora", "what a fuzzer has found is tried by every run of the tests", checkCorpora},
		{"drawings", "a story about members is seen before it is read", checkDrawings},
		{"skip", "a skipped test looks like a passed one", checkSkip},
		{"sleep", "a sleep is too short on a slow machine and too long on a fast one", checkSleep},
		{"ignored-error", "a lost error is a lost write", checkIgnoredErrors},
		{"words", "unfinished work is an entry in CHANGELOG.md, not a remark", checkWords},
		{"places", "the repository works on every machine", checkPlaces},
		{"workspace", "go.work breaks the tidy of modules outside", checkWorkspace},
	}
}

// An Exemption lets findings of one rule pass.
type Exemption struct {
	Rule    string
	File    string // a pattern of path.Match
	Subject string // the finding's subject; empty exempts the whole file
	Reason  string
}

// covers reports whether the exemption is about the finding.
func (e Exemption) covers(f Finding) bool {
	match, err := path.Match(e.File, f.File)
	return err == nil && match && e.Rule == f.Rule && (e.Subject == "" || e.Subject == f.Subject)
}

// Check runs the rules and returns what the exemptions do not cover, in the
// order of the rules. An exemption that covers nothing is a finding too.
func Check(c *Checkout, rules []Rule, exemptions []Exemption) []Finding {
	var left []Finding
	used := make([]bool, len(exemptions))
	for _, r := range rules {
		for _, f := range r.Check(c) {
			f.Rule = r.Name
			if !exempt(f, exemptions, used) {
				left = append(left, f)
			}
		}
	}
	for i, e := range exemptions {
		if !used[i] {
			left = append(left, Finding{
				File: e.File, Rule: e.Rule, Subject: e.Subject,
				Text: fmt.Sprintf("the exemption of %q is not needed, remove it", e.Subject),
			})
		}
	}
	return left
}

// exempt reports whether an exemption covers the finding, and marks those that
// do.
func exempt(f Finding, exemptions []Exemption, used []bool) bool {
	covered := false
	for i, e := range exemptions {
		if e.covers(f) {
			used[i], covered = true, true
		}
	}
	return covered
}
