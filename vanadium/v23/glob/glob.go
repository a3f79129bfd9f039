// Package glob has the patterns with which the namespace is searched.
//
// A pattern is a sequence of elements separated by slashes, each of which matches one element of a name in the
// manner of path.Match. The last element may be "...", which matches any number of further elements, or "***",
// which does the same but does not go on into servers that are not mount tables.
//
//	a/*      everything right below a
//	a/b*/... everything that begins with b below a, and all below it
package glob

import (
	"path"
	"strings"
)

// The last elements that make a pattern recursive.
const (
	recursiveSuffix  = "..."
	restrictedSuffix = "***"
)

// Glob is a pattern. It never changes.
type Glob struct {
	elements   []*Element
	recursive  bool
	restricted bool
}

// Element is the part of a pattern that matches one element of a name. It never changes.
type Element struct {
	pattern string
	fixed   bool   // whether only one name matches
	prefix  string // what all names that match begin with
}

// Parse returns the pattern of the text. It returns path.ErrBadPattern if the text begins with a slash or has an
// element that path.Match does not know.
func Parse(pattern string) (*Glob, error) {
	if strings.HasPrefix(pattern, "/") {
		return nil, path.ErrBadPattern
	}
	g := &Glob{}
	var parts []string
	for part := range strings.SplitSeq(pattern, "/") {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if n := len(parts); n > 0 && (parts[n-1] == recursiveSuffix || parts[n-1] == restrictedSuffix) {
		g.recursive = true
		g.restricted = parts[n-1] == restrictedSuffix
		parts = parts[:n-1]
	}
	for _, part := range parts {
		element, err := parseElement(part)
		if err != nil {
			return nil, err
		}
		g.elements = append(g.elements, element)
	}
	return g, nil
}

// parseElement checks the pattern of one element.
func parseElement(pattern string) (*Element, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, path.ErrBadPattern
	}
	var prefix strings.Builder
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch c {
		case '*', '?', '[':
			return &Element{pattern: pattern, prefix: prefix.String()}, nil
		case '\\':
			i++
			c = pattern[i]
		}
		prefix.WriteByte(c)
	}
	return &Element{pattern: pattern, fixed: true, prefix: prefix.String()}, nil
}

// matchAll is the element that stands for each one of a recursive pattern.
var matchAll = &Element{pattern: "*"}

// matchNone is the element of a pattern that has none.
var matchNone = &Element{pattern: "", fixed: true}

// Len returns the number of elements, without the recursive last one.
func (g *Glob) Len() int { return len(g.elements) }

// Empty reports whether the pattern matches nothing below the object it is applied to.
func (g *Glob) Empty() bool { return !g.recursive && len(g.elements) == 0 }

// Recursive reports whether the pattern ends in "..." or "***".
func (g *Glob) Recursive() bool { return g.recursive }

// Restricted reports whether the pattern ends in "***".
func (g *Glob) Restricted() bool { return g.restricted }

// Head returns the first element. For a pattern of nothing but a recursive ending that is one that matches everything,
// and for an empty pattern one that matches only the empty name.
func (g *Glob) Head() *Element {
	switch {
	case len(g.elements) > 0:
		return g.elements[0]
	case g.recursive:
		return matchAll
	}
	return matchNone
}

// Tail returns the pattern without the first element. The recursive ending stays.
func (g *Glob) Tail() *Glob {
	if len(g.elements) == 0 {
		return g
	}
	return &Glob{elements: g.elements[1:], recursive: g.recursive, restricted: g.restricted}
}

// SplitFixedElements returns the names that the leading elements match, as far as they match only one, and the rest of
// the pattern.
func (g *Glob) SplitFixedElements() ([]string, *Glob) {
	var names []string
	rest := g
	for len(rest.elements) > 0 && rest.elements[0].fixed {
		names = append(names, rest.elements[0].prefix)
		rest = rest.Tail()
	}
	return names, rest
}

// String returns the text of the pattern.
func (g *Glob) String() string {
	parts := make([]string, 0, len(g.elements)+1)
	for _, element := range g.elements {
		parts = append(parts, element.pattern)
	}
	switch {
	case g.restricted:
		parts = append(parts, restrictedSuffix)
	case g.recursive:
		parts = append(parts, recursiveSuffix)
	}
	return strings.Join(parts, "/")
}

// Match reports whether the element matches the element of a name.
func (e *Element) Match(name string) bool {
	if e.fixed {
		return name == e.prefix
	}
	matches, err := path.Match(e.pattern, name)
	return err == nil && matches
}

// FixedPrefix returns what all names begin with that the element matches, and whether that is the only such name.
func (e *Element) FixedPrefix() (prefix string, full bool) { return e.prefix, e.fixed }

// String returns the text of the element.
func (e *Element) String() string { return e.pattern }
