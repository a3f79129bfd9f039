package core

import "slices"

// Majority returns how many of n voters decide: more than half of them (paper, section 5.2). Any
// two majorities of the same voters share one.
func Majority(n int) int { return n/2 + 1 }

// reachedByMajority returns the greatest value that a majority of the values have reached, and the
// zero value when there are none. It sorts values.
func reachedByMajority[T ~uint64 | ~int64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)-Majority(len(values))]
}
