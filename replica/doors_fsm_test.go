package replica_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// classicLog is an entry as stores of the classic kind keep it: fields, not frames.
type classicLog struct {
	Index, Term uint64
	Type        uint8
	Data        []byte
}

// classicStore is what such a store offers: a log by index, and single keys. There is no way to
// write both at once.
type classicStore struct {
	mu   sync.Mutex
	logs map[uint64]classicLog
	keys map[string][]byte
}

func newClassicStore() *classicStore {
	return &classicStore{logs: map[uint64]classicLog{}, keys: map[string][]byte{}}
}

func (s *classicStore) bounds() (first, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.logs {
		if first == 0 || i < first {
			first = i
		}
		last = max(last, i)
	}
	return first, last
}

func (s *classicStore) getLog(i uint64) (classicLog, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.logs[i]
	return l, ok
}

func (s *classicStore) storeLogs(all []classicLog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range all {
		s.logs[l.Index] = l
	}
}

func (s *classicStore) deleteRange(lo, hi uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := lo; i <= hi; i++ {
		delete(s.logs, i)
	}
}

func (s *classicStore) set(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[key] = value
}

func (s *classicStore) get(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key]
}

func (s *classicStore) number(key string) uint64 {
	if b := s.get(key); len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (s *classicStore) setNumber(key string, n uint64) {
	s.set(key, binary.BigEndian.AppendUint64(nil, n))
}

// fsmLog is the door's adapter: a replica.LogStore over a store of the user's. Origin and sequence,
// which the classic entry has no fields for, stand in front of its data.
type fsmLog struct {
	store  *classicStore
	mu     sync.Mutex
	closed bool
}

func (f *fsmLog) Recover() (entry.Recovered, error) {
	s := f.store
	var rec entry.Recovered
	rec.Hard.Term = entry.Term(s.number("CurrentTerm"))
	if s.number("LastVoteTerm") == uint64(rec.Hard.Term) {
		rec.Hard.Vote = entry.MemberID(s.get("LastVoteCand"))
	}
	rec.Base = entry.Position{Index: entry.Index(s.number("BaseIndex")), Term: entry.Term(s.number("BaseTerm"))}
	_, last := s.bounds()
	rec.Last = max(entry.Index(last), rec.Base.Index)
	for i := rec.Base.Index + 1; i <= rec.Last; i++ {
		l, ok := s.getLog(uint64(i))
		if !ok {
			return rec, fmt.Errorf("fsm: the log has a hole at %d", i)
		}
		if n := len(rec.Terms); n == 0 || rec.Terms[n-1].Term != entry.Term(l.Term) {
			rec.Terms = append(rec.Terms, entry.TermRun{First: i, Term: entry.Term(l.Term)})
		}
		if entry.Kind(l.Type) == entry.KindConfiguration {
			rec.Configurations = append(rec.Configurations, i)
		}
	}
	return rec, nil
}

// Store writes in the order that makes a crash between any two calls harmless: a term without its
// vote has not voted, and a vote counts only in its own term.
func (f *fsmLog) Store(b *entry.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.New("fsm: closed")
	}
	s := f.store
	if b.Hard != nil {
		s.setNumber("CurrentTerm", uint64(b.Hard.Term))
		s.set("LastVoteCand", []byte(b.Hard.Vote))
		s.setNumber("LastVoteTerm", uint64(b.Hard.Term))
	}
	first, last := s.bounds()
	if b.TruncateFrom != 0 {
		s.deleteRange(uint64(b.TruncateFrom), last)
	}
	if b.Reset != nil {
		s.deleteRange(first, last)
		s.setNumber("BaseTerm", uint64(b.Reset.Term))
		s.setNumber("BaseIndex", uint64(b.Reset.Index))
	}
	for _, block := range b.Blocks {
		s.storeLogs(classicLogs(block))
	}
	return nil
}

func classicLogs(block *entry.Block) []classicLog {
	var all []classicLog
	for i := block.First(); i <= block.Last(); i++ {
		h := block.Header(i)
		data := binary.BigEndian.AppendUint64(nil, h.Origin)
		data = binary.BigEndian.AppendUint64(data, h.Sequence)
		all = append(all, classicLog{
			Index: uint64(i), Term: uint64(h.Term), Type: uint8(h.Kind), Data: append(data, block.Payload(i)...),
		})
	}
	return all
}

func (f *fsmLog) Read(lo, hi entry.Index, maxBytes int) (*entry.Block, error) {
	if lo <= entry.Index(f.store.number("BaseIndex")) {
		return nil, fmt.Errorf("fsm: entry %d: %w", lo, entry.ErrCompacted)
	}
	var b entry.Builder
	for i := lo; i <= hi; i++ {
		l, ok := f.store.getLog(uint64(i))
		if !ok || len(l.Data) < 16 {
			return nil, fmt.Errorf("fsm: there is no entry %d", i)
		}
		payload := l.Data[16:]
		h := entry.Header{
			Kind: entry.Kind(l.Type), Index: i, Term: entry.Term(l.Term),
			Origin: binary.BigEndian.Uint64(l.Data), Sequence: binary.BigEndian.Uint64(l.Data[8:]),
			Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
		}
		if b.Size() > 0 && b.Size()+h.FrameSize() > maxBytes {
			break
		}
		b.Add(h, payload)
	}
	return b.Block(), nil
}

func (f *fsmLog) Compact(through entry.Index) error {
	l, ok := f.store.getLog(uint64(through))
	if !ok {
		return nil
	}
	first, _ := f.store.bounds()
	f.store.setNumber("BaseTerm", l.Term)
	f.store.setNumber("BaseIndex", l.Index)
	f.store.deleteRange(first, uint64(through))
	return nil
}

func (f *fsmLog) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

// TestDoorFSMStore runs the conformance suite on the adapter.
func TestDoorFSMStore(t *testing.T) {
	storetest.RunLog(t, func() (storetest.OpenLog, error) {
		store := newClassicStore()
		return func() (replica.LogStore, error) { return &fsmLog{store: store}, nil }, nil
	})
}

// TestDoorFSM runs a cluster on stores of the user's.
func TestDoorFSM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stores := map[entry.MemberID]*classicStore{}
		exerciseDoor(t, newCluster(t, 3, func(m *member, config *replica.Config) {
			if stores[m.id] == nil {
				stores[m.id] = newClassicStore()
			}
			config.Log = &fsmLog{store: stores[m.id]}
		}))
	})
}
