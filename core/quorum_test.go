package core

import (
	"math/rand/v2"
	"slices"
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

// The value reached by a majority, written out.
func TestReachedByMajority(t *testing.T) {
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
		if got := reachedByMajority(slices.Clone(row.values)); got != row.want {
			t.Errorf("a majority of %v has reached %d, want %d", row.values, got, row.want)
		}
	}
}

// slowReached is the definition: the greatest of the values that more than half of them reach.
func slowReached[T ~uint64 | ~int64](values []T) T {
	var best T
	for i, candidate := range values {
		reached := 0
		for _, v := range values {
			if v >= candidate {
				reached++
			}
		}
		if 2*reached > len(values) && (i == 0 || candidate >= best) {
			best = max(best, candidate)
		}
	}
	return best
}

func TestReachedByMajorityAgainstTheDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		values := make([]uint64, 1+random.IntN(9))
		instants := make([]Instant, len(values))
		for i := range values {
			values[i] = random.Uint64N(6)
			instants[i] = Instant(values[i])
		}
		want := slowReached(values)
		if got := reachedByMajority(slices.Clone(values)); got != want {
			t.Fatalf("a majority of %v has reached %d, want %d", values, got, want)
		}
		if got := reachedByMajority(instants); got != Instant(want) {
			t.Fatalf("as instants: %d, want %d", got, want)
		}
	}
}
