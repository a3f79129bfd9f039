package sim

import (
	"cmp"
	"slices"
	"time"

	"v.io/x/ref/lib/raft/entry"
	"v.io/x/ref/lib/raft/replica"
	"v.io/x/ref/lib/raft/session"
)

// Plan is everything that decides a run: equal plans are equal runs.
type Plan struct {
	// Seed starts every source of randomness that is not in the plan itself.
	Seed       uint64
	Setting    Setting
	Faults     []Fault
	Operations []Call
	// Election is what runs when the cluster has come to its end.
	Election Election
}

// Setting is what a cluster and its surroundings are like.
type Setting struct {
	// Members is the number of members, all of them voters at first; Spares is how many machines wait to
	// be added.
	Members, Spares int
	// Lease lets leaders answer reads from a lease.
	Lease bool
	// Ranks is how many ranks the members have, of which each draws one; 1 and less is none.
	Ranks int
	// Heartbeat is that of [replica.Config].
	Heartbeat Instant
	// Duration is the length of the phase in which anything may fail.
	Duration Instant
	// Clients call one operation after another; Keys is how many keys they write and read.
	Clients, Keys int
	Stores        Stores
	Network       Network
	Disk          Disk
	Limits        replica.Limits
}

// Stores are the sizes of a member's files, small so that everything happens often.
type Stores struct {
	SegmentSize int64
	ChunkSize   int
	Snapshot    replica.SnapshotPolicy
	// Image is how many bytes of padding an image of the machine has.
	Image int
}

// Network is what the network is like without faults.
type Network struct {
	// Delay and Jitter are those of each message.
	Delay, Jitter Instant
}

// Disk is what disks are like without faults: a piece of work takes Min to Max.
type Disk struct{ Min, Max Instant }

// Fault is one thing that goes wrong, or that an operator does.
type Fault struct {
	// Number is its place in the whole plan, of which a shrunken one is a part.
	Number int
	At     Instant
	For    Instant
	// Kind is the name of a kind in [FaultKinds].
	Kind string
	// Dice decides what is hit, and how.
	Dice uint64
}

// Call is one operation of a client.
type Call struct {
	// Number is its place in the whole plan, of which a shrunken one is a part.
	Number int
	Client int
	// After is how long the client waits after its previous operation.
	After Instant
	Key   uint8
	Write bool
	// Size is that of the command in bytes.
	Size int
	// Dice decides which members are asked, and when.
	Dice uint64
}

// The size of an ordinary run.
const (
	ordinaryDuration   = 60 * Second
	ordinaryOperations = 1000
)

// NewPlan makes the plan of a seed: a run of a minute with a thousand operations. Which kinds of
// faults it has, and how many of each, differs from seed to seed ("swarm testing", Groce and others
// 2012): a run in which everything fails all the time never gets far.
func NewPlan(seed uint64) Plan {
	p := Plan{Seed: seed, Setting: newSetting(seed), Election: newElectionSetting(seed)}
	p.Faults = newFaults(seed, p.Setting.Duration)
	p.Operations = newCalls(seed, &p.Setting, ordinaryOperations)
	return p
}

func newSetting(seed uint64) Setting {
	d := newDice(seed, diceSetting, 0)
	const kib = 1 << 10
	s := Setting{
		Members:   pick(d, 1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 7),
		Spares:    pick(d, 0, 1, 2, 2, 3),
		Lease:     d.chance(0.4),
		Ranks:     pick(d, 1, 1, 1, 2, 3),
		Heartbeat: pick[Instant](d, 20, 50, 50, 100) * Millisecond,
		Duration:  ordinaryDuration,
		Clients:   2 + d.IntN(8),
		Keys:      1 + d.IntN(12),
		Network:   Network{Delay: d.between(20*Microsecond, 2*Millisecond), Jitter: d.between(0, 3*Millisecond)},
		Disk:      Disk{Min: 50 * Microsecond, Max: d.between(100*Microsecond, 8*Millisecond)},
	}
	s.Stores = Stores{
		SegmentSize: pick[int64](d, 8*kib, 16*kib, 64*kib), ChunkSize: pick(d, 512, kib, 4*kib),
		Image: d.IntN(pick(d, 6*kib, 24*kib, 48*kib)),
		Snapshot: replica.SnapshotPolicy{
			Entries: pick[int64](d, 20, 60, 200, 1000), Bytes: pick[int64](d, -1, 16*kib), Trailing: pick[int64](d, -1, 5, 50),
		},
	}
	s.Limits = replica.Limits{
		QueueBytes: 16 * kib, QueueCount: 64, Uncommitted: pick(d, 4*kib, 64*kib), Tail: pick(d, 2*kib, 64*kib),
		Message: pick(d, kib, 8*kib), Window: pick(d, 2*kib, 32*kib), InboxBytes: 64 * kib, InboxCount: 512,
		ApplyBytes: pick(d, 512, 8*kib), ApplyCount: pick(d, 1, 16, 256), Command: 4 * kib,
	}
	// Images are read in the background again and again, in most worlds. Drawn from dice of its own, as what
	// comes later is: then the rest of a seed's setting stays what it was.
	s.Limits.ImageRest = pick(newDice(seed, diceSetting, 1), 0, time.Second, 2*time.Second, 4*time.Second)
	if d.chance(0.3) { // so few that sessions end under way
		s.Limits.Sessions = session.Bounds{
			Origins: 8 + d.IntN(8), Ranges: 2 + d.IntN(8), Life: entry.Index(100 + d.IntN(400)),
		}
	}
	return s
}

// newFaults chooses kinds of faults and draws when each strikes.
func newFaults(seed uint64, duration Instant) []Fault {
	d := newDice(seed, diceFaults, 0)
	share := pick(d, 0, 0.2, 0.4, 0.4, 0.7, 1)
	pace := pick(d, 0.5, 1, 1, 2)
	var all []Fault
	for i := range FaultKinds {
		kind := &FaultKinds[i]
		own := newDice(seed, diceFaults, 1+i)
		if chosen := d.chance(share) && (!kind.Rare || d.chance(0.3)); !chosen || kind.Every == 0 {
			continue
		}
		mean := Instant(float64(kind.Every) * pace)
		for at := own.often(mean); at < duration; at += own.often(mean) {
			f := Fault{At: at, Kind: kind.Name, Dice: own.Uint64()}
			f.For = own.between(kind.Least, kind.Most)
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	for i := range all {
		all[i].Number = i
	}
	return all
}

func newCalls(seed uint64, s *Setting, count int) []Call {
	d := newDice(seed, diceOperations, 0)
	writes := pick(d, 0.3, 0.5, 0.8)
	large := pick(d, 40, 200, 600)
	mean := s.Duration * Instant(s.Clients) / Instant(count) * 3 / 5
	all := make([]Call, count)
	for i := range all {
		all[i] = Call{
			Number: i, Client: i % s.Clients, After: d.often(mean), Key: uint8(d.IntN(s.Keys)), Write: d.chance(writes),
			Size: commandHead + d.IntN(large), Dice: d.Uint64(),
		}
	}
	return all
}
