package raft

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// blockOf returns a block of commands with the given term, starting at first.
func blockOf(first entry.Index, term entry.Term, payloads ...string) *entry.Block {
	var b entry.Builder
	for i, p := range payloads {
		b.Add(entry.Header{Kind: entry.KindCommand, Index: first + entry.Index(i), Term: term,
			Origin: 1, Sequence: uint64(i + 1),
			Size: uint32(len(p)), PayloadSum: entry.Checksum([]byte(p))}, []byte(p))
	}
	return b.Block()
}

func appendMessage() core.Message {
	return core.Message{Kind: core.MsgAppend, From: "a", To: "b", Term: 3, Index: 4, LogTerm: 2, Commit: 4, Match: 1,
		Round: 9, Reject: true, Hint: 11, HintTerm: 2, Target: "c", Entries: core.Range{First: 5, Count: 3},
		Body: []*entry.Block{blockOf(5, 3, "x", "yy"), blockOf(7, 3, "zzz")}}
}

func TestPacketCarriesEveryFieldOfAMessage(t *testing.T) {
	sent := appendMessage()
	for i, v := 0, reflect.ValueOf(sent); i < v.NumField(); i++ {
		// The sender's incarnation is what its connection proved, not what a packet says.
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "Incarnation" {
			t.Fatalf("the example leaves %s zero, so this test would not see it lost", name)
		}
	}
	packet := newPacket(&sent)
	got, err := packet.message("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Body) != 2 || !bytes.Equal(got.Body[0].Bytes(), sent.Body[0].Bytes()) {
		t.Errorf("body is %v", got.Body)
	}
	got.Body, sent.Body = nil, nil
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("got  %+v\nsent %+v", got, sent)
	}
}

func TestPacketRefusesWhatCannotBeMeant(t *testing.T) {
	for name, spoil := range map[string]func(*Packet){
		"index beyond the bound":  func(p *Packet) { p.Index = math.MaxUint64 },
		"term beyond the bound":   func(p *Packet) { p.Term = entry.NumberMax + 1 },
		"first beyond the bound":  func(p *Packet) { p.First = math.MaxUint64 },
		"commit beyond the bound": func(p *Packet) { p.Commit = math.MaxUint64 },
		"fewer entries than said": func(p *Packet) { p.Frames = p.Frames[:1] },
		"more entries than said":  func(p *Packet) { p.Count = 2 },
		"other entries than said": func(p *Packet) { p.First = 6 },
		"a gap between frames":    func(p *Packet) { p.Frames[1] = blockOf(8, 3, "zzz").Bytes() },
		"an empty frame list":     func(p *Packet) { p.Frames[1] = nil },
		"a cut frame":             func(p *Packet) { p.Frames[1] = p.Frames[1][:50] },
		"a flipped header bit":    func(p *Packet) { p.Frames[0][9] ^= 1 },
		"a flipped payload bit":   func(p *Packet) { p.Frames[0][entry.HeaderSize] ^= 1 },
	} {
		m := appendMessage()
		packet := newPacket(&m)
		spoil(&packet)
		if got, err := packet.message("a", "b"); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

// FuzzPacket: no packet panics, and one that is believed has numbers within bounds, exactly the entries that it
// names, and travels on unchanged.
func FuzzPacket(f *testing.F) {
	m := appendMessage()
	f.Add(byte(m.Kind), uint64(m.Term), uint64(m.Index), uint64(m.Commit), m.Hint, "c", uint64(5), uint32(3),
		m.Body[0].Bytes(), m.Body[1].Bytes())
	f.Add(byte(255), uint64(math.MaxUint64), uint64(0), uint64(1), uint64(1)<<63, "", uint64(0), uint32(0),
		[]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, kind byte, term, index, commit, hint uint64, target string, first uint64, count uint32,
		one, two []byte) {
		p := Packet{Kind: kind, Term: Term(term), Index: Index(index), LogTerm: Term(term), Commit: Index(commit),
			Match: Index(index), Round: hint, Reject: hint&1 == 1, Hint: hint, HintTerm: Term(term), Target: target,
			First: Index(first), Count: count}
		for _, frame := range [][]byte{one, two} {
			if len(frame) > 0 {
				p.Frames = append(p.Frames, frame)
			}
		}
		got, err := p.message("a", "b")
		if err != nil {
			return
		}
		entries := 0
		for _, block := range got.Body {
			entries += block.Len()
		}
		if max(term, index, commit, first) > entry.NumberMax || uint64(entries) != uint64(count) {
			t.Errorf("believed: %+v with %d entries", p, entries)
		}
		if again := newPacket(&got); !reflect.DeepEqual(again, p) {
			t.Errorf("%+v travels on as %+v", p, again)
		}
	})
}
