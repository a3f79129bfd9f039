package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// appendMessage is a message with every field that an append may have, each with another value.
func appendMessage(count, size int) core.Message {
	var first, second entry.Builder
	at := entry.Index(1001)
	for i := range count {
		b := &first
		if i > count/2 {
			b = &second
		}
		payload := bytes.Repeat([]byte{byte(i)}, size)
		b.Add(entry.Header{
			Kind: entry.KindCommand, Index: at, Term: 7, Origin: 1<<63 + 5, Sequence: uint64(i),
			Size: uint32(size), PayloadSum: entry.Checksum(payload),
		}, payload)
		at++
	}
	m := core.Message{
		Kind: core.MsgAppend, From: pairIDs[0], To: pairIDs[1], Term: 9, Index: 1000, LogTerm: 6,
		Commit: 990, Match: 3, Round: 1<<63 + 77, Reject: true, Hint: 1<<63 + 11, HintTerm: 5,
		Entries: core.Range{First: 1001, Count: uint32(count)},
	}
	for _, b := range []*entry.Builder{&first, &second} {
		if block := b.Block(); block != nil {
			m.Body = append(m.Body, block)
		}
	}
	return m
}

// equal compares two messages; how a body is cut into blocks does not count.
func equal(got, want core.Message) error {
	a, b := frames(got), frames(want)
	if !bytes.Equal(a, b) {
		return fmt.Errorf("the %d bytes of its entries differ from the %d sent", len(a), len(b))
	}
	next := got.Entries.First
	for _, block := range got.Body {
		if block.First() != next {
			return fmt.Errorf("its blocks begin at %d where %d follows", block.First(), next)
		}
		next = block.Last() + 1
	}
	got.Body, want.Body = nil, nil
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("it is %+v, sent was %+v", got, want)
	}
	return nil
}

func frames(m core.Message) []byte {
	var all []byte
	for _, block := range m.Body {
		all = append(all, block.Bytes()...)
	}
	return all
}

// arrives sends m until an arrival of its kind equals it; one that differs is an error for good.
func (p *pair) arrives(m core.Message) error {
	var altered error
	err := p.sendUntil(m, func(all []arrival) error {
		for _, a := range all {
			if a.message.Kind == m.Kind {
				altered = equal(a.message, m)
				return nil
			}
		}
		return fmt.Errorf("no %v arrived", m.Kind)
	})
	if err == nil && altered != nil {
		err = fmt.Errorf("a %v was altered: %w", m.Kind, altered)
	}
	return err
}

func checkFields(p *pair) error { return p.arrives(appendMessage(5, 100)) }

func checkKinds(p *pair) error {
	for kind := core.MsgPreVote; kind.Known(); kind++ {
		m := core.Message{
			Kind: kind, From: pairIDs[0], To: pairIDs[1], Term: entry.Term(kind) + 1, Index: 5, Round: 1 << 40,
			Reject: kind%2 == 0,
		}
		if kind == core.MsgAppend || kind == core.MsgPropose {
			filled := appendMessage(3, 10)
			m.Entries, m.Body, m.Index, m.LogTerm = filled.Entries, filled.Body, filled.Index, filled.LogTerm
		}
		if kind == core.MsgPropose {
			m.Entries, m.Body = proposals(3)
		}
		if err := p.arrives(m); err != nil {
			return err
		}
	}
	return nil
}

// proposals are frames as MsgPropose carries them: numbered from 1, in term 1.
func proposals(n int) (core.Range, []*entry.Block) {
	var b entry.Builder
	for i := 1; i <= n; i++ {
		payload := []byte("forwarded")
		b.Add(entry.Header{
			Index: entry.Index(i), Term: 1, Origin: 3, Sequence: uint64(i),
			Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload),
		}, payload)
	}
	return core.Range{First: 1, Count: uint32(n)}, []*entry.Block{b.Block()}
}

func checkLargeBody(p *pair) error { return p.arrives(appendMessage(9, 120_000)) }

// checkSlice overwrites the slice right after Send.
func checkSlice(p *pair) error {
	want := appendMessage(2, 50)
	err := p.arrives(want)
	if err != nil {
		return err
	}
	for range 200 {
		slice := []core.Message{want}
		p.transports[0].Send(pairIDs[1], slice)
		slice[0] = core.Message{Kind: core.MsgRead, From: "overwritten", Term: 1}
	}
	if err := p.arrives(core.Message{Kind: core.MsgVoteReply, From: pairIDs[0], To: pairIDs[1], Term: 3}); err != nil {
		return err
	}
	for _, a := range p.recorders[1].arrivals() {
		if a.message.From == "overwritten" {
			return errors.New("the caller's slice was kept by Send")
		}
	}
	return nil
}

// checkPeer lies about the sender in the message: the transport must name the real one.
func checkPeer(p *pair) error {
	if err := p.arrives(appendMessage(1, 1)); err != nil {
		return err
	}
	lie := core.Message{Kind: core.MsgVote, From: "somebody else", To: pairIDs[1], Term: 4}
	p.transports[0].Send(pairIDs[1], []core.Message{lie})
	if err := p.arrives(core.Message{Kind: core.MsgRead, From: pairIDs[0], To: pairIDs[1], Term: 3}); err != nil {
		return err
	}
	for _, a := range p.recorders[1].arrivals() {
		if a.peer.ID != pairIDs[0] {
			return fmt.Errorf("a message of %q is said to come from %q", pairIDs[0], a.peer.ID)
		}
	}
	return nil
}

// checkNeverBlocks floods a member that does not exist and one whose transport is closed. What is sent is
// little, so that encoding it takes no time to speak of, on a busy machine either.
func checkNeverBlocks(p *pair) error {
	if err := bounded("closing the other end", p.transports[1].Close); err != nil {
		return err
	}
	messages := make([]core.Message, 10)
	for _, to := range []entry.MemberID{pairIDs[1], "127.0.0.1:1"} {
		for i := range messages {
			messages[i] = appendMessage(1, 1000)
			messages[i].To = to
		}
		if err := bounded("100 calls of Send to a dead member", func() error { return p.flood(to, messages) }); err != nil {
			return err
		}
	}
	return nil
}

func (p *pair) flood(to entry.MemberID, messages []core.Message) error {
	for range 100 {
		if taken := p.transports[0].Send(to, messages); taken < 0 || taken > len(messages) {
			return fmt.Errorf("taken were %d of %d messages", taken, len(messages))
		}
	}
	return nil
}

func checkConcurrent(p *pair) error {
	if err := p.arrives(appendMessage(1, 1)); err != nil {
		return err
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				p.transports[0].Send(pairIDs[1], []core.Message{appendMessage(2, 300), appendMessage(3, 30)})
			}
		})
	}
	group.Wait()
	last := core.Message{Kind: core.MsgRead, From: pairIDs[0], To: pairIDs[1], Term: 2, Round: 8}
	if err := p.arrives(last); err != nil {
		return err
	}
	for _, a := range p.recorders[1].arrivals() {
		if a.message.Kind != core.MsgAppend {
			continue
		}
		n := int(a.message.Entries.Count)
		size := map[int]int{1: 1, 2: 300, 3: 30}[n]
		if err := equal(a.message, appendMessage(n, size)); err != nil {
			return fmt.Errorf("with several senders a message was altered: %w", err)
		}
	}
	return nil
}

func checkClosed(p *pair) error {
	if err := p.arrives(appendMessage(1, 1)); err != nil {
		return err
	}
	if err := bounded("Close", p.transports[1].Close); err != nil {
		return err
	}
	before := len(p.recorders[1].arrivals())
	for range 20 {
		p.transports[0].Send(pairIDs[1], []core.Message{appendMessage(1, 1)})
	}
	if err := bounded("Close", p.transports[0].Close); err != nil {
		return err
	}
	if after := len(p.recorders[1].arrivals()); after != before {
		return fmt.Errorf("%d messages arrived after Close had returned", after-before)
	}
	if taken := p.transports[0].Send(pairIDs[1], []core.Message{appendMessage(1, 1)}); taken != 0 {
		return fmt.Errorf("a closed transport took %d messages", taken)
	}
	return nil
}
