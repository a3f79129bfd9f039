package llog

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Filter gives levels to the names that match a pattern, in the manner of path.Match. A pattern may leave out the
// ending ".go", and matches the last elements of a path if it has fewer. The first pattern that matches counts.
type Filter []FilterEntry

// FilterEntry is one pattern.
type FilterEntry struct {
	Pattern string
	Level   Level
}

// String returns the filter in the form that Set takes.
func (f Filter) String() string {
	parts := make([]string, len(f))
	for i, entry := range f {
		parts[i] = fmt.Sprintf("%s=%d", entry.Pattern, entry.Level)
	}
	return strings.Join(parts, ",")
}

// Set assigns the filter of a list of pattern=level separated by commas; it makes Filter a flag value.
func (f *Filter) Set(text string) error {
	var parsed Filter
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		pattern, number, ok := strings.Cut(part, "=")
		if !ok || pattern == "" {
			return fmt.Errorf("llog: %q is not of the form pattern=level", part)
		}
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("llog: pattern %q: %w", pattern, err)
		}
		var level Level
		if err := level.Set(number); err != nil {
			return err
		}
		parsed = append(parsed, FilterEntry{pattern, level})
	}
	*f = parsed
	return nil
}

// levelOf returns the level of the name.
func (f Filter) levelOf(name string) (Level, bool) {
	for _, entry := range f {
		if entry.matches(name) {
			return entry.Level, true
		}
	}
	return 0, false
}

// matches reports whether the pattern matches the name, or as many elements at its end as the pattern has.
func (e FilterEntry) matches(name string) bool {
	pattern := strings.TrimSuffix(e.Pattern, ".go")
	elements := strings.Split(strings.TrimSuffix(name, ".go"), "/")
	if n := strings.Count(pattern, "/") + 1; n < len(elements) {
		elements = elements[len(elements)-n:]
	}
	matched, err := path.Match(pattern, strings.Join(elements, "/"))
	return err == nil && matched
}

// SourceLines are source positions.
type SourceLines []SourceLine

// SourceLine is the line of a file.
type SourceLine struct {
	File string
	Line int
}

// String returns the positions in the form that Set takes.
func (s SourceLines) String() string {
	parts := make([]string, len(s))
	for i, at := range s {
		parts[i] = fmt.Sprintf("%s:%d", at.File, at.Line)
	}
	return strings.Join(parts, ",")
}

// Set assigns the positions of a list of file:line separated by commas; it makes SourceLines a flag value.
func (s *SourceLines) Set(text string) error {
	var parsed SourceLines
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		file, number, _ := strings.Cut(part, ":")
		line, err := strconv.Atoi(number)
		if err != nil || line <= 0 || file == "" {
			return fmt.Errorf("llog: %q is not of the form file.go:line", part)
		}
		parsed = append(parsed, SourceLine{file, line})
	}
	*s = parsed
	return nil
}

// has reports whether the position is one of them.
func (s SourceLines) has(file string, line int) bool {
	for _, at := range s {
		if at.Line == line && at.File == file {
			return true
		}
	}
	return false
}
