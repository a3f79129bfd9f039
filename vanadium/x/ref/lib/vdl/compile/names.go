package compile

import (
	"regexp"
	"strings"
)

func isUpper(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

// acronym matches the upper-case letters of a name that do not begin a word.
var acronym = regexp.MustCompile(`[A-Z]{2,}([^a-z]|$)`)

// reserved holds words that cannot be names in Go, Java or JavaScript, to which a declaration may be translated.
var reserved = wordSet(
	// Go
	`break case chan const continue default defer else fallthrough for func go goto if import interface map package
	range return select struct switch type var`,
	// Java
	`abstract assert boolean byte catch char class do double enum extends final finally float implements instanceof int
	long native new null private protected public short static strictfp super synchronized this throw throws transient
	try void volatile while`,
	// JavaScript
	`arguments await debugger delete eval export function in let typeof with yield`,
)

func wordSet(lists ...string) map[string]bool {
	words := make(map[string]bool)
	for _, list := range lists {
		for _, word := range strings.Fields(list) {
			words[word] = true
		}
	}
	return words
}

// nameRule says what is required of a name beyond being one.
type nameRule int

const (
	// anyName is the rule for packages, constants, arguments and results.
	anyName nameRule = iota
	// camelName is the rule for types, interfaces and errors.
	camelName
	// memberName is the rule for fields, labels and methods.
	memberName
)

// checkName reports a name that breaks the rule; what says of what it is the name.
func (c *checker) checkName(d Decl, rule nameRule, what string) {
	switch {
	case reserved[d.Name]:
		c.fail(d.Pos, "%s cannot be the name of %s, because Go, Java or JavaScript reserve the word: rename it",
			d.Name, what)
	case builtins[d.Name] != nil || builtinValues[d.Name] != nil:
		c.fail(d.Pos, "%s cannot be the name of %s, because the language defines it: rename it", d.Name, what)
	case rule == memberName && !isUpper(d.Name):
		c.fail(d.Pos, "%s must begin with an upper-case letter, as the name of %s: write %s",
			d.Name, what, strings.ToUpper(d.Name[:1])+d.Name[1:])
	case rule != anyName && acronym.MatchString(d.Name):
		c.fail(d.Pos, "the acronym in %s must use CamelCase, as the name of %s: write %s", d.Name, what, camel(d.Name))
	}
}

// camel rewrites the acronyms of a name.
func camel(name string) string {
	b := []byte(name)
	for i := 1; i < len(name); i++ {
		startsWord := i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'
		if isUpper(name[i-1:]) && isUpper(name[i:]) && !startsWord {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
