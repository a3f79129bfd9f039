package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// LogPlace is where in-memory logs are kept: a disk that never loses what Store promised, unless it is
// told to. Its logs are [replica.Healer]s. The zero value is empty and ready.
type LogPlace struct {
	mu   sync.Mutex
	hard entry.HardState
	base entry.Position
	// blocks are contiguous from base.Index+1 on.
	blocks []*entry.Block
	commit entry.Index
	// stores counts the batches stored, repaired the entries that Repair has healed.
	stores   int
	repaired int
	// damaged are the entries that cannot be read; the value is Damage.Known.
	damaged map[entry.Index]bool
	// held is what an end that was lost can have held.
	held entry.Position
	// full is true while the file system has no room.
	full bool
}

// Open opens the log for the next run of a member.
func (p *LogPlace) Open() (replica.LogStore, error) { return &memoryLog{place: p}, nil }

// Stores returns how many batches were stored so far.
func (p *LogPlace) Stores() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stores
}

var errClosed = errors.New("storetest: the log is closed")

// memoryLog is one run's handle on a place.
type memoryLog struct {
	place  *LogPlace
	closed bool
	// noRoom is what Room answers when it does not try.
	noRoom bool
}

// Recover implements replica.LogStore.
func (l *memoryLog) Recover() (entry.Recovered, error) {
	p := l.place
	p.mu.Lock()
	defer p.mu.Unlock()
	rec := entry.Recovered{Hard: p.hard, Base: p.base, Last: p.last(), Commit: min(p.commit, p.last())}
	for _, block := range p.blocks {
		for i := block.First(); i <= block.Last(); i++ {
			term := block.Term(i)
			if n := len(rec.Terms); n == 0 || rec.Terms[n-1].Term != term {
				rec.Terms = append(rec.Terms, entry.TermRun{First: i, Term: term})
			}
			if block.Kind(i) == entry.KindConfiguration {
				rec.Configurations = append(rec.Configurations, i)
			}
		}
	}
	rec.Damaged = p.damage(p.base.Index+1, p.last())
	if p.lacks() {
		rec.Held = p.held
	}
	return rec, nil
}

func (p *LogPlace) last() entry.Index {
	if n := len(p.blocks); n > 0 {
		return p.blocks[n-1].Last()
	}
	return p.base.Index
}

// Store implements replica.LogStore.
func (l *memoryLog) Store(b *entry.Batch) error {
	p := l.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.closed {
		return errClosed
	}
	if len(b.Blocks) > 0 && p.full {
		l.noRoom = true
		return fmt.Errorf("storetest: batch %d: %w", b.Seq, entry.ErrNoSpace)
	}
	p.stores++
	if b.Hard != nil {
		p.hard = *b.Hard
	}
	if b.TruncateFrom != 0 {
		p.truncate(b.TruncateFrom)
	}
	if b.Reset != nil {
		p.base, p.blocks = *b.Reset, nil
		p.forget(0, p.base.Index)
		p.forget(p.base.Index+1, entry.NumberMax)
	}
	for _, block := range b.Blocks {
		if want := p.last() + 1; block.First() != want {
			return fmt.Errorf("storetest: batch %d has entry %d where %d follows", b.Seq, block.First(), want)
		}
		p.blocks = append(p.blocks, block)
	}
	p.commit = b.Commit
	return nil
}

func (p *LogPlace) truncate(from entry.Index) {
	p.forget(from, entry.NumberMax)
	for n := len(p.blocks); n > 0 && p.blocks[n-1].Last() >= from; n = len(p.blocks) {
		block := p.blocks[n-1]
		p.blocks = slices.Clone(p.blocks[:n-1])
		if block.First() < from {
			p.blocks = append(p.blocks, block.Slice(block.First(), from-1))
		}
	}
}

// Read implements replica.LogStore.
func (l *memoryLog) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	p := l.place
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case lo <= p.base.Index:
		return nil, fmt.Errorf("storetest: entry %d: %w", lo, entry.ErrCompacted)
	case hi > p.last() || hi < lo:
		return nil, fmt.Errorf("storetest: entries %d to %d of a log from %d to %d", lo, hi, p.base.Index+1, p.last())
	}
	if all := p.damage(lo, hi); len(all) > 0 {
		if all[0].First == lo {
			return nil, fmt.Errorf("storetest: entry %d: %w", lo, entry.ErrCorrupt)
		}
		hi = all[0].First - 1
	}
	var b entry.Builder
	for _, block := range p.blocks {
		for i := max(block.First(), lo); i <= min(block.Last(), hi); i++ {
			if b.Size() > 0 && b.Size()+block.FrameSize(i) > maxBytes {
				return b.Block(), nil
			}
			b.Add(block.Header(i), block.Payload(i))
		}
	}
	return b.Block(), nil
}

// Compact implements replica.LogStore.
func (l *memoryLog) Compact(through entry.Index) error {
	p := l.place
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := 0
	for gone < len(p.blocks) && p.blocks[gone].Last() <= through {
		block := p.blocks[gone]
		p.base = entry.Position{Index: block.Last(), Term: block.Term(block.Last())}
		gone++
	}
	p.blocks = slices.Clone(p.blocks[gone:])
	if len(p.blocks) > 0 && p.blocks[0].First() <= through {
		block := p.blocks[0]
		p.base = entry.Position{Index: through, Term: block.Term(through)}
		p.blocks[0] = block.Slice(through+1, block.Last())
	}
	p.forget(0, p.base.Index)
	return nil
}

// Close implements replica.LogStore.
func (l *memoryLog) Close() error {
	l.place.mu.Lock()
	defer l.place.mu.Unlock()
	l.closed = true
	return nil
}
