// Package golden runs tests against known encodings.
package golden

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Vectors are streams by name.
type Vectors map[string][]byte

// Parse reads lines of a name, a tab and a stream in hexadecimal. Lines that begin with # are comments.
func Parse(r io.Reader) (Vectors, error) {
	vectors := Vectors{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, digits, ok := strings.Cut(line, "\t")
		if !ok {
			return nil, fmt.Errorf("golden: line %q has no tab", line)
		}
		data, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("golden: vector %q: %w", name, err)
		}
		vectors[name] = data
	}
	return vectors, lines.Err()
}
