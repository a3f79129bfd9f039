package core_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// source makes inputs of bytes, so that a fuzzer's small changes are small changes of a history.
// When the bytes are used up it yields zeros.
type source struct{ data []byte }

func (s *source) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

func (s *source) flag() bool { return s.byte()%2 == 1 }

// number is mostly close to near, sometimes anything.
func (s *source) number(near uint64) uint64 {
	switch b := s.byte(); b % 16 {
	case 0:
		return 0
	case 1:
		return entry.NumberMax - uint64(b/16)
	case 2:
		return ^uint64(0) - uint64(b/16)
	case 3, 4:
		return uint64(b / 16)
	case 5, 6, 7:
		return near
	case 8, 9, 10:
		return near + 1
	default:
		return near - min(near, uint64(b%16-10))
	}
}

// peer is one of the members, the member under test included, a stranger or nobody.
func (s *source) peer() entry.MemberID {
	return []entry.MemberID{"b", "c", "d", "b", "c", "d", "l", "a", "x", ""}[s.byte()%10]
}

// block holds entries from first on, whose terms lie from low to high and never fall.
func (s *source) block(first entry.Index, low, high entry.Term) *entry.Block {
	var b entry.Builder
	if first == 0 || first > entry.NumberMax-8 || low == 0 || low > entry.NumberMax {
		return nil
	}
	for i := range 1 + entry.Index(s.byte()%5) {
		h := entry.Header{Index: first + i, Origin: uint64(s.byte() % 2), Sequence: uint64(s.byte() % 8)}
		if low < high && s.flag() {
			low++
		}
		h.Term = low
		payload := bytes.Repeat([]byte{'p'}, int(s.byte()%40))
		switch s.byte() % 12 {
		case 0:
			h.Kind = entry.KindNoOp
		case 1:
			h.Kind = entry.KindConfiguration
			payload = entry.AppendConfiguration(nil, s.configuration())
		case 2:
			h.Kind = entry.Kind(s.byte() % 5)
		}
		h.Size, h.PayloadSum = uint32(len(payload)), entry.Checksum(payload)
		b.Add(h, payload)
	}
	return b.Block()
}

// configuration is one of the member under test and some others; now and then one without it.
func (s *source) configuration() entry.Configuration {
	all := []entry.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}, {ID: "l", Learner: true}}
	c := entry.Configuration{Cluster: cluster}
	chosen := s.byte()
	for i, m := range all {
		if chosen>>i&1 == 0 {
			c.Members = append(c.Members, m)
		}
	}
	return s.marked(c)
}

// message is one that a member might send, or almost.
func (s *source) message(now core.Status) core.Message {
	m := core.Message{
		Kind: core.MessageKind(s.byte() % 20), From: s.peer(), Incarnation: s.incarnation(),
		To: "a", Term: entry.Term(s.number(uint64(now.Term))),
		Index: entry.Index(s.number(uint64(now.Last.Index))), LogTerm: entry.Term(s.number(uint64(now.Last.Term))),
	}
	if s.byte()%16 == 0 {
		m.To = s.peer()
	}
	if block := s.block(1, 1, 1); m.Kind <= core.MsgVoteReply && block != nil && s.byte()%8 == 0 {
		m.Body, m.Entries = []*entry.Block{block}, core.Range{First: 1, Count: uint32(block.Len())}
	}
	switch m.Kind {
	case core.MsgTransferRequest:
		m.Target, m.Round = s.peer(), s.number(3)
	case core.MsgChange:
		m.Round, m.Body, m.Entries = s.number(3), s.changeBody(), core.Range{First: 1, Count: 1}
	case core.MsgAppend, core.MsgPropose:
		if s.byte()%8 == 0 {
			m.Match, m.Hint = entry.Index(s.number(uint64(now.Last.Index))), uint64(s.incarnation())
		}
		first, low, high := m.Index+1, max(m.LogTerm, 1), min(m.Term, entry.NumberMax)
		if m.Kind == core.MsgPropose {
			first, low, high = 1, 1, 1
		}
		m.Commit, m.Round = entry.Index(s.number(uint64(now.Commit))), s.number(3)
		for range s.byte() % 3 {
			if block := s.block(first, low, high); block != nil {
				m.Body = append(m.Body, block)
				m.Entries.Count += uint32(block.Len())
				first, low = block.Last()+1, block.Term(block.Last())
			}
		}
		m.Entries.First = m.Index + 1
		if m.Kind == core.MsgPropose {
			m.Entries.First = 1
		}
		if s.byte()%16 == 1 {
			m.Entries.Count = uint32(s.number(uint64(m.Entries.Count)))
		}
	default:
		m.Match, m.Round = entry.Index(s.number(uint64(m.Index))), s.number(3)
		m.Reject, m.Hint, m.HintTerm = s.flag(), s.number(uint64(m.Index)), entry.Term(s.number(uint64(m.LogTerm)))
	}
	return m
}

// prey is the member under the fuzzer's fire, with a model of what its effects must fit to.
type prey struct {
	core *core.Core
	out  core.Effects
	now  core.Instant
	seq  uint64
	base entry.Index
	last entry.Index
	// tail is the first entry in memory when a step begins, and while its messages are filled.
	tail  entry.Index
	fatal bool
	// size is Config.Size: with it questions go to everybody.
	size int
}

// newPrey starts a member of one to four voters.
func newPrey(s *source) (*prey, error) {
	config := core.Config{
		ID: "a", Seed: uint64(s.byte()), Heartbeat: beat, Uncommitted: 600, Message: 200, Window: 500, Tail: 300,
		ElectionOnly: s.byte()%16 == 15, Incarnation: s.incarnation(), Level: 2,
	}
	start := core.Start{Initial: s.configuration()}
	start.Initial.Level = min(start.Initial.Level, config.Level)
	if config.ElectionOnly {
		config.Ask, config.Size = s.flag(), int(s.byte()%6)
	}
	if config.Size > 0 {
		start.Initial.Members = nil
	}
	start.Initial.Lease = s.flag()
	if n := s.byte() % 6; n > 0 && !config.ElectionOnly {
		terms := make([]entry.Term, n)
		for i := range terms {
			terms[i] = 1 + entry.Term(i/2)
		}
		start.Recovered = entry.Recovered{
			Hard: entry.HardState{Term: terms[n-1] + 1}, Last: entry.Index(n), Terms: runsOf(0, terms),
			Commit: entry.Index(s.byte() % (n + 1)),
		}
	}
	c, err := core.New(config, start)
	if err != nil {
		return nil, err
	}
	p := &prey{core: c, last: start.Recovered.Last, size: config.Size}
	return p, p.step(&core.Input{})
}

// act draws one turn: anything at all, or what keeps a cluster going, so that deep states are
// reached too.
func (p *prey) act(s *source) error {
	now := p.core.Status()
	in := core.Input{Stored: s.number(p.seq)}
	switch s.byte() % 8 {
	case 0, 1:
		for range 1 + s.byte()%3 {
			in.Received = append(in.Received, s.message(now))
		}
	case 2:
		in.Stored = p.seq
	case 3:
		p.now = max(p.now, min(p.core.Deadline(), p.now+20*beat))
	case 4:
		for i := range 1 + s.byte()%4 {
			size := entry.HeaderSize + uint32(s.byte())
			in.Proposals = append(in.Proposals, core.Proposal{ID: core.ProposalID(i), Size: size})
		}
	case 5:
		in.Received, in.Loaded = p.obedience(s)
		in.Stored = p.seq
	case 6:
		if s.flag() {
			s.wishes(&in)
			break
		}
		in.Reads = []core.ReadID{core.ReadID(s.byte())}
		in.Lost = []entry.MemberID{s.peer()}
		in.Campaign = s.flag()
		if s.flag() {
			in.Answers = []core.Answer{{ID: core.QuestionID(s.number(1)), Grant: s.flag()}}
			in.Transfers = []core.TransferRequest{{ID: core.TransferID(s.byte()), To: s.peer()}}
		}
	case 7:
		in.Compacted = entry.Index(s.number(uint64(now.Commit)))
		if s.byte()%4 == 0 {
			in.Installed = p.snapshot(s, now)
		}
		p.now += core.Instant(s.byte()) * beat / 8
	}
	return p.step(&in)
}

// snapshot is one that a member could have received: within the numbers that a decoder lets through.
func (p *prey) snapshot(s *source, now core.Status) *entry.SnapshotMeta {
	index := min(s.number(uint64(now.Last.Index)), entry.NumberMax)
	term := min(max(s.number(uint64(now.Term)), 1), entry.NumberMax)
	return &entry.SnapshotMeta{Index: entry.Index(index), Term: entry.Term(term), Configuration: s.configuration()}
}

// obedience answers everything that the member said in its last turn the way that it hopes for.
func (p *prey) obedience(s *source) ([]core.Message, []core.Loaded) {
	var answers []core.Message
	for _, o := range p.out.Send {
		if o.To == "" {
			o.To = "b"
		}
		answer := core.Message{From: o.To, To: "a", Term: o.Term, Round: o.Round, Index: o.Index}
		switch o.Kind {
		case core.MsgPreVote:
			answer.Kind = core.MsgPreVoteReply
		case core.MsgVote:
			answer.Kind = core.MsgVoteReply
		case core.MsgAppend:
			answer.Kind, answer.Index = core.MsgAppendReply, o.Index+entry.Index(o.Entries.Count)
			answer.Match = answer.Index
		case core.MsgRead:
			answer.Kind, answer.Index = core.MsgReadReply, p.core.Status().Commit
		default:
			continue
		}
		answers = append(answers, answer)
	}
	var loaded []core.Loaded
	for _, l := range p.out.Loads {
		if block := s.block(l.Entries.First, p.core.Status().Term, p.core.Status().Term); block != nil {
			loaded = append(loaded, core.Loaded{To: l.To, Body: []*entry.Block{block},
				Entries: core.Range{First: block.First(), Count: uint32(block.Len())}})
		}
	}
	return answers, loaded
}

// step runs one turn, on a clone too, and checks what must hold whatever was said.
func (p *prey) step(in *core.Input) error {
	in.Now = p.now
	before := p.core.Status()
	twin := p.core.Clone()
	var echo core.Effects
	p.core.Step(in, &p.out)
	twin.Step(in, &echo)
	if err := same(p.core, twin, &p.out, &echo); err != nil {
		return err
	}
	after := p.core.Status()
	switch {
	case after.Commit < before.Commit || p.out.Fatal == nil && p.out.Commit != after.Commit:
		return fmt.Errorf("commit index from %d to %d, effects say %d", before.Commit, after.Commit, p.out.Commit)
	case after.Term < before.Term:
		return fmt.Errorf("term from %d to %d", before.Term, after.Term)
	case after.Term == before.Term && before.Vote != "" && after.Vote != before.Vote:
		return fmt.Errorf("vote of term %d from %q to %q", after.Term, before.Vote, after.Vote)
	case p.fatal && p.out.Fatal == nil:
		return fmt.Errorf("went on after it stopped")
	}
	p.fatal = p.out.Fatal != nil
	if p.fatal {
		return nil
	}
	if after.Commit > after.Last.Index || after.Durable > after.Last.Index || p.core.Deadline() < 0 {
		return fmt.Errorf("status %+v, deadline %d", after, p.core.Deadline())
	}
	if err := p.checkWrite(); err != nil {
		return err
	}
	return p.checkSend(after)
}

// same compares two cores and their effects.
func same(c, d *core.Core, out, echo *core.Effects) error {
	if !bytes.Equal(c.AppendState(nil), d.AppendState(nil)) {
		return fmt.Errorf("a clone went another way: %+v and %+v", c.Status(), d.Status())
	}
	if one, two := tidy(*out), tidy(*echo); !reflect.DeepEqual(one, two) {
		return fmt.Errorf("a clone has other effects:\n%+v\n%+v", one, two)
	}
	return nil
}

// tidy makes effects comparable: a list without elements is no list.
func tidy(e core.Effects) core.Effects {
	var clear func(reflect.Value)
	clear = func(v reflect.Value) {
		switch {
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				clear(v.Field(i))
			}
		case v.Kind() == reflect.Slice && v.Len() == 0:
			v.SetZero()
		}
	}
	clear(reflect.ValueOf(&e).Elem())
	return e
}

// checkWrite fits the batch to the log as it was.
func (p *prey) checkWrite() error {
	w := &p.out.Write
	if w.Seq == 0 {
		if len(w.Appended) > 0 || len(w.Received) > 0 || w.Hard != nil || w.TruncateFrom != 0 || w.Reset != nil {
			return fmt.Errorf("a batch without a number: %+v", *w)
		}
		return nil
	}
	if w.Seq != p.seq+1 {
		return fmt.Errorf("batch %d follows %d", w.Seq, p.seq)
	}
	p.seq = w.Seq
	if w.Reset != nil {
		p.base, p.last = w.Reset.Index, w.Reset.Index
	}
	if from := w.TruncateFrom; from != 0 {
		if from <= p.base || from > p.last {
			return fmt.Errorf("a log from %d to %d is truncated from %d", p.base+1, p.last, from)
		}
		p.last = from - 1
	}
	if len(w.Appended) > 0 && len(w.Received) > 0 && w.Appended[0].Index > w.Received[0].First() {
		return p.extend(w.Received, w.Appended)
	}
	if err := p.extend(nil, w.Appended); err != nil {
		return err
	}
	return p.extend(w.Received, nil)
}

// extend adds the entries of a batch, which must follow each other.
func (p *prey) extend(received []*entry.Block, appended []core.Appended) error {
	for _, block := range received {
		if block.First() != p.last+1 {
			return fmt.Errorf("received entry %d follows %d", block.First(), p.last)
		}
		p.last = block.Last()
	}
	for _, a := range appended {
		if a.Index != p.last+1 {
			return fmt.Errorf("appended entry %d follows %d", a.Index, p.last)
		}
		p.last++
	}
	return nil
}

// checkSend fits the messages to the log and to the batches.
func (p *prey) checkSend(now core.Status) error {
	if now.Last.Index != p.last {
		return fmt.Errorf("the log ends at %d, its batches at %d", now.Last.Index, p.last)
	}
	for _, o := range p.out.Send {
		end := o.Index + entry.Index(o.Entries.Count)
		question := o.Kind == core.MsgPreVote || o.Kind == core.MsgVote || o.Kind == core.MsgAppend
		switch {
		case (o.To == "") != (p.size > 0 && question):
			return fmt.Errorf("addressed to nobody, or a question to one: %+v", o)
		case o.From != "a" || o.To == "a" || o.Term == 0 && o.Kind != core.MsgPreVoteReply:
			return fmt.Errorf("sent %+v", o)
		case o.After > p.seq:
			return fmt.Errorf("waits for batch %d of %d: %+v", o.After, p.seq, o)
		case o.Kind == core.MsgAppend && (end > p.last || o.Body == nil && o.Entries.Count > 0 &&
			o.Entries.First < p.tail):
			return fmt.Errorf("sent entries that are not in memory, which begins at %d: %+v", p.tail, o)
		case o.Kind == core.MsgAppendReply && !o.Reject && o.Match > p.last:
			return fmt.Errorf("acknowledged beyond its log: %+v", o)
		}
	}
	p.tail = p.out.TailFirst
	return nil
}

// hunt plays one history and returns the member's last state.
func hunt(data []byte) error {
	s := &source{data: data}
	p, err := newPrey(s)
	if err != nil {
		return err
	}
	for turn := 0; len(s.data) > 0; turn++ {
		if err := p.act(s); err != nil {
			return fmt.Errorf("turn %d: %w", turn, err)
		}
	}
	return nil
}

// FuzzStep gives a member arbitrary histories. It must never panic; its term and commit index never
// fall, its vote never changes within a term; what it writes fits its log; what it sends it has;
// and a clone of it goes the same way.
func FuzzStep(f *testing.F) {
	f.Add([]byte{})
	random := rand.New(rand.NewPCG(3, 3))
	for range 24 {
		f.Add(randomBytes(random, 60+random.IntN(500)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			return
		}
		if err := hunt(data); err != nil {
			t.Fatal(err)
		}
	})
}

func randomBytes(random *rand.Rand, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// TestRandomHistories runs the fuzz target over random bytes, always the same ones.
func TestRandomHistories(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for i := range 1500 {
		if err := hunt(randomBytes(random, 600)); err != nil {
			t.Fatalf("history %d: %v", i, err)
		}
	}
}

// A clone stays as it was, whatever happens to the original.
func TestCloneIsIndependent(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 7))
	for i := range 200 {
		s := &source{data: randomBytes(random, 600)}
		p, err := newPrey(s)
		if err != nil {
			t.Fatal(err)
		}
		for len(s.data) > 300 {
			if err := p.act(s); err != nil {
				t.Fatal(err)
			}
		}
		clone := p.core.Clone()
		want, status := clone.AppendState(nil), clone.Status()
		for len(s.data) > 0 {
			if err := p.act(s); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(clone.AppendState(nil), want) || clone.Status() != status {
			t.Fatalf("history %d: the clone went from %+v to %+v", i, status, clone.Status())
		}
	}
}
