package storetest_test

import (
	"errors"
	"io"
	"maps"
	"testing"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

func TestMemoryLog(t *testing.T) {
	storetest.RunLog(t, func() (storetest.OpenLog, error) { return new(storetest.LogPlace).Open, nil })
}

func TestMemoryHealer(t *testing.T) {
	storetest.RunHealer(t, func() (storetest.HealPlace, error) {
		place := new(storetest.LogPlace)
		return healPlace(place, place.Open), nil
	})
}

// healPlace is a place in memory that is opened by open.
func healPlace(place *storetest.LogPlace, open storetest.OpenLog) storetest.HealPlace {
	return storetest.HealPlace{
		Open: open,
		Damage: func(first, last entry.Index, known bool) error {
			place.Damage(first, last, known)
			return nil
		},
		Lose: func(from entry.Index) error {
			place.Lose(from)
			return nil
		},
		Fill:  place.Fill,
		Lists: true,
	}
}

func TestMemorySnapshots(t *testing.T) {
	storetest.RunSnapshots(t, func() (storetest.OpenSnapshots, error) {
		return new(storetest.SnapshotPlace).Open, nil
	})
}

// faultyLog is a right log store with one planted fault.
type faultyLog struct {
	replica.LogStore
	store   func(inner replica.LogStore, b *entry.Batch) error
	read    func(inner replica.LogStore, lo, hi entry.Index, maxBytes int) (*entry.Block, error)
	recover func(entry.Recovered) entry.Recovered
	compact func(inner replica.LogStore, through entry.Index) error
}

func (f faultyLog) Store(b *entry.Batch) error {
	if f.store != nil {
		return f.store(f.LogStore, b)
	}
	return f.LogStore.Store(b)
}

func (f faultyLog) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	if f.read != nil {
		return f.read(f.LogStore, lo, hi, maxBytes)
	}
	return f.LogStore.Read(lo, hi, maxBytes)
}

func (f faultyLog) Recover() (entry.Recovered, error) {
	rec, err := f.LogStore.Recover()
	if f.recover != nil {
		rec = f.recover(rec)
	}
	return rec, err
}

func (f faultyLog) Compact(through entry.Index) error {
	if f.compact != nil {
		return f.compact(f.LogStore, through)
	}
	return f.LogStore.Compact(through)
}

// without stores a changed copy of each batch.
func without(change func(*entry.Batch)) faultyLog {
	return faultyLog{store: func(inner replica.LogStore, b *entry.Batch) error {
		broken := *b
		change(&broken)
		return inner.Store(&broken)
	}}
}

// forgetfulLogs are logs that do not store all that they were given.
func forgetfulLogs() map[string]faultyLog {
	return map[string]faultyLog{
		"forgets votes": without(func(b *entry.Batch) {
			if b.Hard != nil {
				b.Hard = &entry.HardState{Term: b.Hard.Term}
			}
		}),
		"forgets hard state when there are entries": without(func(b *entry.Batch) {
			if len(b.Blocks) > 0 {
				b.Hard = nil
			}
		}),
		"does not truncate without entries": without(func(b *entry.Batch) {
			if len(b.Blocks) == 0 {
				b.TruncateFrom = 0
			}
		}),
		"truncates one too many": {store: func(inner replica.LogStore, b *entry.Batch) error {
			if b.TruncateFrom > 1 && len(b.Blocks) == 0 {
				broken := *b
				broken.TruncateFrom--
				b = &broken
			}
			return inner.Store(b)
		}},
		"ignores a reset": without(func(b *entry.Batch) { b.Reset = nil }),
		"loses the last block of a batch": without(func(b *entry.Batch) {
			if len(b.Blocks) > 1 {
				b.Blocks = b.Blocks[:len(b.Blocks)-1]
			}
		}),
		"modifies blocks": {store: func(inner replica.LogStore, b *entry.Batch) error {
			for _, block := range b.Blocks {
				block.Bytes()[len(block.Bytes())-1]++
			}
			return inner.Store(b)
		}},
	}
}

// misleadingLogs are logs that do not say what they hold.
func misleadingLogs() map[string]faultyLog {
	return map[string]faultyLog{
		"reads without bound": {read: func(inner replica.LogStore, lo, hi entry.Index, _ int) (*entry.Block, error) {
			return inner.Read(lo, hi, 1<<30)
		}},
		"reads one entry too many": {read: func(inner replica.LogStore, lo, hi entry.Index, n int) (*entry.Block, error) {
			if block, err := inner.Read(lo, hi+1, n); err == nil {
				return block, nil
			}
			return inner.Read(lo, hi, n)
		}},
		"hides compaction": {read: func(inner replica.LogStore, lo, hi entry.Index, n int) (*entry.Block, error) {
			block, err := inner.Read(lo, hi, n)
			if errors.Is(err, entry.ErrCompacted) {
				return nil, errors.New("not found")
			}
			return block, err
		}},
		"reports a wrong base term": {recover: func(rec entry.Recovered) entry.Recovered {
			rec.Base.Term = 0
			return rec
		}},
		"reports one term for all": {recover: func(rec entry.Recovered) entry.Recovered {
			if len(rec.Terms) > 1 {
				rec.Terms = rec.Terms[:1]
			}
			return rec
		}},
		"reports what is committed too high": {recover: func(rec entry.Recovered) entry.Recovered {
			rec.Commit = rec.Last
			return rec
		}},
		"forgets configurations": {recover: func(rec entry.Recovered) entry.Recovered {
			rec.Configurations = nil
			return rec
		}},
		"compacts one too many": {compact: func(inner replica.LogStore, through entry.Index) error {
			return inner.Compact(through + 1)
		}},
	}
}

// TestPlantedLogs shows that the suite finds each planted fault.
func TestPlantedLogs(t *testing.T) {
	planted := forgetfulLogs()
	maps.Copy(planted, misleadingLogs())
	for name, fault := range planted {
		t.Run(name, func(t *testing.T) {
			for _, check := range storetest.LogChecks() {
				place := new(storetest.LogPlace)
				open := func() (replica.LogStore, error) {
					inner, err := place.Open()
					broken := fault
					broken.LogStore = inner
					return broken, err
				}
				if err := check.Run(open); err != nil {
					t.Logf("found by %q: %v", check.Name, err)
					return
				}
			}
			t.Error("no check rejects a log that", name)
		})
	}
}

// faultySnapshots is a right snapshot store with one planted fault.
type faultySnapshots struct {
	replica.SnapshotStore
	sink   func(replica.SnapshotSink) replica.SnapshotSink
	open   func(inner replica.SnapshotStore, id string, from int64) (io.ReadCloser, error)
	list   func([]entry.SnapshotMeta) []entry.SnapshotMeta
	retain func(inner replica.SnapshotStore, keep int) error
	resume int64
}

func (f faultySnapshots) Create(meta entry.SnapshotMeta) (replica.SnapshotSink, error) {
	sink, err := f.SnapshotStore.Create(meta)
	if f.sink != nil && err == nil {
		sink = f.sink(sink)
	}
	return sink, err
}

func (f faultySnapshots) Resume(meta entry.SnapshotMeta) (replica.SnapshotSink, int64, error) {
	sink, at, err := f.SnapshotStore.Resume(meta)
	return sink, at + f.resume, err
}

func (f faultySnapshots) Open(id string, from int64) (io.ReadCloser, error) {
	if f.open != nil {
		return f.open(f.SnapshotStore, id, from)
	}
	return f.SnapshotStore.Open(id, from)
}

func (f faultySnapshots) List() ([]entry.SnapshotMeta, error) {
	metas, err := f.SnapshotStore.List()
	if f.list != nil {
		metas = f.list(metas)
	}
	return metas, err
}

func (f faultySnapshots) Retain(keep int) error {
	if f.retain != nil {
		return f.retain(f.SnapshotStore, keep)
	}
	return f.SnapshotStore.Retain(keep)
}

// bufferSink writes whole chunks of 10240 bytes, like a sender that does not mind how much it read.
type bufferSink struct{ replica.SnapshotSink }

func (s bufferSink) Write(b []byte) (int, error) {
	chunk := make([]byte, (len(b)+10239)/10240*10240)
	copy(chunk, b)
	_, err := s.SnapshotSink.Write(chunk)
	return len(b), err
}

// eagerSink commits when it is aborted.
type eagerSink struct{ replica.SnapshotSink }

func (s eagerSink) Abort() error {
	_, err := s.Commit()
	return err
}

func plantedSnapshots() map[string]faultySnapshots {
	return map[string]faultySnapshots{
		"pads the image": {sink: func(s replica.SnapshotSink) replica.SnapshotSink { return bufferSink{s} }},
		"keeps what was aborted": {sink: func(s replica.SnapshotSink) replica.SnapshotSink {
			return eagerSink{s}
		}},
		"ignores the offset": {open: func(inner replica.SnapshotStore, id string, _ int64) (io.ReadCloser, error) {
			return inner.Open(id, 0)
		}},
		"lists the oldest first": {list: func(metas []entry.SnapshotMeta) []entry.SnapshotMeta {
			for i, j := 0, len(metas)-1; i < j; i, j = i+1, j-1 {
				metas[i], metas[j] = metas[j], metas[i]
			}
			return metas
		}},
		"forgets the configuration": {list: func(metas []entry.SnapshotMeta) []entry.SnapshotMeta {
			for i := range metas {
				metas[i].Configuration = entry.Configuration{}
			}
			return metas
		}},
		"hides empty images": {list: func(metas []entry.SnapshotMeta) []entry.SnapshotMeta {
			var some []entry.SnapshotMeta
			for _, m := range metas {
				if m.Size > 0 {
					some = append(some, m)
				}
			}
			return some
		}},
		"retains nothing":  {retain: func(inner replica.SnapshotStore, _ int) error { return inner.Retain(0) }},
		"retains all":      {retain: func(replica.SnapshotStore, int) error { return nil }},
		"resumes too late": {resume: 100},
	}
}

// TestPlantedSnapshots shows that the suite finds each planted fault.
func TestPlantedSnapshots(t *testing.T) {
	for name, fault := range plantedSnapshots() {
		t.Run(name, func(t *testing.T) {
			for _, check := range storetest.SnapshotChecks() {
				place := new(storetest.SnapshotPlace)
				open := func() (replica.SnapshotStore, error) {
					inner, err := place.Open()
					broken := fault
					broken.SnapshotStore = inner
					return broken, err
				}
				if err := check.Run(open); err != nil {
					t.Logf("found by %q: %v", check.Name, err)
					return
				}
			}
			t.Error("no check rejects a store that", name)
		})
	}
}

// faultyKeeper is a right store with one planted fault in how it sets images aside.
type faultyKeeper struct {
	replica.SnapshotStore
	setAside func(inner replica.ImageKeeper, id string, cause error) error
	aside    func([]entry.AsideSnapshot) []entry.AsideSnapshot
}

func (f faultyKeeper) SetAside(id string, cause error) error {
	return f.setAside(f.SnapshotStore.(replica.ImageKeeper), id, cause)
}

func (f faultyKeeper) Aside() []entry.AsideSnapshot {
	return f.aside(f.SnapshotStore.(replica.ImageKeeper).Aside())
}

// TestPlantedKeepers shows that the suite finds stores that do not keep damaged images away, or do not tell.
func TestPlantedKeepers(t *testing.T) {
	right := func(inner replica.ImageKeeper, id string, cause error) error { return inner.SetAside(id, cause) }
	all := func(all []entry.AsideSnapshot) []entry.AsideSnapshot { return all }
	for name, fault := range map[string]faultyKeeper{
		"sets nothing aside": {setAside: func(replica.ImageKeeper, string, error) error { return nil }, aside: all},
		"does not tell":      {setAside: right, aside: func([]entry.AsideSnapshot) []entry.AsideSnapshot { return nil }},
		"forgets the cause": {setAside: right, aside: func(all []entry.AsideSnapshot) []entry.AsideSnapshot {
			for i := range all {
				all[i].Cause = nil
			}
			return all
		}},
		"forgets the description": {setAside: right, aside: func(all []entry.AsideSnapshot) []entry.AsideSnapshot {
			for i := range all {
				all[i].Meta.Configuration = entry.Configuration{}
			}
			return all
		}},
	} {
		found := false
		for _, check := range storetest.SnapshotChecks() {
			place := new(storetest.SnapshotPlace)
			found = found || check.Run(func() (replica.SnapshotStore, error) {
				inner, err := place.Open()
				broken := fault
				broken.SnapshotStore = inner
				return broken, err
			}) != nil
		}
		if !found {
			t.Error("no check rejects a store that", name)
		}
	}
}
