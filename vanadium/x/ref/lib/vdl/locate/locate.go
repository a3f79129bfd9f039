// Package locate finds the directories of VDL packages by means of the Go modules that hold them.
//
// The import path of a package is the path of its module and the directory below the module's root. Imported packages
// are looked for in the module of the importing package, in the local directories of that module's replace lines, and
// last in the modules that it requires, as the go command has them. The packages built into VDL, such as "time", are
// the ones below v.io/v23/vdlroot.
package locate

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"v.io/x/ref/lib/vdl/compile"
)

// builtinRoot is the Go path of the packages that VDL files import by short paths.
const builtinRoot = "v.io/v23/vdlroot/"

// Modules finds packages as they are seen from one module. It is used by one goroutine.
type Modules struct {
	// root is the directory of the main module, main its path.
	root, main string
	// dirs holds the directories of the modules that were found, by module path.
	dirs map[string]string
	// required holds the paths of the modules that are neither the main one nor replaced by directories.
	required map[string]bool
}

// goMod is what "go mod edit -json" prints.
type goMod struct {
	Module  struct{ Path string }
	Require []struct{ Path string }
	Replace []struct {
		Old struct{ Path string }
		New struct{ Path, Version string }
	}
}

// ForDir returns the view of the module that holds the directory.
func ForDir(dir string) (*Modules, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root := abs
	for !isFile(filepath.Join(root, "go.mod")) {
		parent := filepath.Dir(root)
		if parent == root {
			return nil, fmt.Errorf("%s is not inside a Go module: no go.mod there or above", dir)
		}
		root = parent
	}
	m := &Modules{root: root, dirs: make(map[string]string), required: make(map[string]bool)}
	return m, m.readGoMod()
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (m *Modules) readGoMod() error {
	out, err := m.run("mod", "edit", "-json")
	if err != nil {
		return err
	}
	var mod goMod
	if err := json.Unmarshal(out, &mod); err != nil {
		return fmt.Errorf("what go mod edit printed in %s is not JSON: %w", m.root, err)
	}
	for _, r := range mod.Require {
		m.required[r.Path] = true
	}
	for _, r := range mod.Replace {
		if r.New.Version == "" {
			m.dirs[r.Old.Path] = filepath.Join(m.root, filepath.FromSlash(r.New.Path))
			delete(m.required, r.Old.Path)
		}
	}
	m.main = mod.Module.Path
	m.dirs[m.main] = m.root
	return nil
}

// run runs the go command in the main module.
func (m *Modules) run(args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = m.root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s failed in %s: %w\n%s", strings.Join(args, " "), m.root, err, stderr.String())
	}
	return out, nil
}

// Place returns the place of the package in a directory of the main module.
func (m *Modules) Place(dir string) (compile.Place, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return compile.Place{}, err
	}
	below, err := filepath.Rel(m.root, abs)
	if err != nil || !filepath.IsLocal(below) {
		return compile.Place{}, fmt.Errorf("%s is outside of the module in %s", dir, m.root)
	}
	return place(path.Join(m.main, filepath.ToSlash(below)), dir), nil
}

// place returns the place of the package of the Go path.
func place(goPath, dir string) compile.Place {
	return compile.Place{Path: strings.TrimPrefix(goPath, builtinRoot), GoPath: goPath, Dir: dir}
}

// Find returns the place of the package that VDL files import by the path. It implements compile.Finder.
func (m *Modules) Find(importPath string) (compile.Place, error) {
	goPath := importPath
	if !strings.Contains(strings.SplitN(importPath, "/", 2)[0], ".") {
		goPath = builtinRoot + importPath
	}
	var tried []string
	// The longest module path comes first, since the directories of modules can be nested.
	for module := goPath; module != "."; module = path.Dir(module) {
		root, err := m.moduleDir(module)
		if err != nil {
			return compile.Place{}, err
		}
		if root == "" {
			continue
		}
		dir := filepath.Join(root, filepath.FromSlash(strings.TrimPrefix(goPath, module)))
		if files, err := compile.Files(dir); err == nil && len(files) > 0 {
			return place(goPath, dir), nil
		}
		tried = append(tried, dir)
	}
	if len(tried) == 0 {
		return compile.Place{}, fmt.Errorf("no module in %s/go.mod holds %s: require it", m.root, goPath)
	}
	return compile.Place{}, fmt.Errorf("no .vdl files in %s", strings.Join(tried, " or "))
}

// moduleDir returns the directory of a module, "" if the main module does not use it.
func (m *Modules) moduleDir(module string) (string, error) {
	if dir, ok := m.dirs[module]; ok {
		return dir, nil
	}
	if !m.required[module] {
		return "", nil
	}
	out, err := m.run("list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return "", err
	}
	m.dirs[module] = strings.TrimSpace(string(out))
	return m.dirs[module], nil
}
