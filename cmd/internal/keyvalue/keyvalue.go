// Package keyvalue is the small state machine that raftd replicates: a map from
// keys to values.
//
// A command is text, so that raftctl can append one by hand:
//
//	set KEY VALUE
//
// KEY is one word; VALUE is the rest and may hold spaces.
package keyvalue

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Bounds of what a store takes. Every member must have the same ones, since they
// decide what a command does.
const (
	KeyMax   = 1 << 10 // bytes of a key
	ValueMax = 1 << 20 // bytes of a value
)

// ErrBadCommand is wrapped by the error of a command that is not one of this
// package's. Such a command changes nothing, at any member.
var ErrBadCommand = errors.New("bad command")

// Set returns the command that gives key a value. The error wraps ErrBadCommand
// when one of them is outside of the bounds or cannot be told apart in text.
func Set(key, value string) ([]byte, error) {
	if err := check(key, value); err != nil {
		return nil, err
	}
	return []byte("set " + key + " " + value), nil
}

// parse is the inverse of Set, for bytes that anybody may have appended.
func parse(command []byte) (key, value string, err error) {
	rest, ok := strings.CutPrefix(string(command), "set ")
	if !ok {
		return "", "", fmt.Errorf("%w: it does not begin with \"set \"", ErrBadCommand)
	}
	key, value, ok = strings.Cut(rest, " ")
	if !ok {
		return "", "", fmt.Errorf("%w: set needs a key and a value", ErrBadCommand)
	}
	return key, value, check(key, value)
}

// check checks the bounds of a key and a value.
func check(key, value string) error {
	switch {
	case key == "" || len(key) > KeyMax:
		return fmt.Errorf("%w: a key of %d bytes, want 1 to %d", ErrBadCommand, len(key), KeyMax)
	case strings.ContainsFunc(key, unicode.IsSpace):
		return fmt.Errorf("%w: the key %q has a space", ErrBadCommand, key)
	case value == "" || len(value) > ValueMax:
		return fmt.Errorf("%w: a value of %d bytes, want 1 to %d", ErrBadCommand, len(value), ValueMax)
	case strings.ContainsAny(value, "\r\n"):
		return fmt.Errorf("%w: the value of %q has more than one line", ErrBadCommand, key)
	}
	return nil
}

// A Store is the state: what every key was last set to. The zero value is not
// usable; call NewStore. All methods may be called by any goroutine.
type Store struct {
	mu     sync.RWMutex
	values map[string]string // guarded by mu
}

// NewStore returns an empty store.
func NewStore() *Store { return &Store{values: make(map[string]string)} }

// Apply executes a command. It keeps nothing of the bytes.
func (s *Store) Apply(command []byte) error {
	key, value, err := parse(command)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key] = value
	return nil
}

// Get returns the value of a key and whether it was ever set.
func (s *Store) Get(key string) (value string, found bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, found = s.values[key]
	return value, found
}

// Len returns the number of keys.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.values)
}

// imageMagic begins every image; its last byte is the version.
const imageMagic = "raftkv\x00\x01"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Image captures the state as it is now. The result writes it, at any time and by
// any goroutine:
//
//	+----------+-----------+------------------------------+-----------+
//	| magic    | n uvarint | n x (key, value), by key,    | crc32c LE |
//	| 8 bytes  |           | each uvarint length + bytes  | of before |
//	+----------+-----------+------------------------------+-----------+
//
// Equal states have equal images.
func (s *Store) Image() io.WriterTo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return image(maps.Clone(s.values))
}

type image map[string]string

// WriteTo implements io.WriterTo.
func (m image) WriteTo(w io.Writer) (int64, error) {
	sum := crc32.New(castagnoli)
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	buf := binary.AppendUvarint([]byte(imageMagic), uint64(len(m)))
	written := int64(0)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		buf = appendText(appendText(buf, key), m[key])
		n, err := out.Write(buf)
		written += int64(n)
		if err != nil {
			return written, err
		}
		buf = buf[:0]
	}
	n, err := out.Write(buf)
	written += int64(n)
	if err != nil {
		return written, err
	}
	if err := out.Flush(); err != nil {
		return written, err
	}
	n, err = w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return written + int64(n), err
}

// appendText appends a text behind its length.
func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}
