package core_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// TestScenarios plays the files of testdata, each of which tells one story about a cluster. The
// lines of a scenario are:
//
//	cluster a b c [learners=(d)] [outside=(e)] [incarnations] [leases] [disks=slow] [slow=(a)]
//	                                           a new cluster; slow disks finish with "sync"; outside
//	                                           are members that are none yet
//	disk a terms=(1,1,2) [term=3] [vote=b]     what a's disk holds before its start
//	     [snapshot=(5,2)]                      ... behind a snapshot up to entry 5 of term 2
//	start [a ...]   crash a ...                members go up (all by default) and down
//	campaign a      timeout a                  an election: now, or by letting the time-out pass
//	elect a voters=(b,c)                       an election in which only these hear the candidate
//	change a [add=(d)] [learner=(e)] [remove=(c)]
//	                                           asks a for another configuration
//	wipe a          save a          restore a  its directory is emptied, copied, or the copy put back
//	lose b 3                                   its disk loses the log's end from entry 3 on, and knows it
//	lost a peer=b                              a's connection to b breaks
//	elapse 7        tick [a ...]               time passes, in heartbeats; members look at the clock
//	propose a [n=3]   read a                   a client's wishes
//	sync [a ...] [n=1]                         the disks finish what they were told to write, or the
//	                                           first so many writes of it
//	deliver|drop|repeat [from=a] [to=b] [kind=vote] [n=1]
//	                                           messages on their way arrive, are lost, are doubled
//	settle [among=(a,b)] [verbose]             messages of these members arrive until all is quiet;
//	                                           those from or to others are lost
//	compact a 5     transfer from=a to=b       a snapshot is made, or carried over
//	handover a [to=b]                          a is asked that b leads, or the best
//	status          air                        who is what, and what is on its way
//	members                                    who is in whose configuration
//
// A scenario's output tells what members became, wrote and committed. Entries are written
// index/term.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			s := &stage{}
			datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
				s.account.Reset()
				command, ok := commands[d.Cmd]
				if !ok {
					d.Fatalf(t, "unknown line %q", d.Cmd)
				}
				if err := command(s, arguments{t, d}); err != nil {
					d.Fatalf(t, "%v", err)
				}
				if text := s.account.String(); strings.Contains(text, "VIOLATION") {
					d.Fatalf(t, "%s", text)
				}
				if s.account.Len() == 0 {
					return "ok"
				}
				return s.account.String()
			})
		})
	}
}

var commands = map[string]func(*stage, arguments) error{
	"cluster": playCluster, "disk": playDisk, "start": playStart, "crash": playCrash,
	"campaign": playCampaign, "elect": playElect, "timeout": playTimeout, "lost": playLost,
	"elapse": playElapse, "tick": playTick,
	"propose": playPropose, "read": playRead, "sync": playSync,
	"deliver": playDeliver, "drop": playDrop, "repeat": playRepeat, "settle": playSettle,
	"change": playChange, "wipe": playWipe, "save": playSave, "restore": playRestore, "members": playMembers,
	"lose": playLose, "compact": playCompact, "transfer": playTransfer, "handover": playHandover,
	"status": playStatus, "air": playAir,
}

// arguments are those of one line.
type arguments struct {
	t *testing.T
	d *datadriven.TestData
}

// plain returns the words without "=".
func (a arguments) plain() []string {
	var words []string
	for _, arg := range a.d.CmdArgs {
		if len(arg.Vals) == 0 {
			words = append(words, arg.Key)
		}
	}
	return words
}

// list returns the values of key.
func (a arguments) list(key string) []string {
	for _, arg := range a.d.CmdArgs {
		if arg.Key == key {
			return arg.Vals
		}
	}
	return nil
}

// text returns the only value of key, or "".
func (a arguments) text(key string) string {
	if all := a.list(key); len(all) == 1 {
		return all[0]
	}
	return ""
}

func (a arguments) parse(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		a.d.Fatalf(a.t, "%v", err)
	}
	return n
}

// number returns the value of key, or otherwise.
func (a arguments) number(key string, otherwise uint64) uint64 {
	if s := a.text(key); s != "" {
		return a.parse(s)
	}
	return otherwise
}

// actors returns the members named by the plain words, all without any.
func (a arguments) actors(s *stage) []*actor {
	var all []*actor
	for _, word := range a.plain() {
		all = append(all, a.member(s, word))
	}
	if len(all) > 0 {
		return all
	}
	for _, id := range s.ids {
		all = append(all, s.actors[id])
	}
	return all
}

func (a arguments) member(s *stage, name string) *actor {
	m := s.actors[entry.MemberID(name)]
	if m == nil {
		a.d.Fatalf(a.t, "there is no member %q", name)
	}
	return m
}

// one returns the only member named.
func (a arguments) one(s *stage) *actor {
	all := a.actors(s)
	if len(all) != 1 {
		a.d.Fatalf(a.t, "%d members, want one", len(all))
	}
	return all[0]
}

func playCluster(s *stage, a arguments) error {
	*s = stage{
		actors: map[entry.MemberID]*actor{}, slow: map[entry.MemberID]bool{},
		leaders: map[entry.Term]entry.MemberID{}, committed: map[entry.Index]entry.Term{},
	}
	initial := entry.Configuration{Cluster: cluster, Lease: slices.Contains(a.plain(), "leases")}
	for _, name := range append(a.plain(), a.list("learners")...) {
		if name == "leases" || name == "incarnations" {
			continue
		}
		learner := slices.Contains(a.list("learners"), name)
		initial.Members = append(initial.Members, entry.Member{ID: entry.MemberID(name), Learner: learner})
	}
	numbered := slices.Contains(a.plain(), "incarnations")
	for _, m := range initial.Members {
		s.ids = append(s.ids, m.ID)
		s.actors[m.ID] = &actor{stage: s, id: m.ID, initial: initial}
	}
	for _, name := range a.list("outside") {
		id := entry.MemberID(name)
		s.ids = append(s.ids, id)
		s.actors[id] = &actor{stage: s, id: id}
	}
	for i, id := range s.ids {
		s.slow[id] = a.text("disks") == "slow" || slices.Contains(a.list("slow"), string(id))
		if numbered {
			s.actors[id].incarnation = entry.Incarnation(i + 1)
		}
	}
	return initial.Validate()
}

func playDisk(s *stage, a arguments) error {
	m := a.one(s)
	m.disk = platter{hard: entry.HardState{
		Term: entry.Term(a.number("term", 0)), Vote: entry.MemberID(a.text("vote")),
	}}
	if at := a.list("snapshot"); len(at) == 2 {
		m.disk.base = entry.Position{Index: entry.Index(a.parse(at[0])), Term: entry.Term(a.parse(at[1]))}
		m.disk.snapshot = &entry.SnapshotMeta{Index: m.disk.base.Index, Term: m.disk.base.Term, Configuration: m.initial}
	}
	for i, text := range a.list("terms") {
		term := entry.Term(a.parse(text))
		m.disk.hard.Term = max(m.disk.hard.Term, term)
		m.disk.entries = append(m.disk.entries, frames(m.disk.base.Index+entry.Index(i)+1, term)...)
	}
	return nil
}

func playStart(s *stage, a arguments) error {
	for _, m := range a.actors(s) {
		if m.core != nil {
			continue
		}
		if err := m.start(); err != nil {
			return err
		}
	}
	return nil
}

func playCrash(s *stage, a arguments) error {
	for _, m := range a.actors(s) {
		m.crash()
	}
	return nil
}

func playCampaign(s *stage, a arguments) error {
	a.one(s).step(core.Input{Campaign: true})
	return nil
}

// playElect repeats the campaign when the first one only told the candidate of a newer term.
func playElect(s *stage, a arguments) error {
	m := a.one(s)
	s.terse = true
	defer func() { s.terse = false }()
	heard := append(a.list("voters"), string(m.id))
	m.step(core.Input{Lost: []entry.MemberID{m.core.Status().Leader}})
	for range 3 {
		m.step(core.Input{Campaign: true})
		s.deliverVotes(heard)
		if m.core.Status().Role == core.Leader {
			return nil
		}
	}
	s.say("%s does not win", m.id)
	return nil
}

// deliverVotes delivers what an election says, to and from the members given, and loses the rest
// of it.
func (s *stage) deliverVotes(heard []string) {
	for at := 0; at < len(s.air); {
		m := s.air[at]
		if m.Kind > core.MsgVoteReply {
			at++
			continue
		}
		s.air = slices.Delete(s.air, at, at+1)
		if slices.Contains(heard, string(m.From)) && slices.Contains(heard, string(m.To)) {
			s.arrive(m)
		}
	}
}

// playLose makes the end of a stopped member's log unreadable.
func playLose(s *stage, a arguments) error {
	words := a.plain()
	m := s.actors[entry.MemberID(words[0])]
	from := entry.Index(a.parse(words[1]))
	if m.core != nil || from <= m.disk.base.Index || from > m.disk.last() {
		return fmt.Errorf("%s is up, or its log does not hold entry %d", m.id, from)
	}
	end := m.disk.entries[len(m.disk.entries)-1]
	m.disk.held = entry.Position{Index: end.First(), Term: end.Term(end.First())}
	m.disk.truncate(from)
	return nil
}

func playLost(s *stage, a arguments) error {
	a.one(s).step(core.Input{Lost: []entry.MemberID{entry.MemberID(a.text("peer"))}})
	return nil
}

func playTimeout(s *stage, a arguments) error {
	m := a.one(s)
	s.now = max(s.now, m.core.Deadline())
	m.step(core.Input{})
	return nil
}

func playElapse(s *stage, a arguments) error {
	s.now += core.Instant(a.parse(a.plain()[0])) * beat
	return nil
}

func playTick(s *stage, a arguments) error {
	for _, m := range a.actors(s) {
		m.step(core.Input{})
	}
	return nil
}

func playPropose(s *stage, a arguments) error {
	m := a.one(s)
	var in core.Input
	for range a.number("n", 1) {
		m.next++
		in.Proposals = append(in.Proposals, core.Proposal{ID: core.ProposalID(m.next), Size: entry.HeaderSize})
	}
	m.step(in)
	return nil
}

func playRead(s *stage, a arguments) error {
	m := a.one(s)
	m.next++
	m.step(core.Input{Reads: []core.ReadID{core.ReadID(m.next)}})
	return nil
}

func playSync(s *stage, a arguments) error {
	for _, m := range a.actors(s) {
		if n := min(len(m.writes), int(a.number("n", uint64(len(m.writes))))); m.core != nil && n > 0 {
			m.sync(n)
		}
	}
	return nil
}

// pick takes the messages that a line names out of the air.
func pick(s *stage, a arguments) []core.Message {
	var picked, rest []core.Message
	limit := int(a.number("n", 1<<20))
	for _, m := range s.air {
		kind := strings.ReplaceAll(m.Kind.String(), " ", "-")
		if len(picked) < limit && matches(a, "from", string(m.From)) && matches(a, "to", string(m.To)) &&
			matches(a, "kind", kind) {
			picked = append(picked, m)
		} else {
			rest = append(rest, m)
		}
	}
	s.air = rest
	return picked
}

func matches(a arguments, key, value string) bool {
	all := a.list(key)
	return len(all) == 0 || slices.Contains(all, value)
}

// arrive delivers a message, with what the connection proves.
func (s *stage) arrive(m core.Message) {
	from, to := s.actors[m.From], s.actors[m.To]
	in := core.Input{Received: []core.Message{m}}
	if to.core != nil && m.Incarnation != 0 && to.met[m.From] != m.Incarnation {
		to.met[m.From] = m.Incarnation
		settled := from.core != nil && from.core.Status().Commit > 0
		in.Peers = []core.Peer{{ID: m.From, Incarnation: m.Incarnation, Settled: settled}}
	}
	to.step(in)
}

func playDeliver(s *stage, a arguments) error {
	picked := pick(s, a)
	if len(picked) == 0 {
		s.say("nothing arrives")
	}
	for _, m := range picked {
		s.arrive(m)
	}
	return nil
}

func playDrop(s *stage, a arguments) error {
	for _, m := range pick(s, a) {
		s.say("lost: %s", describe(&m))
	}
	return nil
}

func playRepeat(s *stage, a arguments) error {
	picked := pick(s, a)
	s.air = append(append(s.air, picked...), picked...)
	return nil
}

func playSettle(s *stage, a arguments) error {
	s.terse = !slices.Contains(a.plain(), "verbose")
	defer func() { s.terse = false }()
	for rounds := 0; len(s.air) > 0; rounds++ {
		if rounds > 10000 {
			return fmt.Errorf("no end: %d messages on their way", len(s.air))
		}
		m := s.air[0]
		s.air = s.air[1:]
		if matches(a, "among", string(m.From)) && matches(a, "among", string(m.To)) {
			s.arrive(m)
		}
	}
	return nil
}

func playCompact(s *stage, a arguments) error {
	words := a.plain()
	a.member(s, words[0]).compact(entry.Index(a.parse(words[1])))
	return nil
}

func playTransfer(s *stage, a arguments) error {
	a.member(s, a.text("to")).install(a.member(s, a.text("from")))
	return nil
}

func playHandover(s *stage, a arguments) error {
	m := a.one(s)
	m.next++
	m.step(core.Input{Transfers: []core.TransferRequest{
		{ID: core.TransferID(m.next), To: entry.MemberID(a.text("to"))},
	}})
	return nil
}

func playStatus(s *stage, _ arguments) error {
	for _, id := range s.ids {
		m := s.actors[id]
		if m.core == nil {
			s.say("%s: down", id)
			continue
		}
		now := m.core.Status()
		log := fmt.Sprint(m.memory.terms())
		if m.memory.base.Index > 0 {
			log = fmt.Sprintf("(%d/%d) %s", m.memory.base.Index, m.memory.base.Term, log)
		}
		s.say("%s: %-13v term %d  commit %2d  log %s", id, now.Role, now.Term, now.Commit, log)
	}
	return nil
}

func playAir(s *stage, _ arguments) error {
	for i := range s.air {
		s.say("%s", describe(&s.air[i]))
	}
	return nil
}
