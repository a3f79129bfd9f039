package check

import (
	"strings"
	"testing"
	"time"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
)

var (
	a = Life{Member: "a", Incarnation: 1, Start: 1}
	b = Life{Member: "b", Incarnation: 2, Start: 1}
	c = Life{Member: "c", Incarnation: 3, Start: 1}
)

// wants fails the test unless err is a violation of the check (or none, when check is "").
func wants(t *testing.T, err error, check string) {
	t.Helper()
	if check == "" && err != nil || check != "" && (err == nil || !strings.HasPrefix(err.Error(), check+": ")) {
		t.Errorf("got %v, want a violation of %q", err, check)
	}
}

// block returns entries with the terms, from first on; salt makes their payloads differ.
func block(first entry.Index, salt byte, terms ...entry.Term) *entry.Block {
	var builder entry.Builder
	for i, term := range terms {
		payload := []byte{salt, byte(i)}
		builder.Add(entry.Header{Kind: entry.KindCommand, Index: first + entry.Index(i), Term: term, Size: 2,
			PayloadSum: entry.Checksum(payload)}, payload)
	}
	return builder.Block()
}

func batch(blocks ...*entry.Block) *entry.Batch { return &entry.Batch{Blocks: blocks} }

// terms is a log as a list of the terms of its entries.
type terms []entry.Term

func (l terms) TermAt(i entry.Index) (entry.Term, bool) {
	if i == 0 || i > entry.Index(len(l)) {
		return 0, i == 0
	}
	return l[i-1], true
}

func status(role core.Role, term entry.Term, commit entry.Index, log terms) replica.Status {
	var s replica.Status
	s.Role, s.Term, s.Commit, s.Last.Index = role, term, commit, entry.Index(len(log))
	s.Configuration.Members = []entry.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	return s
}

func turn(life Life, before, after replica.Status, log terms) *Turn {
	return &Turn{Life: life, Before: before, After: after, Log: log}
}

func TestLeaders(t *testing.T) {
	s := New()
	log := terms{1}
	follower, leads := status(core.Follower, 1, 0, log), status(core.Leader, 2, 0, log)
	wants(t, s.Turned(turn(a, follower, leads, log)), "")
	wants(t, s.Turned(turn(a, leads, leads, log)), "")
	wants(t, s.Turned(turn(b, follower, leads, log)), "one leader per term")
	again := a
	again.Start = 2
	wants(t, s.Turned(turn(again, follower, leads, log)), "one leader per term")
	if life, found := s.Leaders.Led(2); !found || s.Leaders.Elections != 1 || life.Member == "c" {
		t.Errorf("%d elections, term 2 was led by %v", s.Leaders.Elections, life)
	}
}

func TestSteady(t *testing.T) {
	log := terms{1, 1}
	before := status(core.Follower, 3, 1, log)
	before.Vote, before.Leader = "b", "b"
	for name, change := range map[string]func(*replica.Status){
		"term":    func(s *replica.Status) { s.Term = 2 },
		"commit":  func(s *replica.Status) { s.Commit = 0 },
		"vote":    func(s *replica.Status) { s.Vote = "c" },
		"no vote": func(s *replica.Status) { s.Vote = "" },
		"leader":  func(s *replica.Status) { s.Leader = "c" },
		"beyond":  func(s *replica.Status) { s.Commit = 3 },
		"durable": func(s *replica.Status) { s.Durable = 3 },
		"applied": func(s *replica.Status) { s.Applied = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			after := before
			change(&after)
			wants(t, (&Steady{}).Turned(turn(a, before, after, log)), "nothing goes back")
		})
	}
	// A log without room may lose what it has not written, and with it what it knew to be committed.
	full, short := before, before
	full.Commit, full.Durable = 2, 1
	short.Commit, short.Durable, short.Last.Index = 1, 1, 1
	wants(t, (&Steady{}).Turned(turn(a, full, short, log)), "")
	full.Durable = 2
	wants(t, (&Steady{}).Turned(turn(a, full, short, log)), "nothing goes back")
	after := before
	after.Term, after.Vote, after.Leader = 4, "", ""
	wants(t, (&Steady{}).Turned(turn(a, before, after, log)), "")
}

func TestEntries(t *testing.T) {
	s := New()
	wants(t, s.Stored(a, batch(block(1, 0, 1, 1, 2))), "")
	wants(t, s.Stored(b, batch(block(1, 0, 1, 1))), "")
	wants(t, s.Stored(b, batch(block(4, 0, 2))), "log matching") // a hole
	wants(t, s.Stored(b, batch(block(3, 9, 2))), "log matching") // another payload
	other := New()
	wants(t, other.Stored(a, batch(block(1, 0, 1, 1, 3))), "")
	wants(t, other.Stored(c, batch(block(1, 0, 1, 2))), "")
	wants(t, other.Stored(c, batch(block(3, 2, 3))), "log matching") // another entry before
	if s.Entries.Compared != 3 {
		t.Errorf("%d entries were compared", s.Entries.Compared)
	}
}

func TestDisks(t *testing.T) {
	hard := entry.HardState{Term: 2, Vote: "b"}
	begin := func() *Suite {
		s := New()
		all := batch(block(1, 0, 1, 1, 2))
		all.Hard = &hard
		wants(t, s.Stored(a, all), "")
		return s
	}
	runs := func(all ...entry.TermRun) []entry.TermRun { return all }
	whole := entry.Recovered{
		Hard: hard, Last: 3, Terms: runs(entry.TermRun{First: 1, Term: 1}, entry.TermRun{First: 3, Term: 2}),
	}
	wants(t, begin().Recovered(a, &whole), "")
	for name, change := range map[string]func(*entry.Recovered){
		"vote":  func(r *entry.Recovered) { r.Hard.Vote = "" },
		"term":  func(r *entry.Recovered) { r.Hard.Term = 1 },
		"end":   func(r *entry.Recovered) { r.Last, r.Terms = 2, r.Terms[:1] },
		"entry": func(r *entry.Recovered) { r.Terms = runs(entry.TermRun{First: 1, Term: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := whole
			change(&r)
			wants(t, begin().Recovered(a, &r), "durable is durable")
		})
	}
	// A batch under way may be found, and may not.
	next := entry.HardState{Term: 3}
	for _, r := range []entry.Recovered{whole, {Hard: next, Last: 2, Terms: runs(entry.TermRun{First: 1, Term: 1})}} {
		s := begin()
		s.Storing(a, &entry.Batch{Hard: &next, TruncateFrom: 3})
		wants(t, s.Recovered(a, &r), "")
	}
	// One that was torn may be there later all the same, on a disk that rots, until something is stored after it.
	for _, c := range []struct {
		rots, stored bool
		want         string
	}{{want: "durable is durable"}, {rots: true}, {rots: true, stored: true, want: "durable is durable"}} {
		s := begin()
		s.Storing(a, &entry.Batch{Hard: &next})
		wants(t, s.Recovered(a, &whole), "")
		if c.rots {
			s.Disks.Rots("a")
		}
		if c.stored {
			wants(t, s.Stored(a, &entry.Batch{}), "")
		}
		late := whole
		late.Hard = next
		wants(t, s.Recovered(a, &late), c.want)
	}
	// One that a later batch took the place of may not, though that one's store did not return either.
	s, newer := begin(), entry.HardState{Term: 4}
	s.Disks.Rots("a")
	last := whole
	for _, b := range []entry.HardState{next, newer} {
		s.Storing(a, &entry.Batch{Hard: &b})
		wants(t, s.Recovered(a, &last), "")
		last.Hard = newer
	}
	last.Hard = next
	wants(t, s.Recovered(a, &last), "durable is durable")
	// What is wiped has confirmed nothing.
	wiped := a
	wiped.Incarnation = 99
	wants(t, begin().Recovered(wiped, &entry.Recovered{}), "")
}

// An older copy of a directory has confirmed what the log had when it was copied, and knows of no later vote.
// What the directory had confirmed meanwhile was true all the same.
func TestCopies(t *testing.T) {
	s := New()
	old := entry.HardState{Term: 1, Vote: "b"}
	first := batch(block(1, 0, 1, 1))
	first.Hard = &old
	wants(t, s.Stored(a, first), "")
	copied := s.Disks.Copied(a)
	hard := entry.HardState{Term: 2, Vote: "c"}
	second := batch(block(3, 0, 2))
	second.Hard = &hard
	wants(t, s.Stored(a, second), "")
	vote := core.Message{Kind: core.MsgVoteReply, From: "a", To: "c", Term: 2}
	wants(t, s.Sent(a, &vote), "")
	third := entry.Position{Index: 3, Term: 2}
	if copied.Hard() != old || copied.Last() != (entry.Position{Index: 2, Term: 1}) ||
		!s.Disks.Holds("a", third) || s.Disks.Hard("a") != hard || s.Disks.Holds("b", third) || s.Disks.Hard("b").Term != 0 {
		t.Fatalf("copied %+v to %+v; confirmed %+v", copied.Hard(), copied.Last(), s.Disks.Hard("a"))
	}
	found := entry.Recovered{Hard: old, Last: 2, Terms: []entry.TermRun{{First: 1, Term: 1}}}
	wants(t, s.Recovered(a, &found), "durable is durable")
	s.PutBack(a, copied)
	wants(t, s.Recovered(a, &found), "")
	if s.Disks.Holds("a", third) || !s.Disks.holds("a", third) {
		t.Error("the copy holds what it lacks, or the directory never held it")
	}
	again := entry.HardState{Term: 2, Vote: "b"}
	wants(t, s.Stored(a, &entry.Batch{Hard: &again}), "")
	vote.To = "b"
	wants(t, s.Sent(a, &vote), "")
	vote.To = "c"
	wants(t, s.Sent(a, &vote), "vote after sync")
}

func TestCommits(t *testing.T) {
	log := terms{1, 1, 2}
	begin := func() *Suite {
		s := New()
		for _, life := range []Life{a, b} {
			wants(t, s.Stored(life, batch(block(1, 0, log...))), "")
		}
		wants(t, s.Turned(turn(a, status(core.Leader, 2, 0, log), status(core.Leader, 2, 3, log), log)), "")
		return s
	}
	s := begin()
	wants(t, s.Turned(turn(b, status(core.Follower, 2, 0, log), status(core.Follower, 2, 2, log), log)), "")
	other := terms{1, 1, 1}
	wants(t, s.Turned(turn(c, status(core.Follower, 2, 2, other), status(core.Follower, 2, 3, other), other)),
		"committed never changes")
	longer := terms{1, 1, 2, 2, 2}
	wants(t, s.Turned(turn(c, status(core.Follower, 2, 4, longer), status(core.Follower, 2, 5, longer), longer)),
		"committed never changes")
	for _, lacks := range []terms{{1, 1}, {1, 1, 1, 1}} {
		wants(t, begin().Turned(turn(c, status(core.Candidate, 3, 0, lacks), status(core.Leader, 3, 0, lacks), lacks)),
			"leader completeness")
	}
	// A leader of an old term may lack what came later.
	old := terms{1}
	wants(t, begin().Turned(turn(c, status(core.Candidate, 1, 0, old), status(core.Leader, 1, 0, old), old)), "")
}

func TestCommitRule(t *testing.T) {
	s := New()
	log := terms{1, 1}
	wants(t, s.Stored(a, batch(block(1, 0, log...))), "")
	before := status(core.Leader, 1, 0, log)
	wants(t, s.Turned(turn(a, before, status(core.Leader, 1, 2, log), log)), "commit rule") // one of three
	s = New()
	for _, life := range []Life{a, b} {
		wants(t, s.Stored(life, batch(block(1, 0, log...))), "")
	}
	before = status(core.Leader, 2, 0, log)
	wants(t, s.Turned(turn(a, before, status(core.Leader, 2, 2, log), log)), "commit rule") // of an older term
	// Both sets of a joint configuration count.
	s = New()
	for _, life := range []Life{a, b} {
		wants(t, s.Stored(life, batch(block(1, 0, log...))), "")
	}
	before, after := status(core.Leader, 1, 0, log), status(core.Leader, 1, 2, log)
	joint := []entry.Member{
		{ID: "a"}, {ID: "b"}, {ID: "x", Outgoing: true, Leaving: true}, {ID: "y", Outgoing: true, Leaving: true},
	}
	before.Configuration.Members, after.Configuration.Members = joint, joint
	wants(t, s.Turned(turn(a, before, after, log)), "commit rule")
}

func TestPromises(t *testing.T) {
	s := New()
	hard := entry.HardState{Term: 2, Vote: "b"}
	wants(t, s.Stored(a, &entry.Batch{Hard: &hard, Blocks: []*entry.Block{block(1, 0, 1, 2)}}), "")
	vote := core.Message{Kind: core.MsgVoteReply, From: "a", To: "b", Term: 2}
	wants(t, s.Sent(a, &vote), "")
	to, term := vote, vote
	to.To, term.Term = "c", 3
	wants(t, s.Sent(a, &to), "vote after sync")
	wants(t, s.Sent(a, &term), "vote after sync")
	refused := to
	refused.Reject = true
	wants(t, s.Sent(a, &refused), "")
	wants(t, s.Sent(a, &core.Message{Kind: core.MsgVote, From: "a", To: "b", Term: 2}), "one vote per term")
	ack := core.Message{Kind: core.MsgAppendReply, From: "a", To: "b", Term: 2, Match: 2}
	wants(t, s.Sent(a, &ack), "")
	ack.Match = 3
	wants(t, s.Sent(a, &ack), "ack after sync")
	wants(t, s.Restored(a, 3, 0), "")
	wants(t, s.Sent(a, &ack), "") // an image is durable, too
	if s.Promises.Votes != 3 || s.Promises.Acks != 3 {
		t.Errorf("%d votes and %d acks were checked", s.Promises.Votes, s.Promises.Acks)
	}
}

// committed returns a suite that knows three committed entries of term 1.
func committed(t *testing.T) *Suite {
	s := New()
	log := terms{1, 1, 1}
	for _, life := range []Life{a, b} {
		wants(t, s.Stored(life, batch(block(1, 0, log...))), "")
	}
	wants(t, s.Turned(turn(a, status(core.Leader, 1, 0, log), status(core.Leader, 1, 3, log), log)), "")
	return s
}

func TestMachines(t *testing.T) {
	s := committed(t)
	one, two := Command{Index: 1, Term: 1, Attempt: 7, State: 70}, Command{Index: 3, Term: 1, Attempt: 8, State: 80}
	wants(t, s.Applied(a, one), "")
	wants(t, s.Applied(a, two), "")
	wants(t, s.Applied(a, two), "in order, once")
	wants(t, s.Applied(b, two), "in order, once") // without the first
	wants(t, s.Applied(b, one), "")
	other := two
	other.State = 81
	wants(t, s.Applied(b, other), "state machine safety")
	wants(t, s.Machines.Same(a, b), "state machine safety")
	wants(t, s.Restored(c, 2, 70), "")
	wants(t, s.Restored(c, 2, 71), "state machine safety")
	wants(t, s.Acknowledged(8, entry.Position{Index: 3, Term: 1}), "")
	wants(t, s.Acknowledged(8, entry.Position{Index: 2, Term: 1}), "acknowledged writes")
	wants(t, s.Acknowledged(9, entry.Position{Index: 3, Term: 1}), "acknowledged writes")
	wants(t, s.Denied(8), "not proposed")
	if s.Machines.Where(7) != 1 {
		t.Errorf("attempt 7 was applied at %d", s.Machines.Where(7))
	}
}

func TestMachinesFirst(t *testing.T) {
	wants(t, committed(t).Applied(a, Command{Index: 4, Term: 1}), "only committed")
	wants(t, committed(t).Applied(a, Command{Index: 1, Term: 2}), "only committed")
	s := committed(t)
	wants(t, s.Applied(a, Command{Index: 1, Term: 1, Attempt: 7}), "")
	wants(t, s.Applied(a, Command{Index: 2, Term: 1, Attempt: 7}), "at most once")
	s = committed(t)
	wants(t, s.Denied(7), "")
	wants(t, s.Applied(a, Command{Index: 1, Term: 1, Attempt: 7}), "not proposed")
}

func TestBounds(t *testing.T) {
	limits := replica.Limits{QueueBytes: 10, QueueCount: 2, InboxBytes: 10, Message: 5}
	for _, row := range []struct {
		count, bytes, inbox int
		want                string
	}{
		{2, 10, 10, ""}, {1, 90, 0, ""}, {3, 3, 0, "bounded memory"}, {2, 11, 0, "bounded memory"},
		{0, 0, 16, "bounded memory"},
	} {
		b := &Bounds{}
		err := b.Measured(a, &replica.Stats{QueueCount: row.count, QueueBytes: row.bytes, InboxBytes: row.inbox}, &limits)
		wants(t, err, row.want)
		if b.QueueMax != row.bytes || b.InboxMax != row.inbox {
			t.Errorf("the greatest sizes are %d and %d", b.QueueMax, b.InboxMax)
		}
	}
}

// TestBoundsOfWhatComesBack: commands that a log has lost wait again, beyond the limits of a queue, until it is within
// them once more; those of a log that goes on do not.
func TestBoundsOfWhatComesBack(t *testing.T) {
	limits := replica.Limits{QueueBytes: 10, QueueCount: 2, Uncommitted: 3 * entry.HeaderSize}
	at := func(index entry.Index, term entry.Term) replica.Status {
		s := status(core.Follower, 2, 0, nil)
		s.Last = entry.Position{Index: index, Term: term}
		return s
	}
	b := &Bounds{}
	measure := func(count, bytes int) error {
		return b.Measured(a, &replica.Stats{QueueCount: count, QueueBytes: bytes}, &limits)
	}
	b.Turned(turn(a, at(2, 1), at(3, 2), terms{1, 1, 2}))
	wants(t, measure(3, 3), "bounded memory")
	for _, lost := range []*Turn{
		turn(a, at(3, 1), at(2, 1), terms{1, 1}), turn(a, at(3, 1), at(3, 2), terms{1, 1, 2}),
	} {
		b.Turned(lost)
		wants(t, b.Measured(c, &replica.Stats{QueueCount: 3}, &limits), "bounded memory")
		wants(t, measure(5, 10+limits.Uncommitted), "")
		wants(t, measure(6, 3), "bounded memory")
		wants(t, measure(5, 11+limits.Uncommitted), "bounded memory")
		wants(t, measure(2, 10), "")
		wants(t, measure(3, 3), "bounded memory")
	}
}

func history(all ...Operation) error {
	h := &History{}
	for _, o := range all {
		h.Add(o)
	}
	return h.Check()
}

func TestHistory(t *testing.T) {
	write := Operation{Write: true, Value: 1, Called: 1, Returned: 5}
	lost := Operation{Write: true, Value: 2, Called: 2, Open: true}
	read := func(called, returned int64, answer uint64) Operation {
		return Operation{Client: 1, Called: called, Returned: returned, Answer: answer}
	}
	wants(t, history(write, read(6, 7, 1)), "")
	wants(t, history(write, read(6, 7, 0)), "linearizability")                // stale
	wants(t, history(write, read(2, 7, 0)), "")                               // beside the write
	wants(t, history(write, read(2, 3, 1), read(4, 5, 0)), "linearizability") // back and forth
	wants(t, history(write, lost, read(6, 7, 2)), "")                         // it did happen
	wants(t, history(write, lost, read(6, 7, 1), read(8, 9, 2)), "")          // it happened late
	wants(t, history(write, lost, read(6, 7, 2), read(8, 9, 1)), "linearizability")
	wants(t, history(write, read(6, 7, 9)), "linearizability") // nobody wrote it
	over := Operation{Write: true, Value: 3, Called: 6, Returned: 7, Answer: 0}
	wants(t, history(write, over), "linearizability") // it replaced what was not there any more
	over.Answer = 1
	wants(t, history(write, over), "")
	other := read(6, 7, 0)
	other.Key = 1
	wants(t, history(write, other), "")
}

// "Not known" is a failure, never a pass: forty writes at the same time and reads that no order
// explains take longer than a nanosecond.
func TestHistoryPatience(t *testing.T) {
	h := &History{Patience: time.Nanosecond}
	for i := range 40 {
		h.Add(Operation{Client: i, Write: true, Value: uint64(i + 1), Called: 1, Returned: 100, Answer: uint64((i + 7) % 40)})
	}
	if err := h.Check(); err == nil || h.Len() != 40 {
		t.Errorf("judged in no time: %v", err)
	}
}

func TestConfigurations(t *testing.T) {
	set := func(marks string, ids ...entry.MemberID) entry.Configuration {
		var c entry.Configuration
		for i, id := range ids {
			m := entry.Member{ID: id}
			switch marks[i] {
			case 'l':
				m.Learner = true
			case 'o':
				m.Outgoing, m.Leaving = true, true
			case 'b':
				m.Outgoing = true
			}
			c.Members = append(c.Members, m)
		}
		return c
	}
	three := set("vvv", "a", "b", "c")
	joint := set("boovv", "a", "b", "c", "d", "e")
	for _, row := range []struct {
		name         string
		before, next entry.Configuration
		want         string
	}{
		{"one more", three, set("vvvv", "a", "b", "c", "d"), ""},
		{"one less", three, set("vv", "a", "b"), ""},
		{"a learner", three, set("vvvll", "a", "b", "c", "d", "e"), ""},
		{"two more", three, set("vvvvv", "a", "b", "c", "d", "e"), "configuration safety"},
		{"another one", three, set("vvv", "a", "b", "d"), "configuration safety"},
		{"joint", three, joint, ""},
		{"joint of others", set("vvv", "x", "y", "z"), joint, "configuration safety"},
		{"joint ends", joint, set("vvv", "a", "d", "e"), ""},
		{"joint ends elsewhere", joint, three, "configuration safety"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := New()
			for i, c := range []entry.Configuration{row.before, row.next} {
				payload := entry.AppendConfiguration(nil, c)
				var builder entry.Builder
				builder.Add(entry.Header{Kind: entry.KindConfiguration, Index: entry.Index(i + 1), Term: 1,
					Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
				wants(t, s.Stored(a, batch(builder.Block())), "")
			}
			log := terms{1, 1}
			err := s.Turned(turn(a, status(core.Follower, 1, 0, log), status(core.Follower, 1, 2, log), log))
			wants(t, err, row.want)
			if s.Configurations.Changes != 1 || len(s.Configurations.Current().Members) != len(row.next.Members) {
				t.Errorf("%d changes, now %v", s.Configurations.Changes, s.Configurations.Current())
			}
		})
	}
}
