package core

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"v.io/x/ref/lib/raft/entry"
)

// Paper, section 5.2: more than half of all voters, for 1 to 7 of them.
func TestMajority(t *testing.T) {
	for n, want := range []int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4} {
		if n > 0 && Majority(n) != want {
			t.Errorf("%d of %d decide, want %d", Majority(n), n, want)
		}
	}
}

// Any two majorities share a voter, and a majority is no larger than that needs.
func TestMajoritiesIntersect(t *testing.T) {
	for n := 1; n <= entry.MembersMax; n++ {
		if m := Majority(n); 2*m <= n || 2*(m-1) > n {
			t.Errorf("%d of %d", m, n)
		}
	}
}

// electorateOf returns voters whose names are their positions in values, unseated.
func electorateOf(incoming, outgoing []int) *electorate {
	e := &electorate{}
	for _, i := range incoming {
		e.incoming = append(e.incoming, voter{id: entry.MemberID(rune(i)), seat: i})
	}
	for _, i := range outgoing {
		e.outgoing = append(e.outgoing, voter{id: entry.MemberID(rune(i)), seat: i})
	}
	return e
}

func everyone(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// The value reached by a majority, written out.
func TestReached(t *testing.T) {
	table := []struct {
		values []uint64
		want   uint64
	}{
		{nil, 0},
		{[]uint64{7}, 7},
		{[]uint64{7, 5}, 5},
		{[]uint64{9, 7, 5}, 7},
		{[]uint64{9, 9, 5, 5}, 5},
		{[]uint64{9, 9, 9, 5}, 9},
		{[]uint64{9, 8, 7, 6, 5}, 7},
		{[]uint64{9, 9, 9, 0, 0, 0}, 0},
		{[]uint64{9, 8, 7, 6, 5, 4}, 6},
		{[]uint64{0, 0, 0, 1, 2, 3, 4}, 1},
	}
	for _, row := range table {
		e := electorateOf(everyone(len(row.values)), nil)
		if got := reached(e, func(v voter) uint64 { return row.values[v.seat] }); got != row.want {
			t.Errorf("a majority of %v has reached %d, want %d", row.values, got, row.want)
		}
	}
}

// Thesis, section 4.3: a joint decision needs a majority of each set, counted apart.
func TestReachedJointly(t *testing.T) {
	for _, row := range []struct {
		incoming, outgoing []uint64
		want               uint64
	}{
		{[]uint64{9, 9, 9}, []uint64{0, 0, 9}, 0},
		{[]uint64{0, 0, 9}, []uint64{9, 9, 9}, 0},
		{[]uint64{9, 9, 0}, []uint64{7, 7, 0}, 7},
		{[]uint64{3}, []uint64{9, 9, 9, 9}, 3},
		{[]uint64{9, 0}, []uint64{9}, 0},
	} {
		values := append(append([]uint64(nil), row.incoming...), row.outgoing...)
		all := everyone(len(values))
		e := electorateOf(all[:len(row.incoming)], all[len(row.incoming):])
		if got := reached(e, func(v voter) uint64 { return values[v.seat] }); got != row.want {
			t.Errorf("%v and %v have reached %d, want %d", row.incoming, row.outgoing, got, row.want)
		}
	}
}

// slowReached is the definition: the greatest of the values that more than half of each set reach.
func slowReached(sets [][]int, values []uint64) uint64 {
	var best uint64
	for _, candidate := range values {
		quorum := true
		for _, set := range sets {
			reached := 0
			for _, i := range set {
				if values[i] >= candidate {
					reached++
				}
			}
			quorum = quorum && 2*reached > len(set)
		}
		if quorum {
			best = max(best, candidate)
		}
	}
	return best
}

func TestReachedAgainstTheDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		values := make([]uint64, 1+random.IntN(9))
		for i := range values {
			values[i] = random.Uint64N(6)
		}
		sets := [][]int{random.Perm(len(values))[:1+random.IntN(len(values))]}
		e := electorateOf(sets[0], nil)
		if random.IntN(2) == 0 {
			sets = append(sets, random.Perm(len(values))[:1+random.IntN(len(values))])
			e = electorateOf(sets[0], sets[1])
		}
		want := slowReached(sets, values)
		if got := reached(e, func(v voter) uint64 { return values[v.seat] }); got != want {
			t.Fatalf("quorums of %v have reached %d of %v, want %d", sets, got, values, want)
		}
		if got := reached(e, func(v voter) Instant { return Instant(values[v.seat]) }); got != Instant(want) {
			t.Fatalf("as instants: %d, want %d", got, want)
		}
	}
}

// Any two quorums share a voter when a joint configuration stands between two simple ones, or when
// two simple ones differ by one voter (thesis, sections 4.1 and 4.3): tried over all sets of up to
// five voters and all their quorums.
func TestQuorumsOfNeighboursIntersect(t *testing.T) {
	const all = 5
	list := func(bits int) (set []int) {
		for i := range all {
			if bits>>i&1 == 1 {
				set = append(set, i)
			}
		}
		return set
	}
	quorum := func(e *electorate, bits int) bool {
		return reached(e, func(v voter) uint64 { return uint64(bits >> v.seat & 1) }) == 1
	}
	check := func(one, two *electorate) {
		for bits := range 1 << all {
			// A quorum of one and its complement, a quorum of two, would share nobody.
			if quorum(one, bits) && quorum(two, 1<<all-1-bits) {
				t.Fatalf("%v and %v have quorums %05b and %05b", one, two, bits, 1<<all-1-bits)
			}
		}
	}
	for from := 1; from < 1<<all; from++ {
		for to := 1; to < 1<<all; to++ {
			simpleFrom, simpleTo := electorateOf(list(from), nil), electorateOf(list(to), nil)
			joint := electorateOf(list(to), list(from))
			check(simpleFrom, joint)
			check(joint, simpleTo)
			check(joint, joint)
			if bits.OnesCount(uint(from^to)) <= 1 {
				check(simpleFrom, simpleTo)
			}
		}
	}
}

func BenchmarkReached(b *testing.B) {
	e := electorateOf(everyone(3), nil)
	values := []uint64{5, 3, 4}
	for b.Loop() {
		if reached(e, func(v voter) uint64 { return values[v.seat] }) != 4 {
			b.Fatal("wrong")
		}
	}
}
