package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
	"v.io/x/ref/lib/vdl/golang"
	"v.io/x/ref/lib/vdl/locate"
)

// generateAll generates the packages of the directories. It goes on after a mistake, and joins the errors.
func generateAll(patterns []string, check bool, stdout io.Writer) error {
	targets, err := expand(patterns)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range targets {
		if err := t.generate(check, stdout); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// target is a directory to generate. It was found by a pattern unless it was named.
type target struct {
	dir   string
	named bool
}

// expand replaces each directory that ends in /... by the directories with .vdl files below it.
func expand(patterns []string) ([]target, error) {
	var targets []target
	for _, pattern := range patterns {
		root, all := strings.CutSuffix(filepath.ToSlash(pattern), "/...")
		if !all {
			targets = append(targets, target{dir: filepath.Clean(pattern), named: true})
			continue
		}
		below, err := vdlDirs(filepath.FromSlash(root))
		if err != nil {
			return nil, err
		}
		if len(below) == 0 {
			return nil, fmt.Errorf("no .vdl files below %s", root)
		}
		for _, dir := range below {
			targets = append(targets, target{dir: dir})
		}
	}
	return targets, nil
}

// vdlDirs returns the directories with .vdl files below the root, which do not belong to other modules.
func vdlDirs(root string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		name := entry.Name()
		if path != root && (name == "testdata" || name[0] == '.' || name[0] == '_' || hasGoMod(path)) {
			return fs.SkipDir
		}
		files, err := compile.Files(path)
		if len(files) > 0 {
			dirs = append(dirs, path)
		}
		return err
	})
	return dirs, err
}

func hasGoMod(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// generate generates one package, and prints the name of the file if it has changed. Packages whose code is written by
// hand are an error only if they were named.
func (t target) generate(check bool, stdout io.Writer) error {
	pkg, err := t.load()
	if err != nil {
		return err
	}
	if pkg.HandWritten {
		if t.named {
			return fmt.Errorf("%s: the files say //vdl:handwritten, so there is nothing to generate", t.dir)
		}
		return nil
	}
	code, err := golang.Generate(pkg)
	if err != nil {
		return err
	}
	file := filepath.Join(t.dir, golang.FileName(pkg))
	old, err := os.ReadFile(file)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && bytes.Equal(old, code):
		return nil
	case check:
		return outdated(file, t.dir, old, code)
	}
	if err := os.WriteFile(file, code, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, file)
	return err
}

func (t target) load() (*compile.Package, error) {
	modules, err := locate.ForDir(t.dir)
	if err != nil {
		return nil, err
	}
	place, err := modules.Place(t.dir)
	if err != nil {
		return nil, err
	}
	return compile.NewLoader(modules).Load(place)
}

// outdated returns an error that shows where the file differs from what it should be.
func outdated(file, dir string, old, code []byte) error {
	is, should := strings.Split(string(old), "\n"), strings.Split(string(code), "\n")
	line := 0
	for line < len(is) && line < len(should) && is[line] == should[line] {
		line++
	}
	return fmt.Errorf("%s:%d: not what vdl generates: run vdl generate %s\n- %s\n+ %s", file, line+1, dir,
		lineAt(is, line), lineAt(should, line))
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(end of file)"
}
