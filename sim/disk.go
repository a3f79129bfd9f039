package sim

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage"
	"v.io/x/ref/lib/raft/storage/wal"
)

var (
	errPower = errors.New("the power is gone")
	errInput = errors.New("input/output error (injected)")
	errSpace = fmt.Errorf("%w (injected)", vfs.ErrNoSpace)
)

// disk is one member's disk: a file system in memory that loses what was not synced, and what is
// about to go wrong with it.
type disk struct {
	memory *vfs.Memory
	fs     vfs.FS
	dice   dice
	// syncs, writes are how many of the next ones fail; full fails everything that needs more space.
	syncs, writes int
	full          bool
	// cutIn counts down the operations that change something until the power goes; 0 for never. cut is
	// what the disk holds then.
	cutIn int
	cut   *vfs.Memory
	// faults counts what was injected since the process started.
	faults int
	// units is how much was in doubt at the last loss of power, lost what became of it.
	units int
	lost  losses
	// slow multiplies how long work takes; work that begins before stalled ends after it.
	slow, stalled Instant
}

func newDisk(d dice) *disk {
	k := &disk{memory: vfs.NewMemory(), dice: d, slow: 1}
	k.plug()
	return k
}

// plug gives a new process access; the one before loses it.
func (k *disk) plug() {
	k.memory.Orphan()
	var current vfs.FS
	faulty := vfs.NewFaulty(k.memory, func(op vfs.Op) vfs.Fault {
		if k.fs != current {
			return vfs.Fault{Err: errPower}
		}
		return k.inject(op)
	})
	current = faulty
	k.fs, k.faults = current, 0
}

// inject decides about one operation.
func (k *disk) inject(op vfs.Op) vfs.Fault {
	if k.cut != nil {
		return vfs.Fault{Err: errPower}
	}
	if !op.Changes() {
		return vfs.Fault{}
	}
	if k.cutIn > 0 {
		if k.cutIn--; k.cutIn == 0 {
			k.cut = k.afterPower()
			return vfs.Fault{Err: errPower, Bytes: k.dice.IntN(op.Size + 1)}
		}
	}
	switch {
	case k.syncs > 0 && (op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncDir):
		k.syncs--
		return k.fault(fmt.Errorf("sync %s: %w", op.Name, errInput), 0)
	case k.writes > 0 && op.Kind == vfs.OpWrite:
		k.writes--
		return k.fault(fmt.Errorf("write %s: %w", op.Name, errInput), k.dice.IntN(op.Size+1))
	case k.full && k.grows(op):
		return k.fault(fmt.Errorf("%s %s: %w", op.Kind, op.Name, errSpace), k.dice.IntN(op.Size+1))
	}
	return vfs.Fault{}
}

// grows reports whether an operation needs space that the disk has not given away yet: writing where a file
// was made long before does not.
func (k *disk) grows(op vfs.Op) bool {
	switch op.Kind {
	case vfs.OpCreate:
		return k.dice.chance(0.5)
	case vfs.OpWrite, vfs.OpPreallocate:
		info, err := k.memory.Stat(op.Name)
		return err != nil || op.Offset+int64(op.Size) > info.Size
	}
	return false
}

func (k *disk) fault(err error, bytes int) vfs.Fault {
	k.faults++
	return vfs.Fault{Err: err, Bytes: bytes}
}

// afterPower returns what the disk holds when the power goes now: of what was not synced each sector
// and each name survives, is lost or is torn on its own.
func (k *disk) afterPower() *vfs.Memory {
	k.units, k.lost = 0, losses{}
	seed := k.dice.Uint64()
	all := k.dice.chance(0.15)
	return k.memory.Crash(func(u vfs.Unit) int {
		k.units++
		kept := 0
		if !all {
			kept = fate(seed, u)
		}
		k.lost.take(u, kept)
		return kept
	})
}

// losses are the parts of a disk that a loss of power has taken.
type losses struct{ names, sizes, sectors, torn int }

// take counts a unit of which so many bytes had reached the disk.
func (l *losses) take(u vfs.Unit, kept int) {
	switch {
	case kept > 0 && kept < vfs.SectorSize && u.Kind == vfs.UnitSector:
		l.torn++
	case kept > 0:
	case u.Kind == vfs.UnitName:
		l.names++
	case u.Kind == vfs.UnitSize:
		l.sizes++
	default:
		l.sectors++
	}
}

// fate keeps, loses or tears a unit as a hash of its number says.
func fate(seed uint64, u vfs.Unit) int {
	h := (seed ^ uint64(u.Number)*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	h ^= h >> 33
	switch n := int(h % (5 * vfs.SectorSize)); {
	case n < 2*vfs.SectorSize:
		return 0
	case n < 4*vfs.SectorSize:
		return vfs.SectorSize
	default:
		return n - 4*vfs.SectorSize
	}
}

// losePower replaces the disk by what is left of it.
func (k *disk) losePower() {
	if k.cut == nil {
		k.cut = k.afterPower()
	}
	k.memory, k.cut, k.cutIn = k.cut, nil, 0
}

// mend ends every fault of the disk.
func (k *disk) mend() {
	k.syncs, k.writes, k.full, k.cutIn, k.slow, k.stalled = 0, 0, false, 0, 1, 0
}

// flip turns one bit of what the disk holds in one of the directory's files, as rot does.
func (k *disk) flip(d dice) (where string, err error) {
	return k.flipIn(d, "")
}

// flipImage does so in one of the images.
func (k *disk) flipImage(d dice) (where string, err error) { return k.flipIn(d, ".snap") }

// flipLog does so in one of the log's segments.
func (k *disk) flipLog(d dice) (where string, err error) { return k.flipIn(d, ".log") }

func (k *disk) flipIn(d dice, ending string) (where string, err error) {
	name, size, err := k.someFile(d, ending)
	if err != nil {
		return "", err
	}
	offset := d.Int64N(size)
	return fmt.Sprintf("%s at byte %d", name, offset), k.memory.Damage(name, offset, 1<<d.IntN(8))
}

// takeVote spoils the newest batch that has a vote: its first sector and its last, and so both of its descriptions.
func (k *disk) takeVote(d dice) (where string, err error) {
	i, err := storage.InspectFS(k.memory.Crash(vfs.Keep), directory) // a copy, since the process has the lock
	if err != nil {
		return "", err
	}
	var vote wal.BatchFound
	if err := i.Log(wal.Inspector{Batch: func(b wal.BatchFound) {
		if b.Hard != nil {
			vote = b
		}
	}}); err != nil {
		return "", errors.Join(err, i.Close())
	}
	const marked = 500 // bytes of a sector in front of its stamp
	for _, sector := range []int64{vote.Offset, vote.Offset + vote.Size - vfs.SectorSize} {
		for i := range int64(marked) {
			if err := k.memory.Damage(vote.File, sector+i, byte(1+d.IntN(255))); err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("both copies of the vote at byte %d of %s", vote.Offset, vote.File), i.Close()
}

// misdirect writes a sector of one of the directory's files where another one belongs, as a disk does that
// mistakes an address.
func (k *disk) misdirect(d dice) (where string, err error) {
	name, size, err := k.someFile(d, "")
	if err != nil {
		return "", err
	}
	content, err := vfs.ReadFile(k.memory, name, size)
	if err != nil {
		return "", err
	}
	sectors := (size + vfs.SectorSize - 1) / vfs.SectorSize
	from, to := d.Int64N(sectors)*vfs.SectorSize, d.Int64N(sectors)*vfs.SectorSize
	if neverWritten(content, from) {
		// In the last batch of a log it is what a write that was lost leaves, which cannot be told.
		return "", fmt.Errorf("the sector at %d of %s is empty", from, name)
	}
	for i := int64(0); i < vfs.SectorSize && from+i < size && to+i < size && err == nil; i++ {
		if mask := content[from+i] ^ content[to+i]; mask != 0 {
			err = k.memory.Damage(name, to+i, mask)
		}
	}
	return fmt.Sprintf("%s: the sector at %d lies at %d", name, from, to), err
}

// neverWritten reports whether a sector of a file looks as if nothing had been written there: it bears neither the
// stamp that ends each sector of a log nor the magic number that a log's file begins with. A log takes it for that,
// whatever other bits of it have flipped. In other files few sectors but those of zeros look so.
func neverWritten(content []byte, from int64) bool {
	const stamp, magic = 6, 8
	sector := content[from:min(from+vfs.SectorSize, int64(len(content)))]
	end := sector[max(0, len(sector)-stamp):]
	return bytes.Count(end, []byte{0}) == len(end) && !bytes.HasPrefix(sector, content[:min(magic, len(content))])
}

// someFile draws a file that is not empty, of those whose names have an ending.
func (k *disk) someFile(d dice, ending string) (name string, size int64, err error) {
	infos, err := k.memory.ReadDir(directory)
	if err != nil {
		return "", 0, err
	}
	infos = slices.DeleteFunc(infos, func(i vfs.Info) bool {
		return i.Size == 0 || !strings.HasSuffix(i.Name, ending)
	})
	if len(infos) == 0 {
		return "", 0, errors.New("there is no such file, or every one is empty")
	}
	chosen := infos[d.IntN(len(infos))]
	return path.Join(directory, chosen.Name), chosen.Size, nil
}
