package replica_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/replica/storetest"
)

// This file: peers that ask for what nobody should give, and that give what nobody asked for.

// altered changes what a member sends.
type altered struct {
	replica.Transport
	change func(core.Message) core.Message
}

func (a altered) Send(to entry.MemberID, all []core.Message) int {
	changed := make([]core.Message, len(all))
	for i := range all {
		changed[i] = a.change(all[i])
	}
	return a.Transport.Send(to, changed)
}

// countedRepairs counts the copies that a store refuses.
type countedRepairs struct {
	healingLog
	refused atomic.Int32
}

func (c *countedRepairs) Repair(copies *entry.Block) error {
	err := c.healingLog.Repair(copies)
	if errors.Is(err, replica.ErrCopyRefused) {
		c.refused.Add(1)
	}
	return err
}

// relabelled returns a block of as many entries from another place.
func relabelled(block *entry.Block, first entry.Index, term entry.Term) *entry.Block {
	return storetest.Block(first, first+entry.Index(block.Len())-1, term)
}

// TestLyingPeer has one of two peers answer with what was not asked for: nothing of it reaches the log, it is
// counted, and the other peer's copies do.
func TestLyingPeer(t *testing.T) {
	for name, lie := range map[string]func(core.Message) core.Message{
		"another place": func(m core.Message) core.Message {
			m.Body = []*entry.Block{relabelled(m.Body[0], m.Entries.First+1, m.Body[0].Term(m.Entries.First))}
			return m
		},
		"another term": func(m core.Message) core.Message {
			m.Body = []*entry.Block{relabelled(m.Body[0], m.Entries.First, 77)}
			return m
		},
		"another entry": func(m core.Message) core.Message {
			m.Body = []*entry.Block{relabelled(m.Body[0], m.Entries.First, m.Body[0].Term(m.Entries.First))}
			return m
		},
		"more than asked for": func(m core.Message) core.Message {
			first := m.Entries.First
			m.Body = []*entry.Block{storetest.Block(first, first+1000, m.Body[0].Term(first))}
			m.Entries.Count = 1001
			return m
		},
		"nothing":        func(m core.Message) core.Message { m.Body, m.Entries.Count = nil, 0; return m },
		"a false number": func(m core.Message) core.Message { m.Entries.Count++; return m },
		"another round":  func(m core.Message) core.Message { m.Round++; return m },
		"a wild hint": func(m core.Message) core.Message {
			m.Body, m.Reject, m.Hint, m.Entries.Count = nil, true, 1<<64-1, 0
			return m
		},
		"silence": func(m core.Message) core.Message { m.Kind = 0; return m },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var store countedRepairs
				c := filled(t, 3, 50, func(m *member, config *replica.Config) {
					if m.id == "member-1" {
						store.healingLog = config.Log.(healingLog)
						config.Log = &store
					}
					if m.id != "member-2" {
						return
					}
					config.Transport = altered{config.Transport, func(m core.Message) core.Message {
						if m.Kind == core.MsgFetched && !m.Reject {
							return lie(m)
						}
						return m
					}}
				})
				m := c.members[0]
				m.log.Damage(10, 20, true)
				c.members[1].start()
				c.members[2].start()
				m.start() // It asks the liar first.
				m.healed()
				c.converge()
				refused := m.Status().Damage.Refused
				if quiet := name == "silence" || name == "a wild hint"; quiet != (refused == 0) {
					t.Errorf("%d answers were refused", refused)
				}
				// Only the store knows the headers; what needs no look at them does not get there.
				if n := store.refused.Load(); (n > 0) != (name == "another entry") {
					t.Errorf("%d copies were given to the store that it refused", n)
				}
			})
		})
	}
}

// questioned is a member that another one, and a stranger, ask for copies.
type questioned struct {
	*watched
	m, asker *member
	good     core.Message
}

func newQuestioned(t *testing.T) *questioned {
	q := &questioned{watched: newWatched(t, 3, nil)}
	q.start()
	q.leader().proposeMany(50, "command")
	q.converge()
	q.m = q.follower()
	for _, other := range q.members {
		if other != q.m {
			q.asker = other
		}
	}
	q.good = core.Message{
		Kind: core.MsgFetch, From: q.asker.id, To: q.m.id, LogTerm: q.m.Status().Last.Term, Round: 9,
		Index: 10, Match: 12,
	}
	return q
}

// answers counts the answers of the member.
func (q *questioned) answers(reject bool) int {
	return q.spies[q.m.id].count(func(a *core.Message) bool { return a.Kind == core.MsgFetched && a.Reject == reject })
}

// ask sends the good question, changed, through the asker or another, and gives it time.
func (q *questioned) ask(through replica.Transport, change func(*core.Message)) {
	question := q.good
	change(&question)
	through.Send(q.m.id, []core.Message{question})
	synctest.Wait()
}

// refused returns how many messages about copies the member has refused.
func (q *questioned) refused() uint64 { return q.m.Status().Damage.Refused }

// TestStrangeQuestions asks a member for copies in ways that cannot be meant: nothing is answered, nothing is
// read, all is counted, and the member lives. What it cannot give it refuses.
func TestStrangeQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuestioned(t)
		through := q.spies[q.asker.id].Transport
		for name, change := range map[string]func(*core.Message){
			"no entries":    func(q *core.Message) { q.Match = 9 },
			"entry 0":       func(q *core.Message) { q.Index = 0 },
			"a wild index":  func(q *core.Message) { q.Index, q.Match = 1<<64-2, 1<<64-1 },
			"a wild number": func(q *core.Message) { q.Match = 1<<64 - 1 },
			"no term":       func(q *core.Message) { q.LogTerm = 0 },
			"a body":        func(q *core.Message) { q.Body = []*entry.Block{storetest.Block(10, 12, 1)} },
			"an answer that nobody asked for": func(q *core.Message) {
				q.Kind, q.Body = core.MsgFetched, []*entry.Block{storetest.Block(10, 12, q.LogTerm)}
				q.Entries = core.Range{First: 10, Count: 3}
			},
		} {
			before := q.refused()
			q.ask(through, change)
			if q.answers(false)+q.answers(true) != 0 || q.refused() != before+1 {
				t.Errorf("%s: answered, or not counted: %+v", name, q.m.Status().Damage)
			}
		}
		stranger := q.network.Join(replica.Peer{ID: "stranger"})
		defer stranger.Close()
		q.ask(stranger, func(q *core.Message) { q.From = "stranger" })
		if q.answers(false)+q.answers(true) != 0 {
			t.Error("a stranger is answered")
		}
		for name, change := range map[string]func(*core.Message){
			"beyond the log": func(q *core.Message) { q.Index, q.Match = 1000, 1002 },
			"another term":   func(q *core.Message) { q.LogTerm += 5 },
		} {
			before := q.answers(true)
			q.ask(through, change)
			if q.answers(false) != 0 || q.answers(true) != before+1 {
				t.Errorf("%s is not refused", name)
			}
		}
		q.ask(through, func(*core.Message) {})
		if q.answers(false) != 1 {
			t.Error("a fair question has no answer")
		}
		q.leader().propose("after")
		q.converge()
	})
}

// TestPoisonedByQuestions: a disk that cannot be read for a peer that asks for copies is as broken as any.
func TestPoisonedByQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuestioned(t)
		q.logs[q.m.id].read.Store(&errDisk)
		q.ask(q.spies[q.asker.id].Transport, func(*core.Message) {})
		err := ended(t, q.m)
		if !errors.Is(err, replica.ErrPoisoned) || !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "copies") {
			t.Errorf("Err is %v, want ErrPoisoned, the disk's error, and what was done", err)
		}
		if n := q.answers(true) + q.answers(false); n != 0 {
			t.Errorf("%d answers were given", n)
		}
	})
}

// FuzzCopies gives a member with damage any message about copies: it never panics, is never stopped, and
// never takes another entry for its own, which the store would tell.
func FuzzCopies(f *testing.F) {
	f.Add(true, uint64(10), uint32(3), uint64(1), uint64(1), false, uint64(0), uint64(10), uint8(3), uint64(1))
	f.Add(false, uint64(5), uint32(4), uint64(1), uint64(1), false, uint64(0), uint64(5), uint8(4), uint64(1))
	f.Add(false, uint64(5), uint32(0), uint64(1), uint64(1), true, uint64(7), uint64(1), uint8(0), uint64(1))
	f.Add(true, uint64(1<<64-1), uint32(1<<32-1), uint64(1), uint64(1), false, uint64(0), uint64(1), uint8(0), uint64(1))
	f.Fuzz(func(t *testing.T, question bool, first uint64, count uint32, term, round uint64, reject bool,
		hint, bodyFirst uint64, bodyCount uint8, bodyTerm uint64,
	) {
		c := newDrivenCluster(t, 2)
		m := c.members[0]
		for i := range 2 {
			c.propose(c.leader(), fmt.Sprint(i))
		}
		last := m.Replica().Status().Last.Index
		m.Driven = nil
		m.log.Damage(last-1, last, true)
		m.start(2)
		c.fate = func(sent core.Message) []core.Message {
			if sent.Kind != core.MsgFetched {
				return []core.Message{sent}
			}
			sent.Round, sent.Reject, sent.Hint, sent.LogTerm = sent.Round+round, reject, hint, entry.Term(term)
			return []core.Message{sent}
		}
		strange := core.Message{
			Kind: core.MsgFetched, From: "m2", To: "m1", LogTerm: entry.Term(term), Round: round, Reject: reject, Hint: hint,
			Entries: core.Range{First: entry.Index(first), Count: count},
			Index:   entry.Index(first), Match: entry.Index(first) + entry.Index(count),
		}
		if question {
			strange.Kind = core.MsgFetch
		}
		if bodyFirst > 0 && bodyFirst < entry.NumberMax && bodyCount > 0 && bodyTerm > 0 && bodyTerm < entry.NumberMax {
			end := entry.Index(bodyFirst) + entry.Index(bodyCount) - 1
			strange.Body = []*entry.Block{storetest.Block(entry.Index(bodyFirst), end, entry.Term(bodyTerm))}
		}
		for range 5 {
			c.wire = append(c.wire, strange)
			c.step()
		}
		c.fate = nil
		c.until("log without damage", func() bool { return m.Replica().Status().Damage.Entries == 0 })
		c.propose(c.leader(), "after")
	})
}
