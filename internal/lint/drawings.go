package lint

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// drawingMin is the fewest lines of a drawing: with one nothing stands beside anything.
const drawingMin = 2

// checkDrawings reports scenarios of core that do not open with what they tell: sentences, then a drawing, before
// the first line that does something. A drawing is at least two lines of the opening comment that are indented by
// four, and at least one of them names a member of the scenario's cluster.
//
//	# What it tells, and where that is from.
//	#
//	#      a   leads ...
//	#      b   follows ...
func checkDrawings(c *Checkout) []Finding {
	var found []Finding
	files, err := fs.Glob(c.tree, "core/testdata/*.txt")
	if err != nil {
		return []Finding{{File: "core/testdata", Text: err.Error()}}
	}
	for _, file := range files {
		text, err := fs.ReadFile(c.tree, file)
		if err != nil {
			found = append(found, Finding{File: file, Text: err.Error()})
			continue
		}
		if what := undrawn(strings.Split(string(text), "\n")); what != "" {
			found = append(found, Finding{
				File: file, Line: 1, Subject: path.Base(file),
				Text: fmt.Sprintf("the scenario must open with sentences and a drawing: %s", what),
			})
		}
	}
	return found
}

// undrawn says what the opening of a scenario lacks, "" for nothing.
func undrawn(lines []string) string {
	end := slices.IndexFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "#") })
	if end <= 0 || strings.HasPrefix(lines[0], "#    ") {
		return "its first line is no sentence"
	}
	var drawing []string
	for _, line := range lines[:end] {
		if strings.HasPrefix(line, "#    ") {
			drawing = append(drawing, line)
		}
	}
	if len(drawing) < drawingMin {
		return fmt.Sprintf("%d lines are indented by four, want %d", len(drawing), drawingMin)
	}
	cast := members(lines)
	words := strings.FieldsFunc(strings.Join(drawing, " "), func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9')
	})
	if !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(cast, w) }) {
		return fmt.Sprintf("it shows none of the members %v", cast)
	}
	return ""
}

// members returns the names of the first cluster of a scenario.
func members(lines []string) []string {
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "cluster "); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}
