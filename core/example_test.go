package core_test

import (
	"fmt"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// hub carries out the effects of three cores: its network loses nothing and its disks are fast. A
// real owner frames the entries, writes them, and lets each message wait for the batch that its
// After names.
type hub struct {
	cores map[entry.MemberID]*core.Core
	queue []core.Message
	now   core.Instant
	tail  map[entry.MemberID][]*entry.Block
}

func (h *hub) step(id entry.MemberID, in core.Input) {
	var out core.Effects
	in.Now = h.now
	h.cores[id].Step(&in, &out)
	for _, a := range out.Write.Appended {
		header := entry.Header{Kind: a.Kind, Index: a.Index, Term: a.Term}
		var payload []byte
		if a.Configuration != nil {
			payload = entry.AppendConfiguration(nil, *a.Configuration)
		}
		header.Size, header.PayloadSum = uint32(len(payload)), entry.Checksum(payload)
		var b entry.Builder
		b.Add(header, payload)
		h.tail[id] = append(h.tail[id], b.Block())
	}
	if out.Write.Seq != 0 {
		defer h.step(id, core.Input{Stored: out.Write.Seq})
	}
	for _, o := range out.Send {
		if o.Entries.Count > 0 {
			o.Body = h.tail[id][o.Entries.First-1 : o.Entries.Last()]
		}
		h.queue = append(h.queue, o.Message)
	}
}

// Three members elect a leader, which orders one command and commits it.
func Example() {
	members := []entry.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	initial := entry.Configuration{Cluster: entry.ClusterID{1}, Members: members}
	h := &hub{cores: map[entry.MemberID]*core.Core{}, tail: map[entry.MemberID][]*entry.Block{}}
	for _, m := range members {
		c, err := core.New(core.Config{
			ID: m.ID, Heartbeat: 50e6, Uncommitted: 1 << 20, Message: 1 << 16, Window: 1 << 20, Tail: 1 << 20,
		}, core.Start{Initial: initial})
		if err != nil {
			fmt.Println(err)
			return
		}
		h.cores[m.ID] = c
		h.step(m.ID, core.Input{})
	}
	settle := func() {
		for len(h.queue) > 0 {
			m := h.queue[0]
			h.queue = h.queue[1:]
			h.step(m.To, core.Input{Received: []core.Message{m}})
		}
	}

	h.now = h.cores["a"].Deadline() // nobody was heard so long
	h.step("a", core.Input{})
	settle()
	fmt.Println("a is", h.cores["a"].Status().Role)

	h.step("a", core.Input{Proposals: []core.Proposal{{ID: 1, Size: entry.HeaderSize}}})
	settle()
	for _, m := range members {
		s := h.cores[m.ID].Status()
		fmt.Printf("%s: term %d, leader %s, committed up to %d\n", m.ID, s.Term, s.Leader, s.Commit)
	}
	// Output:
	// a is leader
	// a: term 1, leader a, committed up to 2
	// b: term 1, leader a, committed up to 2
	// c: term 1, leader a, committed up to 2
}

// Two majorities of the same voters always share one.
func ExampleMajority() {
	for n := 1; n <= 5; n++ {
		fmt.Print(core.Majority(n), " of ", n, "; ")
	}
	// Output: 1 of 1; 2 of 2; 2 of 3; 3 of 4; 3 of 5;
}
