package explore

import (
	"encoding/binary"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// item is an entry as checkers see it: equal ids are equal frames.
type item struct {
	id   uint32
	term entry.Term
	// configuration is set when the entry holds one; equal ids have the same.
	configuration *entry.Configuration
}

// view is what a checker sees of one member.
type view struct {
	member int
	// run counts the member's restarts.
	run    uint8
	status core.Status
	// log is the member's log from index 1 on, durable or not; what a snapshot replaced included.
	log []item
	// match is what the member, as a leader, counts of each other one.
	match [membersMax]entry.Index
	disk  disk
}

// configuration is the one in force: the newest of the log, nil when the log has none.
func (v *view) configuration() *entry.Configuration {
	for i := len(v.log) - 1; i >= 0; i-- {
		if c := v.log[i].configuration; c != nil {
			return c
		}
	}
	return nil
}

// knows reports whether the id is that of a member of the configuration in force, if there is one.
func (v *view) knows(id entry.MemberID) bool {
	c := v.configuration()
	if c == nil {
		return true
	}
	_, found := c.Find(id)
	return found
}

// disk is what survives a crash.
type disk struct {
	hard entry.HardState
	// log is the durable log from index 1 on, what the snapshot replaced included.
	log []item
	// base is the entry before the first one that can still be read.
	base   entry.Position
	commit entry.Index
	// held is what the log can have held when its end was lost, zero when it has come up to that again.
	held entry.Position
	// snapshot is the newest one, nil for none.
	snapshot *image
}

// kept is the log with which the member would start again: a snapshot that the log does not contain
// takes its place.
func (d *disk) kept() []item {
	if s := d.snapshot; s != nil {
		if at := len(s.log); at > len(d.log) || d.log[at-1] != s.log[at-1] {
			return s.log
		}
	}
	return d.log
}

// image is a snapshot: the state of a machine is the list of what was applied.
type image struct {
	meta entry.SnapshotMeta
	log  []item
}

// node is the whole local state of one member. It is immutable once it has a number.
type node struct {
	view
	core  *core.Core
	clock core.Instant
	// writes are the parts of the batches under way, in the order in which they become durable.
	writes []write
	// stored is the newest durable batch.
	stored uint64
	held   []held
	loads  []core.Load
	// sequence counts the commands of this run.
	sequence uint64
}

// held is a packet that waits for a batch.
type held struct {
	after  uint64
	packet uint32
}

// write is one part of a batch: a crash may come between any two.
type write struct {
	hard     *entry.HardState
	truncate entry.Index
	reset    *image
	entry    *item
	// seq, when not 0, ends the batch; commit is written with it.
	seq    uint64
	commit entry.Index
}

// readable is how many entries no loss takes: those in a snapshot.
func (d *disk) readable() int {
	if d.snapshot == nil {
		return 0
	}
	return len(d.snapshot.log)
}

// end is the last entry of the log.
func (d *disk) end() entry.Position {
	n := len(d.log)
	if n == 0 {
		return entry.Position{}
	}
	return entry.Position{Index: entry.Index(n), Term: d.log[n-1].term}
}

// lose makes all but the first entries unreadable.
func (d *disk) lose(keep int) {
	if end := d.end(); end.Compare(d.held) > 0 {
		d.held = end
	}
	d.log = d.log[:keep:keep]
}

// lacks reports whether the member knows that it may have acknowledged an entry that it has lost.
func (d *disk) lacks(i item, at entry.Index) bool {
	return d.held.Compare(entry.Position{Index: at, Term: i.term}) >= 0
}

// apply makes one part durable.
func (d *disk) apply(w *write) {
	switch {
	case w.hard != nil:
		d.hard = *w.hard
	case w.truncate != 0:
		d.log = d.log[:min(int(w.truncate-1), len(d.log))]
	case w.reset != nil:
		d.log, d.base = w.reset.log, w.reset.meta.Position()
	case w.entry != nil:
		d.log = append(slices.Clip(d.log), *w.entry)
	default:
		d.commit = w.commit
	}
	if d.end().Compare(d.held) >= 0 {
		d.held = entry.Position{}
	}
}

// appendKey appends everything that the node's future depends on.
func (n *node) appendKey(dst []byte) []byte {
	dst = n.core.AppendState(append(dst, byte(n.member), n.run))
	k := key{dst}
	k.numbers(n.stored, n.sequence)
	k.items(n.log)
	k.disk(&n.disk)
	k.numbers(uint64(len(n.writes)))
	for i := range n.writes {
		k.write(&n.writes[i])
	}
	k.numbers(uint64(len(n.held)))
	for _, h := range n.held {
		k.numbers(h.after, uint64(h.packet))
	}
	for _, l := range n.loads {
		k.numbers(uint64(l.Entries.First), uint64(l.Entries.Count))
		k.text(l.To)
	}
	return k.b
}

// key writes the bytes under which a thing has its number.
type key struct{ b []byte }

func (k *key) numbers(all ...uint64) {
	for _, n := range all {
		k.b = binary.AppendUvarint(k.b, n)
	}
}

func (k *key) text(s entry.MemberID) {
	k.numbers(uint64(len(s)))
	k.b = append(k.b, s...)
}

func (k *key) items(all []item) {
	k.numbers(uint64(len(all)))
	for _, i := range all {
		k.numbers(uint64(i.id))
	}
}

func (k *key) hard(h entry.HardState) {
	k.numbers(uint64(h.Term))
	k.text(h.Vote)
}

func (k *key) image(i *image) {
	if i == nil {
		k.numbers(0)
		return
	}
	k.numbers(1, uint64(i.meta.Term))
	k.items(i.log)
	k.b = entry.AppendConfiguration(k.b, i.meta.Configuration)
}

func (k *key) disk(d *disk) {
	k.hard(d.hard)
	k.items(d.log)
	k.numbers(uint64(d.base.Index), uint64(d.base.Term), uint64(d.commit), uint64(d.held.Index), uint64(d.held.Term))
	k.image(d.snapshot)
}

func (k *key) write(w *write) {
	switch {
	case w.hard != nil:
		k.numbers(1)
		k.hard(*w.hard)
	case w.truncate != 0:
		k.numbers(2, uint64(w.truncate))
	case w.reset != nil:
		k.numbers(3)
		k.image(w.reset)
	case w.entry != nil:
		k.numbers(4, uint64(w.entry.id))
	default:
		k.numbers(5, w.seq, uint64(w.commit))
	}
}
