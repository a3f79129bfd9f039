package planted

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Overlay writes the patched files of a bug below dir, and beside them the overlay for the go tool,
// whose path it returns. root is the module's directory.
func Overlay(root, dir string, bug *Bug) (string, error) {
	patched := map[string]string{}
	for i := range bug.Changes {
		c := &bug.Changes[i]
		source, ok := patched[c.File]
		if !ok {
			bytes, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(c.File)))
			if err != nil {
				return "", fmt.Errorf("planted: bug %s: %w", bug.Name, err)
			}
			source = string(bytes)
		}
		var err error
		if patched[c.File], err = c.Apply(source); err != nil {
			return "", fmt.Errorf("bug %s: %w", bug.Name, err)
		}
	}
	replace := map[string]string{}
	for file, source := range patched {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, []byte(source), 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = to
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o644)
}
