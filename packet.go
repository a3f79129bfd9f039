package raft

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// This file is the one place where the words of raft.vdl and those of core meet.

// newPacket returns m as it travels. The frames are not copied.
func newPacket(m *core.Message) Packet {
	p := Packet{
		Kind:     byte(m.Kind),
		Term:     Term(m.Term),
		Index:    Index(m.Index),
		LogTerm:  Term(m.LogTerm),
		Commit:   Index(m.Commit),
		Match:    Index(m.Match),
		Round:    m.Round,
		Reject:   m.Reject,
		Hint:     m.Hint,
		HintTerm: Term(m.HintTerm),
		Target:   string(m.Target),
		First:    Index(m.Entries.First),
		Count:    m.Entries.Count,
	}
	for _, block := range m.Body {
		p.Frames = append(p.Frames, block.Bytes())
	}
	return p
}

// message verifies a packet and returns it as a message of a conversation between from and to. It
// takes ownership of the frames. Nothing in a packet is believed: numbers are bounded, every frame's
// checksums are verified, and the frames must be exactly the range that the packet names.
func (p *Packet) message(from, to entry.MemberID) (core.Message, error) {
	m := core.Message{
		Kind:     core.MessageKind(p.Kind),
		From:     from,
		To:       to,
		Term:     entry.Term(p.Term),
		Index:    entry.Index(p.Index),
		LogTerm:  entry.Term(p.LogTerm),
		Commit:   entry.Index(p.Commit),
		Match:    entry.Index(p.Match),
		Round:    p.Round,
		Reject:   p.Reject,
		Hint:     p.Hint,
		HintTerm: entry.Term(p.HintTerm),
		Target:   entry.MemberID(p.Target),
		Entries:  core.Range{First: entry.Index(p.First), Count: p.Count},
	}
	if err := p.checkNumbers(); err != nil {
		return core.Message{}, err
	}
	body, err := parseFrames(p.Frames, m.Entries)
	if err != nil {
		return core.Message{}, fmt.Errorf("%v from %s: %w", m.Kind, from, err)
	}
	m.Body = body
	return m, nil
}

// checkNumbers refuses numbers so large that arithmetic on them could wrap.
func (p *Packet) checkNumbers() error {
	for _, n := range [...]uint64{uint64(p.Term), uint64(p.Index), uint64(p.LogTerm), uint64(p.Commit),
		uint64(p.Match), uint64(p.HintTerm), uint64(p.First)} {
		if n > entry.NumberMax {
			return fmt.Errorf("packet of kind %d carries the number %d, at most %d", p.Kind, n, uint64(entry.NumberMax))
		}
	}
	return nil
}

// parseFrames verifies frames and that they are the entries of want, in order.
func parseFrames(frames [][]byte, want core.Range) ([]*entry.Block, error) {
	var body []*entry.Block
	next, size := want.First, 0
	for _, f := range frames {
		if size += len(f); size > FrameMax {
			return nil, fmt.Errorf("%w: packet of more than %d bytes of entries", entry.ErrCorrupt, FrameMax)
		}
		block, err := entry.Parse(f)
		if err != nil {
			return nil, err
		}
		if block.First() != next {
			return nil, fmt.Errorf("%w: frames continue with index %d, want %d", entry.ErrCorrupt, block.First(), next)
		}
		next = block.Last() + 1
		body = append(body, block)
	}
	if got := uint64(next - want.First); got != uint64(want.Count) {
		return nil, fmt.Errorf("%w: packet names %d entries from %d and carries %d",
			entry.ErrCorrupt, want.Count, want.First, got)
	}
	return body, nil
}
