package mounttablelib

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"v.io/v23/context"
	"v.io/v23/security/access"
)

// journalName is the file, in the directory of the mount table, that keeps changes of permissions.
const journalName = "persistent.permslog"

// maxRecord bounds a line of the journal, in bytes.
const maxRecord = 4 << 20

// record is a change of permissions. The journal has one JSON object per line.
type record struct {
	Name        string
	Permissions access.Permissions `json:",omitempty"`
	Version     uint64             `json:",omitempty"`
	Deleted     bool               `json:",omitempty"` // the name and all below it were deleted
}

// journal keeps the changes of permissions in the order in which they took effect. A nil journal keeps nothing. The
// tree's lock guards it.
type journal struct {
	file *os.File
	path string
	size int64 // bytes in the file
	// limit is the size at which the history is dropped. Invariant: at least minJournal, and twice the size of what
	// was left after the last time, so that the work is in proportion to that of the changes.
	limit int64
}

// minJournal is the size of a journal, in bytes, whose history need not be dropped.
const minJournal = 1 << 20

// append makes the record durable.
func (j *journal) append(r record) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(line) >= maxRecord {
		return fmt.Errorf("a record of %d bytes is longer than %d", len(line), maxRecord)
	}
	line = append(line, '\n')
	if _, err := j.file.Write(line); err != nil {
		return errors.Join(err, j.file.Truncate(j.size)) // half a line would spoil the next one
	}
	j.size += int64(len(line))
	return j.file.Sync()
}

// dropHistory replaces the journal by one without history if it has become long. The lock is held. The changes are
// durable already, so a failure is no more than a reason to try again later.
func (t *tree) dropHistory(ctx *context.T) {
	old := t.journal
	if old == nil || old.size < old.limit {
		return
	}
	old.limit *= 2
	rewritten, err := rewriteJournal(old.path, t.snapshot())
	if err != nil {
		ctx.Errorf("mounttable: the journal %s cannot be shortened: %v", old.path, err)
		return
	}
	t.journal = rewritten
	if err := old.close(); err != nil {
		ctx.Errorf("mounttable: closing the old journal: %v", err)
	}
}

// close closes the file.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}

// restore applies the journal in the directory to the tree, and replaces it by one without history, which is then
// appended to.
func (t *tree) restore(dir string) error {
	path := filepath.Join(dir, journalName)
	records, err := readJournal(path)
	if err != nil {
		return fmt.Errorf("mounttable: journal %s: %w", path, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range records {
		t.replay(r)
	}
	if t.journal, err = rewriteJournal(path, t.snapshot()); err != nil {
		return fmt.Errorf("mounttable: journal %s: %w", path, err)
	}
	return nil
}

// replay applies a record. The lock is held.
func (t *tree) replay(r record) {
	if !r.Deleted {
		n := t.plant(elementsOf(r.Name))
		n.setPerms(r.Permissions)
		n.version = r.Version
		return
	}
	n := t.root
	for _, element := range elementsOf(r.Name) {
		if n = n.children[element]; n == nil {
			return
		}
	}
	if n.parent != nil {
		t.cut(n)
	}
}

// snapshot returns records of all permissions that were set. The lock is held.
func (t *tree) snapshot() []record {
	var records []record
	var walk func(*node)
	walk = func(n *node) {
		if n.explicit {
			records = append(records,
				record{Name: strings.Join(n.path(), "/"), Permissions: n.perms, Version: n.version})
		}
		for _, child := range n.children {
			walk(child)
		}
	}
	walk(t.root)
	slices.SortFunc(records, func(a, b record) int { return strings.Compare(a.Name, b.Name) })
	return records
}

// readJournal returns the records of the file.
func readJournal(path string) ([]record, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseJournal(data)
}

// parseJournal returns the records of the text. A last line without an end is a change that was never acknowledged.
func parseJournal(data []byte) ([]record, error) {
	if end := bytes.LastIndexByte(data, '\n'); end >= 0 {
		data = data[:end+1]
	} else {
		data = nil
	}
	var records []record
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxRecord)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(records)+1, err)
		}
		records = append(records, r)
	}
	return records, lines.Err()
}

// rewriteJournal replaces the file by one with the records, at once, and opens it to append to.
func rewriteJournal(path string, records []record) (_ *journal, err error) {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.close())
		}
	}()
	for _, r := range records {
		if err := j.append(r); err != nil {
			return nil, err
		}
	}
	j.limit = max(minJournal, 2*j.size)
	if err := os.Rename(temporary, path); err != nil {
		return nil, err
	}
	return j, syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) (err error) {
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return opened.Sync()
}
