package planted

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed bugs/*.txt
var files embed.FS

// Bug is one mistake that is not in the library.
type Bug struct {
	// Name is that of its file, About says what it breaks.
	Name, About string
	// Find is who must find it.
	Find Finder
	// Changes are in the order of the file; several may be of one file.
	Changes []Change
}

// Change replaces a text of a file of the checkout.
type Change struct {
	// File is slash-separated and relative to the module's root.
	File, Old, New string
}

// Finder says which check must find a bug.
type Finder struct {
	// Kind is "explore", "seeds" or "test".
	Kind string
	// Target is the space for "explore", the package for "test".
	Target string
	// Test is the test's name.
	Test string
}

// String writes the finder as a bug's file does.
func (f Finder) String() string {
	return strings.TrimSpace(strings.Join([]string{f.Kind, f.Target, f.Test}, " "))
}

// Bugs returns all bugs, by name. The error names the file that is not in the form that the package
// documentation describes.
func Bugs() ([]Bug, error) {
	names, err := fs.Glob(files, "bugs/*.txt")
	if err != nil {
		return nil, err
	}
	var all []Bug
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		bug, err := parse(strings.TrimSuffix(path.Base(name), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, bug)
	}
	return all, nil
}

// parse reads one file.
func parse(name, text string) (Bug, error) {
	bug := Bug{Name: name}
	about, rest, found := strings.Cut(text, "\nfind: ")
	bug.About = strings.Join(strings.Fields(about), " ")
	line, rest, _ := strings.Cut(rest, "\n")
	if !found || bug.About == "" {
		return bug, fmt.Errorf("planted: bug %s does not begin with what it breaks and a line \"find: \"", name)
	}
	var err error
	if bug.Find, err = parseFinder(strings.Fields(line)); err != nil {
		return bug, fmt.Errorf("planted: bug %s: %w", name, err)
	}
	for rest != "" {
		var c Change
		if c, rest, err = parseChange(rest); err != nil {
			return bug, fmt.Errorf("planted: bug %s: %w", name, err)
		}
		bug.Changes = append(bug.Changes, c)
	}
	if len(bug.Changes) == 0 {
		return bug, fmt.Errorf("planted: bug %s changes nothing", name)
	}
	return bug, nil
}

func parseFinder(words []string) (Finder, error) {
	f := Finder{}
	for i, to := range []*string{&f.Kind, &f.Target, &f.Test} {
		if i < len(words) {
			*to = words[i]
		}
	}
	want := map[string]int{"explore": 2, "seeds": 1, "test": 3}[f.Kind]
	if want == 0 || len(words) != want {
		return f, fmt.Errorf("%q is none of: explore SPACE, seeds, test PACKAGE NAME", strings.Join(words, " "))
	}
	return f, nil
}

// parseChange reads one file name and one replacement and returns the text after it.
func parseChange(text string) (c Change, rest string, err error) {
	head, after, ok := strings.Cut(text, "\n<<<<\n")
	file, named := strings.CutPrefix(head, "file: ")
	old, after, ok2 := strings.Cut(after, "====\n")
	replacement, rest, ok3 := strings.Cut(after, ">>>>\n")
	if !ok || !named || !ok2 || !ok3 || strings.Contains(file, "\n") {
		return c, "", fmt.Errorf("a change is not a line \"file: \", then old text and new text between <<<<, ==== and >>>>")
	}
	return Change{File: file, Old: old, New: replacement}, rest, nil
}

// Apply returns the source with the change made. The error says that the old text is not there, or
// more than once: the code has moved on.
func (c *Change) Apply(source string) (string, error) {
	if n := strings.Count(source, c.Old); n != 1 {
		return "", fmt.Errorf("planted: %s has the old text %d times, want once:\n%s", c.File, n, c.Old)
	}
	if c.Old == c.New {
		return "", fmt.Errorf("planted: the change of %s changes nothing", c.File)
	}
	return strings.Replace(source, c.Old, c.New, 1), nil
}
