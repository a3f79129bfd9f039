package core_test

import (
	"strings"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// The numbers of the kinds travel between versions: they are a list to append to.
func TestMessageKindsAreFixed(t *testing.T) {
	names := []string{"", "pre-vote", "pre-vote reply", "vote", "vote reply", "append", "append reply",
		"propose", "propose reply", "read", "read reply", "snapshot reply", "transfer", "transfer request",
		"transfer reply", "change", "change reply", "image request", "fetch", "fetched"}
	for i, name := range names {
		kind := core.MessageKind(i)
		if kind.Known() != (i > 0) || i > 0 && kind.String() != name {
			t.Errorf("kind %d is %q, known %v; want %q", i, kind, kind.Known(), name)
		}
	}
	for _, kind := range []core.MessageKind{0, core.MessageKind(len(names)), 255} {
		if kind.Known() || !strings.HasPrefix(kind.String(), "message kind ") {
			t.Errorf("kind %d is %q, known %v", uint8(kind), kind, kind.Known())
		}
	}
}

func TestRoleNames(t *testing.T) {
	for role, name := range map[core.Role]string{
		core.Follower: "follower", core.PreCandidate: "pre-candidate", core.Candidate: "candidate",
		core.Leader: "leader", core.Role(9): "role 9",
	} {
		if role.String() != name {
			t.Errorf("%q, want %q", role, name)
		}
	}
}

func TestRangeLast(t *testing.T) {
	if r := (core.Range{First: 5, Count: 3}); r.Last() != 7 {
		t.Errorf("last %d", r.Last())
	}
	if r := (core.Range{First: 5}); r.Last() != 4 {
		t.Errorf("last of an empty range %d", r.Last())
	}
}

// huge is the first number that is too large.
const huge = entry.NumberMax + 1

// What no member of this version could have sent is refused, counted by reason, and changes nothing.
func TestBadMessagesAreRefused(t *testing.T) {
	good := appendOf("b", 3, at(2, 1), 1, 3, 3)
	long := entry.MemberID(strings.Repeat("m", entry.MemberIDMax+1))
	type counters = core.Counters
	stranger := core.Message{Kind: core.MsgRead, From: "x", To: "a", Term: 3}
	table := []struct {
		name string
		edit func(*core.Message)
		want counters
	}{
		{"unknown kind", func(m *core.Message) { m.Kind = 200 }, counters{Unknown: 1}},
		{"kind 0", func(m *core.Message) { m.Kind = 0 }, counters{Unknown: 1}},
		{"for another member", func(m *core.Message) { m.To = "c" }, counters{Malformed: 1}},
		{"from itself", func(m *core.Message) { m.From = "a" }, counters{Malformed: 1}},
		{"from nobody", func(m *core.Message) { m.From = "" }, counters{Malformed: 1}},
		{"from a name too long", func(m *core.Message) { m.From = long }, counters{Malformed: 1}},
		{"from a stranger", func(m *core.Message) { *m = stranger }, counters{Strangers: 1}},
		{"term 0", func(m *core.Message) { m.Term = 0 }, counters{Malformed: 1}},
		{"huge term", func(m *core.Message) { m.Term = huge }, counters{Malformed: 1}},
		{"huge index", func(m *core.Message) { m.Index = huge }, counters{Malformed: 1}},
		{"huge commit", func(m *core.Message) { m.Commit = huge }, counters{Malformed: 1}},
		{"huge match", func(m *core.Message) { m.Match = huge }, counters{Malformed: 1}},
		{"huge hint term", func(m *core.Message) { m.HintTerm = huge }, counters{Malformed: 1}},
		{"log term of the future", func(m *core.Message) { m.LogTerm = 4 }, counters{Malformed: 1}},
		{"log term without entry", func(m *core.Message) { m.LogTerm = 0 }, counters{Malformed: 1}},
		{"count without body", func(m *core.Message) { m.Body = nil }, counters{Malformed: 1}},
		{"body without count", func(m *core.Message) { m.Entries.Count = 0 }, counters{Malformed: 1}},
		{"count too small", func(m *core.Message) { m.Entries.Count = 1 }, counters{Malformed: 1}},
		{"another first", func(m *core.Message) { m.Entries.First = 4 }, counters{Malformed: 1}},
		{"body elsewhere", func(m *core.Message) { m.Body = frames(4, 3, 3) }, counters{Malformed: 1}},
		{"a hole in the body", func(m *core.Message) {
			m.Body = append(frames(3, 3), frames(5, 3)...)
		}, counters{Malformed: 1}},
		{"a block missing", func(m *core.Message) { m.Body = []*entry.Block{nil} }, counters{Malformed: 1}},
		{"terms that fall", func(m *core.Message) {
			m.Body = append(frames(3, 3), frames(4, 2)...)
		}, counters{Malformed: 1}},
		{"term below the entry before", func(m *core.Message) { m.Index, m.LogTerm, m.Body = 2, 2, frames(3, 1, 3) },
			counters{Malformed: 1}},
		{"term of the future", func(m *core.Message) { m.Body = frames(3, 3, 4) }, counters{Malformed: 1}},
		{"vote with entries", func(m *core.Message) { m.Kind = core.MsgVote }, counters{Malformed: 1}},
		{"vote from the future's log", func(m *core.Message) {
			*m = core.Message{Kind: core.MsgVote, From: "b", To: "a", Term: 3, Index: 1, LogTerm: 3}
		}, counters{Malformed: 1}},
		{"empty proposal", func(m *core.Message) {
			*m = core.Message{Kind: core.MsgPropose, From: "b", To: "a", Term: 3}
		}, counters{Malformed: 1}},
		{"ack with entries", func(m *core.Message) { m.Kind = core.MsgAppendReply }, counters{Malformed: 1}},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			p := newSolo(t, setting{terms: []entry.Term{1, 1}, hard: entry.HardState{Term: 2}})
			before := p.core.Status()
			m := good
			m.To = "a"
			row.edit(&m)
			out := p.step(core.Input{Received: []core.Message{m}})
			if got := p.core.Counters(); got != row.want {
				t.Errorf("counters %+v, want %+v", got, row.want)
			}
			if p.core.Status() != before || len(out.Send) != 0 || out.Write.Seq != 0 {
				t.Errorf("status %+v, sent %+v, wrote %+v", p.core.Status(), out.Send, out.Write)
			}
		})
	}
	p := newSolo(t, setting{terms: []entry.Term{1, 1}, hard: entry.HardState{Term: 2}})
	if p.receive(good); p.last() != at(4, 3) || p.core.Counters() != (counters{}) {
		t.Errorf("the good one: %+v, %+v", p.core.Status(), p.core.Counters())
	}
}

// An entry that this version does not understand stops the member: to skip it could diverge from
// the peers. So does a configuration that does not decode.
func TestUnknownEntriesStopTheMember(t *testing.T) {
	for name, kind := range map[string]entry.Kind{"kind 77": 77, "configuration": entry.KindConfiguration} {
		t.Run(name, func(t *testing.T) {
			var b entry.Builder
			b.Add(entry.Header{Kind: kind, Index: 1, Term: 1, Size: 2, PayloadSum: entry.Checksum([]byte("??"))}, []byte("??"))
			p := newSolo(t, setting{})
			p.core.Step(&core.Input{Received: []core.Message{{Kind: core.MsgAppend, From: "b", To: "a", Term: 1,
				Entries: core.Range{First: 1, Count: 1}, Body: []*entry.Block{b.Block()}}}}, &p.out)
			if p.out.Fatal == nil || !strings.Contains(p.out.Fatal.Error(), name) {
				t.Errorf("fatal: %v", p.out.Fatal)
			}
		})
	}
}

// New refuses what cannot have been written, with the numbers.
func TestNewRefusesImpossibleStarts(t *testing.T) {
	terms := func(all ...entry.Term) []entry.TermRun { return runsOf(0, all) }
	log := func(hard entry.Term, last, commit entry.Index, runs []entry.TermRun) core.Start {
		return core.Start{Recovered: entry.Recovered{
			Hard: entry.HardState{Term: hard}, Last: last, Commit: commit, Terms: runs,
		}}
	}
	behind := func(base entry.Position, last entry.Index, snapshot *entry.SnapshotMeta) core.Start {
		return core.Start{Snapshot: snapshot, Recovered: entry.Recovered{
			Hard: entry.HardState{Term: 1}, Base: base, Last: last,
		}}
	}
	named := func(ids ...entry.MemberID) entry.Configuration {
		return entry.Configuration{Members: voters(ids...)}
	}
	logged := log(1, 1, 0, terms(1))
	logged.Configurations = []core.ConfigurationAt{{Index: 1, Value: named("a", "a")}}
	table := map[string]core.Start{
		"commit beyond the end": log(1, 1, 2, terms(1)),
		"no terms":              log(1, 1, 0, nil),
		"terms without entries": log(1, 0, 0, terms(1)),
		"term of the future":    log(1, 1, 0, terms(2)),
		"terms that fall":       log(2, 2, 0, terms(2, 1)),
		"a hole before":         log(1, 2, 0, []entry.TermRun{{First: 2, Term: 1}}),
		"huge term":             log(entry.NumberMax+1, 0, 0, nil),
		"end before the base":   behind(at(3, 1), 2, nil),
		"base without snapshot": behind(at(3, 1), 3, nil),
		"snapshot before base":  behind(at(3, 1), 3, &entry.SnapshotMeta{Index: 2, Term: 1}),
		"a member named twice":  {Initial: named("a", "a", "b")},
		"members without order": {Initial: named("b", "a")},
		"a member without name": {Initial: named("", "a")},
		"a snapshot's members":  {Snapshot: &entry.SnapshotMeta{Index: 1, Term: 1, Configuration: named("a", "a")}},
		"a log's configuration": logged,
	}
	for name, start := range table {
		t.Run(name, func(t *testing.T) {
			if _, err := core.New(core.Config{ID: "a", Heartbeat: beat}, start); err == nil {
				t.Error("accepted")
			} else if text := err.Error(); !strings.Contains(text, "core: ") && !strings.Contains(text, "entry: ") {
				t.Errorf("the error is %q", text)
			}
		})
	}
}
