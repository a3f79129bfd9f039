package core_test

import (
	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// What a fuzzer's bytes say about membership.

// marked puts marks on some members, if the whole stays a configuration that a decoder lets through.
func (s *source) marked(c entry.Configuration) entry.Configuration {
	if s.byte()%4 != 0 {
		return c
	}
	marked := c
	marked.Members = append([]entry.Member(nil), c.Members...)
	for i := range marked.Members {
		m, bits := &marked.Members[i], s.byte()
		m.Learner = m.Learner || bits&1 != 0
		m.Promote, m.Leaving, m.Outgoing = m.Learner && bits&2 != 0, bits&12 == 4, bits&48 == 16
		m.Incarnation = s.incarnation()
	}
	marked.Level = uint32(s.byte() % 4)
	if marked.Validate() != nil {
		return c
	}
	return marked
}

// incarnation is mostly none.
func (s *source) incarnation() entry.Incarnation {
	if b := s.byte(); b%4 == 0 {
		return entry.Incarnation(b / 64)
	}
	return 0
}

// change is a wish, possible or not.
func (s *source) change() core.Change {
	var c core.Change
	for range s.byte() % 4 {
		if bits := s.byte(); bits&1 != 0 {
			c.Remove = append(c.Remove, s.peer())
		} else {
			c.Add = append(c.Add, entry.Member{ID: s.peer(), Learner: bits&6 == 2, Promote: bits&24 == 8,
				Leaving: bits > 240, Incarnation: s.incarnation()})
		}
	}
	return c
}

// changeBody is the body of a message that asks for a change, or almost.
func (s *source) changeBody() []*entry.Block {
	c := s.configuration()
	if s.flag() && len(c.Members) > 0 {
		c.Removed = []entry.MemberID{"x", "y"}[:1+s.byte()%2]
	}
	payload := entry.AppendConfiguration(nil, c)
	if s.byte()%8 == 0 {
		payload = payload[:len(payload)-1]
	}
	var b entry.Builder
	b.Add(entry.Header{Kind: entry.KindConfiguration, Index: 1, Term: 1, Size: uint32(len(payload)),
		PayloadSum: entry.Checksum(payload)}, payload)
	return []*entry.Block{b.Block()}
}

// wishes are what callers and connections have brought.
func (s *source) wishes(in *core.Input) {
	for range s.byte() % 3 {
		in.Changes = append(in.Changes, core.ChangeRequest{ID: core.ChangeID(s.byte()), Change: s.change()})
	}
	for range s.byte() % 3 {
		in.Peers = append(in.Peers, core.Peer{ID: s.peer(), Incarnation: s.incarnation(), Level: uint32(s.byte() % 3),
			Settled: s.byte()%8 == 0})
	}
}
