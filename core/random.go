package core

import "v.io/x/ref/lib/raft/entry"

// random is the SplitMix64 generator of Steele, Lea and Flood ("Fast splittable pseudorandom number
// generators", 2014): eight bytes of state, so that a core can be cloned and hashed.
type random uint64

// newRandom begins a sequence. The member's id is mixed in (by FNV-1a), since members that happen to
// share a seed would otherwise stand for election at the same moments for ever.
func newRandom(seed uint64, id entry.MemberID) random {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	r := random(h)
	return random(r.next() ^ seed)
}

// next returns the next number of the sequence.
func (r *random) next() uint64 {
	drawn := SplitMix64(uint64(*r))
	*r += splitMixStep
	return drawn
}

// splitMixStep is what one draw adds to the generator's state.
const splitMixStep = 0x9e3779b97f4a7c15

// SplitMix64 returns what the generator draws in a state: a permutation of all numbers, so that
// different states draw different ones.
func SplitMix64(state uint64) uint64 {
	z := state + splitMixStep
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// between returns a number in [low, high). The modulo's bias is far below what a time-out notices.
func (r *random) between(low, high Instant) Instant {
	return low + Instant(r.next()%uint64(high-low))
}
