package lint

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Remarks that stand for work not done, and marks that silence a linter.
var (
	unfinished = regexp.MustCompile(`\b(TO[D]O|FIX[M]E|X{3}|HACK)\b`)
	silencers  = regexp.MustCompile(`\bno[l]int\b|//lint:(file-)?ignore`)
)

// Places that exist on one machine only, and hosts that a build must not name:
// where modules come from is the environment's choice.
var (
	machinePaths  = regexp.MustCompile(`(^|[^\w.:/])/(work|root|home|Users)/\w`)
	registryHosts = regexp.MustCompile(`\b(proxy|sum|registry|goproxy)\.[a-z]+\.[a-z]+\b|\bgoproxy\.[a-z]{2,3}\b|GOPROXY=`)
)

// checkWords reports remarks about unfinished work and silenced linters.
func checkWords(c *Checkout) []Finding {
	return grep(c, "say it in CHANGELOG.md or do it", unfinished, silencers)
}

// checkPlaces reports names of places that other machines do not have.
func checkPlaces(c *Checkout) []Finding {
	return grep(c, "the checkout must work everywhere", machinePaths, registryHosts)
}

// grep reports every line of every file that matches one of the patterns. The
// files of this package are left out, since they have to name what they look
// for.
func grep(c *Checkout, advice string, patterns ...*regexp.Regexp) []Finding {
	var found []Finding
	for _, s := range c.Sources {
		if s.Dir() == "internal/lint" {
			continue
		}
		for i, line := range s.Lines() {
			for _, p := range patterns {
				if match := p.FindString(line); match != "" {
					found = append(found, Finding{
						File: s.Path, Line: i + 1, Subject: match, Text: fmt.Sprintf("%q: %s", match, advice),
					})
				}
			}
		}
	}
	return found
}

// checkWorkspace reports go.work files and replace lines that leave the
// checkout.
func checkWorkspace(c *Checkout) []Finding {
	var found []Finding
	for _, s := range c.Sources {
		switch path.Base(s.Path) {
		case "go.work":
			found = append(found, Finding{File: s.Path, Text: "a workspace hides what outside modules will see"})
		case "go.mod":
			for i, line := range s.Lines() {
				if leaves(s.Dir(), line) {
					found = append(found, Finding{File: s.Path, Line: i + 1, Text: "a replace line leaves the checkout"})
				}
			}
		}
	}
	return found
}

// leaves reports whether a line of the go.mod in dir replaces a module with a
// directory outside the checkout.
func leaves(dir, line string) bool {
	_, target, ok := strings.Cut(line, "=>")
	if target = strings.TrimSpace(target); !ok || !strings.HasPrefix(target, "/") && !strings.HasPrefix(target, ".") {
		return false
	}
	return path.IsAbs(target) || strings.HasPrefix(path.Join(dir, target)+"/", "../")
}
