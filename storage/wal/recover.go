package wal

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/internal/vfs"
	"v.io/x/ref/lib/raft/storage/damage"
)

// listing is what a directory holds of a log.
type listing struct {
	names       map[uint64]string // segments by generation
	spares      []string
	temporaries []string
}

// newest returns the greatest generation.
func (f *listing) newest() uint64 {
	var most uint64
	for g := range f.names {
		most = max(most, g)
	}
	return most
}

// Owns reports whether a file of this name, in a log's directory, is the log's: a segment, complete or not, or a
// spare.
func Owns(name string) bool {
	_, _, ok := parseName(name)
	return ok || strings.HasPrefix(name, sparePrefix) || strings.HasSuffix(name, nameSuffix+temporary)
}

// scanDir lists the log's files and leaves the others aside.
func scanDir(fsys vfs.FS, dir string) (*listing, error) {
	infos, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("wal: list %s: %w", dir, err)
	}
	found := &listing{names: make(map[uint64]string)}
	for _, info := range infos {
		generation, _, ok := parseName(info.Name)
		switch {
		case ok && found.names[generation] != "":
			return nil, fmt.Errorf("wal: %s and %s in %s claim the same generation; nothing was changed: "+
				"keep the one that this member wrote", found.names[generation], info.Name, dir)
		case ok:
			found.names[generation] = info.Name
		case strings.HasPrefix(info.Name, sparePrefix):
			found.spares = append(found.spares, info.Name)
		case strings.HasSuffix(info.Name, nameSuffix+temporary):
			found.temporaries = append(found.temporaries, info.Name)
		}
	}
	return found, nil
}

// Recover reads what the log holds. It changes nothing on disk but what is certainly left over:
// temporary files, and segments that a durable record says do not count. On return everything it
// reports is durable. There are four outcomes: the log is whole; what a crash left of a batch that was
// never acknowledged is cut; entries that cannot be read are listed; or the log is refused, with an error
// that says where and what to do. See the package comment. Until something is written it may be called
// again, and returns the same.
func (l *Log) Recover() (entry.Recovered, error) {
	switch {
	case l.found != nil && !l.closed:
		return *l.found, nil
	case l.tail.recovered || l.closed:
		return entry.Recovered{}, errors.New("wal: Recover is called before anything else")
	}
	r := recovery{log: l}
	out, err := r.run()
	if err != nil {
		for _, s := range r.segments {
			err = joinClose(err, s.file)
		}
		return entry.Recovered{}, err
	}
	l.found = &out
	return out, nil
}

// Voteless reports whether the log was recovered with Options.Salvage and without its newest term and vote.
func (l *Log) Voteless() bool { return l.tail.recovered && errors.Is(l.poison, damage.ErrVoteLost) }

// recovery is the state of one Recover.
type recovery struct {
	log      *Log
	found    *listing
	segments []*segment // opened so far; in order of generation in the end
	// damaged are the runs that cannot be read, of the newer segments first; in order in the end.
	damaged []entry.Damage
	// held is the greatest position that a segment says the log can have held.
	held entry.Position
}

func (r *recovery) run() (entry.Recovered, error) {
	var err error
	if r.found, err = scanDir(r.log.fs, r.log.dir); err != nil {
		return entry.Recovered{}, err
	}
	if len(r.found.names) == 0 {
		return entry.Recovered{}, damage.At(r.log.dir, 0, "it has no log segment, and there was one")
	}
	last, err := r.lastSegment()
	if err != nil {
		return entry.Recovered{}, err
	}
	if err := r.older(last); err != nil {
		return entry.Recovered{}, err
	}
	if err := r.fold(last.tail.trim.base); err != nil {
		return entry.Recovered{}, err
	}
	damaged := clipDamage(r.damaged, r.log.base.Index+1, r.log.last.Index)
	if err := r.settle(last); err != nil {
		return entry.Recovered{}, err
	}
	l := r.log
	l.mu.Lock()
	l.segments = r.segments
	l.mu.Unlock()
	if last.tail.held = r.held; l.last.Compare(r.held) >= 0 {
		last.tail.held = entry.Position{}
	}
	l.tail = last.tail
	l.tail.recovered, l.tail.zeroed = true, last.window.data
	out := l.report()
	out.Damaged = damaged
	return out, nil
}

// lastSegment opens and scans the segment that is written.
func (r *recovery) lastSegment() (*scan, error) {
	s, err := r.open(r.found.newest())
	if err != nil {
		return nil, err
	}
	sealed, ok, err := s.seal(r.log.options.Incarnation)
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, damage.At(s.path, sealOffset, "it says that segment %d follows, which is not there", sealed.successor)
	}
	found, err := r.scan(s, s.size, false)
	if err != nil {
		return nil, err
	}
	switch lost := found.hard.lost || !found.hard.found; {
	case lost && !r.log.options.Salvage:
		return nil, voteLost(s)
	case lost:
		found.tail.hard, r.log.poison = entry.HardState{}, voteLost(s)
	}
	return found, nil
}

// scan reads a segment.
func (r *recovery) scan(s *segment, limit int64, sealed bool) (*scan, error) {
	found, err := scanSegment(s, r.log.options.Incarnation, limit, sealed)
	if err != nil {
		return nil, err
	}
	s.outline = found.outline
	older := found.damaged
	for _, newer := range r.segments[:len(r.segments)-1] {
		if o := &newer.outline; o.reset {
			older = nil
		} else {
			older = clipDamage(older, 1, o.kept)
		}
	}
	for _, d := range r.damaged {
		older = addDamage(older, d)
	}
	r.damaged = older
	if r.held.Compare(found.tail.held) < 0 {
		r.held = found.tail.held
	}
	return found, nil
}

// open opens a segment by generation and keeps it in r.segments.
func (r *recovery) open(generation uint64) (*segment, error) {
	name := r.found.names[generation]
	if name == "" {
		return nil, damage.At(r.log.dir, 0, "segment %d is missing", generation)
	}
	s, err := openSegment(r.log.fs, r.log.dir, name, r.log.options.Incarnation)
	if err != nil {
		return nil, err
	}
	r.segments = append(r.segments, s)
	return s, nil
}

// older opens the live segments before the last, newest first, since each is verified by what its
// successor says about it.
func (r *recovery) older(last *scan) error {
	next := last.segment
	for g := next.header.generation - 1; g >= last.tail.trim.generation && g > 0; g-- {
		s, err := r.open(g)
		if err != nil {
			return err
		}
		if err := r.outlineOf(s, next); err != nil {
			return err
		}
		next = s
	}
	sort.Slice(r.segments, func(i, j int) bool {
		return r.segments[i].header.generation < r.segments[j].header.generation
	})
	return nil
}

// outlineOf reads the footer of a segment, or all of the segment when there is no footer to trust.
func (r *recovery) outlineOf(s, next *segment) error {
	o, ok, err := s.footer(r.log.options.Incarnation, next.header.formerEnd)
	if err != nil {
		return err
	}
	if ok {
		s.outline = o
		return nil
	}
	found, err := r.scan(s, min(next.header.formerEnd, s.size), true)
	if err != nil {
		return err
	}
	if t := found.tail; t.end != next.header.formerEnd || t.number != next.header.number || t.chain != next.header.chain {
		return damage.At(s.path, t.end,
			"its batches end here with number %d, the next segment says at byte %d with number %d",
			t.number, next.header.formerEnd, next.header.number)
	}
	return nil
}

// footer reads the segment's footer; ok is false when there is none that fits.
func (s *segment) footer(store entry.Incarnation, end int64) (o outline, ok bool, err error) {
	sealed, ok, err := s.seal(store)
	if err != nil || !ok {
		return outline{}, false, err
	}
	if sealed.footerAt != end || sealed.footerLen > s.size || sealed.footerAt > s.size-sealed.footerLen {
		return outline{}, false, nil
	}
	b := make([]byte, sealed.footerLen)
	if _, err := s.file.ReadAt(b, sealed.footerAt); err != nil {
		return outline{}, false, fmt.Errorf("wal: read footer of %s: %w", s.path, err)
	}
	if sum(store, sealed.footerAt, b) != sealed.footerSum {
		return outline{}, false, nil
	}
	o, err = decodeOutline(b)
	return o, err == nil, nil
}

// fold makes one log of the outlines of the segments, in order.
func (r *recovery) fold(base entry.Position) error {
	l := r.log
	l.base, l.last = base, base
	for k, s := range r.segments {
		o := &s.outline
		if o.reset {
			l.last = o.base
		}
		kept := min(o.kept, l.last.Index)
		if o.reset {
			kept = 0
		}
		for _, old := range r.segments[:k] {
			old.outline.keep(kept)
		}
		if !o.reset && kept < l.last.Index {
			l.last = r.lastOf(k, base)
		}
		if o.empty() {
			continue
		}
		if first := o.chunks[0].first; first != l.last.Index+1 {
			return damage.At(s.path, o.chunks[0].at, "entry %d follows entry %d", first, l.last.Index)
		}
		l.last = o.position()
	}
	return nil
}

// keep is clip that may leave nothing.
func (o *outline) keep(last entry.Index) {
	if !o.empty() && o.chunks[0].first > last {
		*o = newOutline()
		return
	}
	o.clip(last)
}

// lastOf returns the last entry of the first k segments.
func (r *recovery) lastOf(k int, base entry.Position) entry.Position {
	for _, s := range r.segments[:k] {
		if !s.outline.empty() {
			base = s.outline.position()
		}
	}
	return base
}

// settle makes durable what was found and removes what is left over.
func (r *recovery) settle(last *scan) error {
	l := r.log
	if err := last.persist(); err != nil {
		return err
	}
	var removed []string
	removed = append(removed, r.found.temporaries...)
	for g, name := range r.found.names {
		if g < last.tail.trim.generation {
			removed = append(removed, name)
		}
	}
	for i, name := range r.found.spares {
		if i < sparesMax {
			l.space.add(l.path(name))
		} else {
			removed = append(removed, name)
		}
	}
	sort.Strings(removed)
	for _, name := range removed {
		if err := removeFile(l.fs, l.path(name)); err != nil {
			return err
		}
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("wal: sync directory %s: %w", l.dir, err)
	}
	return nil
}

// persist makes the last batch durable; those before it are, since each is written when the one before
// is synced. It may have been found in the page cache after a sync that failed: then a sync alone
// would succeed without writing it, so it is written again first. What cannot be read is left as it is.
func (f *scan) persist() error {
	s, e := f.segment, f.last
	for k := 0; k < e.sectors(); k++ {
		from := k
		for k < e.sectors() && e.verdict(k) == intact {
			k++
		}
		if from == k {
			continue
		}
		if _, err := s.file.WriteAt(e.raw[from*sectorSize:k*sectorSize], e.at(from).at); err != nil {
			return fmt.Errorf("wal: write the last batch at %d of %s again: %w", e.at(from).at, s.path, err)
		}
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("wal: sync %s: %w", s.path, err)
	}
	return nil
}

// report describes the log to the member.
func (l *Log) report() entry.Recovered {
	out := entry.Recovered{
		Hard: l.tail.hard, Base: l.base, Last: l.last.Index, Commit: min(l.tail.commit, l.last.Index), Held: l.tail.held,
	}
	for _, s := range l.segments {
		for _, run := range s.outline.terms {
			if n := len(out.Terms); n == 0 || out.Terms[n-1].Term != run.Term {
				out.Terms = append(out.Terms, run)
			}
		}
		out.Configurations = append(out.Configurations, s.outline.configurations...)
	}
	return out
}
