package core

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"v.io/x/ref/lib/raft/entry"
)

// fullCore has something in every field, so that a mutation can be seen.
func fullCore() *Core {
	configuration := entry.Configuration{Cluster: entry.ClusterID{1}, Members: []entry.Member{
		{ID: "a", Incarnation: 1, Key: []byte{1}, Outgoing: true}, {ID: "b"}, {ID: "l", Learner: true, Promote: true},
		{ID: "x", Learner: true, Leaving: true},
	}, Removed: []entry.MemberID{"y"}, Level: 1, Lease: true}
	c := &Core{
		config: Config{ID: "a", Incarnation: 1, Key: []byte{1}, Level: 2, Seed: 1, Heartbeat: 1, Uncommitted: 1,
			Message: 1, Window: 1, Tail: 1},
		random: 1, now: 1, hard: entry.HardState{Term: 1, Vote: "a"}, role: Leader, leader: "a", commit: 1,
		log: logState{base: entry.Position{Index: 1, Term: 1}, last: 3,
			runs: []entry.TermRun{{First: 2, Term: 1}, {First: 3, Term: 2}},
			tail: tail{first: 2, sizes: []uint32{9, 50, 60}, head: 1, bytes: 110}},
		members: newMembership([]ConfigurationAt{{Value: configuration}, {Index: 2, Value: configuration}}),
		disk: durability{seq: 3, stored: 1, hard: 1, last: 2, moved: 1, pending: []pendingBatch{{2, 2, 1}, {3, 3, 1}},
			written: entry.HardState{Term: 1, Vote: "a"}},
		election: election{timeout: 1, deadline: 2, heard: 1, promise: 3, self: 1,
			votes:    []ballot{{from: "a", granted: true}, {from: "b"}},
			question: 7, questions: []openQuestion{{id: 7, kind: MsgVote, from: "b", term: 1, hint: 1}},
			wish:  wish{until: 2, again: 1, asked: 1},
			asked: []askedTransfer{{id: 1, to: "b", leader: "a", term: 1, due: 2}}},
		lead: leading{opened: 1, round: 2, heartbeat: 3, uncommitted: 4, term: 1,
			peers: []progress{{id: "b", state: replicating, match: 1, next: 3, round: 1, heard: 1, told: 1, loading: 1,
				window: window{flights: []flight{{2, 50}, {3, 60}}, bytes: 110, limit: 9}}},
			marks:    []mark{{from: "b", origin: 7, round: 8}},
			lease:    lease{until: 2, sent: []broadcast{{round: 1, at: 1}}},
			handover: handover{to: "b", due: 1, askers: []asker{{from: "b", round: 1}}},
			reads: leaderReads{waiting: []readRequest{{local: 1, from: "b", remote: 2}},
				asking: []readRequest{{local: 3, from: "b", remote: 4}}, round: 5, index: 6}},
		reads: followerReads{id: 1, waiting: []ReadID{2}, asked: askedReads{ids: []ReadID{3}, due: 4}},
	}
	c.lead.changes = []changeWait{{id: 5, from: "b", begun: true, change: Change{
		Add: []entry.Member{{ID: "c", Key: []byte{2}}}, Remove: []entry.MemberID{"d"}}}}
	c.members.met = acquaintances{news: true, settled: true, all: []acquaintance{{
		Peer: Peer{ID: "b", Incarnation: 3, Key: []byte{4}, Level: 1, Settled: true}, since: 1}}}
	p := &c.lead.peers[0]
	p.incarnation, p.denied = 3, true
	p.arrival = arrival{waits: true, quick: true, target: 2, began: 1}
	p.farewell = farewell{index: 3, until: 2}
	c.step = stepState{written: 1, ack: ack{to: "b", agreed: 1, round: 1}}
	c.report = report{counters: Counters{Unknown: 1}}
	return c
}

// leftOut are the fields that AppendState leaves out, each with its reason.
var leftOut = map[string]string{
	"config.Seed":                         "used up by New; the generator's state is in the bytes",
	"config.Heartbeat":                    "a constant of the member, like all of its configuration but the id",
	"config.Incarnation":                  "constant",
	"config.Key":                          "constant",
	"config.Key[0]":                       "constant",
	"config.Level":                        "constant",
	"config.ManualReplace":                "constant",
	"members.joint":                       "made from the newest configuration",
	"members.pending":                     "made from the newest configuration",
	"config.Uncommitted":                  "constant",
	"config.Message":                      "constant",
	"config.Window":                       "constant",
	"config.Tail":                         "constant",
	"config.ElectionOnly":                 "constant",
	"config.Rank":                         "constant",
	"config.Unleased":                     "constant",
	"config.Electors.Size":                "constant",
	"config.Electors.Ask":                 "constant",
	"log.tail.sizes[0]":                   "before head: not in use",
	"log.tail.bytes":                      "the sum of the sizes",
	"members.voters":                      "made from the newest configuration",
	"members.voters[0]":                   "made from the newest configuration",
	"members.voters[1]":                   "made from the newest configuration",
	"members.electorate.incoming":         "made from the newest configuration and the list of peers",
	"members.electorate.incoming[0].id":   "made from the newest configuration",
	"members.electorate.incoming[0].seat": "made from the newest configuration and the list of peers",
	"members.electorate.incoming[1].id":   "made from the newest configuration",
	"members.electorate.incoming[1].seat": "made from the newest configuration and the list of peers",
	"members.electorate.outgoing":         "made from the newest configuration and the list of peers",
	"members.electorate.outgoing[0].id":   "made from the newest configuration",
	"members.electorate.outgoing[0].seat": "made from the newest configuration and the list of peers",
	"lead.peers[0].window.bytes":          "the sum of the flights",
	"step.written":                        "set at the beginning of each Step",
	"step.before.term":                    "set at the beginning of each Step",
	"step.before.role":                    "set at the beginning of each Step",
	"step.before.leader":                  "set at the beginning of each Step",
	"step.before.stalled":                 "set at the beginning of each Step",
	"step.installed":                      "0 between Steps",
	"step.ack.to":                         "empty between Steps",
	"step.ack.agreed":                     "empty between Steps",
	"step.ack.round":                      "empty between Steps",
	"step.ack.entries":                    "empty between Steps",
	"report.counters":                     "counters change nothing",
}

// visit calls do with the path and the settable value of every field, element and list below v.
func visit(path string, v reflect.Value, do func(string, reflect.Value)) {
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			visit(join(v.Type().Field(i).Name), v.Field(i), do)
		}
		return
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			visit(path+"["+string(rune('0'+i%10))+"]", v.Index(i), do)
		}
		if v.Kind() == reflect.Array {
			return
		}
	}
	do(path, v)
}

// mutate changes v and returns how to change it back, or nil when v cannot be changed.
func mutate(v reflect.Value) func() {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
		v.SetLen(v.Len() - 1)
	case reflect.Interface:
		v.Set(reflect.ValueOf(errors.New("stopped")))
	default:
		return nil
	}
	return func() { v.Set(old) }
}

// Equal bytes mean equal behaviour: so every field must be in the bytes, or be left out for a
// reason. A new field fails here until it is one or the other.
func TestAppendStateCoversEveryField(t *testing.T) {
	c := fullCore()
	want := c.AppendState(nil)
	unused := map[string]bool{}
	for path := range leftOut {
		unused[path] = true
	}
	visit("", reflect.ValueOf(c).Elem(), func(path string, v reflect.Value) {
		undo := mutate(v)
		if undo == nil {
			if v.Kind() != reflect.Slice || !strings.HasSuffix(path, ".Key") {
				t.Errorf("%s is a %v that the test does not change", path, v.Kind())
			}
			return
		}
		changed := !bytes.Equal(c.AppendState(nil), want)
		undo()
		known := path
		if strings.HasPrefix(path, "report.counters.") {
			known = "report.counters"
		}
		delete(unused, known)
		if _, out := leftOut[known]; changed == out {
			t.Errorf("a change of %s changes the state: %v; left out: %v", path, changed, out)
		}
		if !bytes.Equal(c.AppendState(nil), want) {
			t.Fatalf("the change of %s was not taken back", path)
		}
	})
	for path := range unused {
		t.Errorf("%s is left out but does not exist", path)
	}
}

// The same state at another time is the same state: a model check would not end otherwise.
func TestAppendStateForgetsWhen(t *testing.T) {
	c := fullCore()
	want := c.AppendState(nil)
	visit("", reflect.ValueOf(c).Elem(), func(path string, v reflect.Value) {
		duration := path == "election.timeout" || path == "config.Heartbeat"
		if v.Type() == reflect.TypeFor[Instant]() && !duration {
			v.SetInt(v.Int() + 1000)
		}
	})
	if !bytes.Equal(c.AppendState(nil), want) {
		t.Error("a core that is a microsecond older has another state")
	}
}

// What chance has brought is forgotten with the seed.
func TestReseed(t *testing.T) {
	one, two := fullCore(), fullCore()
	two.random.next()
	if bytes.Equal(one.AppendState(nil), two.AppendState(nil)) {
		t.Fatal("the generator's state is not in the bytes")
	}
	one.Reseed(9)
	two.Reseed(9)
	if !bytes.Equal(one.AppendState(nil), two.AppendState(nil)) {
		t.Error("the same seed gives two states")
	}
}

// Match tells what a leader counts, and a follower counts nothing.
func TestMatch(t *testing.T) {
	c := fullCore()
	if got := c.Match("b"); got != c.lead.peers[0].match || c.Match("x") != 0 {
		t.Errorf("the leader counts %d of b and %d of a stranger", got, c.Match("x"))
	}
	c.role = Follower
	if got := c.Match("b"); got != 0 {
		t.Errorf("a follower counts %d", got)
	}
}

// AppendState appends.
func TestAppendStateAppends(t *testing.T) {
	c := fullCore()
	if got := c.AppendState([]byte("before")); !bytes.Equal(got, append([]byte("before"), c.AppendState(nil)...)) {
		t.Error("what was there before is gone")
	}
}

// Lists that could be taken for one another when they are written without their lengths.
func TestAppendStateSeparatesLists(t *testing.T) {
	one, two := fullCore(), fullCore()
	one.reads.waiting, one.reads.asked.ids = []ReadID{2, 3}, nil
	two.reads.waiting, two.reads.asked.ids = nil, []ReadID{2, 3}
	if bytes.Equal(one.AppendState(nil), two.AppendState(nil)) {
		t.Error("asked and waiting reads are taken for one another")
	}
	one, two = fullCore(), fullCore()
	one.hard.Vote, one.leader = "ab", "c"
	two.hard.Vote, two.leader = "a", "bc"
	if bytes.Equal(one.AppendState(nil), two.AppendState(nil)) {
		t.Error("names run into each other")
	}
}

// shared are the lists that a clone may share, since nothing modifies them in place.
var shared = map[string]string{
	"members.voters":                "made anew whenever the configuration changes",
	"members.electorate.incoming":   "made anew whenever the configuration changes",
	"members.electorate.outgoing":   "made anew whenever the configuration changes",
	"members.all[0].Value.Removed":  "a configuration is never modified",
	"members.all[1].Value.Removed":  "a configuration is never modified",
	"lead.changes[0].change.Add":    "a request is never modified",
	"lead.changes[0].change.Remove": "a request is never modified",
	"members.all[0].Value.Members":  "a configuration is never modified",
	"members.all[1].Value.Members":  "a configuration is never modified",
}

// A clone shares no memory that a Step may write to, and is the same in every field.
func TestCloneSharesNothing(t *testing.T) {
	c := fullCore()
	d := c.Clone()
	if !reflect.DeepEqual(c, d) {
		t.Fatalf("the clone is\n%+v, not\n%+v", d, c)
	}
	lists := map[string]uintptr{}
	visit("", reflect.ValueOf(c).Elem(), func(path string, v reflect.Value) {
		if v.Kind() == reflect.Slice && v.Len() > 0 {
			lists[path] = v.Pointer()
		}
	})
	var found []string
	visit("", reflect.ValueOf(d).Elem(), func(path string, v reflect.Value) {
		if v.Kind() != reflect.Slice || v.Len() == 0 || lists[path] != v.Pointer() || strings.HasSuffix(path, ".Key") {
			return
		}
		if _, ok := shared[path]; !ok {
			found = append(found, path)
		}
	})
	slices.Sort(found)
	if len(found) > 0 {
		t.Errorf("a clone shares %v", found)
	}
}
