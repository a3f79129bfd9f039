package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// Memory is a file system in memory that can lose power: see [Memory.Crash]. The zero value is not
// usable; call [NewMemory]. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex // guards everything below and every inode; no call blocks while it is held
	dirs  map[string]*memoryDir
	locks map[string]bool
	// inodes counts the files ever created, to order what a crash may lose.
	inodes int
	// open counts the files opened and not closed.
	open int
}

// memoryDir is a directory. Directories themselves are durable when MkdirAll returns.
type memoryDir struct {
	names map[string]*inode
	// synced is what names was at the last SyncDir.
	synced map[string]*inode
	// changes lead from synced to names.
	changes []nameChange
}

// nameChange is one create, rename or remove: each reaches the disk whole or not at all.
type nameChange struct {
	gone  string // name that disappears, "" for none
	added string // name that appears, "" for none
	node  *inode // what added names
	// move is shared by the two halves of a rename to another directory, nil for any other change.
	move *move
}

// move is a rename from one directory to another. It reaches the disk whole or not at all, as file systems
// with a journal have it; the sync of either directory makes it durable.
type move struct{ durable bool }

// inode is the content of a file.
type inode struct {
	number int
	name   string // last name it had, for messages
	data   []byte // as programs read it
	synced []byte // as a crash that loses everything unsynced would leave it
	// dirty are the sectors that the next Sync makes durable.
	dirty map[int64]bool
	// forgotten are the sectors that a Sync failed to write: clean, as programs read them, and on
	// the disk perhaps. Only writing them again makes them dirty.
	forgotten map[int64]bool
}

func newInode(number int) *inode {
	return &inode{number: number, dirty: make(map[int64]bool), forgotten: make(map[int64]bool)}
}

// NewMemory returns an empty file system with the directory "." and "/".
func NewMemory() *Memory {
	return &Memory{
		dirs:  map[string]*memoryDir{".": newMemoryDir(), "/": newMemoryDir()},
		locks: make(map[string]bool),
	}
}

func newMemoryDir() *memoryDir {
	return &memoryDir{names: make(map[string]*inode), synced: make(map[string]*inode)}
}

// find returns the directory and the last element of name.
func (m *Memory) find(op, name string) (*memoryDir, string, error) {
	clean := path.Clean(name)
	d := m.dirs[path.Dir(clean)]
	if d == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return d, path.Base(clean), nil
}

// change records and carries out one change of a directory.
func (d *memoryDir) change(c nameChange) {
	applyChange(d.names, c)
	d.changes = append(d.changes, c)
}

func applyChange(names map[string]*inode, c nameChange) {
	delete(names, c.gone)
	if c.added != "" {
		names[c.added] = c.node
	}
}

// Create implements [FS].
func (m *Memory) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.find("create", name)
	if err != nil {
		return nil, err
	}
	if d.names[base] != nil || m.dirs[path.Clean(name)] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	m.inodes++
	node := newInode(m.inodes)
	node.name = path.Clean(name)
	d.change(nameChange{added: base, node: node})
	return m.handle(node, name, true), nil
}

// Open implements [FS].
func (m *Memory) Open(name string) (File, error) { return m.openFile(name, false) }

// OpenWrite implements [FS].
func (m *Memory) OpenWrite(name string) (File, error) { return m.openFile(name, true) }

func (m *Memory) openFile(name string, writable bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.inode("open", name)
	if err != nil {
		return nil, err
	}
	return m.handle(node, name, writable), nil
}

func (m *Memory) inode(op, name string) (*inode, error) {
	d, base, err := m.find(op, name)
	if err != nil {
		return nil, err
	}
	if d.names[base] == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return d.names[base], nil
}

func (m *Memory) handle(node *inode, name string, writable bool) *memoryFile {
	m.open++
	return &memoryFile{system: m, node: node, name: name, writable: writable}
}

// Rename implements [FS], for files.
func (m *Memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.inode("rename", from)
	if err != nil {
		return err
	}
	source, gone, err := m.find("rename", from)
	if err != nil {
		return err
	}
	target, added, err := m.find("rename", to)
	if err != nil {
		return err
	}
	if m.dirs[path.Clean(to)] != nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrInvalid}
	}
	node.name = path.Clean(to)
	if source == target {
		source.change(nameChange{gone: gone, added: added, node: node})
		return nil
	}
	both := new(move)
	target.change(nameChange{added: added, node: node, move: both})
	source.change(nameChange{gone: gone, move: both})
	return nil
}

// Remove implements [FS].
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clean := path.Clean(name)
	if d := m.dirs[clean]; d != nil {
		if len(d.names) > 0 || len(m.children(clean)) > 0 {
			return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrInvalid}
		}
		delete(m.dirs, clean)
		return nil
	}
	if _, err := m.inode("remove", name); err != nil {
		return err
	}
	m.dirs[path.Dir(clean)].change(nameChange{gone: path.Base(clean)})
	return nil
}

// children returns the names of the directories in a directory.
func (m *Memory) children(dir string) []string {
	var names []string
	for p := range m.dirs {
		if p != dir && p != "." && p != "/" && path.Dir(p) == dir {
			names = append(names, path.Base(p))
		}
	}
	return names
}

// ReadDir implements [FS].
func (m *Memory) ReadDir(name string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clean := path.Clean(name)
	d := m.dirs[clean]
	if d == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var list []Info
	for base, node := range d.names {
		list = append(list, Info{Name: base, Size: int64(len(node.data))})
	}
	for _, child := range m.children(clean) {
		list = append(list, Info{Name: child, Dir: true})
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Stat implements [FS].
func (m *Memory) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clean := path.Clean(name)
	if m.dirs[clean] != nil {
		return Info{Name: path.Base(clean), Dir: true}, nil
	}
	node, err := m.inode("stat", name)
	if err != nil {
		return Info{}, err
	}
	return Info{Name: path.Base(clean), Size: int64(len(node.data))}, nil
}

// MkdirAll implements [FS].
func (m *Memory) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := path.Clean(name); m.dirs[p] == nil; p = path.Dir(p) {
		if node, err := m.inode("mkdir", p); err == nil {
			return fmt.Errorf("%s is a file, want a directory", node.name)
		}
	}
	for p := path.Clean(name); m.dirs[p] == nil; p = path.Dir(p) {
		m.dirs[p] = newMemoryDir()
	}
	return nil
}

// SyncDir implements [FS].
func (m *Memory) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dirs[path.Clean(name)]
	if d == nil {
		return &fs.PathError{Op: "syncdir", Path: name, Err: fs.ErrNotExist}
	}
	for _, c := range d.changes {
		applyChange(d.synced, c)
		if c.move != nil {
			c.move.durable = true
		}
	}
	d.changes = nil
	return nil
}

// Lock implements [FS]. The lock's file shows up in its directory.
func (m *Memory) Lock(name string) (io.Closer, error) {
	f, err := m.OpenWrite(name)
	if err != nil {
		if f, err = m.Create(name); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	held := m.locks[path.Clean(name)]
	m.locks[path.Clean(name)] = true
	m.mu.Unlock()
	if held {
		return nil, fmt.Errorf("lock %s: %w", name, closeAnd(f, ErrLocked))
	}
	return &memoryLock{File: f, system: m, path: path.Clean(name)}, nil
}

// closeAnd closes f and returns err, or the error of closing when that fails.
func closeAnd(f File, err error) error {
	if failed := f.Close(); failed != nil {
		return failed
	}
	return err
}

type memoryLock struct {
	File
	system *Memory
	path   string
}

// Close gives the lock back.
func (l *memoryLock) Close() error {
	if err := l.File.Close(); err != nil {
		return err
	}
	l.system.mu.Lock()
	defer l.system.mu.Unlock()
	delete(l.system.locks, l.path)
	return nil
}

// OpenFiles returns how many files were opened and not closed, for tests that look for leaks.
func (m *Memory) OpenFiles() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open
}
