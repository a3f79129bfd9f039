package core_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"

	"v.io/x/ref/lib/raft/core"
	"v.io/x/ref/lib/raft/entry"
)

// world is a whole cluster over virtual time: a network that loses, repeats and reorders, disks that
// keep what their writes said, crashes at any moment. Everything is drawn from one seed.
type world struct {
	random  *rand.Rand
	now     core.Instant
	queue   events
	order   uint64
	members map[entry.MemberID]*machine
	ids     []entry.MemberID
	network weather
	truth   truth
	client  client
	churn   churn
	// lossy is the member whose crashes may lose the end of its log, "" for none.
	lossy entry.MemberID
	// cramped makes disks run out of room at times.
	cramped bool
	failure error
}

// weather is how the network behaves now.
type weather struct {
	loss, repeat int // percent
	delay        core.Instant
	cut          map[[2]entry.MemberID]bool
}

// client is the one client: it numbers its commands and remembers its reads.
type client struct {
	sequence uint64
	read     core.ReadID
	// asked are the reads under way.
	asked map[core.ReadID]question
	// transfer numbers the requests for a transfer, moving are those under way and who was asked.
	transfer core.TransferID
	moving   map[core.TransferID]entry.MemberID
	// moved counts transfers that came about.
	moved int
	// answered counts reads with an index.
	answered int
}

// question is a read under way: who was asked, and what was committed then.
type question struct {
	by    entry.MemberID
	least entry.Index
}

type event struct {
	at    core.Instant
	order uint64
	run   func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

const (
	millisecond = core.Instant(1e6)
	beat        = 50 * millisecond
)

// newWorld returns a cluster of n members that have not started. With leases the clocks of its members
// run at rates that differ by up to a third.
func newWorld(n int, seed uint64, leases bool) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 99)), members: map[entry.MemberID]*machine{}}
	w.network = weather{delay: 2 * millisecond, cut: map[[2]entry.MemberID]bool{}}
	w.truth = truth{leaders: map[entry.Term]entry.MemberID{}, commands: map[[2]uint64]entry.Index{}}
	w.client.asked = map[core.ReadID]question{}
	w.client.moving = map[core.TransferID]entry.MemberID{}
	initial := entry.Configuration{Cluster: entry.ClusterID{1}, Lease: leases}
	for i := range n {
		id := entry.MemberID(fmt.Sprintf("m%d", i+1))
		w.ids = append(w.ids, id)
		initial.Members = append(initial.Members, entry.Member{ID: id})
	}
	for _, id := range w.ids {
		m := &machine{world: w, id: id, initial: initial}
		m.rate = 1000
		if leases {
			m.rate = core.Instant(870 + w.random.IntN(1150-870))
		}
		w.members[id] = m
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("at %d ms: %s", w.now/millisecond, fmt.Sprintf(format, args...))
	}
}

// after runs f once d has passed.
func (w *world) after(d core.Instant, f func()) {
	w.order++
	heap.Push(&w.queue, event{at: w.now + d, order: w.order, run: f})
}

// run lets d pass.
func (w *world) run(d core.Instant) {
	end := w.now + d
	for w.failure == nil && len(w.queue) > 0 && w.queue[0].at <= end {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.run()
	}
	w.now = end
}

func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

func (w *world) between(low, high core.Instant) core.Instant {
	return low + core.Instant(w.random.Int64N(int64(high-low)+1))
}

func (w *world) startAll() {
	for _, id := range w.ids {
		w.members[id].start()
	}
}

// deliver carries one message through the weather.
func (w *world) deliver(m core.Message) {
	copies := 1
	if w.chance(w.network.repeat) {
		copies = 2
	}
	for range copies {
		if w.network.cut[[2]entry.MemberID{m.From, m.To}] || w.chance(w.network.loss) {
			continue
		}
		from := w.members[m.From]
		m.Incarnation = from.incarnation
		proof := core.Peer{ID: m.From, Incarnation: from.incarnation, Settled: from.commit > 0}
		w.after(w.between(millisecond/10, w.network.delay), func() {
			to := w.members[m.To]
			to.awake(func() {
				if to.core != nil {
					to.step(core.Input{Received: []core.Message{m}, Peers: to.meet(proof)})
				}
			})
		})
	}
}

// machine is one member: its core and its disk.
type machine struct {
	world   *world
	id      entry.MemberID
	initial entry.Configuration
	// core is nil while the member is down.
	core *core.Core
	run  uint64
	disk disk
	// memory is the log as core sees it, durable or not: memory[i] holds entry memoryBase+1+i.
	memory    []*entry.Block
	writes    []diskWrite
	held      []core.Outgoing
	stored    uint64
	commit    entry.Index
	proposals map[core.ProposalID]uint64
	timerAt   core.Instant
	clockwork
	identity
}

// clockwork is how time passes for a member: rate is how fast its clock runs, in thousandths, resume
// when its process goes on.
type clockwork struct {
	rate, resume core.Instant
	plight
}

// plight is what a machine suffers from: full is true while its disk has no room for entries.
type plight struct{ full bool }

// fill takes the room for entries away from a member, or gives it back. What is not on a follower's disk
// by then is not written any more.
func (m *machine) fill(full bool) {
	in := core.Input{}
	if m.full = full; full && m.core.Status().Role != core.Leader {
		in.Unwritten = true
		for i := range m.writes {
			m.writes[i].blocks = nil
		}
		m.held = slices.DeleteFunc(m.held, func(o core.Outgoing) bool { return o.Kind == core.MsgAppendReply })
	}
	m.step(in)
}

// identity is the directory's incarnation, 0 where directories have none, and what connections have
// proven about others.
type identity struct {
	incarnation entry.Incarnation
	met         map[entry.MemberID]core.Peer
}

// meet returns what is new about a peer.
func (i *identity) meet(p core.Peer) []core.Peer {
	known := i.met[p.ID]
	if p.Incarnation == 0 || known.Incarnation == p.Incarnation && known.Settled == p.Settled {
		return nil
	}
	i.met[p.ID] = p
	return []core.Peer{p}
}

// clock is the time as the member has it.
func (m *machine) clock() core.Instant { return m.world.now * m.rate / 1000 }

// awake runs f as soon as the member's process is not paused.
func (m *machine) awake(f func()) {
	if m.resume > m.world.now {
		m.world.after(m.resume-m.world.now, func() { m.awake(f) })
		return
	}
	f()
}

// disk is what survives a crash.
type disk struct {
	hard    entry.HardState
	entries []*entry.Block
	// held is what the log can have held when its end was lost; it stays until the log has come up to it.
	held entry.Position
}

// end returns the last entry.
func (d *disk) end() entry.Position {
	n := len(d.entries)
	if n == 0 {
		return entry.Position{}
	}
	return entry.Position{Index: entry.Index(n), Term: d.entries[n-1].Term(entry.Index(n))}
}

// lacks reports whether the log has not come up to what it once can have held.
func (d *disk) lacks() bool {
	end := d.end()
	return d.held.Term > end.Term || d.held.Term == end.Term && d.held.Index > end.Index
}

// lose makes the last n entries unreadable.
func (d *disk) lose(n int) {
	if n = min(n, len(d.entries)); n == 0 {
		return
	}
	if !d.lacks() {
		d.held = d.end()
	}
	d.entries = slices.Clone(d.entries[:len(d.entries)-n])
}

type diskWrite struct {
	seq      uint64
	hard     *entry.HardState
	truncate entry.Index
	blocks   []*entry.Block
}

func (d *disk) apply(w diskWrite, steps int) {
	if steps > 0 && w.hard != nil {
		d.hard = *w.hard
	}
	if steps > 1 && w.truncate != 0 {
		d.entries = d.entries[: w.truncate-1 : w.truncate-1]
	}
	if steps > 2 {
		d.entries = append(d.entries, w.blocks...)
	}
}

// start recovers the member from its disk.
func (m *machine) start() {
	rec := entry.Recovered{Hard: m.disk.hard, Last: entry.Index(len(m.disk.entries))}
	if m.disk.lacks() {
		rec.Held = m.disk.held
	}
	start := core.Start{Initial: m.initial}
	for i, block := range m.disk.entries {
		at := entry.Index(i + 1)
		if n := len(rec.Terms); n == 0 || rec.Terms[n-1].Term != block.Term(at) {
			rec.Terms = append(rec.Terms, entry.TermRun{First: at, Term: block.Term(at)})
		}
		if block.Kind(at) == entry.KindConfiguration {
			value, err := entry.DecodeConfiguration(block.Payload(at))
			if err != nil {
				m.world.fail("%v", err)
			}
			start.Configurations = append(start.Configurations, core.ConfigurationAt{Index: at, Value: value})
		}
	}
	m.run++
	config := core.Config{
		ID: m.id, Incarnation: m.incarnation, Seed: m.world.random.Uint64(), Heartbeat: beat,
		Uncommitted: 1 << 20, Message: 400, Window: 2000, Tail: 3000,
	}
	start.Recovered = rec
	c, err := core.New(config, start)
	if err != nil {
		m.world.fail("%s does not start: %v", m.id, err)
		return
	}
	m.core, m.memory = c, append([]*entry.Block(nil), m.disk.entries...)
	m.writes, m.held, m.stored, m.commit, m.timerAt = nil, nil, 0, 0, 0
	m.proposals = map[core.ProposalID]uint64{}
	m.met = map[entry.MemberID]core.Peer{}
	m.step(core.Input{})
}

// crash loses everything that is not durable; of the writes under way any part may be.
func (m *machine) crash() {
	kept := m.world.random.IntN(len(m.writes) + 1)
	for _, w := range m.writes[:kept] {
		m.disk.apply(w, 3)
	}
	if kept < len(m.writes) {
		m.disk.apply(m.writes[kept], m.world.random.IntN(4))
	}
	if m.id == m.world.lossy {
		m.disk.lose(m.world.random.IntN(6))
	}
	m.core = nil
	m.run++
	for read, asked := range m.world.client.asked {
		if asked.by == m.id {
			delete(m.world.client.asked, read)
		}
	}
	for id, by := range m.world.client.moving {
		if by == m.id {
			delete(m.world.client.moving, id)
		}
	}
}

// step gives one input to the core and carries out its effects.
func (m *machine) step(in core.Input) {
	var out core.Effects
	in.Now, in.Stored, in.NoRoom = m.clock(), m.stored, m.full
	before := m.core.Status()
	m.core.Step(&in, &out)
	if in.Unwritten {
		m.commit = min(m.commit, out.Commit)
	}
	if out.Fatal != nil {
		m.world.fail("%s: %v", m.id, out.Fatal)
		return
	}
	m.write(&out)
	for _, o := range out.Send {
		m.fillBody(&o)
		m.held = append(m.held, o)
	}
	m.forward(&out)
	m.release()
	m.world.truth.observe(m, before, &out)
	for _, point := range out.Reads {
		m.world.answered(point)
	}
	for _, r := range out.Transferred {
		m.world.transferred(r)
	}
	m.world.churn.changed(m, out.Changed)
	for _, l := range out.Loads {
		m.load(l)
	}
	m.setTimer()
}

// write changes the memory at once and the disk later.
func (m *machine) write(out *core.Effects) {
	w := &out.Write
	if w.Seq == 0 {
		return
	}
	write := diskWrite{seq: w.Seq, hard: w.Hard, truncate: w.TruncateFrom}
	if w.TruncateFrom != 0 {
		m.memory = m.memory[: w.TruncateFrom-1 : w.TruncateFrom-1]
	}
	for _, a := range w.Appended {
		write.blocks = append(write.blocks, m.frame(a))
	}
	for _, block := range w.Received {
		for i := block.First(); i <= block.Last(); i++ {
			write.blocks = append(write.blocks, block.Slice(i, i))
		}
	}
	for _, block := range write.blocks {
		if want := entry.Index(len(m.memory) + 1); block.First() != want {
			m.world.fail("%s writes entry %d where %d follows", m.id, block.First(), want)
			return
		}
		m.memory = append(m.memory, block)
	}
	m.writes = append(m.writes, write)
	run := m.run
	m.world.after(m.world.between(millisecond/10, 3*millisecond), func() {
		m.awake(func() {
			if m.run == run {
				m.synced(w.Seq)
			}
		})
	})
}

// synced ends every write up to seq, since a later one cannot be durable before an earlier.
func (m *machine) synced(seq uint64) {
	for len(m.writes) > 0 && m.writes[0].seq <= seq {
		m.disk.apply(m.writes[0], 3)
		m.stored = m.writes[0].seq
		m.writes = m.writes[1:]
	}
	m.step(core.Input{})
	m.release()
}

func (m *machine) frame(a core.Appended) *entry.Block {
	h := entry.Header{Kind: a.Kind, Index: a.Index, Term: a.Term}
	var payload []byte
	switch {
	case a.Configuration != nil:
		payload = entry.AppendConfiguration(nil, *a.Configuration)
	case a.Forwarded != nil:
		from := a.Forwarded.Header(a.At)
		h.Origin, h.Sequence, payload = from.Origin, from.Sequence, a.Forwarded.Payload(a.At)
	case a.Proposal != 0:
		h.Origin, h.Sequence = 1, m.proposals[a.Proposal]
		payload = fmt.Appendf(nil, "command %d", h.Sequence)
	}
	h.Size, h.PayloadSum = uint32(len(payload)), entry.Checksum(payload)
	var b entry.Builder
	b.Add(h, payload)
	return b.Block()
}

func (m *machine) fillBody(o *core.Outgoing) {
	if o.Kind != core.MsgAppend || o.Body != nil {
		return
	}
	for i := o.Entries.First; i <= o.Entries.Last(); i++ {
		o.Body = append(o.Body, m.memory[i-1])
	}
}

// release sends what its batch no longer holds back.
func (m *machine) release() {
	var rest []core.Outgoing
	for _, o := range m.held {
		if o.After > m.stored {
			rest = append(rest, o)
			continue
		}
		m.world.deliver(o.Message)
	}
	m.held = rest
}

// forward frames proposals for the leader; the client has one origin, 1.
func (m *machine) forward(out *core.Effects) {
	for _, id := range out.Forward.Proposals {
		sequence := m.proposals[id]
		payload := fmt.Appendf(nil, "command %d", sequence)
		var b entry.Builder
		b.Add(entry.Header{Index: 1, Term: 1, Origin: 1, Sequence: sequence,
			Size: uint32(len(payload)), PayloadSum: entry.Checksum(payload)}, payload)
		m.world.deliver(core.Message{
			Kind: core.MsgPropose, From: m.id, To: out.Forward.To, Term: out.Forward.Term,
			Entries: core.Range{First: 1, Count: 1}, Body: []*entry.Block{b.Block()}, Round: sequence,
		})
	}
}

func (m *machine) load(l core.Load) {
	run := m.run
	last := min(l.Entries.Last(), entry.Index(len(m.disk.entries)), l.Entries.First+3)
	answer := core.Loaded{To: l.To, Entries: core.Range{First: l.Entries.First, Count: uint32(last - l.Entries.First + 1)}}
	answer.Body = append(answer.Body, m.disk.entries[l.Entries.First-1:last]...)
	m.world.after(millisecond, func() {
		m.awake(func() {
			if m.run == run && m.core != nil {
				m.step(core.Input{Loaded: []core.Loaded{answer}})
			}
		})
	})
}

func (m *machine) setTimer() {
	deadline := m.core.Deadline()
	if deadline == core.Forever || m.timerAt == deadline {
		return
	}
	m.timerAt = deadline
	run := m.run
	m.world.after(max((deadline-m.clock())*1000/m.rate+1, 0), func() {
		m.awake(func() {
			if m.run == run && m.core != nil && m.timerAt == deadline {
				m.timerAt = 0
				m.step(core.Input{})
			}
		})
	})
}

// propose gives the client's next command to the member.
func (m *machine) propose() {
	c := &m.world.client
	c.sequence++
	id := core.ProposalID(c.sequence)
	m.proposals[id] = c.sequence
	size := entry.HeaderSize + len(fmt.Sprintf("command %d", c.sequence))
	m.step(core.Input{Proposals: []core.Proposal{{ID: id, Size: uint32(size)}}})
}

// read asks the member for a read point.
func (m *machine) read() {
	c := &m.world.client
	c.read++
	c.asked[c.read] = question{m.id, entry.Index(len(m.world.truth.committed))}
	m.step(core.Input{Reads: []core.ReadID{c.read}})
}

// handOver asks the member that another one leads.
func (m *machine) handOver(to entry.MemberID) {
	c := &m.world.client
	c.transfer++
	c.moving[c.transfer] = m.id
	m.step(core.Input{Transfers: []core.TransferRequest{{ID: c.transfer, To: to}}})
}

// transferred takes the one answer to a request.
func (w *world) transferred(r core.TransferResult) {
	if _, ok := w.client.moving[r.ID]; !ok {
		w.fail("transfer %d was answered twice or never asked", r.ID)
	}
	delete(w.client.moving, r.ID)
	if r.Refusal == 0 {
		w.client.moved++
	}
}

// answered checks that a read point is not older than what was committed when it was asked.
func (w *world) answered(point core.ReadPoint) {
	asked, ok := w.client.asked[point.Read]
	if !ok {
		w.fail("read %d was answered twice or never asked", point.Read)
	}
	delete(w.client.asked, point.Read)
	if point.Failed {
		return
	}
	w.client.answered++
	if point.Index < asked.least {
		w.fail("stale read: index %d, but %d was committed when it was asked", point.Index, asked.least)
	}
}
