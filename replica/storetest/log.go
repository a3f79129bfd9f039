package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

// LogChecks returns the checks of a log store.
func LogChecks() []LogCheck {
	return []LogCheck{
		{"a new log is empty", checkFresh},
		{"entries and hard state survive a restart", checkSurvives},
		{"the newest hard state wins", checkHard},
		{"a vote and entries in one batch", checkOneBatch},
		{"every session continues the former", checkSessions},
		{"truncation removes a conflicting end", checkTruncate},
		{"truncation of everything", checkTruncateAll},
		{"truncation without new entries", checkTruncateOnly},
		{"a reset leaves only what follows the snapshot", checkReset},
		{"a reset log takes entries later", checkResetEmpty},
		{"a read is bounded in bytes but returns at least one entry", checkReadBound},
		{"a read outside the log is an error", checkReadOutside},
		{"compaction keeps what follows", checkCompact},
		{"what was compacted says so", checkCompacted},
		{"the commit index is never above what was stored", checkCommit},
		{"configuration entries are noted", checkConfigurations},
		{"blocks are not modified", checkUnmodified},
		{"large entries", checkLarge},
		{"reading beside storing", checkBeside},
		{"a closed log stores nothing", checkClosed},
	}
}

// session opens the log, recovers it, runs f and closes it.
func session(open OpenLog, f func(replica.LogStore, entry.Recovered) error) error {
	log, err := open()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	rec, err := log.Recover()
	if err != nil {
		return errors.Join(fmt.Errorf("recover: %w", err), log.Close())
	}
	if err := f(log, rec); err != nil {
		return errors.Join(err, log.Close())
	}
	if err := log.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// storing is a session that stores the batches.
func storing(open OpenLog, batches ...*entry.Batch) error {
	return session(open, func(log replica.LogStore, _ entry.Recovered) error {
		for _, b := range batches {
			if err := log.Store(b); err != nil {
				return fmt.Errorf("store batch %d: %w", b.Seq, err)
			}
		}
		return nil
	})
}

// expect is a session that finds exactly these entries, recovered and read.
func expect(open OpenLog, want entry.Recovered, blocks ...*entry.Block) error {
	return session(open, func(log replica.LogStore, rec entry.Recovered) error {
		rec.Commit, rec.Configurations = 0, nil
		want.Terms = append([]entry.TermRun{}, want.Terms...)
		rec.Terms = append([]entry.TermRun{}, rec.Terms...)
		if !reflect.DeepEqual(rec, want) {
			return fmt.Errorf("recovered %+v, want %+v", rec, want)
		}
		return readsAs(log, blocks...)
	})
}

// readsAs reads the blocks entry by entry and as a whole.
func readsAs(log replica.LogStore, blocks ...*entry.Block) error {
	for _, want := range blocks {
		var got []byte
		for next := want.First(); next <= want.Last(); {
			block, err := log.Read(next, want.Last(), 1<<20)
			if err != nil {
				return fmt.Errorf("read %d to %d: %w", next, want.Last(), err)
			}
			if block.First() != next || block.Last() > want.Last() {
				return fmt.Errorf("read %d to %d returned %d to %d", next, want.Last(), block.First(), block.Last())
			}
			got = append(got, block.Bytes()...)
			next = block.Last() + 1
		}
		if !bytes.Equal(got, want.Bytes()) {
			return fmt.Errorf("entries %d to %d read back with other bytes", want.First(), want.Last())
		}
	}
	return nil
}

func checkFresh(open OpenLog) error { return expect(open, entry.Recovered{}) }

func checkSurvives(open OpenLog) error {
	a, b := Block(1, 3, 1), Block(4, 9, 2)
	err := storing(open,
		&entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 1, Vote: "a"}},
		&entry.Batch{Seq: 2, Blocks: []*entry.Block{a}},
		&entry.Batch{Seq: 3, Hard: &entry.HardState{Term: 2, Vote: "b"}, Blocks: []*entry.Block{b}, Commit: 3})
	if err != nil {
		return err
	}
	want := entry.Recovered{
		Hard: entry.HardState{Term: 2, Vote: "b"}, Last: 9,
		Terms: []entry.TermRun{{First: 1, Term: 1}, {First: 4, Term: 2}},
	}
	if err := expect(open, want, a, b); err != nil {
		return err
	}
	return expect(open, want, a, b)
}

func checkHard(open OpenLog) error {
	for i, h := range []entry.HardState{{Term: 1, Vote: "a"}, {Term: 3}, {Term: 3, Vote: "c"}, {Term: 4}} {
		if err := storing(open, &entry.Batch{Seq: uint64(i + 1), Hard: &h}); err != nil {
			return err
		}
		if err := expect(open, entry.Recovered{Hard: h}); err != nil {
			return err
		}
	}
	return nil
}

func checkOneBatch(open OpenLog) error {
	a, b := Block(1, 4, 1), Block(3, 5, 2)
	err := storing(open, &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 1}, Blocks: []*entry.Block{a}},
		&entry.Batch{Seq: 5, Hard: &entry.HardState{Term: 2, Vote: "x"}, TruncateFrom: 3, Blocks: []*entry.Block{b}})
	if err != nil {
		return err
	}
	return expect(open, entry.Recovered{
		Hard: entry.HardState{Term: 2, Vote: "x"}, Last: 5,
		Terms: []entry.TermRun{{First: 1, Term: 1}, {First: 3, Term: 2}},
	}, a.Slice(1, 2), b)
}

func checkSessions(open OpenLog) error {
	var blocks []*entry.Block
	for i := entry.Index(0); i < 6; i++ {
		block := Block(i*10+1, i*10+10, 1)
		blocks = append(blocks, block)
		if err := storing(open, &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 1, Vote: "v"},
			Blocks: []*entry.Block{block}}); err != nil {
			return err
		}
		want := entry.Recovered{Hard: entry.HardState{Term: 1, Vote: "v"}, Last: i*10 + 10,
			Terms: []entry.TermRun{{First: 1, Term: 1}}}
		if err := expect(open, want, blocks...); err != nil {
			return fmt.Errorf("after session %d: %w", i+1, err)
		}
	}
	return nil
}

// threeBatches stores 1 to 10 of term 1 in several blocks and batches.
func threeBatches(open OpenLog) error {
	hard := entry.HardState{Term: 1}
	return storing(open, &entry.Batch{Seq: 1, Hard: &hard, Blocks: []*entry.Block{Block(1, 2, 1), Block(3, 5, 1)}},
		&entry.Batch{Seq: 2, Blocks: []*entry.Block{Block(6, 8, 1)}},
		&entry.Batch{Seq: 3, Blocks: []*entry.Block{Block(9, 10, 1)}})
}

func checkTruncate(open OpenLog) error {
	if err := threeBatches(open); err != nil {
		return err
	}
	fresh := Block(7, 8, 3)
	if err := storing(open, &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 3}, TruncateFrom: 7,
		Blocks: []*entry.Block{fresh}}); err != nil {
		return err
	}
	return expect(open, entry.Recovered{Hard: entry.HardState{Term: 3}, Last: 8,
		Terms: []entry.TermRun{{First: 1, Term: 1}, {First: 7, Term: 3}}}, Block(1, 6, 1), fresh)
}

func checkTruncateAll(open OpenLog) error {
	if err := threeBatches(open); err != nil {
		return err
	}
	fresh := Block(1, 1, 2)
	if err := storing(open, &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 2}, TruncateFrom: 1,
		Blocks: []*entry.Block{fresh}}); err != nil {
		return err
	}
	return expect(open, entry.Recovered{Hard: entry.HardState{Term: 2}, Last: 1,
		Terms: []entry.TermRun{{First: 1, Term: 2}}}, fresh)
}

func checkTruncateOnly(open OpenLog) error {
	if err := threeBatches(open); err != nil {
		return err
	}
	if err := storing(open, &entry.Batch{Seq: 1, TruncateFrom: 4}); err != nil {
		return err
	}
	want := entry.Recovered{Hard: entry.HardState{Term: 1}, Last: 3, Terms: []entry.TermRun{{First: 1, Term: 1}}}
	if err := expect(open, want, Block(1, 3, 1)); err != nil {
		return err
	}
	next := Block(4, 6, 1)
	if err := storing(open, &entry.Batch{Seq: 1, Blocks: []*entry.Block{next}}); err != nil {
		return err
	}
	want.Last = 6
	return expect(open, want, Block(1, 3, 1), next)
}

func checkReset(open OpenLog) error {
	if err := threeBatches(open); err != nil {
		return err
	}
	fresh := Block(101, 103, 9)
	if err := storing(open, &entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 9},
		Reset: &entry.Position{Index: 100, Term: 7}, Blocks: []*entry.Block{fresh}}); err != nil {
		return err
	}
	return expect(open, entry.Recovered{
		Hard: entry.HardState{Term: 9}, Base: entry.Position{Index: 100, Term: 7}, Last: 103,
		Terms: []entry.TermRun{{First: 101, Term: 9}},
	}, fresh)
}

func checkResetEmpty(open OpenLog) error {
	if err := threeBatches(open); err != nil {
		return err
	}
	if err := storing(open, &entry.Batch{Seq: 1, Reset: &entry.Position{Index: 50, Term: 1}}); err != nil {
		return err
	}
	want := entry.Recovered{Hard: entry.HardState{Term: 1}, Base: entry.Position{Index: 50, Term: 1}, Last: 50}
	if err := expect(open, want); err != nil {
		return err
	}
	next := Block(51, 52, 1)
	if err := storing(open, &entry.Batch{Seq: 1, Blocks: []*entry.Block{next}}); err != nil {
		return err
	}
	want.Last, want.Terms = 52, []entry.TermRun{{First: 51, Term: 1}}
	return expect(open, want, next)
}

func checkReadBound(open OpenLog) error {
	all := BlockOf(1, 20, 1, 100)
	return session(open, func(log replica.LogStore, _ entry.Recovered) error {
		if err := log.Store(&entry.Batch{Seq: 1, Blocks: []*entry.Block{all}}); err != nil {
			return err
		}
		one, err := log.Read(5, 20, 1)
		if err != nil {
			return err
		}
		if one.First() != 5 || one.Len() != 1 {
			return fmt.Errorf("a read of at most 1 byte returned entries %d to %d, want 5", one.First(), one.Last())
		}
		limit := 4 * all.FrameSize(1)
		some, err := log.Read(3, 20, limit)
		if err != nil {
			return err
		}
		if some.Size() > limit || some.First() != 3 || !bytes.Equal(some.Bytes(), all.Frames(3, some.Last())) {
			return fmt.Errorf("a read of at most %d bytes returned %d of them", limit, some.Size())
		}
		two, err := log.Read(6, 7, 1<<20)
		if err != nil {
			return err
		}
		if !bytes.Equal(two.Bytes(), all.Frames(6, 7)) {
			return fmt.Errorf("a read of 6 to 7 returned %d to %d", two.First(), two.Last())
		}
		return nil
	})
}

func checkReadOutside(open OpenLog) error {
	return session(open, func(log replica.LogStore, _ entry.Recovered) error {
		if err := log.Store(&entry.Batch{Seq: 1, Blocks: []*entry.Block{Block(1, 5, 1)}}); err != nil {
			return err
		}
		for lo := entry.Index(4); lo <= 6; lo++ {
			if block, err := log.Read(lo, 6, 1<<20); err == nil {
				return fmt.Errorf("reading %d to 6 of a log of 5 returned %d to %d", lo, block.First(), block.Last())
			} else if errors.Is(err, entry.ErrCompacted) {
				return fmt.Errorf("an entry that does not exist yet is called compacted: %w", err)
			}
		}
		return nil
	})
}

func checkCompact(open OpenLog) error {
	if err := threeBatches(open); err != nil {
		return err
	}
	err := session(open, func(log replica.LogStore, _ entry.Recovered) error {
		if err := log.Compact(6); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
		if err := readsAs(log, Block(7, 10, 1)); err != nil {
			return err
		}
		return log.Store(&entry.Batch{Seq: 1, Hard: &entry.HardState{Term: 2}, Blocks: []*entry.Block{Block(11, 12, 2)}})
	})
	if err != nil {
		return err
	}
	return session(open, func(log replica.LogStore, rec entry.Recovered) error {
		wantTerm := entry.Term(1)
		if rec.Base.Index == 0 {
			wantTerm = 0
		}
		if rec.Base.Index > 6 || rec.Base.Term != wantTerm || rec.Last != 12 || rec.Hard.Term != 2 {
			return fmt.Errorf("recovered %+v after compaction through 6", rec)
		}
		return readsAs(log, Block(7, 10, 1), Block(11, 12, 2))
	})
}

func checkCompacted(open OpenLog) error {
	return session(open, func(log replica.LogStore, _ entry.Recovered) error {
		reset := &entry.Position{Index: 100, Term: 1}
		err := log.Store(&entry.Batch{Seq: 1, Reset: reset, Blocks: []*entry.Block{Block(101, 102, 1)}})
		if err != nil {
			return err
		}
		for _, lo := range []entry.Index{1, 99, 100} {
			if _, err := log.Read(lo, 102, 1<<20); !errors.Is(err, entry.ErrCompacted) {
				return fmt.Errorf("reading entry %d of a log that begins at 101: %v, want ErrCompacted", lo, err)
			}
		}
		return readsAs(log, Block(101, 102, 1))
	})
}

func checkCommit(open OpenLog) error {
	if err := storing(open,
		&entry.Batch{Seq: 1, Blocks: []*entry.Block{Block(1, 8, 1)}, Commit: 0},
		&entry.Batch{Seq: 2, Blocks: []*entry.Block{Block(9, 10, 1)}, Commit: 6}); err != nil {
		return err
	}
	return session(open, func(_ replica.LogStore, rec entry.Recovered) error {
		if rec.Commit > 6 {
			return fmt.Errorf("recovered commit index %d, the newest stored is 6", rec.Commit)
		}
		return nil
	})
}

func checkConfigurations(open OpenLog) error {
	c := entry.Configuration{Cluster: entry.ClusterID{1}, Members: []entry.Member{{ID: "a"}, {ID: "b"}}}
	config := func(i entry.Index) *entry.Block { return ConfigurationBlock(i, 1, c) }
	if err := storing(open,
		&entry.Batch{Seq: 1, Blocks: []*entry.Block{config(1), Block(2, 4, 1), config(5)}},
		&entry.Batch{Seq: 2, Blocks: []*entry.Block{config(6), Block(7, 8, 1), config(9)}},
		&entry.Batch{Seq: 3, TruncateFrom: 9, Blocks: []*entry.Block{Block(9, 9, 1)}}); err != nil {
		return err
	}
	return session(open, func(log replica.LogStore, rec entry.Recovered) error {
		if want := []entry.Index{1, 5, 6}; !reflect.DeepEqual(rec.Configurations, want) {
			return fmt.Errorf("recovered configurations at %v, want %v", rec.Configurations, want)
		}
		block, err := log.Read(5, 5, 1<<20)
		if err != nil {
			return err
		}
		got, err := entry.DecodeConfiguration(block.Payload(5))
		if err != nil || !reflect.DeepEqual(got.Voters(), c.Voters()) {
			return fmt.Errorf("the configuration at 5 reads as %v (%v)", got, err)
		}
		return nil
	})
}

func checkUnmodified(open OpenLog) error {
	block := Block(1, 50, 1)
	before := bytes.Clone(block.Bytes())
	if err := storing(open, &entry.Batch{Seq: 1, Blocks: []*entry.Block{block}}); err != nil {
		return err
	}
	if !bytes.Equal(before, block.Bytes()) {
		return errors.New("Store modified a block")
	}
	return nil
}

func checkLarge(open OpenLog) error {
	var blocks []*entry.Block
	for i := entry.Index(1); i <= 6; i++ {
		block := BlockOf(i, i, 1, 1<<20+int(i))
		blocks = append(blocks, block)
		if err := storing(open, &entry.Batch{Seq: 1, Blocks: []*entry.Block{block}}); err != nil {
			return err
		}
	}
	return expect(open, entry.Recovered{Last: 6, Terms: []entry.TermRun{{First: 1, Term: 1}}}, blocks...)
}

func checkBeside(open OpenLog) error {
	return session(open, func(log replica.LogStore, _ entry.Recovered) error {
		if err := log.Store(&entry.Batch{Seq: 1, Blocks: []*entry.Block{Block(1, 10, 1)}}); err != nil {
			return err
		}
		var group sync.WaitGroup
		errs := make(chan error, 2)
		for range 2 {
			group.Go(func() {
				for range 50 {
					if err := readsAs(log, Block(1, 10, 1)); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		var failed error
		for i := entry.Index(11); i <= 60 && failed == nil; i++ {
			failed = log.Store(&entry.Batch{Seq: uint64(i), Blocks: []*entry.Block{Block(i, i, 1)}})
		}
		group.Wait()
		close(errs)
		return errors.Join(failed, <-errs)
	})
}

func checkClosed(open OpenLog) error {
	log, err := open()
	if err != nil {
		return err
	}
	if _, err := log.Recover(); err != nil {
		return errors.Join(err, log.Close())
	}
	if err := log.Close(); err != nil {
		return err
	}
	if log.Store(&entry.Batch{Seq: 1, Blocks: []*entry.Block{Block(1, 1, 1)}}) == nil {
		return errors.New("a closed log claims to have stored a batch")
	}
	return nil
}
