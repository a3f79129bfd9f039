package syntax

import (
	"slices"
	"sort"
	"strings"
)

// handWritten reports whether one of the comments is the directive of that name.
func handWritten(comments []comment) bool {
	for _, c := range comments {
		if slices.Contains(strings.Split(c.text, "\n"), "//vdl:handwritten") {
			return true
		}
	}
	return false
}

// documented parses the rest of a declaration whose name was just consumed and gives the name its comments.
func (p *parser) documented(name *Name, rest func()) {
	name.Doc = p.docAbove(name.Pos.Line)
	rest()
	last := p.tokens[max(p.at-1, 0)].pos.Line
	name.Suffix = p.suffixOn(last, name.Pos.Line)
}

// docAbove returns the comment that ends on the line above.
func (p *parser) docAbove(line int) string {
	i := sort.Search(len(p.comments), func(i int) bool { return p.comments[i].last >= line-1 })
	if i < len(p.comments) && p.comments[i].last == line-1 && p.comments[i].ownLine {
		return p.comments[i].text
	}
	return ""
}

// suffixOn returns the comment behind the declaration on its last line. A declaration of several lines has none, since
// what stands behind its closing brace rarely is about it.
func (p *parser) suffixOn(last, first int) string {
	if last != first {
		return ""
	}
	i := sort.Search(len(p.comments), func(i int) bool { return p.comments[i].first >= last })
	if i < len(p.comments) && p.comments[i].first == last && !p.comments[i].ownLine {
		return p.comments[i].text
	}
	return ""
}
