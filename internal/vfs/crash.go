package vfs

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"path"
	"slices"
)

// UnitKind says what a crash may lose.
type UnitKind uint8

const (
	// UnitName is one create, rename or remove whose directory was not synced.
	UnitName UnitKind = iota
	// UnitSize is the new size of a file that was not synced.
	UnitSize
	// UnitSector is a sector that was written and not synced.
	UnitSector
)

// Unit is a change that reaches the disk, or does not, on its own.
type Unit struct {
	// Number counts the units of one crash from 0.
	Number int
	Kind   UnitKind
	// Name is the file, or for UnitName the name that appears or, for a remove, disappears.
	Name string
	// Sector is the position in the file, in units of SectorSize, for UnitSector.
	Sector int64
}

// String describes the unit for a failing test.
func (u Unit) String() string {
	switch u.Kind {
	case UnitName:
		return fmt.Sprintf("%d: name %s", u.Number, u.Name)
	case UnitSize:
		return fmt.Sprintf("%d: size of %s", u.Number, u.Name)
	}
	return fmt.Sprintf("%d: sector %d of %s", u.Number, u.Sector, u.Name)
}

// Fate says how many bytes of a unit had reached the disk when the power went: 0 none of it,
// SectorSize or more all of it, a number between the first bytes of a sector. Names and sizes are
// kept when it is not 0.
type Fate func(Unit) int

// Lose loses everything that was not synced.
func Lose(Unit) int { return 0 }

// Keep loses nothing.
func Keep(Unit) int { return SectorSize }

// Subset keeps unit i when bit i of mask is set.
func Subset(mask uint64) Fate {
	return func(u Unit) int {
		if u.Number < 64 && mask>>u.Number&1 == 1 {
			return SectorSize
		}
		return 0
	}
}

// Seeded keeps, loses or tears each unit as a hash of seed and the unit says.
func Seeded(seed uint64) Fate {
	return func(u Unit) int {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d/%d/%d/%s", seed, u.Number, u.Sector, u.Name)
		switch n := int(h.Sum64() >> 16 % (5 * SectorSize)); {
		case n < 2*SectorSize:
			return 0
		case n < 4*SectorSize:
			return SectorSize
		default:
			return n - 4*SectorSize
		}
	}
}

// Pending returns what a crash now may lose, in the order of Unit.Number.
func (m *Memory) Pending() []Unit {
	m.mu.Lock()
	defer m.mu.Unlock()
	var units []Unit
	m.replay(newCrash(func(u Unit) int { units = append(units, u); return 0 }))
	return units
}

// Crash returns the file system as it is found after a loss of power now: what was synced, and of
// the rest what fate keeps. Locks are gone. The receiver goes on unchanged and shares nothing with
// the result.
func (m *Memory) Crash(fate Fate) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.replay(newCrash(fate))
}

// Orphan gives back every lock, as the death of the process that held them does. What the process
// wrote stays readable, and stays as little durable as it was.
func (m *Memory) Orphan() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.locks)
}

// crash carries the counting of units through the walk over a file system.
type crash struct {
	fate   Fate
	number int
	after  *Memory
	nodes  map[*inode]*inode // before the crash to after it
	moves  map[*move]bool    // whether what one half of a move was asked about is kept
}

func newCrash(fate Fate) *crash {
	return &crash{fate: fate, after: NewMemory(), nodes: make(map[*inode]*inode), moves: make(map[*move]bool)}
}

// decide asks for the fate of the next unit.
func (c *crash) decide(u Unit) int {
	u.Number = c.number
	c.number++
	return c.fate(u)
}

func (m *Memory) replay(c *crash) *Memory {
	c.after.inodes = m.inodes
	dirs := slices.Sorted(maps.Keys(m.dirs))
	for _, name := range dirs {
		c.names(name, m.dirs[name])
	}
	lived := slices.SortedFunc(maps.Keys(c.nodes), func(a, b *inode) int { return cmp.Compare(a.number, b.number) })
	for _, node := range lived {
		c.content(node, c.nodes[node])
	}
	return c.after
}

// names decides about the names of one directory.
func (c *crash) names(name string, d *memoryDir) {
	found := maps.Clone(d.synced)
	for _, change := range d.changes {
		if c.keeps(name, &change) {
			applyChange(found, change)
		}
	}
	after := newMemoryDir()
	for base, node := range found {
		after.names[base] = c.node(node)
		after.names[base].name = path.Join(name, base)
	}
	after.synced = maps.Clone(after.names)
	c.after.dirs[name] = after
}

// keeps decides about one change of a directory. The halves of a move have one fate.
func (c *crash) keeps(dir string, change *nameChange) bool {
	if change.move != nil {
		if kept, asked := c.moves[change.move]; asked || change.move.durable {
			return kept || change.move.durable
		}
	}
	shown := change.added
	if shown == "" {
		shown = change.gone
	}
	kept := c.decide(Unit{Kind: UnitName, Name: path.Join(dir, shown)}) != 0
	if change.move != nil {
		c.moves[change.move] = kept
	}
	return kept
}

// node returns the new inode for an old one, the same for each of its names.
func (c *crash) node(old *inode) *inode {
	if c.nodes[old] == nil {
		c.nodes[old] = newInode(old.number)
	}
	return c.nodes[old]
}

// content decides about the bytes of one file.
func (c *crash) content(old, after *inode) {
	size := int64(len(old.synced))
	if len(old.data) != len(old.synced) && c.decide(Unit{Kind: UnitSize, Name: old.name}) != 0 {
		size = int64(len(old.data))
	}
	after.synced = withSize(slices.Clone(old.synced), size)
	unsure := maps.Clone(old.dirty)
	maps.Copy(unsure, old.forgotten)
	for _, s := range slices.Sorted(maps.Keys(unsure)) {
		if n := c.decide(Unit{Kind: UnitSector, Name: old.name, Sector: s}); n > 0 {
			copySector(after.synced, old.data, s, min(n, SectorSize))
		}
	}
	after.data = slices.Clone(after.synced)
}

// Evict drops from the page cache, as a shortage of memory may at any time, what failed Syncs forgot:
// programs read what the disk holds, which is of each such sector what fate kept. Sectors behind the end
// that is durable stay.
func (m *Memory) Evict(fate Fate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	number := 0
	for _, node := range m.nodes() {
		for _, s := range slices.Sorted(maps.Keys(node.forgotten)) {
			if (s+1)*SectorSize > int64(len(node.synced)) {
				continue
			}
			n := fate(Unit{Number: number, Kind: UnitSector, Name: node.name, Sector: s})
			number++
			copySector(node.synced, node.data, s, min(n, SectorSize))
			copySector(node.data, node.synced, s, SectorSize)
			delete(node.forgotten, s)
		}
	}
}

// nodes returns the files that have a name, in order of creation.
func (m *Memory) nodes() []*inode {
	found := make(map[*inode]bool)
	for _, d := range m.dirs {
		for _, node := range d.names {
			found[node] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b *inode) int { return cmp.Compare(a.number, b.number) })
}

// Damage flips the bits of mask in the byte at offset of a file, as rot on the disk does: the
// file system does not notice, and a crash does not undo it.
func (m *Memory) Damage(name string, offset int64, mask byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.inode("damage", name)
	if err != nil {
		return err
	}
	if offset < 0 || offset >= int64(len(node.data)) {
		return fmt.Errorf("damage %s: offset %d is not in its %d bytes", name, offset, len(node.data))
	}
	node.data[offset] ^= mask
	if offset < int64(len(node.synced)) {
		node.synced[offset] ^= mask
	}
	return nil
}
